/**
 * A worker that reads damaged CMS objects one after another, whole and in pieces, and says what it is at, so that one who
 * watches can see it hang. Started by cms-fuzz.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { bufferSource, type ReopenableSource } from '../../src/cms/reopenable-source.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import { lending, type RangedSource } from '../../src/smime/ranged-source.ts';
import { Dice, mutate } from './cms-mutation.ts';
import { EVERY_TOLERANCE, outcomeOf } from './cms-outcome.ts';
import { makeSeeds } from './cms-seeds.ts';

export interface FuzzOrder {
  readonly seed: number;
  readonly inputs: number;
  readonly extraSeeds: readonly Uint8Array[];
  /** [0]: number of the input that is read now; [1]: inputs that opened or verified. */
  readonly progress: SharedArrayBuffer;
}

export interface FuzzFinding {
  readonly input: number;
  readonly problem: string;
  readonly octets: string;
}

/** Findings told; one is enough to fail. */
const FINDINGS_MAX = 20;

async function fuzz(order: FuzzOrder): Promise<FuzzFinding[]> {
  const seeds = makeSeeds(300);
  const objects = [...seeds.objects, ...order.extraSeeds.map((octets) => Buffer.from(octets))];
  const unwrapper = new KeyUnwrapper(seeds.keys);
  const certificates = seeds.keys.map(({ certificate }) => certificate);
  const progress = new Int32Array(order.progress);
  const findings: FuzzFinding[] = [];
  for (let input = 1; input <= order.inputs && findings.length < FINDINGS_MAX; input++) {
    Atomics.store(progress, 0, input);
    const dice = new Dice(order.seed * 1_000_003 + input);
    const original = objects[dice.below(objects.length)] ?? Buffer.alloc(0);
    const octets = mutate(original, objects, dice);
    const content = dice.below(4) === 0 ? bufferSource(seeds.content) : null;
    const surroundings = { unwrapper, certificates, ...(dice.below(2) === 0 ? { policy: EVERY_TOLERANCE } : {}) };
    try {
      const whole = await outcomeOf(bufferSource(octets), content, surroundings);
      if (/^(valid|opened|inflated)/.test(whole)) Atomics.add(progress, 1, 1);
      if (input % 8 !== 0) continue;
      const source = input % 16 === 0 ? pieces(octets, dice) : lent(octets, dice);
      const cut = await outcomeOf(source, content, surroundings);
      if (cut !== whole)
        findings.push({ input, problem: `whole: ${whole}; in pieces: ${cut}`, octets: octets.toString('hex') });
    } catch (thrown) {
      const problem = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
      findings.push({ input, problem, octets: octets.toString('hex') });
    }
  }
  return findings;
}

/** The same octets in the same pieces at every opening. */
function pieces(octets: Buffer, dice: Dice): ReopenableSource {
  const cuts: number[] = [];
  for (let at = 0; at < octets.length; at += 1 + dice.below(1 << dice.below(10))) cuts.push(at);
  return {
    async *open(): AsyncGenerator<Buffer, void, undefined> {
      for (const [index, at] of cuts.entries()) yield octets.subarray(at, cuts[index + 1] ?? octets.length);
    },
  };
}

/** The same in memory that is used again, as a file is read. */
function lent(octets: Buffer, dice: Dice): ReopenableSource {
  const size = 1 + dice.below(1 << dice.below(12));
  const source: RangedSource = {
    async *open(from = 0): AsyncGenerator<Buffer, void, undefined> {
      for (let at = from; at < octets.length; at += size) yield octets.subarray(at, at + size);
    },
    readInto: (target, from) => octets.copy(target.fill(0xee), 0, Math.min(from, octets.length), from + size),
  };
  if (size % 2 === 0) source.identity = async () => 'same';
  return lending(source);
}

parentPort?.postMessage(await fuzz(workerData as FuzzOrder));
