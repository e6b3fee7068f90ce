/**
 * Reads one CRL in a process of its own and prints, as JSON, what that cost: `crl-load.js LIST ISSUER.der SERIALS`, where SERIALS
 * holds whole INTEGERs of which every second one is in the list.
 */
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { readCrlFile } from '../../../src/trust/crl-file.ts';
import { parseCertificate } from '../../../src/x509/certificate-reader.ts';
import { SERIAL_OCTETS } from '../../support/large-crl.ts';

/** What is printed. Times in seconds, turns in milliseconds, memory in octets. */
export interface CrlLoad {
  readonly seconds: number;
  readonly entries: number;
  readonly signed: boolean;
  readonly indexOctets: number;
  /** RSS at its highest, and after all, beside that before. */
  readonly peakOctets: number;
  readonly heldOctets: number;
  readonly turnMs: number;
  readonly turn99Ms: number;
  /** The same of a loop that does a little each turn, for as long: what the machine itself does. */
  readonly idleTurnMs: number;
  readonly lookups: number;
  readonly wrong: number;
}

const ROUNDS = 4;
const [list = '', issuerFile = '', serialFile = ''] = process.argv.slice(2);
const issuer = parseCertificate(readFileSync(issuerFile));
const octets = readFileSync(serialFile);
const serials = Array.from({ length: octets.length / SERIAL_OCTETS }, (_, index) =>
  octets.subarray(index * SERIAL_OCTETS + 2, (index + 1) * SERIAL_OCTETS),
);
const { rss: before } = process.memoryUsage();
let peak = before;
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 5);

async function turnsOf<T>(run: () => Promise<T>): Promise<{ result: T; seconds: number; max: number; p99: number }> {
  const turns = monitorEventLoopDelay({ resolution: 1 });
  turns.enable();
  await delay(50);
  turns.reset();
  const begun = performance.now();
  const result = await run();
  const seconds = (performance.now() - begun) / 1000;
  await delay(10);
  turns.disable();
  return { result, seconds, max: turns.max / 1e6, p99: turns.percentile(99) / 1e6 };
}

const load = await turnsOf(() => readCrlFile(list, () => [issuer]));
clearInterval(watch);
globalThis.gc?.();
const held = process.memoryUsage.rss() - before;
const idle = await turnsOf(async () => {
  for (const end = performance.now() + load.seconds * 1000; performance.now() < end; await setImmediate()) {
    for (const turn = performance.now() + 0.3; performance.now() < turn; );
  }
});
const { result } = load;
let wrong = 0;
const rates: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const begun = performance.now();
  for (const [index, serial] of serials.entries()) {
    if ((result.entries.find(serial, issuer.subject) !== null) !== (index % 2 === 0)) wrong++;
  }
  rates.push((serials.length / (performance.now() - begun)) * 1000);
}
const figures: CrlLoad = {
  seconds: load.seconds,
  entries: result.entries.count,
  signed: result.signedBy.length === 1,
  indexOctets: result.entries.octets,
  peakOctets: peak - before,
  heldOctets: held,
  turnMs: load.max,
  turn99Ms: load.p99,
  idleTurnMs: idle.max,
  lookups: rates.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0,
  wrong,
};
console.log(JSON.stringify(figures));
