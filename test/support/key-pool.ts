/** Private keys for tests. RSA keys come from a small pool for each process: making one costs more than most tests. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { SlhDsaSet } from '../../src/x509/certificate-oids.ts';

export type KeyKind =
  | 'rsa-1024'
  | 'rsa-2048'
  | 'rsa-3072'
  | 'rsa-pss'
  | 'p-256'
  | 'p-384'
  | 'p-521'
  | 'secp256k1'
  | 'brainpoolP256r1'
  | 'brainpoolP384r1'
  | 'brainpoolP512r1'
  | 'ed25519'
  | 'ed448'
  | 'x25519'
  | 'x448'
  | LatticeKind
  | SlhDsaSet;

/** Only where the running Node has them: 24 and later. */
export type LatticeKind = 'ml-dsa-44' | 'ml-dsa-65' | 'ml-dsa-87' | 'ml-kem-512' | 'ml-kem-768' | 'ml-kem-1024';

/** Keys of a kind kept for reuse; neighbours differ, so an issuer and its subject rarely share one. */
const POOL_SIZE = 4;
const pools = new Map<KeyKind, { readonly keys: KeyObject[]; next: number }>();

/** A private key of this kind: from the pool for RSA, always new otherwise or when `fresh`. */
export function madeKey(kind: KeyKind, fresh = false): KeyObject {
  if (fresh || !kind.startsWith('rsa')) return generateKey(kind);
  const pool = pools.get(kind) ?? { keys: [], next: 0 };
  pools.set(kind, pool);
  const index = pool.next++ % POOL_SIZE;
  const key = pool.keys[index] ?? generateKey(kind);
  pool.keys[index] = key;
  return key;
}

function generateKey(kind: KeyKind): KeyObject {
  switch (kind) {
    case 'rsa-1024':
    case 'rsa-2048':
    case 'rsa-3072':
      return generateKeyPairSync('rsa', { modulusLength: Number(kind.slice(4)) }).privateKey;
    case 'p-256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    case 'p-384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    case 'p-521':
      return generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey;
    case 'rsa-pss':
      return generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey;
    case 'secp256k1':
    case 'brainpoolP256r1':
    case 'brainpoolP384r1':
    case 'brainpoolP512r1':
      return generateKeyPairSync('ec', { namedCurve: kind }).privateKey;
    default:
      // these names are those of node:crypto; the types of Node 20 know the first four only
      return generateKeyPairSync(kind as 'ed25519').privateKey;
  }
}
