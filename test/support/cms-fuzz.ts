/** Fuzzes the readers in a worker of its own, with a deadline for each input and a heap that is limited (catalogue C1). */
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { FuzzFinding, FuzzOrder } from './cms-fuzz-worker.ts';

/** Longest time for one input. */
const HANG_MS = 1000;
const HEAP_MIB = 256;

export interface FuzzResult {
  readonly inputs: number;
  /** Inputs that still opened or verified. */
  readonly accepted: number;
  readonly slowestMs: number;
  readonly findings: readonly FuzzFinding[];
}

/**
 * @param seed the same seed gives the same inputs
 * @param extraSeeds objects to damage beside our own
 */
export async function fuzzReaders(
  seed: number,
  inputs: number,
  extraSeeds: readonly Buffer[] = [],
): Promise<FuzzResult> {
  const progress = new SharedArrayBuffer(8);
  const order: FuzzOrder = { seed, inputs, extraSeeds, progress };
  // beside this file, which is compiled when it runs
  const worker = new Worker(new URL('./cms-fuzz-worker.js', import.meta.url), {
    workerData: order,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB },
  });
  const watched = new Int32Array(progress);
  const running = { value: true };
  const finished = new Promise<readonly FuzzFinding[]>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  }).finally(() => {
    running.value = false;
  });
  const hang = watch(watched, running);
  const outcome = await Promise.race([finished.then((findings) => ({ findings })), hang.hung]);
  running.value = false;
  await worker.terminate();
  const done = Atomics.load(watched, 0);
  const findings = typeof outcome === 'number' ? [{ input: outcome, problem: 'hangs', octets: '' }] : outcome.findings;
  return { inputs: done, accepted: Atomics.load(watched, 1), slowestMs: hang.slowest(), findings };
}

/** Looks every 50 ms whether the worker is still at the same input. Making the seeds is no input. */
function watch(progress: Int32Array, running: { value: boolean }): { hung: Promise<number>; slowest(): number } {
  let slowest = 0;
  const look = async (): Promise<number> => {
    let [input, since] = [0, process.hrtime.bigint()];
    while (running.value) {
      await setTimeout(50);
      const now = process.hrtime.bigint();
      const current = Atomics.load(progress, 0);
      if (current !== input) [input, since] = [current, now];
      const ms = Number(now - since) / 1e6;
      if (input > 0) slowest = Math.max(slowest, ms);
      if (input > 0 && ms > HANG_MS) return input;
    }
    return new Promise<never>(() => {});
  };
  return { hung: look(), slowest: () => Math.round(slowest) };
}
