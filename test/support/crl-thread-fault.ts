/** A thread in place of `trust/crl-worker.ts` that goes wrong as the last word of the file's name says. */
import { parentPort } from 'node:worker_threads';

const FAULTS: Readonly<Record<string, () => void>> = {
  exit: () => process.exit(3),
  throw: () => {
    throw new Error('thrown in the thread');
  },
  reject: () => void Promise.reject(new Error('rejected in the thread')),
  memory: () => {
    for (const kept: number[][] = []; ; ) kept.push(new Array<number>(1_000_000).fill(kept.length + 0.5));
  },
  hang: () => {
    for (;;);
  },
  silence: () => {},
};

parentPort?.on('message', (file: string) => FAULTS[file.slice(file.lastIndexOf('-') + 1)]?.());
