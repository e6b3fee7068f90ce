/**
 * Certificates for tests, made when the test runs: nothing is checked in, so nothing expires (RFC 5280 §4.1).
 *
 * Every field can be set to something wrong on purpose; nothing here refuses. RSA keys come from a small pool for each
 * process, because making one costs more than most tests; ask for `freshKey` where keys must differ.
 */
import { constants, createHash, createPublicKey, type KeyObject, randomBytes, sign } from 'node:crypto';
import {
  der,
  derBitString,
  derContext,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  derTime,
  TAG,
} from '../../src/asn1/der-writer.ts';
import type { Certificate, KeyUsage } from '../../src/x509/certificate.ts';
import {
  EMAIL_ADDRESS_ATTRIBUTE,
  EXTENSION,
  ID_ON_SMTP_UTF8_MAILBOX,
  SLH_DSA_SETS,
  slhDsaOid,
} from '../../src/x509/certificate-oids.ts';
import { parseCertificate } from '../../src/x509/certificate-reader.ts';
import { type KeyKind, madeKey } from './key-pool.ts';

export { type KeyKind, madeKey };

export type SignatureKind = 'sha256' | 'sha384' | 'sha1' | 'md5' | 'pss-sha256';

export interface MadeCertificate {
  readonly der: Buffer;
  readonly pem: string;
  readonly certificate: Certificate;
  readonly privateKey: KeyObject;
  /** PKCS #8 */
  readonly keyPem: string;
}

export interface CommonOptions {
  /** Common name. */
  readonly name?: string;
  readonly key?: KeyKind;
  /** A key pair of its own instead of one from the pool (RSA). */
  readonly freshKey?: boolean;
  /** The private key to use instead of a new one. */
  readonly privateKey?: KeyObject;
  /** SubjectPublicKeyInfo to write instead of that of the key. */
  readonly spki?: Buffer;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly serial?: number | bigint;
  readonly keyUsage?: readonly KeyUsage[] | null;
  readonly extendedKeyUsage?: readonly string[] | null;
  readonly extraExtensions?: readonly { readonly oid: string; readonly critical: boolean; readonly value: Buffer }[];
  /** Digest (and padding) of the issuer's signature; sha256 by default. Ed25519 has its own. */
  readonly signature?: SignatureKind;
  /** False leaves the extension out. */
  readonly subjectKeyIdentifier?: boolean;
  readonly authorityKeyIdentifier?: boolean;
  /** Whole DER of the subject instead of one made of `name` and `subjectEmail`. */
  readonly subject?: Buffer;
  /** Changes one bit of the signature. */
  readonly badSignature?: boolean;
}

export interface AuthorityOptions extends CommonOptions {
  /** Self-signed when left out. */
  readonly issuer?: MadeCertificate;
  readonly pathLength?: number;
}

export interface CertificateOptions extends CommonOptions {
  /** Mailboxes of the SAN: rfc822Name, or SmtpUTF8Mailbox when the local part is not ASCII. */
  readonly emails?: readonly string[];
  /** emailAddress attribute of the subject. */
  readonly subjectEmail?: string;
  /** Further GeneralNames of the SAN, whole DER. */
  readonly names?: readonly Buffer[];
  /** Whole basicConstraints; absent by default. */
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number };
}

const DAY = 24 * 60 * 60 * 1000;
const EMAIL_PROTECTION = '1.3.6.1.5.5.7.3.4';
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

/** A CA certificate: self-signed root, or issued by `issuer`. Key p-256 unless asked otherwise. */
export function makeAuthority(options: AuthorityOptions = {}): MadeCertificate {
  const key = options.privateKey ?? madeKey(options.key ?? 'p-256', options.freshKey === true);
  return build(options.issuer ?? null, key, options, 'Test Authority', {
    basicConstraints: { ca: true, ...(options.pathLength === undefined ? {} : { pathLength: options.pathLength }) },
    keyUsage: options.keyUsage === undefined ? ['keyCertSign', 'cRLSign'] : options.keyUsage,
    extendedKeyUsage: options.extendedKeyUsage ?? null,
  });
}

/** An end-entity certificate, by default for mail: RSA 2048, key usage for signing and encrypting, emailProtection. */
export function makeCertificate(issuer: MadeCertificate, options: CertificateOptions = {}): MadeCertificate {
  const kind = options.key ?? 'rsa-2048';
  const key = options.privateKey ?? madeKey(kind, options.freshKey === true);
  const type: string = key.asymmetricKeyType ?? '';
  const usage: KeyUsage[] = /^(x|ml-kem)/.test(type) ? [] : ['digitalSignature'];
  if (/^(rsa$|ml-kem)/.test(type)) usage.push('keyEncipherment');
  if (/^(ec|x25519|x448)$/.test(type)) usage.push('keyAgreement');
  return build(issuer, key, options, options.emails?.[0] ?? 'Test Person', {
    ...(options.basicConstraints === undefined ? {} : { basicConstraints: options.basicConstraints }),
    keyUsage: options.keyUsage === undefined ? usage : options.keyUsage,
    extendedKeyUsage: options.extendedKeyUsage === undefined ? [EMAIL_PROTECTION] : options.extendedKeyUsage,
    names: [...(options.emails ?? []).map(makeMailboxName), ...(options.names ?? [])],
    ...(options.subjectEmail === undefined ? {} : { subjectEmail: options.subjectEmail }),
  });
}

interface Shape {
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number };
  readonly keyUsage: readonly KeyUsage[] | null;
  readonly extendedKeyUsage: readonly string[] | null;
  readonly names?: readonly Buffer[];
  readonly subjectEmail?: string;
}

function build(
  issuer: MadeCertificate | null,
  key: KeyObject,
  options: CommonOptions,
  defaultName: string,
  shape: Shape,
): MadeCertificate {
  const spki = options.spki ?? createPublicKey(key).export({ format: 'der', type: 'spki' });
  const subject = options.subject ?? makeName(options.name ?? defaultName, shape.subjectEmail);
  const signingKey = issuer?.privateKey ?? key;
  const algorithm = algorithmIdentifier(signingKey, options.signature ?? 'sha256');
  const now = Date.now();
  const tbs = derSequence(
    derContext(0, derInteger(2)),
    derInteger(options.serial ?? BigInt(`0x40${randomBytes(15).toString('hex')}`)),
    algorithm,
    issuer?.certificate.subject ?? subject,
    derSequence(
      derTime(options.notBefore ?? new Date(now - DAY)),
      derTime(options.notAfter ?? new Date(now + 365 * DAY)),
    ),
    subject,
    spki,
    derContext(3, derSequence(...extensionsOf(issuer, spki, options, shape))),
  );
  const signature = signTbs(tbs, signingKey, options.signature ?? 'sha256');
  if (options.badSignature === true) signature[signature.length - 1] = (signature[signature.length - 1] ?? 0) ^ 1;
  const bytes = derSequence(tbs, algorithm, derBitString(signature));
  return {
    der: bytes,
    pem: pemOf('CERTIFICATE', bytes),
    certificate: parseCertificate(bytes),
    privateKey: key,
    keyPem: key.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

function extensionsOf(issuer: MadeCertificate | null, spki: Buffer, options: CommonOptions, shape: Shape): Buffer[] {
  const list: Buffer[] = [];
  const { basicConstraints, names = [] } = shape;
  if (basicConstraints !== undefined) {
    const content: Buffer[] = [];
    if (basicConstraints.ca) content.push(der(TAG.boolean, Buffer.of(0xff)));
    if (basicConstraints.pathLength !== undefined) content.push(derInteger(basicConstraints.pathLength));
    list.push(makeExtension(EXTENSION.basicConstraints, true, derSequence(...content)));
  }
  if (shape.keyUsage !== null) list.push(makeExtension(EXTENSION.keyUsage, true, keyUsageBits(shape.keyUsage)));
  if (shape.extendedKeyUsage !== null) {
    list.push(makeExtension(EXTENSION.extendedKeyUsage, false, derSequence(...shape.extendedKeyUsage.map(derOid))));
  }
  if (names.length > 0) list.push(makeExtension(EXTENSION.subjectAltName, false, derSequence(...names)));
  if (options.subjectKeyIdentifier !== false) {
    list.push(makeExtension(EXTENSION.subjectKeyIdentifier, false, derOctetString(keyIdentifierOf(spki))));
  }
  const authorityKey =
    options.authorityKeyIdentifier === false
      ? null
      : issuer === null
        ? keyIdentifierOf(spki)
        : issuer.certificate.subjectKeyIdentifier;
  if (authorityKey !== null) {
    list.push(makeExtension(EXTENSION.authorityKeyIdentifier, false, derSequence(der(0x80, authorityKey))));
  }
  for (const extra of options.extraExtensions ?? []) list.push(makeExtension(extra.oid, extra.critical, extra.value));
  return list;
}

/** One Extension, whole DER. */
export function makeExtension(oid: string, critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [der(TAG.boolean, Buffer.of(0xff))] : [];
  return derSequence(derOid(oid), ...flag, derOctetString(value));
}

/** A Name of CN and, if given, emailAddress; whole DER. */
export function makeName(commonName: string, email?: string): Buffer {
  const attribute = (oid: string, tag: number, text: string): Buffer =>
    derSetOf([derSequence(derOid(oid), der(tag, Buffer.from(text, 'utf8')))]);
  const parts = [attribute('2.5.4.3', TAG.utf8String, commonName)];
  if (email !== undefined) parts.push(attribute(EMAIL_ADDRESS_ATTRIBUTE, TAG.ia5String, email));
  return derSequence(...parts);
}

/** The GeneralName of a mailbox: rfc822Name, or SmtpUTF8Mailbox (RFC 9598 §3) when it is not ASCII. */
export function makeMailboxName(mailbox: string): Buffer {
  const bytes = Buffer.from(mailbox, 'utf8');
  if (bytes.length === mailbox.length) return der(0x81, bytes);
  return derContext(0, derOid(ID_ON_SMTP_UTF8_MAILBOX), derContext(0, der(TAG.utf8String, bytes)));
}

/** PEM of any DER value. */
export function pemOf(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** A certs-only SignedData (RFC 8551 §3.8), whole DER: what a .p7b or .p7c file holds. */
export function makeCertificateBundle(certificates: readonly Buffer[]): Buffer {
  const signedData = derSequence(
    derInteger(1),
    derSetOf([]),
    derSequence(derOid('1.2.840.113549.1.7.1')),
    derSetOf(certificates, 0xa0),
    derSetOf([]),
  );
  return derSequence(derOid('1.2.840.113549.1.7.2'), derContext(0, signedData));
}

/** RFC 7093 method 1 (SHA-256, 160 bits) over the whole SPKI; any unique octets do. */
function keyIdentifierOf(spki: Buffer): Buffer {
  return createHash('sha256').update(spki).digest().subarray(0, 20);
}

function keyUsageBits(usages: readonly KeyUsage[]): Buffer {
  let bits = 0;
  let highest = -1;
  for (const usage of usages) {
    const bit = KEY_USAGES.indexOf(usage);
    bits |= 0x8000 >> bit;
    highest = Math.max(highest, bit);
  }
  if (highest < 0) return der(TAG.bitString, Buffer.of(0));
  const octets = highest < 8 ? [bits >> 8] : [bits >> 8, bits & 0xff];
  return der(TAG.bitString, Buffer.of(octets.length * 8 - 1 - highest, ...octets));
}

const RSA_OIDS: Readonly<Record<string, string>> = {
  md5: '1.2.840.113549.1.1.4',
  sha1: '1.2.840.113549.1.1.5',
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
};
const ECDSA_OIDS: Readonly<Record<string, string>> = {
  sha1: '1.2.840.10045.4.1',
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
};

/** Algorithms that need no digest. */
const PURE_OIDS: Readonly<Record<string, string>> = {
  ed25519: '1.3.101.112',
  ed448: '1.3.101.113',
  'ml-dsa-44': '2.16.840.1.101.3.4.3.17',
  'ml-dsa-65': '2.16.840.1.101.3.4.3.18',
  'ml-dsa-87': '2.16.840.1.101.3.4.3.19',
  ...Object.fromEntries(SLH_DSA_SETS.map((set) => [set, slhDsaOid(set)])),
};

function algorithmIdentifier(key: KeyObject, kind: SignatureKind): Buffer {
  const pure = PURE_OIDS[String(key.asymmetricKeyType)];
  if (pure !== undefined) return derSequence(derOid(pure));
  if (key.asymmetricKeyType === 'ec') return derSequence(derOid(ECDSA_OIDS[kind] ?? ''));
  if (kind !== 'pss-sha256') return derSequence(derOid(RSA_OIDS[kind] ?? ''), derNull());
  const sha256 = derSequence(derOid('2.16.840.1.101.3.4.2.1'), derNull());
  const mgf = derSequence(derOid('1.2.840.113549.1.1.8'), sha256);
  const parameters = derSequence(derContext(0, sha256), derContext(1, mgf), derContext(2, derInteger(32)));
  return derSequence(derOid('1.2.840.113549.1.1.10'), parameters);
}

function signTbs(tbs: Buffer, key: KeyObject, kind: SignatureKind): Buffer {
  if (String(key.asymmetricKeyType) in PURE_OIDS) return sign(null, tbs, key);
  if (kind === 'pss-sha256') {
    return sign('sha256', tbs, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
  }
  return sign(kind, tbs, key);
}
