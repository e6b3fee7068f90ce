/**
 * `sealgate cms` on a message of 400 MB and of 1 GB, whole process, beside `openssl cms`: CPU seconds, time, peak memory.
 *
 * Each command is a process of its own under time(1), as a user calls it; the pipe of OpenSSL counts both of its
 * processes, and its peak is the larger of the two. What sealgate writes openssl reads at the end, and the other way
 * round. `--mb N` takes another size, `--rounds N` more rounds (the median is told), `--no-gigabyte` leaves that out.
 */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

const CLI = path.join(import.meta.dirname, '../../src/cli/sealgate.js');
const argument = (name: string, fallback: number): number => {
  const at = process.argv.indexOf(name);
  return at === -1 ? fallback : Number(process.argv[at + 1]);
};
const MEGABYTES = argument('--mb', 400);
const ROUNDS = argument('--rounds', 3);

const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-400mb-'));
const file = (name: string): string => path.join(folder, name);

interface Cost {
  readonly cpu: number;
  readonly wall: number;
  readonly peakMib: number;
}

/** One shell command under time(1). */
function measure(command: string): Cost {
  const report = file('time');
  const run = spawnSync('/usr/bin/time', ['-f', '%U %S %e %M', '-o', report, 'sh', '-c', command], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (run.status !== 0) throw new Error(`${command}: ${run.stderr.toString()}`);
  const [user = 0, system = 0, wall = 0, peak = 0] = readFileSync(report, 'utf8').trim().split(' ').map(Number);
  return { cpu: user + system, wall, peakMib: peak / 1024 };
}

function median(costs: readonly Cost[]): Cost {
  const of = (pick: (cost: Cost) => number): number => costs.map(pick).sort((a, b) => a - b)[costs.length >> 1] ?? 0;
  return { cpu: of(({ cpu }) => cpu), wall: of(({ wall }) => wall), peakMib: of(({ peakMib }) => peakMib) };
}

/** Text and a base64 attachment, CRLF, 76 columns. */
function writeMessage(name: string, megabytes: number): void {
  const out = openSync(file(name), 'w');
  const head =
    'From: alice@example.org\r\nTo: bob@example.org\r\nSubject: large\r\nMIME-Version: 1.0\r\n' +
    'Content-Type: multipart/mixed; boundary="part"\r\n\r\n--part\r\nContent-Type: text/plain\r\n\r\nhello\r\n--part\r\n' +
    'Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  let written = writeSync(out, head);
  const block = randomBytes(57 * 13_000)
    .toString('base64')
    .replace(/.{76}/g, '$&\r\n');
  while (written < megabytes * 1e6) written += writeSync(out, block);
  writeSync(out, '--part--\r\n');
  closeSync(out);
}

function digestOf(name: string): string {
  const hash = createHash('sha256');
  const descriptor = openSync(file(name), 'r');
  const chunk = Buffer.alloc(1 << 20);
  for (let octets = 1; octets > 0; ) {
    octets = readSync(descriptor, chunk);
    hash.update(chunk.subarray(0, octets));
  }
  closeSync(descriptor);
  return hash.digest('hex');
}

const root = makeAuthority({ name: 'Root', key: 'rsa-2048' });
for (const name of ['alice', 'bob']) {
  const made = makeCertificate(root, { emails: [`${name}@example.org`], name });
  writeFileSync(file(`${name}.pem`), made.pem);
  writeFileSync(file(`${name}.key`), made.keyPem, { mode: 0o600 });
}
writeFileSync(file('root.pem'), root.pem);

const SEALGATE = `${process.execPath} ${CLI} cms`;
const SIGNER = '--signer alice.pem --key alice.key';
const OURS = {
  seal: `${SEALGATE} seal ${SIGNER} --recipient bob.pem --in FILE --out FILE.ours`,
  'seal, GCM': `${SEALGATE} seal ${SIGNER} --recipient bob.pem --cipher aes-256-gcm --in FILE --out FILE.ours-gcm`,
  decrypt: `${SEALGATE} decrypt --key bob.key --cert bob.pem --in FILE.ours --out FILE.ours-open`,
  'decrypt, from a pipe': `cat FILE.ours | ${SEALGATE} decrypt --key bob.key --cert bob.pem > FILE.ours-open`,
  verify: `${SEALGATE} verify --trust root.pem --in FILE.ours-open --out FILE.ours-content`,
} as const;
const OPENSSL_SIGN = 'openssl cms -sign -stream -in FILE -signer alice.pem -inkey alice.key -nosmimecap';
const THEIRS: Readonly<Partial<Record<keyof typeof OURS, string>>> = {
  seal: `${OPENSSL_SIGN} | openssl cms -encrypt -stream -binary -aes-256-cbc bob.pem > FILE.theirs`,
  'seal, GCM': `${OPENSSL_SIGN} | openssl cms -encrypt -stream -binary -aes-256-gcm bob.pem > FILE.theirs-gcm`,
  decrypt: 'openssl cms -decrypt -binary -in FILE.theirs -recip bob.pem -inkey bob.key -out FILE.theirs-open',
  verify: 'openssl cms -verify -in FILE.theirs-open -CAfile root.pem -out FILE.theirs-content',
};

function row(name: string, ours: Cost, theirs: Cost | null): void {
  const columns = (cost: Cost | null): string =>
    cost === null
      ? '       -        -       -'
      : `${cost.cpu.toFixed(2).padStart(8)} ${cost.wall.toFixed(2).padStart(8)} ${cost.peakMib.toFixed(0).padStart(7)}`;
  const ratio = theirs === null ? '' : `${(theirs.cpu / ours.cpu).toFixed(2)}`;
  console.log(`${name.padEnd(24)}${columns(ours)}   ${columns(theirs)}   ${ratio.padStart(8)}`);
}

let failed = false;
try {
  writeMessage('big', MEGABYTES);
  console.log(`${(statSync(file('big')).size / 1e6).toFixed(0)} MB, median of ${ROUNDS} interleaved rounds`);
  console.log(`${''.padEnd(24)}${'sealgate cms'.padEnd(26)}  ${'openssl cms'.padEnd(26)} CPU ratio`);
  console.log(`${''.padEnd(24)}   CPU s   wall s     MiB      CPU s   wall s     MiB`);
  for (const name of Object.keys(OURS) as (keyof typeof OURS)[]) {
    const ours: Cost[] = [];
    const theirs: Cost[] = [];
    const peer = THEIRS[name];
    for (let round = 0; round < ROUNDS; round++) {
      ours.push(measure(OURS[name].replaceAll('FILE', 'big')));
      if (peer !== undefined) theirs.push(measure(peer.replaceAll('FILE', 'big')));
    }
    const cost = median(ours);
    row(name, cost, peer === undefined ? null : median(theirs));
    failed ||= cost.peakMib > 200;
  }
  // across: what one wrote the other reads, to the same content
  measure('openssl cms -decrypt -binary -in big.ours -recip bob.pem -inkey bob.key -out cross');
  measure('openssl cms -verify -in cross -CAfile root.pem -out cross-content');
  measure(`${SEALGATE} decrypt --key bob.key --cert bob.pem --in big.theirs --out cross2`);
  measure(`${SEALGATE} verify --trust root.pem --in cross2 --out cross2-content`);
  const same = digestOf('cross-content') === digestOf('big.ours-content');
  const whole = digestOf('cross2-content') === digestOf('big');
  console.log(`openssl opens what sealgate sealed: ${same ? 'same content' : 'OTHER CONTENT'}`);
  console.log(`sealgate opens what openssl sealed: ${whole ? 'same content' : 'OTHER CONTENT'}`);
  failed ||= !same || !whole;
  if (!process.argv.includes('--no-gigabyte')) {
    writeMessage('big', 1000);
    console.log('1000 MB');
    for (const name of ['seal', 'decrypt', 'decrypt, from a pipe', 'verify'] as const) {
      const cost = measure(OURS[name].replaceAll('FILE', 'big'));
      row(name, cost, null);
      failed ||= cost.peakMib > 200;
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
