/** Entropy that counts instead of guessing: the same bytes in the same order each time, never all zero. */
import { createECDH, createHash, createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { AGREEMENT_CURVES, type AgreementCurve } from '../../src/cms/algorithms/key-agreements.ts';
import type { AgreementKeyPair, Entropy } from '../../src/cms/signer.ts';
import { encapsulateWith } from '../../src/keys/system-entropy.ts';

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

  ecdhKeyPair(curve: AgreementCurve): AgreementKeyPair {
    const { nodeName, pointOctets, montgomery } = AGREEMENT_CURVES[curve];
    if (montgomery) return this.montgomeryKeyPair(curve === 'X448' ? 'X448' : 'X25519', pointOctets);
    const pair = createECDH(nodeName);
    const scalar = this.bytes((pointOctets - 1) / 2);
    // below the order of every curve
    scalar[0] = 0;
    if (curve === 'P-521') scalar[1] = 0;
    pair.setPrivateKey(scalar);
    return { publicPoint: pair.getPublicKey(), derive: (peerPoint) => pair.computeSecret(peerPoint) };
  }

  /** Not counted: node:crypto draws its own randomness here. */
  encapsulate(key: KeyObject): { readonly ciphertext: Buffer; readonly sharedSecret: Buffer } {
    return encapsulateWith(key);
  }

  private montgomeryKeyPair(curve: 'X25519' | 'X448', octets: number): AgreementKeyPair {
    const x25519 = curve === 'X25519';
    const pkcs8 = Buffer.from(x25519 ? '302e020100300506032b656e04220420' : '3046020100300506032b656f043a0438', 'hex');
    const spki = Buffer.from(x25519 ? '302a300506032b656e032100' : '3042300506032b656f033900', 'hex');
    const key = Buffer.concat([pkcs8, this.bytes(octets)]);
    const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
    return {
      publicPoint: createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(spki.length),
      derive: (peerPoint) => {
        const peer = Buffer.concat([spki, peerPoint]);
        const publicKey = createPublicKey({ key: peer, format: 'der', type: 'spki' });
        return diffieHellman({ privateKey, publicKey });
      },
    };
  }

  private block(hash: string): Buffer {
    return createHash(hash)
      .update(String(this.count++))
      .digest();
  }
}
