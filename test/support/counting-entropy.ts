/** Entropy that counts instead of guessing: the same bytes in the same order each time, never all zero. */
import { createECDH, createHash } from 'node:crypto';
import type { Entropy } from '../../src/cms/signer.ts';

export class CountingEntropy implements Entropy {
  private count: number;

  /** @param seed another seed gives other bytes */
  constructor(seed = 0) {
    this.count = seed * 1_000_000;
  }

  bytes(length: number): Buffer {
    const blocks: Buffer[] = [];
    for (let made = 0; made < length; made += 32) blocks.push(this.block('sha256'));
    return Buffer.concat(blocks).subarray(0, length);
  }

  ecdhKeyPair(curve: 'P-256' | 'P-384'): { readonly publicPoint: Buffer; derive(peerPoint: Buffer): Buffer } {
    const pair = createECDH(curve === 'P-256' ? 'prime256v1' : 'secp384r1');
    pair.setPrivateKey(this.block(curve === 'P-256' ? 'sha256' : 'sha384'));
    return { publicPoint: pair.getPublicKey(), derive: (peerPoint) => pair.computeSecret(peerPoint) };
  }

  private block(hash: string): Buffer {
    return createHash(hash)
      .update(String(this.count++))
      .digest();
  }
}
