/**
 * Proves that a CRL of a million entries is read in bounded memory and answered from an index.
 *
 *     npm run prove -- crl-size [entries]
 *
 * Prints load time, memory held, the longest time the event loop was kept from others, and look-ups a second; fails when
 * a serial is found that is not there, one is not found that is, or memory exceeds 60 octets an entry.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { derInteger, derSequence, derTime } from '../../src/asn1/der-writer.ts';
import { readCrlFile } from '../../src/trust/crl-file.ts';
import { makeAuthority } from '../support/certificate-builder.ts';
import { makeCrl } from '../support/crl-builder.ts';
import { printTable } from './support/figure-table.ts';

const ENTRIES = Number(process.argv[2] ?? 1_000_000);
const LOOKUPS = 1_000_000;
const OCTETS_AN_ENTRY_MAX = 60;
const REASON = Buffer.from('300c300a0603551d1504030a0101', 'hex');

const root = makeAuthority({ name: 'Large Root', key: 'rsa-2048' });
const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-crl-size-'));
const file = path.join(folder, 'large.crl');
const serials: Buffer[] = [];

function writeList(): number {
  const time = derTime(new Date());
  const parts: Buffer[] = [];
  for (let index = 0; index < ENTRIES; index++) {
    const serial = derInteger(BigInt(`0x40${randomBytes(15).toString('hex')}`));
    if (index % 16 === 0) serials.push(serial.subarray(2));
    parts.push(derSequence(serial, time, ...(index % 2 === 0 ? [REASON] : [])));
  }
  writeFileSync(file, makeCrl(root, { rawEntries: Buffer.concat(parts) }));
  return statSync(file).size;
}

function memory(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const size = writeList();
const before = memory();
const delayed = monitorEventLoopDelay({ resolution: 5 });
delayed.enable();
const begun = performance.now();
let peak = 0;
const sampling = setInterval(() => {
  const { rss } = process.memoryUsage();
  if (rss > peak) peak = rss;
}, 20);
const list = await readCrlFile(file, () => [root.certificate]);
clearInterval(sampling);
const loadMs = performance.now() - begun;
await new Promise((resolve) => setTimeout(resolve, 50));
delayed.disable();
const held = memory() - before;

const { subject } = root.certificate;
const absent = serials.map((serial) => Buffer.concat([serial.subarray(0, -1), randomBytes(2)]));
let found = 0;
let wrong = 0;
const asked = performance.now();
for (let index = 0; index < LOOKUPS; index++) {
  const present = index % 2 === 0;
  const serial = (present ? serials : absent)[(index >> 1) % serials.length];
  const entry = serial === undefined ? null : list.entries.find(serial, subject);
  if ((entry !== null) !== present) wrong++;
  else found++;
}
const lookupMs = performance.now() - asked;
rmSync(folder, { recursive: true });

const perEntry = list.entries.octets / ENTRIES;
printTable('CRL by size', [
  ['what', 'figure'],
  ['entries', String(list.entries.count)],
  ['file', `${(size / 2 ** 20).toFixed(1)} MiB`],
  ['read, signature checked, indexed', `${(loadMs / 1000).toFixed(2)} s`],
  ['index', `${(list.entries.octets / 2 ** 20).toFixed(1)} MiB, ${perEntry.toFixed(1)} octets an entry`],
  ['memory held more than before', globalThis.gc === undefined ? 'not known' : `${(held / 2 ** 20).toFixed(1)} MiB`],
  ['longest turn of the event loop', `${(delayed.max / 1e6).toFixed(0)} ms`],
  ['look-ups', `${Math.round((LOOKUPS / lookupMs) * 1000)} a second`],
  ['peak RSS of the process, list writer included', `${(peak / 2 ** 20).toFixed(0)} MiB`],
]);
const good =
  wrong === 0 &&
  found === LOOKUPS &&
  list.signedBy.length === 1 &&
  list.entries.count === ENTRIES &&
  perEntry < OCTETS_AN_ENTRY_MAX;
console.log(good ? 'proven' : `NOT proven: ${wrong} wrong answers`);
process.exit(good ? 0 : 1);
