/**
 * Certificate extensions (RFC 5280 §4.2) to the fields that path validation asks for.
 *
 * Strict DER, because what is passed over loosely here is what another reader may take differently (catalogue C3).
 * Refused with asn1.malformed: the same extension twice, trailing octets, odd BOOLEANs, empty lists, standard
 * extensions whose value is not DER. Whether an extension is acceptable is for the path validator.
 */
import { checkDer } from '../asn1/der-check.ts';
import { DerReader } from '../asn1/der-reader.ts';
import { parseBitString, parseBoolean, parseSmallInteger } from '../asn1/der-values.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate, Extension, KeyUsage } from './certificate.ts';
import { EXTENSION, ID_ON_SMTP_UTF8_MAILBOX } from './certificate-oids.ts';

/** Most extensions of one certificate. Real ones have about 10. */
export const EXTENSIONS_MAX = 64;

/** What the extensions say; every field as in {@link Certificate}. */
export type ExtensionFields = {
  -readonly [Field in
    | 'extensions'
    | 'basicConstraints'
    | 'keyUsage'
    | 'extendedKeyUsage'
    | 'subjectKeyIdentifier'
    | 'authorityKeyIdentifier'
    | 'rfc822Names'
    | 'smtpUtf8Mailboxes']: Certificate[Field];
};

const KEY_USAGES: readonly KeyUsage[] = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
];
const RFC822_NAME = 0x81;
const OTHER_NAME = 0xa0;

/** The fields of a certificate without extensions. */
export function noExtensions(): ExtensionFields {
  return {
    extensions: [],
    basicConstraints: null,
    keyUsage: null,
    extendedKeyUsage: null,
    subjectKeyIdentifier: null,
    authorityKeyIdentifier: null,
    rfc822Names: [],
    smtpUtf8Mailboxes: [],
  };
}

/**
 * @param list reader over the content of `Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension`
 * @throws GatewayError asn1.malformed
 */
export function parseExtensions(list: DerReader): ExtensionFields {
  const fields = noExtensions();
  const extensions: Extension[] = [];
  const seen = new Set<string>();
  do {
    if (extensions.length === EXTENSIONS_MAX) throw malformed(`more than ${EXTENSIONS_MAX} extensions`);
    const extension = parseExtension(list.enter(TAG.sequence));
    if (seen.has(extension.oid)) throw malformed(`extension ${extension.oid} twice`);
    seen.add(extension.oid);
    extensions.push(extension);
    readKnown(extension, fields);
  } while (!list.atEnd);
  fields.extensions = extensions;
  return fields;
}

function parseExtension(reader: DerReader): Extension {
  const oid = parseOid(reader.read(TAG.oid));
  // QUIRK: `critical FALSE` written out is not DER (a DEFAULT), yet authorities in use write it
  const flag = reader.readOptional(TAG.boolean);
  const critical = flag !== null && parseBoolean(flag);
  const value = reader.read(TAG.octetString);
  reader.finish();
  return { oid, critical, value };
}

function readKnown({ oid, value }: Extension, fields: ExtensionFields): void {
  switch (oid) {
    case EXTENSION.basicConstraints:
      fields.basicConstraints = parseBasicConstraints(value);
      break;
    case EXTENSION.keyUsage:
      fields.keyUsage = parseKeyUsage(value);
      break;
    case EXTENSION.extendedKeyUsage:
      fields.extendedKeyUsage = parseExtendedKeyUsage(value);
      break;
    case EXTENSION.subjectKeyIdentifier:
      fields.subjectKeyIdentifier = sole(value, (reader) => reader.read(TAG.octetString));
      break;
    case EXTENSION.authorityKeyIdentifier:
      fields.authorityKeyIdentifier = parseAuthorityKeyIdentifier(value);
      break;
    case EXTENSION.subjectAltName:
      readSubjectAltName(value, fields);
      break;
    default:
      // id-ce and id-pe are DER by their definition; a private extension may hold anything
      if (oid.startsWith('2.5.29.') || oid.startsWith('1.3.6.1.5.5.7.1.')) checkDer(value);
  }
}

function parseBasicConstraints(value: Buffer): Certificate['basicConstraints'] {
  const reader = soleSequence(value);
  // QUIRK: `cA FALSE` written out is not DER (a DEFAULT), yet common
  const flag = reader.readOptional(TAG.boolean);
  const length = reader.readOptional(TAG.integer);
  reader.finish();
  return {
    ca: flag !== null && parseBoolean(flag),
    pathLength: length === null ? null : parseSmallInteger(length),
  };
}

function parseKeyUsage(value: Buffer): ReadonlySet<KeyUsage> {
  // QUIRK: trailing zero bits are not DER for a named bit list, yet common; they change nothing
  const { octets } = parseBitString(sole(value, (reader) => reader.read(TAG.bitString)));
  return new Set(KEY_USAGES.filter((_, bit) => ((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0));
}

/**
 * SEQUENCE OF OID, one at least: the extension, and the property of the same name in a certificate store.
 * @param value attacker-chosen
 * @throws GatewayError asn1.malformed
 */
export function parseExtendedKeyUsage(value: Buffer): ReadonlySet<string> {
  const reader = soleSequence(value);
  const usages = new Set<string>();
  do usages.add(parseOid(reader.read(TAG.oid)));
  while (!reader.atEnd);
  return usages;
}

function parseAuthorityKeyIdentifier(value: Buffer): Buffer | null {
  const reader = soleSequence(value);
  const keyIdentifier = reader.readOptional(0x80);
  reader.readOptional(0xa1);
  reader.readOptional(0x82);
  reader.finish();
  return keyIdentifier;
}

function readSubjectAltName(value: Buffer, fields: ExtensionFields): void {
  const reader = soleSequence(value);
  const rfc822Names: string[] = [];
  const smtpUtf8Mailboxes: string[] = [];
  do {
    const tag = reader.peekTag();
    if (tag === RFC822_NAME) rfc822Names.push(reader.read(RFC822_NAME).toString('latin1'));
    else if (tag === OTHER_NAME) readOtherName(reader.enter(OTHER_NAME), smtpUtf8Mailboxes);
    else if (tag !== null && tag >= 0x80 && (tag & 0x1f) <= 8) reader.skip();
    else throw malformed('GeneralName of no known kind');
  } while (!reader.atEnd);
  fields.rfc822Names = rfc822Names;
  fields.smtpUtf8Mailboxes = smtpUtf8Mailboxes;
}

function readOtherName(reader: DerReader, smtpUtf8Mailboxes: string[]): void {
  const oid = parseOid(reader.read(TAG.oid));
  const value = reader.enter(0xa0);
  reader.finish();
  if (oid === ID_ON_SMTP_UTF8_MAILBOX) {
    const content = value.read(TAG.utf8String);
    const text = content.toString('utf8');
    if (!Buffer.from(text).equals(content)) throw malformed('SmtpUTF8Mailbox is not UTF-8');
    smtpUtf8Mailboxes.push(text);
  } else value.skip();
  value.finish();
}

function sole<T>(value: Buffer, read: (reader: DerReader) => T): T {
  const reader = DerReader.over(value);
  const result = read(reader);
  reader.finish();
  return result;
}

function soleSequence(value: Buffer): DerReader {
  return sole(value, (reader) => reader.enter(TAG.sequence));
}

function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}
