/**
 * SubjectPublicKeyInfo (RFC 5280 §4.1.2.7, RFC 3279 §2.3, RFC 4055, RFC 5480, RFC 8410) to the facts that decide
 * whether a key may be used. Nothing is computed with the key here; `key-strength.ts` judges the facts.
 *
 * Refused with x509.malformed: broken structure, RSA keys that are not two positive integers. Unknown algorithms and
 * EC parameters that are no named curve are read as such, and refused where the key would be used (catalogue C7).
 */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { DerReader } from '../asn1/der-reader.ts';
import { parseUnsignedOctets, parseWholeBitString } from '../asn1/der-values.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { gatewayError } from '../errors.ts';
import type { KeyKind, PublicKeyFacts } from './certificate.ts';
import { KEY_ALGORITHM, SLH_DSA_SETS, slhDsaOid } from './certificate-oids.ts';

/** Longest exponent kept, in octets; what is longer is shown as 2^72 and refused as too large. */
const EXPONENT_OCTETS_MAX = 8;

const CURVES: Readonly<Record<string, { readonly name: string; readonly bits: number }>> = {
  '1.2.840.10045.3.1.1': { name: 'P-192', bits: 192 },
  '1.3.132.0.33': { name: 'P-224', bits: 224 },
  '1.2.840.10045.3.1.7': { name: 'P-256', bits: 256 },
  '1.3.132.0.34': { name: 'P-384', bits: 384 },
  '1.3.132.0.35': { name: 'P-521', bits: 521 },
  '1.3.132.0.10': { name: 'secp256k1', bits: 256 },
  '1.3.36.3.3.2.8.1.1.7': { name: 'brainpoolP256r1', bits: 256 },
  '1.3.36.3.3.2.8.1.1.11': { name: 'brainpoolP384r1', bits: 384 },
  '1.3.36.3.3.2.8.1.1.13': { name: 'brainpoolP512r1', bits: 512 },
};

/** Keys whose algorithm says everything: no parameters, one form. */
const PLAIN_KEYS: Readonly<Record<string, { readonly kind: KeyKind; readonly bits: number }>> = {
  [KEY_ALGORITHM.ed25519]: { kind: 'ed25519', bits: 256 },
  [KEY_ALGORITHM.ed448]: { kind: 'ed448', bits: 456 },
  [KEY_ALGORITHM.x25519]: { kind: 'x25519', bits: 256 },
  [KEY_ALGORITHM.x448]: { kind: 'x448', bits: 448 },
  [KEY_ALGORITHM.mlDsa44]: { kind: 'ml-dsa-44', bits: 0 },
  [KEY_ALGORITHM.mlDsa65]: { kind: 'ml-dsa-65', bits: 0 },
  [KEY_ALGORITHM.mlDsa87]: { kind: 'ml-dsa-87', bits: 0 },
  ...Object.fromEntries(SLH_DSA_SETS.map((kind) => [slhDsaOid(kind), { kind, bits: 0 }])),
  [KEY_ALGORITHM.mlKem512]: { kind: 'ml-kem-512', bits: 0 },
  [KEY_ALGORITHM.mlKem768]: { kind: 'ml-kem-768', bits: 0 },
  [KEY_ALGORITHM.mlKem1024]: { kind: 'ml-kem-1024', bits: 0 },
};

/** Public facts of an RSA key. Views of the input, without leading zero octets. */
export interface RsaPublicKey {
  readonly modulus: Buffer;
  readonly exponent: Buffer;
}

/**
 * @param spki whole DER, attacker-chosen
 * @throws GatewayError asn1.malformed
 */
export function parsePublicKey(spki: Buffer): PublicKeyFacts {
  const { oid, parameters, key } = parseSpki(spki);
  switch (oid) {
    case KEY_ALGORITHM.rsaEncryption:
    case KEY_ALGORITHM.rsassaPss: {
      const { modulus, exponent } = parseRsaPublicKey(key);
      const kind = oid === KEY_ALGORITHM.rsaEncryption ? 'rsa' : 'rsa-pss';
      return new LazyKeyFacts(spki, kind, bitLength(modulus), null, exponentValue(exponent), oid);
    }
    case KEY_ALGORITHM.ecPublicKey: {
      const curve = parameters?.[0] === TAG.oid ? parseOid(DerReader.over(parameters).read(TAG.oid)) : null;
      const known = curve === null ? undefined : CURVES[curve];
      return new LazyKeyFacts(spki, 'ec', known?.bits ?? 0, known?.name ?? curve, null, oid);
    }
    default: {
      const known = PLAIN_KEYS[oid];
      return new LazyKeyFacts(spki, known?.kind ?? 'other', known?.bits ?? 0, null, null, oid);
    }
  }
}

/**
 * The modulus and exponent of an RSA key.
 * @param spki whole DER of a key whose kind is rsa or rsa-pss
 * @throws GatewayError asn1.malformed
 */
export function parseRsaSpki(spki: Buffer): RsaPublicKey {
  return parseRsaPublicKey(parseSpki(spki).key);
}

/**
 * The subjectPublicKey octets: of X25519, X448 and ML-KEM the raw key, of EC the point.
 * @param spki whole DER
 * @throws GatewayError asn1.malformed
 */
export function parseRawPublicKey(spki: Buffer): Buffer {
  return parseSpki(spki).key;
}

function parseSpki(spki: Buffer): { oid: string; parameters: Buffer | null; key: Buffer } {
  const outer = DerReader.over(spki);
  const sequence = outer.enter(TAG.sequence);
  outer.finish();
  const algorithm = sequence.enter(TAG.sequence);
  const oid = parseOid(algorithm.read(TAG.oid));
  const parameters = algorithm.atEnd ? null : algorithm.readElement().whole;
  algorithm.finish();
  const key = parseWholeBitString(sequence.read(TAG.bitString));
  sequence.finish();
  return { oid, parameters, key };
}

function parseRsaPublicKey(key: Buffer): RsaPublicKey {
  const outer = DerReader.over(key);
  const sequence = outer.enter(TAG.sequence);
  outer.finish();
  const modulus = parseUnsignedOctets(sequence.read(TAG.integer));
  const exponent = parseUnsignedOctets(sequence.read(TAG.integer));
  sequence.finish();
  return { modulus, exponent };
}

function bitLength(octets: Buffer): number {
  const first = octets[0] ?? 0;
  return first === 0 ? 0 : octets.length * 8 - Math.clz32(first) + 24;
}

function exponentValue(octets: Buffer): bigint {
  if (octets.length > EXPONENT_OCTETS_MAX) return 1n << 72n;
  return BigInt(`0x${octets.toString('hex')}`);
}

class LazyKeyFacts implements PublicKeyFacts {
  readonly kind: KeyKind;
  readonly bits: number;
  readonly curve: string | null;
  readonly exponent: bigint | null;
  readonly oid: string;
  private readonly spki: Buffer;
  private made: KeyObject | null = null;

  constructor(spki: Buffer, kind: KeyKind, bits: number, curve: string | null, exponent: bigint | null, oid: string) {
    this.spki = spki;
    this.kind = kind;
    this.bits = bits;
    this.curve = curve;
    this.exponent = exponent;
    this.oid = oid;
  }

  keyObject(): KeyObject {
    if (this.made === null) {
      try {
        // OpenSSL 3 takes ten times as long to find the way from a SubjectPublicKeyInfo to the same key
        this.made =
          this.kind === 'rsa'
            ? createPublicKey({ key: parseRawPublicKey(this.spki), format: 'der', type: 'pkcs1' })
            : createPublicKey({ key: this.spki, format: 'der', type: 'spki' });
      } catch (thrown) {
        throw gatewayError('x509.malformed', `public key of algorithm ${this.oid} cannot be used`, thrown);
      }
    }
    return this.made;
  }
}
