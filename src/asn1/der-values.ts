/**
 * Content octets of the simple DER types to values (X.690 §8 and §11, RFC 5280 §4.1.2.5).
 *
 * Refused with asn1.malformed (catalogue C3): BOOLEAN other than 00 and FF, INTEGER empty or not minimal, BIT STRING
 * with impossible or set unused bits, times without seconds or Z, and dates that are not in the calendar.
 */
import { gatewayError } from '../errors.ts';
import { TAG } from './der-writer.ts';

/** @throws GatewayError asn1.malformed unless 00 or FF */
export function parseBoolean(content: Buffer): boolean {
  if (content.length !== 1 || (content[0] !== 0x00 && content[0] !== 0xff)) throw malformed('BOOLEAN not 00 or FF');
  return content[0] === 0xff;
}

/** Checks an INTEGER: at least one octet and minimal. @returns the same octets @throws GatewayError asn1.malformed */
export function checkInteger(content: Buffer): Buffer {
  const first = content[0];
  const second = content[1];
  if (first === undefined) throw malformed('INTEGER empty');
  if (second !== undefined && ((first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    throw malformed('INTEGER not minimal');
  }
  return content;
}

/** An INTEGER from 0 to 2^31-1. @throws GatewayError asn1.malformed */
export function parseSmallInteger(content: Buffer): number {
  checkInteger(content);
  if (content.length > 4 || (content[0] ?? 0) >= 0x80) throw malformed('INTEGER out of range');
  return content.readUIntBE(0, content.length);
}

/** Octets of a non-negative INTEGER without its leading zero octet. @throws GatewayError asn1.malformed */
export function parseUnsignedOctets(content: Buffer): Buffer {
  checkInteger(content);
  if ((content[0] ?? 0) >= 0x80) throw malformed('INTEGER negative');
  return content.length > 1 && content[0] === 0 ? content.subarray(1) : content;
}

/** BIT STRING: octets, and how many low bits of the last are not part of it (0-7; they are zero). */
export interface BitString {
  readonly unusedBits: number;
  readonly octets: Buffer;
}

/** @throws GatewayError asn1.malformed */
export function parseBitString(content: Buffer): BitString {
  const unusedBits = content[0];
  if (unusedBits === undefined || unusedBits > 7 || (content.length === 1 && unusedBits !== 0)) {
    throw malformed('BIT STRING with impossible unused bits');
  }
  const octets = content.subarray(1);
  const last = octets[octets.length - 1] ?? 0;
  if ((last & ((1 << unusedBits) - 1)) !== 0) throw malformed('BIT STRING with unused bits set');
  return { unusedBits, octets };
}

/** BIT STRING of whole octets: signatures and keys. @throws GatewayError asn1.malformed */
export function parseWholeBitString(content: Buffer): Buffer {
  const { unusedBits, octets } = parseBitString(content);
  if (unusedBits !== 0) throw malformed('BIT STRING not of whole octets');
  return octets;
}

/**
 * UTCTime (two-digit years are 1950 to 2049) or GeneralizedTime, both to the second and with Z.
 * @param tag identifier octet of the value
 * @throws GatewayError asn1.malformed
 */
export function parseTime(tag: number, content: Buffer): Date {
  return new Date(parseTimeSeconds(tag, content, 0, content.length) * 1000);
}

/**
 * The same from octets in the middle of others, for lists of a million times.
 * @returns seconds since 1970
 * @throws GatewayError asn1.malformed
 */
export function parseTimeSeconds(tag: number, bytes: Buffer, start: number, end: number): number {
  const digits = end - start - 1;
  if (
    bytes[end - 1] !== 0x5a ||
    !((tag === TAG.utcTime && digits === 12) || (tag === TAG.generalizedTime && digits === 14))
  ) {
    throw malformed('time not in the form YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ');
  }
  const rest = end - 11;
  const two = twoDigits(bytes, rest - 2);
  const year = tag === TAG.utcTime ? (two < 50 ? 2000 : 1900) + two : twoDigits(bytes, start) * 100 + two;
  const [month, day] = [twoDigits(bytes, rest), twoDigits(bytes, rest + 2)];
  const [hour, minute, second] = [twoDigits(bytes, rest + 4), twoDigits(bytes, rest + 6), twoDigits(bytes, rest + 8)];
  if (day < 1 || day > daysOf(year, month)) throw malformed('date not in the calendar');
  if (hour > 23 || minute > 59 || second > 59) throw malformed('time of day out of range');
  return dayNumber(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
}

const DAYS = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Days of the month; 0 when there is no such month. */
function daysOf(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : (DAYS[month] ?? 0);
}

/** Days since 1970-01-01 in the Gregorian calendar, counted from March so that the leap day comes last. */
function dayNumber(year: number, month: number, day: number): number {
  const [marchYear, marchMonth] = month > 2 ? [year, month - 3] : [year - 1, month + 9];
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return 365 * marchYear + leapDays + Math.floor((153 * marchMonth + 2) / 5) + day - 1 - 719_468;
}

function twoDigits(bytes: Buffer, at: number): number {
  const tens = (bytes[at] ?? 0) - 0x30;
  const ones = (bytes[at + 1] ?? 0) - 0x30;
  if (tens < 0 || tens > 9 || ones < 0 || ones > 9) throw malformed('time with something that is no digit');
  return tens * 10 + ones;
}

function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}
