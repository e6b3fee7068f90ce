/**
 * Every algorithm with every peer that Debian installs for the tests, in both directions; the whole matrix, Thunderbird
 * included, is `npm run prove -- cms-matrix`. Peers that are asked for by name must be there; others take part when they are.
 */
import assert from 'node:assert/strict';
import { skipOrFail } from '../support/vectors.ts';
import { BouncyCastlePeer } from './peers/bouncy-castle-peer.ts';
import { MatrixCast, runPeer } from './peers/cms-matrix.ts';
import { GpgsmPeer } from './peers/gpgsm-peer.ts';
import { NssPeer } from './peers/nss-peer.ts';
import { OpensslPeer } from './peers/openssl-peer.ts';
import type { Peer } from './peers/peer.ts';
import { PkijsPeer } from './peers/pkijs-peer.ts';
import { PythonPeer } from './peers/python-peer.ts';

interface Guest {
  readonly name: string;
  /** False: it may be missing. */
  readonly needed: boolean;
  start(): Peer | Promise<Peer>;
}

const GUESTS: readonly Guest[] = [
  { name: 'OpenSSL', needed: true, start: () => new OpensslPeer() },
  { name: 'gpgsm', needed: true, start: () => new GpgsmPeer() },
  { name: 'NSS', needed: true, start: () => new NssPeer() },
  { name: 'PKI.js', needed: true, start: () => new PkijsPeer() },
  { name: 'Bouncy Castle', needed: false, start: () => BouncyCastlePeer.start() },
  { name: 'python cryptography', needed: false, start: () => new PythonPeer() },
];

describe('interop/cms-matrix', function () {
  this.timeout(120_000);
  const cast = new MatrixCast();
  const control = new OpensslPeer();
  after(() => control.close());

  for (const guest of GUESTS) {
    it(`reads and writes what ${guest.name} does`, async function () {
      const peer = await guest.start();
      try {
        if (peer.version() === null) {
          if (guest.needed) skipOrFail(this, `${guest.name} is not installed`);
          return;
        }
        const cells = await runPeer(peer, cast, control);
        const failed = cells.filter(({ outcome }) => outcome === 'FAIL');
        assert.deepEqual(failed, []);
        assert.ok(cells.filter(({ outcome }) => outcome === 'ok').length >= 9, 'hardly anything was ok');
      } finally {
        peer.close?.();
      }
    });
  }
});
