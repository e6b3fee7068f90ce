/** The algorithms by their OIDs, computed by noble; RSA by BigInt (RFC 8017), for noble has none. */
import { aeskw, cbc, gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x448 } from '@noble/curves/ed448.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { brainpoolP256r1, brainpoolP384r1, brainpoolP512r1 } from '@noble/curves/misc.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { sha224, sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { shake128, shake256 } from '@noble/hashes/sha3.js';
import type { CHash } from '@noble/hashes/utils.js';
import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js';

export const OID = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  authEnvelopedData: '1.2.840.113549.1.9.16.1.23',
  cekHkdf: '1.2.840.113549.1.9.16.3.31',
  oriKem: '1.2.840.113549.1.9.16.13.3',
  rsaEncryption: '1.2.840.113549.1.1.1',
  oaep: '1.2.840.113549.1.1.7',
  mgf1: '1.2.840.113549.1.1.8',
  ecPublicKey: '1.2.840.10045.2.1',
  x25519: '1.3.101.110',
  x448: '1.3.101.111',
} as const;

const NIST_HASH = '2.16.840.1.101.3.4.2';
export const HASHES: Readonly<Record<string, CHash>> = {
  '1.3.14.3.2.26': sha1,
  [`${NIST_HASH}.1`]: sha256,
  [`${NIST_HASH}.2`]: sha384,
  [`${NIST_HASH}.3`]: sha512,
  [`${NIST_HASH}.4`]: sha224,
};
export const HASH_OID = {
  sha1: '1.3.14.3.2.26',
  sha256: `${NIST_HASH}.1`,
  sha384: `${NIST_HASH}.2`,
  sha512: `${NIST_HASH}.3`,
  shake128: `${NIST_HASH}.11`,
  shake256: `${NIST_HASH}.12`,
  shake256Len: `${NIST_HASH}.18`,
} as const;

export function hashOf(oid: string): CHash {
  const found = HASHES[oid];
  if (found === undefined) throw new Error(`no hash ${oid}`);
  return found;
}

/** Of content: SHAKE too, with the lengths of RFC 8702 §3.1; id-shake256-len is of 512 bits (RFC 8419 §2.3). */
export function digestWith(oid: string, octets: Uint8Array): Buffer {
  if (oid === HASH_OID.shake128) return Buffer.from(shake128(octets, { dkLen: 32 }));
  if (oid === HASH_OID.shake256 || oid === HASH_OID.shake256Len) return Buffer.from(shake256(octets, { dkLen: 64 }));
  return Buffer.from(hashOf(oid)(octets));
}

const AES = '2.16.840.1.101.3.4.1';
/** Wraps, by OID: octets of the key. */
export const WRAPS: Readonly<Record<string, number>> = { [`${AES}.5`]: 16, [`${AES}.25`]: 24, [`${AES}.45`]: 32 };

export function wrap(oid: string, key: Uint8Array, contentKey: Uint8Array): Buffer {
  if (WRAPS[oid] !== key.length) throw new Error(`wrap ${oid} with a key of ${key.length} octets`);
  return Buffer.from(aeskw(key).encrypt(contentKey));
}

export function unwrap(oid: string, key: Uint8Array, wrapped: Uint8Array): Buffer {
  if (WRAPS[oid] !== key.length) throw new Error(`wrap ${oid} with a key of ${key.length} octets`);
  return Buffer.from(aeskw(key).decrypt(wrapped));
}

export interface ContentCipher {
  readonly oid: string;
  readonly keyOctets: number;
  readonly ivOctets: number;
  readonly aead: boolean;
  /** AEAD: the tag is at the end. */
  readonly start: (
    key: Uint8Array,
    iv: Uint8Array,
    aad?: Uint8Array,
  ) => {
    encrypt(octets: Uint8Array): Uint8Array;
    decrypt(octets: Uint8Array): Uint8Array;
  };
}

export const CIPHERS: Readonly<Record<string, ContentCipher>> = {
  'aes-128-cbc': { oid: `${AES}.2`, keyOctets: 16, ivOctets: 16, aead: false, start: (key, iv) => cbc(key, iv) },
  'aes-192-cbc': { oid: `${AES}.22`, keyOctets: 24, ivOctets: 16, aead: false, start: (key, iv) => cbc(key, iv) },
  'aes-256-cbc': { oid: `${AES}.42`, keyOctets: 32, ivOctets: 16, aead: false, start: (key, iv) => cbc(key, iv) },
  'aes-128-gcm': { oid: `${AES}.6`, keyOctets: 16, ivOctets: 12, aead: true, start: gcm },
  'aes-192-gcm': { oid: `${AES}.26`, keyOctets: 24, ivOctets: 12, aead: true, start: gcm },
  'aes-256-gcm': { oid: `${AES}.46`, keyOctets: 32, ivOctets: 12, aead: true, start: gcm },
  'chacha20-poly1305': {
    oid: '1.2.840.113549.1.9.16.3.18',
    keyOctets: 32,
    ivOctets: 12,
    aead: true,
    start: chacha20poly1305,
  },
};

export function cipherOf(oid: string): ContentCipher {
  const found = Object.values(CIPHERS).find((cipher) => cipher.oid === oid);
  if (found === undefined) throw new Error(`no content cipher ${oid}`);
  return found;
}

const CEK_HKDF_SALT = Buffer.from('The Cryptographic Message Syntax');

/** CEK-HKDF (RFC 9709 §3). @param inner AlgorithmIdentifier of the cipher, DER */
export function boundKey(contentKey: Uint8Array, inner: Uint8Array): Buffer {
  return Buffer.from(hkdf(sha256, contentKey, CEK_HKDF_SALT, inner, contentKey.length));
}

export const KEMS: Readonly<Record<string, typeof ml_kem768>> = {
  '2.16.840.1.101.3.4.4.1': ml_kem512,
  '2.16.840.1.101.3.4.4.2': ml_kem768,
  '2.16.840.1.101.3.4.4.3': ml_kem1024,
};

/** HKDF as a KDF of its own (RFC 8619): what KEMRecipientInfo derives with. */
export const HKDFS: Readonly<Record<string, CHash>> = {
  '1.2.840.113549.1.9.16.3.28': sha256,
  '1.2.840.113549.1.9.16.3.29': sha384,
  '1.2.840.113549.1.9.16.3.30': sha512,
};

/** Key agreement schemes: hash, and whether HKDF (RFC 8418) or the KDF of X9.63 (RFC 5753). */
export const SCHEMES: Readonly<Record<string, { readonly hash: CHash; readonly hkdf: boolean }>> = {
  '1.3.132.1.11.1': { hash: sha256, hkdf: false },
  '1.3.132.1.11.2': { hash: sha384, hkdf: false },
  '1.3.132.1.11.3': { hash: sha512, hkdf: false },
  '1.2.840.113549.1.9.16.3.19': { hash: sha256, hkdf: true },
  '1.2.840.113549.1.9.16.3.20': { hash: sha384, hkdf: true },
  '1.2.840.113549.1.9.16.3.21': { hash: sha512, hkdf: true },
};

/** X9.63 KDF (SEC 1 §3.6.1). */
export function x963(hash: CHash, secret: Uint8Array, info: Uint8Array, octets: number): Buffer {
  const blocks: Uint8Array[] = [];
  for (let counter = 1; blocks.length * hash.outputLen < octets; counter++) {
    const big = Buffer.alloc(4);
    big.writeUInt32BE(counter);
    blocks.push(hash(Buffer.concat([secret, big, info])));
  }
  return Buffer.concat(blocks).subarray(0, octets);
}

export interface Exchange {
  keygen(): { readonly secretKey: Uint8Array; readonly publicKey: Uint8Array };
  secret(own: Uint8Array, peer: Uint8Array): Uint8Array;
}

/** Key exchange by the OID of the curve or of the key. */
export const EXCHANGES: Readonly<Record<string, Exchange>> = {
  [OID.x25519]: { keygen: () => x25519.keygen(), secret: (own, peer) => x25519.getSharedSecret(own, peer) },
  [OID.x448]: { keygen: () => x448.keygen(), secret: (own, peer) => x448.getSharedSecret(own, peer) },
  '1.2.840.10045.3.1.7': weierstrass(p256),
  '1.3.132.0.34': weierstrass(p384),
  '1.3.132.0.35': weierstrass(p521),
  '1.3.36.3.3.2.8.1.1.7': weierstrass(brainpoolP256r1),
  '1.3.36.3.3.2.8.1.1.11': weierstrass(brainpoolP384r1),
  '1.3.36.3.3.2.8.1.1.13': weierstrass(brainpoolP512r1),
};

/** Points uncompressed; the secret is the x coordinate (SEC 1 §3.3.1). */
function weierstrass(curve: typeof p256): Exchange {
  return {
    keygen: () => {
      const secretKey = curve.utils.randomSecretKey();
      return { secretKey, publicKey: curve.getPublicKey(secretKey, false) };
    },
    secret: (own, peer) => curve.getSharedSecret(own, peer, false).subarray(1, 1 + (peer.length - 1) / 2),
  };
}
