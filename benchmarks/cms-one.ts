/**
 * One measurement of one operation, for interleaving with peers:
 *
 *   node cms-one.js PKI-FOLDER OPERATION CIPHER FILE REPEATS [WARM] prints JSON: CPU seconds a message and peak RSS.
 *
 * Writers take the message from memory, as composed-bound does; with REPEATS 1 from its file, so that peak RSS is that
 * of a stream. Readers take it from its file, as composed-open does.
 */
import { readFileSync } from 'node:fs';
import { prepareReclaim } from '../src/buffer-reclaim.ts';
import { chunksOf, fileSource, type Operation, readMessage, readParties, writeMessage } from './cms-operations.ts';

const [folder = '', operationText = '', cipher = '', file = '', repeatsText = '1', warmText] = process.argv.slice(2);
const operation = operationText as Operation;
const repeats = Number(repeatsText);
const warm = Number(warmText ?? Math.ceil(repeats / 2));
// as the program does at its start
prepareReclaim();
const parties = readParties(folder, cipher);
const source = fileSource(file);
const reads = operation === 'decrypt' || operation === 'verify' || operation === 'open';
const message = reads || repeats === 1 ? null : readFileSync(file);

/** Of this process alone: what getrusage says begins with the peak of the parent. */
function peakRss(): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) / 1024;
}

function once(): Promise<number> {
  if (operation === 'decrypt' || operation === 'verify' || operation === 'open')
    return readMessage(operation, source, parties);
  return writeMessage(operation, message === null ? source.open() : chunksOf(message), parties);
}

for (let count = 0; count < warm; count++) await once();
const before = process.cpuUsage();
const startedAt = performance.now();
let octets = 0;
for (let count = 0; count < repeats; count++) octets = await once();
const { user, system } = process.cpuUsage(before);
const seconds = (user + system) / 1e6 / repeats;
const wallSeconds = (performance.now() - startedAt) / 1e3 / repeats;
console.log(JSON.stringify({ seconds, wallSeconds, octets, rssMiB: peakRss() }));
