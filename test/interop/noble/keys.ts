/** Certificates and private keys as octets, taken apart for the second implementation (RFC 5280, RFC 5958, RFC 5915, RFC 9935). */
import { at, decode, oidOf, type Value } from './asn1.ts';

/** What CMS needs to know of a certificate. */
export interface PartyCertificate {
  readonly der: Buffer;
  /** Whole Name and whole INTEGER, as they stand in the certificate. */
  readonly issuer: Buffer;
  readonly serial: Buffer;
  readonly subject: Buffer;
  readonly keyIdentifier: Buffer | null;
  readonly key: PublicKey;
  readonly tbs: Buffer;
  readonly signatureAlgorithm: Value;
  readonly signature: Buffer;
}

export interface PublicKey {
  /** Of the algorithm; of an EC key that of its curve. */
  readonly oid: string;
  readonly octets: Buffer;
}

const EC_PUBLIC_KEY = '1.2.840.10045.2.1';
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';

export function readCertificate(der: Buffer): PartyCertificate {
  const certificate = decode(der);
  const tbs = at(certificate, 0);
  const [serial, , issuer, , subject, spki] = tbs.children[0]?.tag === 0xa0 ? tbs.children.slice(1) : tbs.children;
  if (!serial || !issuer || !subject || !spki) throw new Error('certificate too short');
  return {
    der,
    issuer: issuer.whole,
    serial: serial.whole,
    subject: subject.whole,
    keyIdentifier: findKeyIdentifier(tbs),
    key: { oid: keyOid(at(spki, 0)), octets: bitsOf(at(spki, 1)) },
    tbs: tbs.whole,
    signatureAlgorithm: at(certificate, 1),
    signature: bitsOf(at(certificate, 2)),
  };
}

/** A BIT STRING of whole octets. */
export function bitsOf({ whole }: Value): Buffer {
  // asn1js may have looked inside: the header is taken off by hand
  const length = whole[1] ?? 0;
  const start = length < 0x80 ? 2 : 2 + (length & 0x7f);
  return whole.subarray(start + 1);
}

function keyOid(algorithm: Value): string {
  const name = oidOf(at(algorithm, 0));
  return name === EC_PUBLIC_KEY ? oidOf(at(algorithm, 1)) : name;
}

function findKeyIdentifier(tbs: Value): Buffer | null {
  const extensions = tbs.children.find(({ tag }) => tag === 0xa3);
  const found = extensions?.children[0]?.children.find(
    (extension) => oidOf(at(extension, 0)) === SUBJECT_KEY_IDENTIFIER,
  );
  const value = found?.children.at(-1);
  return value === undefined ? null : decode(value.content).content;
}

export interface PrivateKey {
  readonly oid: string;
  /** The scalar or raw key; of ML-KEM and ML-DSA the seed, or the expanded key where there is no seed. */
  readonly octets: Buffer;
  /** The privateKey field of PKCS #8. */
  readonly field: Buffer;
}

/** @param pkcs8 PrivateKeyInfo */
export function readPrivateKey(pkcs8: Buffer): PrivateKey {
  const info = decode(pkcs8);
  const oid = keyOid(at(info, 1));
  // asn1js joins nothing here: the field is a primitive OCTET STRING
  const field = octetsOf(at(info, 2));
  return { oid, field, octets: privateOctets(field, oid) };
}

function octetsOf({ whole }: Value): Buffer {
  const length = whole[1] ?? 0;
  return whole.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f));
}

function privateOctets(field: Buffer, oid: string): Buffer {
  // SLH-DSA: the raw key; its first octet may look like anything
  if (oid.startsWith('2.16.840.1.101.3.4.3.') && Number(oid.split('.').at(-1)) >= 20) return field;
  const inner = decode(field);
  // CurvePrivateKey (RFC 8410), or the expanded key alone (RFC 9881, RFC 9935)
  if (inner.tag === 0x04) return octetsOf(inner);
  // seed [0] IMPLICIT OCTET STRING
  if (inner.tag === 0x80) return octetsOf(inner);
  // ECPrivateKey has its version first; both forms of a lattice key have the seed first
  const first = at(inner, 0);
  return octetsOf(first.tag === 0x02 ? at(inner, 1) : first);
}
