/** The pool of random octets: nothing comes twice, everything has its length, and both ends of an ECDH agree. */
import assert from 'node:assert/strict';
import { createECDH } from 'node:crypto';
import { systemEntropy } from '../../src/keys/system-entropy.ts';

describe('keys/system-entropy', () => {
  it('gives what was asked for, never the same twice, across the ends of the pool', () => {
    const seen = new Set<string>();
    for (let i = 0; i < 2000; i++) {
      const octets = systemEntropy.bytes(16 + (i % 48));
      assert.equal(octets.length, 16 + (i % 48));
      assert.ok(!octets.equals(Buffer.alloc(octets.length)));
      seen.add(octets.toString('hex', 0, 16));
    }
    assert.equal(seen.size, 2000);
    for (const length of [0, 1, 1024, 1025, 4096, 100_000]) assert.equal(systemEntropy.bytes(length).length, length);
  });

  it('hands out octets that are not views of the pool', () => {
    const first = systemEntropy.bytes(32);
    const copy = Buffer.from(first);
    const second = systemEntropy.bytes(32);
    assert.notEqual(first.buffer, second.buffer);
    second.fill(0);
    assert.deepEqual(first, copy);
  });

  it('makes key pairs that agree', () => {
    for (const [curve, octets] of [
      ['P-256', 65],
      ['P-384', 97],
    ] as const) {
      const one = systemEntropy.ecdhKeyPair(curve);
      const other = systemEntropy.ecdhKeyPair(curve);
      assert.equal(one.publicPoint.length, octets);
      assert.equal(one.publicPoint[0], 4);
      assert.notDeepEqual(one.publicPoint, other.publicPoint);
      const secret = one.derive(other.publicPoint);
      assert.deepEqual(secret, other.derive(one.publicPoint));
      assert.equal(secret.length, (octets - 1) / 2);
    }
  });

  it('makes a fresh key pair each time, for one agreement', () => {
    const peer = createECDH('prime256v1');
    const peerPoint = peer.generateKeys();
    const points = new Set<string>();
    const held = systemEntropy.ecdhKeyPair('P-256');
    for (let count = 0; count < 20; count++) {
      const pair = systemEntropy.ecdhKeyPair('P-256');
      points.add(pair.publicPoint.toString('hex'));
      assert.deepEqual(pair.derive(peerPoint), peer.computeSecret(pair.publicPoint));
      assert.throws(() => pair.derive(peerPoint), { code: 'crypto.failed' });
    }
    assert.equal(points.size, 20);
    // others came and went: it is still the pair that it was
    assert.deepEqual(held.derive(peerPoint), peer.computeSecret(held.publicPoint));
    const broken = systemEntropy.ecdhKeyPair('P-256');
    assert.throws(() => broken.derive(Buffer.alloc(65, 4)));
    const next = systemEntropy.ecdhKeyPair('P-256');
    assert.deepEqual(next.derive(peerPoint), peer.computeSecret(next.publicPoint));
  });
});
