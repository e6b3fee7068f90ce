/** Mutated serialized stores: whatever is done to the octets, both readers agree and nothing throws. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readAuthorityFile } from '../../src/trust/authority-file.ts';
import { looksLikeSst, readSst } from '../../src/trust/sst-reader.ts';
import { readSstAgain } from './sst-second-reader.ts';

const KINDS: readonly string[] = ['certificate', 'crl', 'ctl', 'key-identifier'];

export interface MutationFigures {
  readonly read: number;
  readonly refused: number;
  /** Files of which some certificates were read although a part was refused; must stay 0 for an import. */
  readonly longestMs: number;
}

/** @param seed the same seed makes the same files */
export function runSstMutations(base: Buffer, count: number, seed: number): MutationFigures {
  let [read, refused, longestMs] = [0, 0, 0];
  const random = randomOctets(seed);
  for (let run = 0; run < count; run++) {
    const file = mutate(base, random);
    const begun = performance.now();
    const first = readSst(file);
    readAuthorityFile(file);
    longestMs = Math.max(longestMs, performance.now() - begun);
    const second = attempt(() => readSstAgain(file));
    assert.equal(first.ok, second !== null, `run ${run} of seed ${seed}: ${file.toString('hex')}`);
    if (!first.ok) {
      refused++;
      assert.ok(first.problem.length > 0 && first.problem.length < 200);
      // nothing half-imported: a store that cannot be read whole gives nothing
      if (looksLikeSst(file)) assert.equal(readAuthorityFile(file).certificates.length, 0);
      continue;
    }
    read++;
    assert.deepEqual(
      first.entries.map(({ kind, value }) => [KINDS.indexOf(kind) + 32, value]),
      second?.contexts.map(({ id, value }) => [id, value]),
    );
  }
  return { read, refused, longestMs };
}

function attempt<T>(make: () => T): T | null {
  try {
    return make();
  } catch {
    return null;
  }
}

/** One to four changes: octets, lengths, cuts, doublings. */
function mutate(base: Buffer, random: () => number): Buffer {
  let file: Buffer = Buffer.from(base);
  for (let changes = (random() % 4) + 1; changes > 0; changes--) {
    const at = file.length === 0 ? 0 : random() % file.length;
    const length = random() % 40;
    switch (random() % 6) {
      case 0:
      case 1:
        if (file.length > 0) file[at] = random() & 0xff;
        break;
      case 2:
        if (file.length >= at + 4) file.writeUInt32LE([0, 1, 12, 32, 0x7fffffff, 0xffffffff][random() % 6] ?? 0, at);
        break;
      case 3:
        file = Buffer.concat([file.subarray(0, at), file.subarray(at + length)]);
        break;
      case 4:
        file = Buffer.concat([file.subarray(0, at), file.subarray(at, at + length), file.subarray(at)]);
        break;
      default:
        file = file.subarray(0, at);
    }
  }
  return file;
}

/** A stream of 32-bit numbers from SHA-256 in counter mode. */
function randomOctets(seed: number): () => number {
  let counter = 0;
  let pool = Buffer.alloc(0);
  return () => {
    if (pool.length < 4) pool = createHash('sha256').update(`${seed} ${counter++}`).digest();
    const value = pool.readUInt32LE(0);
    pool = pool.subarray(4);
    return value;
  };
}
