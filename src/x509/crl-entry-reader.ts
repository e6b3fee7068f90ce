/**
 * One entry of revokedCertificates (RFC 5280 §5.1.2.6, §5.3) into the index. Read a million times for a large list, so
 * the form that nearly all have (serial, time, a reason) is taken without making objects of it.
 *
 * Refused with asn1.malformed: what is not DER, serials that are not minimal, reasons that do not exist.
 */
import { DerReader } from '../asn1/der-reader.ts';
import { checkInteger, parseTimeSeconds } from '../asn1/der-values.ts';
import { TAG } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import { readDirectoryNames } from './crl-distribution-points.ts';
import { CRL_REASONS } from './crl-entries.ts';
import type { RevokedEntriesBuilder } from './crl-entries-builder.ts';
import { readExtension } from './crl-extensions.ts';

const REASON_CODE = '2.5.29.21';
const HOLD_INSTRUCTION_CODE = '2.5.29.23';
const INVALIDITY_DATE = '2.5.29.24';
const CERTIFICATE_ISSUER = '2.5.29.29';
const SERIAL_OCTETS_MAX = 64;
const EXTENSIONS_MAX = 16;
/** Extensions that hold a reasonCode and nothing else, without its value. */
const REASON_ALONE = Buffer.from('300c300a0603551d1504030a01', 'hex');
const REASON_OCTETS = REASON_ALONE.length + 1;
const UNUSED_REASON = 7;

/**
 * Reads whole entries of the usual form, one after the other, until one is of another form or cut short: nothing is checked
 * less than in {@link readEntry}, which says what is wrong with such a one.
 * @param bytes attacker-chosen; an entry begins at `start`
 * @returns where the first entry begins that was not read
 * @throws GatewayError asn1.malformed, asn1.limits
 */
export function readPlainEntries(bytes: Buffer, start: number, end: number, builder: RevokedEntriesBuilder): number {
  let at = start;
  while (at + 2 < end) {
    const entryEnd = at + 2 + (bytes[at + 1] ?? 0);
    const serial = at + 4;
    const time = serial + (bytes[at + 3] ?? 0);
    if (bytes[at] !== TAG.sequence || entryEnd - at - 2 > 0x7f || entryEnd > end || bytes[at + 2] !== TAG.integer)
      break;
    const first = bytes[serial];
    // an empty serial, a long one, one that may not be minimal
    if (time === serial || time - serial > SERIAL_OCTETS_MAX || first === 0 || first === 0xff) break;
    const timeEnd = time + 2 + (bytes[time + 1] ?? 0);
    let reason = 0;
    if (timeEnd + REASON_OCTETS === entryEnd && isReasonAlone(bytes, timeEnd)) {
      reason = checkReason(bytes[entryEnd - 1] ?? 0);
    } else if (timeEnd !== entryEnd) break;
    builder.add(bytes, serial, time, parseTimeSeconds(bytes[time] ?? 0, bytes, time + 2, timeEnd), reason);
    at = entryEnd;
  }
  return at;
}

function isReasonAlone(bytes: Buffer, start: number): boolean {
  for (let at = 0; at < REASON_ALONE.length; at++) if (bytes[start + at] !== REASON_ALONE[at]) return false;
  return true;
}

/**
 * @param bytes attacker-chosen; content octets of the entry from `start` to `end`
 * @returns a critical extension that is not known; null when there is none
 * @throws GatewayError asn1.malformed, asn1.limits
 */
export function readEntry(bytes: Buffer, start: number, end: number, builder: RevokedEntriesBuilder): string | null {
  const length = bytes[start + 1] ?? 0x80;
  const serial = start + 2;
  const time = serial + length;
  if (bytes[start] !== TAG.integer || length === 0 || length > SERIAL_OCTETS_MAX || time + 2 > end) {
    throw malformed('entry of a CRL without a serial number');
  }
  const first = bytes[serial] ?? 0;
  if (first === 0 || first === 0xff) checkInteger(bytes.subarray(serial, time));
  const timeEnd = time + 2 + (bytes[time + 1] ?? 0);
  if (timeEnd > end) throw malformed('entry of a CRL cut short');
  const seconds = parseTimeSeconds(bytes[time] ?? 0, bytes, time + 2, timeEnd);
  const extensions = readEntryExtensions(bytes, timeEnd, end, builder);
  builder.add(bytes, serial, time, seconds, extensions.reason);
  return extensions.fault;
}

function readEntryExtensions(
  bytes: Buffer,
  start: number,
  end: number,
  builder: RevokedEntriesBuilder,
): { reason: number; fault: string | null } {
  if (start === end) return NO_EXTENSIONS;
  if (end - start === REASON_OCTETS && isReasonAlone(bytes, start)) {
    return { reason: checkReason(bytes[end - 1] ?? 0), fault: null };
  }
  // a copy: names read from it are kept, and must not hold the piece of input
  const outer = DerReader.over(Buffer.from(bytes.subarray(start, end)));
  const list = outer.enter(TAG.sequence);
  outer.finish();
  let reason = 0;
  let fault: string | null = null;
  const seen = new Set<string>();
  do {
    const { oid, critical, value } = readExtension(list.enter(TAG.sequence));
    if (seen.has(oid) || seen.size === EXTENSIONS_MAX) throw malformed('extensions of an entry of a CRL');
    seen.add(oid);
    if (oid === REASON_CODE) reason = parseReason(value);
    else if (oid === CERTIFICATE_ISSUER) setIssuer(value, builder);
    else if (critical && oid !== INVALIDITY_DATE && oid !== HOLD_INSTRUCTION_CODE) {
      fault = `critical extension ${oid} of an entry is not known here`;
    }
  } while (!list.atEnd);
  return { reason, fault };
}

const NO_EXTENSIONS = { reason: 0, fault: null };

function setIssuer(value: Buffer, builder: RevokedEntriesBuilder): void {
  const outer = DerReader.over(value);
  const [name] = readDirectoryNames(outer.enter(TAG.sequence));
  outer.finish();
  if (name === undefined) throw malformed('certificateIssuer without a directoryName');
  builder.setIssuer(name);
}

function parseReason(value: Buffer): number {
  const reader = DerReader.over(value);
  const content = reader.read(0x0a);
  reader.finish();
  if (content.length !== 1) throw malformed('reasonCode');
  return checkReason(content[0] ?? 0);
}

function checkReason(reason: number): number {
  if (reason >= CRL_REASONS.length || reason === UNUSED_REASON) throw malformed(`reasonCode ${reason}`);
  return reason;
}

function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}
