/**
 * One measurement of one operation, for interleaving with peers:
 *
 *   node cms-one.js PKI-FOLDER OPERATION CIPHER FILE REPEATS [WARM [AT-ONCE]] prints JSON: CPU seconds a message and peak RSS.
 *
 * With AT-ONCE so many messages are under way at the same time, and signatures are made on the thread pool as in the gateway.
 * Writers take the message from memory, as composed-bound does; with REPEATS 1 from its file, so that peak RSS is that
 * of a stream. Readers take it from its file, as composed-open does.
 */
import { createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { prepareReclaim } from '../src/buffer-reclaim.ts';
import { type Operation, type Parties, readMessage, readParties, withFile, writeMessage } from './cms-operations.ts';

const [folder = '', operationText = '', cipher = '', file = '', repeatsText = '1', warmText, atOnceText] =
  process.argv.slice(2);
const operation = operationText as Operation;
const repeats = Number(repeatsText);
const warm = Number(warmText ?? Math.ceil(repeats / 2));
// as the program does at its start
prepareReclaim();
const atOnce = Number(atOnceText ?? 1);
const parties = atOnce === 1 ? readParties(folder, cipher) : withPool(readParties(folder, cipher));
const reads = operation === 'decrypt' || operation === 'verify' || operation === 'open';
const message = reads || repeats === 1 ? null : readFileSync(file);

/** Of this process alone: what getrusage says begins with the peak of the parent. */
function peakRss(): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) / 1024;
}

function once(): Promise<number> {
  if (operation === 'decrypt' || operation === 'verify' || operation === 'open')
    return withFile(file, (source) => readMessage(operation, source, parties));
  if (message !== null) return writeMessage(operation, message, parties);
  return withFile(file, (source) => writeMessage(operation, source.open(), parties));
}

function withPool(given: Parties): Parties {
  const key = createPrivateKey(readFileSync(path.join(folder, 'alice.key')));
  const signOnPool = promisify(sign);
  return { ...given, signer: { ...given.signer, sign: (attributes) => signOnPool('sha256', attributes, key) } };
}

async function times(count: number): Promise<number> {
  let left = count;
  let octets = 0;
  const lane = async (): Promise<void> => {
    for (; left > 0; left--) octets = await once();
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return octets;
}

await times(warm);
const before = process.cpuUsage();
const startedAt = performance.now();
const octets = await times(repeats);
const { user, system } = process.cpuUsage(before);
const seconds = (user + system) / 1e6 / repeats;
const wallSeconds = (performance.now() - startedAt) / 1e3 / repeats;
console.log(JSON.stringify({ seconds, wallSeconds, octets, rssMiB: peakRss() }));
