/**
 * Distinguished names (RFC 5280 §4.1.2.4 and §7.1): check, compare, and show.
 *
 * Comparison follows §7.1 (case, spacing, string type do not count) and is only ever a hint that one certificate may
 * have issued another: the signature decides. Refused with asn1.malformed: whatever is not a SEQUENCE of non-empty
 * SETs of type and value, and names larger than {@link NAME_OCTETS_MAX}: to compare two costs time that grows with the square of
 * a value's length, and a search for a path may have to compare hundreds.
 */
import { DerReader } from '../asn1/der-reader.ts';
import { derOid, TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { gatewayError } from '../errors.ts';
import { EMAIL_ADDRESS_ATTRIBUTE } from './certificate-oids.ts';

/** One type and value of a name. `text` is decoded and not escaped; null when the value is no string type. */
export interface NameAttribute {
  readonly oid: string;
  readonly text: string | null;
  /** Whole DER of the value. */
  readonly value: Buffer;
}

const LABELS: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.12': 'title',
  '2.5.4.42': 'GN',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  [EMAIL_ADDRESS_ATTRIBUTE]: 'emailAddress',
};
const COMMON_NAME = '2.5.4.3';
/** Octets of a whole Name, of one value, and attributes in it. The largest seen in public collections has 219 and 11. */
export const NAME_OCTETS_MAX = 4096;
const VALUE_OCTETS_MAX = 1024;
const ATTRIBUTES_MAX = 64;
const TELETEX_STRING = 0x14;
const UNIVERSAL_STRING = 0x1c;
const BMP_STRING = 0x1e;

/**
 * The relative names in the order they stand.
 * @param name whole DER of a Name, attacker-chosen
 * @throws GatewayError asn1.malformed
 */
export function parseName(name: Buffer): NameAttribute[][] {
  const outer = DerReader.over(name, NAME_OCTETS_MAX);
  const sequence = outer.enter(TAG.sequence);
  outer.finish();
  const relativeNames: NameAttribute[][] = [];
  let attributes = 0;
  while (!sequence.atEnd) {
    const relativeName = parseRelativeName(sequence);
    attributes += relativeName.length;
    checkCount(attributes);
    relativeNames.push(relativeName);
  }
  return relativeNames;
}

/** Checks a Name as {@link parseName} does, without making anything of it. @throws GatewayError asn1.malformed */
export function checkName(name: Buffer): void {
  const outer = DerReader.over(name, NAME_OCTETS_MAX);
  const sequence = outer.enter(TAG.sequence);
  outer.finish();
  let attributes = 0;
  while (!sequence.atEnd) {
    const set = sequence.enter(TAG.set);
    do {
      const attribute = set.enter(TAG.sequence);
      parseOid(attribute.read(TAG.oid));
      checkValue(attribute.readElement().whole);
      attribute.finish();
      checkCount(++attributes);
    } while (!set.atEnd);
  }
}

function parseRelativeName(sequence: DerReader): NameAttribute[] {
  const set = sequence.enter(TAG.set);
  const attributes: NameAttribute[] = [];
  do {
    const attribute = set.enter(TAG.sequence);
    const oid = parseOid(attribute.read(TAG.oid));
    const { tag, content, whole } = attribute.readElement();
    attribute.finish();
    checkValue(whole);
    attributes.push({ oid, text: stringText(tag, content), value: whole });
  } while (!set.atEnd);
  return attributes;
}

function checkCount(attributes: number): void {
  if (attributes > ATTRIBUTES_MAX)
    throw gatewayError('asn1.malformed', `name of more than ${ATTRIBUTES_MAX} attributes`);
}

function checkValue(value: Buffer): void {
  if (value.length > VALUE_OCTETS_MAX)
    throw gatewayError('asn1.malformed', `value of ${value.length} octets in a name`);
}

/** True when the Name has no attribute at all. @param name whole DER */
export function isEmptyName(name: Buffer): boolean {
  return name.length === 2;
}

const keys = new WeakMap<Buffer, string>();

/**
 * A text that is equal for names that RFC 5280 §7.1 calls equal. Kept for each Buffer object.
 * @param name whole DER of a Name that was checked when its certificate was parsed
 */
export function nameKey(name: Buffer): string {
  let key = keys.get(name);
  if (key === undefined) {
    key = formatNameKey(name);
    keys.set(name, key);
  }
  return key;
}

/** The same, not kept: for names that are met once, of which keeping a million would cost more than making them. */
export function formatNameKey(name: Buffer): string {
  return relativeNameKeys(name).join('\u0000');
}

/**
 * For each relative name, in the order they stand, a text that is equal for those that RFC 5280 §7.1 calls equal.
 * @param name whole DER, attacker-chosen
 * @throws GatewayError asn1.malformed
 */
export function relativeNameKeys(name: Buffer): string[] {
  return parseName(name).map((relativeName) => relativeName.map(attributeKey).sort().join('\u0001'));
}

/** Do two Names match (RFC 5280 §7.1)? */
export function sameName(a: Buffer, b: Buffer): boolean {
  return a.equals(b) || nameKey(a) === nameKey(b);
}

function attributeKey(attribute: NameAttribute): string {
  if (attribute.text === null) return `${attribute.oid}#${attribute.value.toString('hex')}`;
  // what separates keys must not be writable from inside of one
  const text = attribute.text.replace(/[\u0000-\u0002]/g, (mark) => `\u0002${mark.charCodeAt(0)}`);
  return `${attribute.oid}=${text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()}`;
}

/** For people: `CN=..., O=...`, last relative name first (RFC 4514 §2.1), controls and bidi marks escaped. */
export function nameText(name: Buffer): string {
  const shown = parseName(name)
    .reverse()
    .map((relativeName) => relativeName.map((a) => `${LABELS[a.oid] ?? a.oid}=${valueText(a)}`).join('+'));
  return shown.length === 0 ? '(empty name)' : shown.join(', ');
}

/** The last CN of the name, escaped as in {@link nameText}; the whole name where it has none. */
export function commonName(name: Buffer): string {
  const attribute = parseName(name)
    .flat()
    .findLast((a) => a.oid === COMMON_NAME && a.text !== null && a.text !== '');
  return attribute === undefined ? nameText(name) : escapeControls(attribute.text ?? '');
}

const EMAIL_ADDRESS_DER = derOid(EMAIL_ADDRESS_ATTRIBUTE);

/** emailAddress attributes as they stand, not escaped. */
export function nameEmails(name: Buffer): string[] {
  if (!name.includes(EMAIL_ADDRESS_DER)) return [];
  return parseName(name)
    .flat()
    .flatMap((a) => (a.oid === EMAIL_ADDRESS_ATTRIBUTE && a.text !== null ? [a.text] : []));
}

function valueText(attribute: NameAttribute): string {
  if (attribute.text === null) return `#${attribute.value.toString('hex')}`;
  return escapeControls(attribute.text.replace(/[,+"\\<>;]/g, '\\$&'));
}

/** Controls, bidi marks and line separators become `\uXXXX`: a name is shown in logs and terminals (catalogue S16). */
export function escapeControls(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** @returns null when the tag is no string type */
function stringText(tag: number, content: Buffer): string | null {
  switch (tag) {
    case TAG.utf8String:
      return content.toString('utf8');
    case TAG.printableString:
    case TAG.ia5String:
    // QUIRK: old authorities put Latin-1 into TeletexString, as OpenSSL reads it too
    case TELETEX_STRING:
      return content.toString('latin1');
    case BMP_STRING:
      return content.length % 2 === 0 ? Buffer.from(content).swap16().toString('utf16le') : null;
    case UNIVERSAL_STRING:
      return universalText(content);
    default:
      return null;
  }
}

function universalText(content: Buffer): string | null {
  if (content.length % 4 !== 0) return null;
  let text = '';
  for (let at = 0; at < content.length; at += 4) {
    const point = content.readUInt32BE(at);
    if (point > 0x10ffff) return null;
    text += String.fromCodePoint(point);
  }
  return text;
}
