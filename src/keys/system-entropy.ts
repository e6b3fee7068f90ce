/**
 * The system's generator of random octets as the `Entropy` that the pure rooms ask for, and the only one in production.
 *
 * Small requests are served from a pool, because one call of the generator costs more than the copy; octets are wiped
 * from the pool as they are taken, so a key never lies there once it is in use.
 */
import { createECDH, randomBytes, randomFillSync } from 'node:crypto';
import type { Entropy } from '../cms/signer.ts';

const POOL_OCTETS = 4096;
/** Longer requests go to the generator itself. */
const POOLED_REQUEST_MAX = 1024;

const CURVE_NAME = { 'P-256': 'prime256v1', 'P-384': 'secp384r1' } as const;

class SystemEntropy implements Entropy {
  private readonly pool = Buffer.alloc(POOL_OCTETS);
  private taken = POOL_OCTETS;

  bytes(length: number): Buffer {
    if (length > POOLED_REQUEST_MAX) return randomBytes(length);
    if (this.taken + length > POOL_OCTETS) {
      randomFillSync(this.pool);
      this.taken = 0;
    }
    const end = this.taken + length;
    const octets = Buffer.allocUnsafeSlow(length);
    this.pool.copy(octets, 0, this.taken, end);
    this.pool.fill(0, this.taken, end);
    this.taken = end;
    return octets;
  }

  ecdhKeyPair(curve: 'P-256' | 'P-384'): { readonly publicPoint: Buffer; derive(peerPoint: Buffer): Buffer } {
    const pair = createECDH(CURVE_NAME[curve]);
    return {
      publicPoint: pair.generateKeys(),
      derive: (peerPoint) => pair.computeSecret(peerPoint),
    };
  }
}

/** One pool a process: safe, because JavaScript runs one request at a time. */
export const systemEntropy: Entropy = new SystemEntropy();
