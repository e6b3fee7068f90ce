/** The spool of `sealgate cms` for pipes: the same octets at any place, and none of them clear on disk (promise 2). */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { spool } from '../../src/cli/cms-spool.ts';
import { collect } from '../../src/cms/reopenable-source.ts';

async function* pieces(octets: Buffer, size: number): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
}

/** Octets without repetition that a search would find. */
function canary(length: number): Buffer {
  return Buffer.from(
    Array.from({ length: Math.ceil(length / 8) }, (_, i) => `canary${i.toString(36)}`).join(' '),
  ).subarray(0, length);
}

describe('cms spool', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-spool-'));
  after(() => rmSync(folder, { recursive: true }));

  it('gives the octets between any two places, from memory and from a file', async () => {
    const octets = canary(300_000);
    for (const memoryOctets of [1_000_000, 100, 0]) {
      const spooled = await spool(pieces(octets, 7001), { folder, memoryOctets });
      assert.equal(spooled.onDisk, memoryOctets < octets.length);
      const places = fc.integer({ min: 0, max: octets.length });
      await fc.assert(
        fc.asyncProperty(places, places, async (a, b) => {
          const [from, to] = a < b ? [a, b] : [b, a];
          const part = await collect(spooled.source.open(from, to), octets.length);
          assert.ok(part?.equals(octets.subarray(from, to)));
        }),
        { numRuns: 30 },
      );
      assert.ok((await collect(spooled.source.open(), octets.length))?.equals(octets));
      await spooled.close();
    }
  });

  it('keeps ciphertext only, in a file without a name that nobody else may open', async () => {
    const octets = canary(1_000_000);
    const spooled = await spool(pieces(octets, 65_536), { folder, memoryOctets: 1000 });
    assert.deepEqual(readdirSync(folder), []);
    const [descriptor] = readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(folder));
    assert.ok(descriptor !== undefined && linkOf(descriptor).endsWith(' (deleted)'));
    const status = statSync(`/proc/self/fd/${descriptor}`);
    assert.equal(status.mode & 0o777, 0o600);
    const stored = readFileSync(`/proc/self/fd/${descriptor}`);
    assert.ok(stored.length > octets.length);
    assert.equal(stored.includes('canary'), false);
    assert.equal(octets.includes('canary'), true);
    await spooled.close();
  });

  it('fails, and leaves nothing, where the pipe fails', async () => {
    async function* broken(): AsyncGenerator<Buffer, void, undefined> {
      yield canary(200_000);
      throw new Error('broken pipe');
    }
    await assert.rejects(spool(broken(), { folder, memoryOctets: 1000 }), /broken pipe/);
    assert.deepEqual(readdirSync(folder), []);
  });
});

function linkOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}
