/**
 * Every CMS algorithm with every peer, both directions; writes the table of benchmarks/results/interop.md.
 *
 * Peers: OpenSSL, gpgsm, NSS, Bouncy Castle, Thunderbird, PKI.js, python cryptography, and the second
 * implementation of test/interop/noble. Debian: openssl gpgsm libnss3-tools
 * libbcmail-java and a JDK, thunderbird, python3-cryptography. A peer that is missing is a failure unless `--present` is
 * given. ML-DSA and ML-KEM need Node 24 or later.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { BouncyCastlePeer } from '../interop/peers/bouncy-castle-peer.ts';
import { type Cell, DIRECTIONS, MatrixCast, NO_FUNCTION, runPeer } from '../interop/peers/cms-matrix.ts';
import { GpgsmPeer } from '../interop/peers/gpgsm-peer.ts';
import { NoblePeer } from '../interop/peers/noble-peer.ts';
import { NssPeer } from '../interop/peers/nss-peer.ts';
import { OpensslPeer } from '../interop/peers/openssl-peer.ts';
import type { Peer } from '../interop/peers/peer.ts';
import { PkijsPeer } from '../interop/peers/pkijs-peer.ts';
import { PythonPeer } from '../interop/peers/python-peer.ts';
import { ThunderbirdPeer } from '../interop/peers/thunderbird-peer.ts';

const OUT = path.join(process.cwd(), 'benchmarks/results/interop.md');
const onlyPresent = process.argv.includes('--present');

const cast = new MatrixCast();
const control = new OpensslPeer();
const peers: readonly Peer[] = [
  new OpensslPeer(),
  new GpgsmPeer(),
  new NssPeer(),
  await BouncyCastlePeer.start(),
  await ThunderbirdPeer.start(cast.recipients()),
  new PkijsPeer(),
  new PythonPeer(),
  new NoblePeer(),
];
const present = peers.filter((peer) => peer.version() !== null);
const cells: Cell[] = [];
for (const peer of present) {
  const of = await runPeer(peer, cast, control);
  cells.push(...of);
  const count = (outcome: Cell['outcome']): number => of.filter((cell) => cell.outcome === outcome).length;
  console.log(
    `${peer.name.padEnd(20)} ${(peer.version() ?? '').padEnd(12)} ok ${count('ok')}, peer cannot ${count('peer cannot')}, FAIL ${count('FAIL')}`,
  );
}
const missing = peers.filter((peer) => peer.version() === null).map(({ name }) => name);
for (const name of missing) console.log(`${name} is not installed`);
const failed = cells.filter(({ outcome }) => outcome === 'FAIL');
for (const { row, peer, direction, words } of failed) console.log(`FAIL ${peer}, ${row}, ${direction}: ${words}`);
writeFileSync(OUT, formatTable(present, cells));
console.log(`written: ${path.relative(process.cwd(), OUT)}`);
for (const peer of [...peers, control]) peer.close?.();
process.exitCode = failed.length > 0 || (missing.length > 0 && !onlyPresent) ? 1 : 0;

function formatTable(columns: readonly Peer[], all: readonly Cell[]): string {
  const notes: string[] = [];
  const rows = [...new Set(all.map(({ row }) => row))].map((row) => {
    const of = columns.map((peer) => {
      const pair = DIRECTIONS.map((direction) =>
        mark(
          all.find((cell) => cell.row === row && cell.peer === peer.name && cell.direction === direction),
          notes,
        ),
      );
      return pair.join(' / ');
    });
    return `| ${row} | ${of.join(' | ')} |`;
  });
  const heads = columns.map((peer) => `${peer.name} ${peer.version() ?? ''}`);
  return [
    '# Interoperability',
    '',
    'Made by `npm run prove -- cms-matrix` on ' +
      `Node ${process.versions.node}. Each cell: the peer reads what sealgate wrote / sealgate reads what the peer wrote.`,
    'A number is what the peer cannot, in its own words below; each was tried with the same object made by OpenSSL too, where',
    'OpenSSL makes one, and refused as well. `none`: the peer has no function for it, or none that a script reaches (of',
    'Thunderbird all but decryption). `-`: this Node has no such keys. **FAIL** is ours. `noble` is a second implementation of',
    'CMS, written from the RFCs for the tests (test/interop/noble) over the noble libraries; it shares no code with sealgate.',
    '',
    `| | ${heads.join(' | ')} |`,
    `| --- |${columns.map(() => ' --- |').join('')}`,
    ...rows,
    '',
    ...notes.map((note, index) => `${index + 1}. ${note}`),
    '',
  ].join('\n');
}

function mark(cell: Cell | undefined, notes: string[]): string {
  if (cell === undefined || cell.outcome === 'not on this Node') return '-';
  if (cell.outcome === 'ok') return 'ok';
  if (cell.outcome === 'FAIL') return '**FAIL**';
  if (cell.words.startsWith(NO_FUNCTION)) return 'none';
  // names of temporary files differ from run to run
  const words = cell.words
    .replace(/'?\/\S*sealgate-peer-\S*/g, 'FILE')
    .replace(/[0-9A-F]{12,}/g, 'N')
    .replace(/\d{4}-\d\d-\d\d [\d:]+/g, 'DATE');
  const note = `${cell.peer}: \`${words.replaceAll('`', "'").replaceAll('|', '/')}\``;
  if (!notes.includes(note)) notes.push(note);
  return `${notes.indexOf(note) + 1}`;
}
