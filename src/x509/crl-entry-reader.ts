/**
 * One entry of revokedCertificates (RFC 5280 §5.1.2.6, §5.3) into the index. Read a million times for a large list, so
 * the form that nearly all have (serial, time, a reason) is taken without making objects of it.
 *
 * Refused with asn1.malformed: what is not DER, serials that are not minimal, reasons that do not exist.
 */
import { DerReader } from '../asn1/der-reader.ts';
import { checkInteger, parseTime } from '../asn1/der-values.ts';
import { TAG } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import { readDirectoryNames } from './crl-distribution-points.ts';
import { CRL_REASONS, type RevokedEntriesBuilder } from './crl-entries.ts';
import { readExtension } from './crl-extensions.ts';

const REASON_CODE = '2.5.29.21';
const HOLD_INSTRUCTION_CODE = '2.5.29.23';
const INVALIDITY_DATE = '2.5.29.24';
const CERTIFICATE_ISSUER = '2.5.29.29';
const SERIAL_OCTETS_MAX = 64;
const EXTENSIONS_MAX = 16;
/** Extensions that hold a reasonCode and nothing else, without its value. */
const REASON_ALONE = Buffer.from('300c300a0603551d1504030a01', 'hex');
const UNUSED_REASON = 7;

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
  const seconds = parseTime(bytes[time] ?? 0, bytes.subarray(time + 2, timeEnd)).getTime() / 1000;
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
  if (
    end - start === REASON_ALONE.length + 1 &&
    bytes.compare(REASON_ALONE, 0, REASON_ALONE.length, start, end - 1) === 0
  ) {
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
