/** Private keys for tests. RSA keys come from a small pool for each process: making one costs more than most tests. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';

export type KeyKind = 'rsa-1024' | 'rsa-2048' | 'rsa-3072' | 'p-256' | 'p-384' | 'p-521' | 'ed25519';

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
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey;
  }
}
