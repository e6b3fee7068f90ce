/**
 * DER to {@link Certificate} (RFC 5280 §4.1), by a walk of our own over the octets received: no tree, no copies, no
 * re-encoding, for every certificate of a directory passes here. The signature is later checked over the same octets.
 *
 * Refused with x509.malformed (catalogue C3): anything that is not strict DER, trailing octets, impossible dates, the
 * same extension twice, two signature algorithms that differ, extensions in v1, over-long serials,
 * more than {@link CERTIFICATE_OCTETS_MAX} octets. What is read is not trusted; an empty issuer name is read, and no path
 * leads from it.
 */
import { createHash } from 'node:crypto';
import { DerReader } from '../asn1/der-reader.ts';
import { checkInteger, parseSmallInteger, parseTime, parseWholeBitString } from '../asn1/der-values.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { GatewayError, gatewayError } from '../errors.ts';
import type { Certificate, PublicKeyFacts } from './certificate.ts';
import { type ExtensionFields, noExtensions, parseExtensions } from './extension-reader.ts';
import { checkName, commonName, nameEmails, nameText } from './name.ts';
import { parsePublicKey } from './public-key-reader.ts';

/** Largest certificate read, in octets. Post-quantum ones have up to about 50,000. */
export const CERTIFICATE_OCTETS_MAX = 128 * 1024;
/**
 * RFC 5280 §4.1.2.2 asks for 20 octets and to be lenient with foreign ones: a random 20 octets with a sign octet has 21.
 */
const SERIAL_OCTETS_MAX = 32;

/**
 * @param der attacker-chosen; kept (not copied), so it must not change afterwards
 * @throws GatewayError x509.malformed
 */
export function parseCertificate(der: Buffer): Certificate {
  try {
    return new ParsedCertificate(der);
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'asn1.malformed') {
      throw gatewayError('x509.malformed', thrown.detail, thrown);
    }
    throw thrown;
  }
}

/** TBSCertificate, fields in the order of RFC 5280 §4.1. */
interface TbsFields {
  readonly serial: Buffer;
  readonly innerAlgorithm: Buffer;
  readonly issuer: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly subject: Buffer;
  readonly spki: Buffer;
  readonly fields: ExtensionFields;
}

function parseTbs(tbs: DerReader): TbsFields {
  const version = parseVersion(tbs.enterOptional(0xa0));
  const serial = checkInteger(tbs.read(TAG.integer));
  if (serial.length > SERIAL_OCTETS_MAX) throw gatewayError('asn1.malformed', `serial of ${serial.length} octets`);
  const innerAlgorithm = tbs.readWhole(TAG.sequence);
  const issuer = tbs.readWhole(TAG.sequence);
  const validity = tbs.enter(TAG.sequence);
  const notBefore = readTime(validity);
  const notAfter = readTime(validity);
  validity.finish();
  const subject = tbs.readWhole(TAG.sequence);
  const spki = tbs.readWhole(TAG.sequence);
  if (version > 1) {
    tbs.readOptional(0x81);
    tbs.readOptional(0x82);
  }
  const explicit = version === 3 ? tbs.enterOptional(0xa3) : null;
  tbs.finish();
  let fields = noExtensions();
  if (explicit !== null) {
    fields = parseExtensions(explicit.enter(TAG.sequence));
    explicit.finish();
  }
  return { serial, innerAlgorithm, issuer, notBefore, notAfter, subject, spki, fields };
}

function parseVersion(explicit: DerReader | null): number {
  if (explicit === null) return 1;
  const version = parseSmallInteger(explicit.read(TAG.integer)) + 1;
  explicit.finish();
  if (version !== 2 && version !== 3) throw gatewayError('asn1.malformed', `certificate version ${version}`);
  return version;
}

function readTime(validity: DerReader): Date {
  const { tag, content } = validity.readElement();
  return parseTime(tag, content);
}

function parseAlgorithm(whole: Buffer): Certificate['signatureAlgorithm'] {
  const outer = DerReader.over(whole);
  const reader = outer.enter(TAG.sequence);
  const oid = parseOid(reader.read(TAG.oid));
  const parameters = reader.atEnd ? null : reader.readElement().whole;
  reader.finish();
  return { oid, parameters };
}

class ParsedCertificate implements Certificate {
  readonly der: Buffer;
  readonly sha256: string;
  readonly serial: Buffer;
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly spki: Buffer;
  readonly key: PublicKeyFacts;
  readonly signatureAlgorithm: Certificate['signatureAlgorithm'];
  readonly tbs: Buffer;
  readonly signature: Buffer;
  readonly basicConstraints: Certificate['basicConstraints'];
  readonly keyUsage: Certificate['keyUsage'];
  readonly extendedKeyUsage: Certificate['extendedKeyUsage'];
  readonly subjectKeyIdentifier: Buffer | null;
  readonly authorityKeyIdentifier: Buffer | null;
  readonly rfc822Names: readonly string[];
  readonly smtpUtf8Mailboxes: readonly string[];
  readonly subjectEmails: readonly string[];
  readonly extensions: Certificate['extensions'];

  constructor(der: Buffer) {
    const outer = DerReader.over(der, CERTIFICATE_OCTETS_MAX);
    const certificate = outer.enter(TAG.sequence);
    outer.finish();
    const tbs = certificate.readWhole(TAG.sequence);
    const outerAlgorithm = certificate.readWhole(TAG.sequence);
    this.signature = parseWholeBitString(certificate.read(TAG.bitString));
    certificate.finish();
    const parsed = parseTbs(DerReader.over(tbs).enter(TAG.sequence));
    // RFC 5280 §4.1.1.2: the one that is signed is the inner one
    if (!outerAlgorithm.equals(parsed.innerAlgorithm)) {
      throw gatewayError('asn1.malformed', 'two signature algorithms that differ');
    }
    checkName(parsed.issuer);
    checkName(parsed.subject);
    this.der = der;
    this.tbs = tbs;
    this.sha256 = createHash('sha256').update(der).digest('hex');
    this.serial = parsed.serial;
    this.issuer = parsed.issuer;
    this.subject = parsed.subject;
    this.notBefore = parsed.notBefore;
    this.notAfter = parsed.notAfter;
    this.spki = parsed.spki;
    this.key = parsePublicKey(parsed.spki);
    this.signatureAlgorithm = parseAlgorithm(outerAlgorithm);
    this.basicConstraints = parsed.fields.basicConstraints;
    this.keyUsage = parsed.fields.keyUsage;
    this.extendedKeyUsage = parsed.fields.extendedKeyUsage;
    this.subjectKeyIdentifier = parsed.fields.subjectKeyIdentifier;
    this.authorityKeyIdentifier = parsed.fields.authorityKeyIdentifier;
    this.rfc822Names = parsed.fields.rfc822Names;
    this.smtpUtf8Mailboxes = parsed.fields.smtpUtf8Mailboxes;
    this.subjectEmails = nameEmails(parsed.subject);
    this.extensions = parsed.fields.extensions;
  }

  // shown rarely, read for every certificate: made when asked for. The names were checked above, so none of these throws
  get subjectText(): string {
    return nameText(this.subject);
  }

  get issuerText(): string {
    return nameText(this.issuer);
  }

  get subjectName(): string {
    return commonName(this.subject);
  }

  get issuerName(): string {
    return commonName(this.issuer);
  }
}
