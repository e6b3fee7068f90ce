/**
 * Proves that a CRL of a million entries is read in bounded memory, in steps, and answered from an index.
 *
 *     npm run prove -- crl-size [entries]
 *
 * Prints load time, memory, the longest time the event loop was kept from others, and look-ups a second, each of them of a process
 * of its own. Fails when a serial is found that is not there, one is not found that is, memory exceeds 60 octets an entry, or a
 * hundredth of the turns took longer than 20 ms.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeAuthority } from '../support/certificate-builder.ts';
import { writeLargeCrl } from '../support/large-crl.ts';
import type { CrlLoad } from './support/crl-load.ts';
import { printTable } from './support/figure-table.ts';

const ENTRIES = Number(process.argv[2] ?? 1_000_000);
const LOOKUPS = 1_000_000;
const ROUNDS = 5;
const OCTETS_AN_ENTRY_MAX = 60;
const TURN_MS = 20;

const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-crl-size-'));
const files = ['large.crl', 'issuer.der', 'serials'].map((name) => path.join(folder, name));
const [list = '', issuer = '', serials = ''] = files;
const root = makeAuthority({ name: 'Large Root', key: 'rsa-2048' });
writeFileSync(issuer, root.der);
writeLargeCrl(list, serials, root, ENTRIES, LOOKUPS);
const { size } = statSync(list);
const program = path.join(import.meta.dirname, 'support/crl-load.js');
const loads = Array.from({ length: ROUNDS }, (): CrlLoad => {
  const printed = execFileSync(process.execPath, ['--expose-gc', program, ...files], { encoding: 'utf8' });
  return JSON.parse(printed) as CrlLoad;
});
rmSync(folder, { recursive: true });

/** @returns the median */
function middle(pick: (load: CrlLoad) => number): number {
  return loads.map(pick).sort((a, b) => a - b)[ROUNDS >> 1] ?? 0;
}

const mebibytes = (octets: number): string => `${(octets / 2 ** 20).toFixed(1)} MiB`;
const perEntry = middle((load) => load.indexOctets) / ENTRIES;
printTable(`CRL of ${ENTRIES} entries, median of ${ROUNDS} processes`, [
  ['what', 'figure'],
  ['file', mebibytes(size)],
  ['read, signature checked, indexed', `${middle((load) => load.seconds).toFixed(2)} s`],
  ['index', `${mebibytes(middle((load) => load.indexOctets))}, ${perEntry.toFixed(1)} octets an entry`],
  ['RSS more than before, at most', mebibytes(middle((load) => load.peakOctets))],
  ['RSS more than before, afterwards', mebibytes(middle((load) => load.heldOctets))],
  ['longest turn of the event loop', `${middle((load) => load.turnMs).toFixed(1)} ms`],
  ['the same of a process that reads nothing', `${middle((load) => load.idleTurnMs).toFixed(1)} ms`],
  ['99 of 100 turns at most', `${middle((load) => load.turn99Ms).toFixed(1)} ms`],
  ['look-ups', `${Math.round(middle((load) => load.lookups)).toLocaleString('en')} a second`],
]);
const faults = [
  ...(loads.some(({ wrong }) => wrong > 0) ? ['wrong answers'] : []),
  ...(loads.some(({ signed, entries }) => !signed || entries !== ENTRIES) ? ['the list was not read whole'] : []),
  ...(perEntry > OCTETS_AN_ENTRY_MAX ? ['more memory than allowed'] : []),
  ...(middle((load) => load.turn99Ms) > TURN_MS ? ['others had to wait'] : []),
];
console.log(faults.length === 0 ? 'proven' : `NOT proven: ${faults.join(', ')}`);
process.exit(faults.length === 0 ? 0 : 1);
