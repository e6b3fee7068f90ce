/**
 * Signatures of the second implementation by OID: RSA (RFC 8017), ECDSA (RFC 5753), EdDSA (RFC 8419), ML-DSA (RFC 9882),
 * SLH-DSA (RFC 9814).
 */

import { ed448 } from '@noble/curves/ed448.js';
import { ed25519 } from '@noble/curves/ed25519.js';
import { brainpoolP256r1, brainpoolP384r1, brainpoolP512r1 } from '@noble/curves/misc.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import * as slh from '@noble/post-quantum/slh-dsa.js';
import {
  algorithm,
  algorithmOf,
  at,
  type Block,
  context,
  encode,
  encoded,
  integer,
  numberOf,
  octetString,
  oidOf,
  sequence,
  type Value,
} from './asn1.ts';
import type { PrivateKey, PublicKey } from './keys.ts';
import { digestWith, HASH_OID, hashOf, OID } from './primitives.ts';
import { encodePkcs1, encodePss, isPss, power, rsaPrivate, rsaPublic } from './rsa.ts';

const PSS = '1.2.840.113549.1.1.10';
const SIG = '2.16.840.1.101.3.4.3';
const CURVES: Readonly<Record<string, typeof p256>> = {
  '1.2.840.10045.3.1.7': p256,
  '1.3.132.0.34': p384,
  '1.3.132.0.35': p521,
  '1.3.36.3.3.2.8.1.1.7': brainpoolP256r1,
  '1.3.36.3.3.2.8.1.1.11': brainpoolP384r1,
  '1.3.36.3.3.2.8.1.1.13': brainpoolP512r1,
};
/** Hash inside the signature by the OID of the algorithm. */
const HASHED: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.11': HASH_OID.sha256,
  '1.2.840.113549.1.1.12': HASH_OID.sha384,
  '1.2.840.113549.1.1.13': HASH_OID.sha512,
  '1.2.840.10045.4.3.2': HASH_OID.sha256,
  '1.2.840.10045.4.3.3': HASH_OID.sha384,
  '1.2.840.10045.4.3.4': HASH_OID.sha512,
};

interface Pure {
  sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array;
  verify(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
  keygen(seed?: Uint8Array): { readonly secretKey: Uint8Array };
  /** Octets of the seed that its private key may be. */
  readonly seedOctets: number;
  /** Digest of the content that goes with it. */
  readonly digest: string;
}

const SLH = [
  slh.slh_dsa_sha2_128s,
  slh.slh_dsa_sha2_128f,
  slh.slh_dsa_sha2_192s,
  slh.slh_dsa_sha2_192f,
  slh.slh_dsa_sha2_256s,
  slh.slh_dsa_sha2_256f,
  slh.slh_dsa_shake_128s,
  slh.slh_dsa_shake_128f,
  slh.slh_dsa_shake_192s,
  slh.slh_dsa_shake_192f,
  slh.slh_dsa_shake_256s,
  slh.slh_dsa_shake_256f,
];

const PURE: Readonly<Record<string, Pure>> = {
  '1.3.101.112': { ...edwards(ed25519), digest: HASH_OID.sha512 },
  '1.3.101.113': { ...edwards(ed448), digest: HASH_OID.shake256Len },
  [`${SIG}.17`]: lattice(ml_dsa44),
  [`${SIG}.18`]: lattice(ml_dsa65),
  [`${SIG}.19`]: lattice(ml_dsa87),
  // RFC 9814 §4, as Bouncy Castle has it
  ...Object.fromEntries(
    SLH.map((suite, index) => [`${SIG}.${20 + index}`, { ...lattice(suite), seedOctets: 0, digest: slhDigest(index) }]),
  ),
};

function slhDigest(index: number): string {
  if (index < 6) return index < 2 ? HASH_OID.sha256 : HASH_OID.sha512;
  return index < 8 ? HASH_OID.shake128 : HASH_OID.shake256;
}

function edwards(curve: typeof ed25519): Omit<Pure, 'digest'> {
  return {
    sign: (message, key) => curve.sign(message, key),
    // RFC 8032, not the laxer rules of ZIP 215
    verify: (signature, message, key) => curve.verify(signature, message, key, { zip215: false }),
    keygen: () => curve.keygen(),
    seedOctets: 0,
  };
}

function lattice(suite: Pick<typeof ml_dsa65, 'sign' | 'verify' | 'keygen'>): Pure {
  return {
    sign: (message, key) => suite.sign(message, key),
    verify: (signature, message, key) => suite.verify(signature, message, key),
    keygen: (seed) => suite.keygen(seed),
    seedOctets: 32,
    digest: HASH_OID.sha512,
  };
}

/** Does the signature verify? @param identifier signatureAlgorithm */
export function verifies(identifier: Value, key: PublicKey, message: Buffer, signature: Buffer): boolean {
  const { oid, parameters } = algorithmOf(identifier);
  const pure = PURE[oid];
  if (pure !== undefined) {
    if (parameters !== null) throw new Error(`parameters with ${oid}`);
    return key.oid === oid && pure.verify(signature, message, key.octets);
  }
  const curve = CURVES[key.oid];
  const hash = HASHED[oid];
  if (curve !== undefined && hash !== undefined) {
    const digest = digestWith(hash, message);
    return curve.verify(signature, digest, key.octets, { prehash: false, lowS: false, format: 'der' });
  }
  if (key.oid !== OID.rsaEncryption) throw new Error(`no signature ${oid} by a key of ${key.oid}`);
  const numbers = rsaPublic(key.octets);
  const block = power(numbers, signature);
  if (oid === PSS && parameters !== null) {
    const pss = readPss(parameters);
    const bits = numbers.modulus.toString(2).length - 1;
    return isPss(block, digestWith(pss.hash, message), hashOf(pss.hash), pss.salt, bits);
  }
  if (hash === undefined) throw new Error(`no signature ${oid}`);
  return block.equals(encodePkcs1(digestInfo(hash, message), numbers.octets));
}

function readPss(parameters: Value): { hash: string; salt: number } {
  const field = (tag: number): Value | undefined => parameters.children.find((child) => child.tag === tag)?.children[0];
  const [hash, mask, salt] = [0xa0, 0xa1, 0xa2].map(field);
  if (!hash || !mask || !salt) throw new Error('RSASSA-PSS with defaults');
  const name = oidOf(at(hash, 0));
  if (oidOf(at(at(mask, 1), 0)) !== name) throw new Error('MGF1 with another hash');
  return { hash: name, salt: numberOf(salt) };
}

function digestInfo(hash: string, message: Buffer): Buffer {
  return encode(sequence(algorithm(hash, encoded(Buffer.from([5, 0]))), octetString(digestWith(hash, message))));
}

export interface Signature {
  readonly identifier: Block;
  readonly value: Buffer;
}

/** Digest of content for a key; its OID. */
export function contentDigest({ oid }: PrivateKey): string {
  return (
    PURE[oid]?.digest ?? { '1.3.132.0.34': HASH_OID.sha384, '1.3.132.0.35': HASH_OID.sha512 }[oid] ?? HASH_OID.sha256
  );
}

/** Signs with the usual algorithm of a key. */
export function signWith(key: PrivateKey, message: Buffer, padding: 'rsa-pkcs1' | 'rsa-pss' | null): Signature {
  const pure = PURE[key.oid];
  if (pure !== undefined) {
    const secret = key.octets.length === pure.seedOctets ? pure.keygen(key.octets).secretKey : key.octets;
    return { identifier: algorithm(key.oid), value: Buffer.from(pure.sign(message, secret)) };
  }
  const hash = contentDigest(key);
  const digest = digestWith(hash, message);
  const curve = CURVES[key.oid];
  if (curve !== undefined) {
    const value = Buffer.from(curve.sign(digest, key.octets, { prehash: false, format: 'der' }));
    const name = { [HASH_OID.sha384]: '3', [HASH_OID.sha512]: '4' }[hash] ?? '2';
    return { identifier: algorithm(`1.2.840.10045.4.3.${name}`), value };
  }
  const numbers = rsaPrivate(key.field);
  if (padding === 'rsa-pss') {
    const bits = numbers.modulus.toString(2).length - 1;
    const sha = (): Block => algorithm(hash, encoded(Buffer.from([5, 0])));
    const parameters = sequence(
      context(0, sha()),
      context(1, algorithm(OID.mgf1, sha())),
      context(2, integer(digest.length)),
    );
    return {
      identifier: algorithm(PSS, parameters),
      value: power(numbers, encodePss(digest, hashOf(hash), digest.length, bits)),
    };
  }
  return {
    identifier: algorithm('1.2.840.113549.1.1.11', encoded(Buffer.from([5, 0]))),
    value: power(numbers, encodePkcs1(digestInfo(hash, message), numbers.octets)),
  };
}
