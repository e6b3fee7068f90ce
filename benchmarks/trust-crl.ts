/**
 * A CRL of a million entries beside libcrypto (`crl-loop.c`): time to read it and check its signature, memory, look-ups a second,
 * and validations a second with it at hand. Each round is a process of its own for either, in turn; the median counts.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readCrlFile } from '../src/trust/crl-file.ts';
import { parseCertificate } from '../src/x509/certificate-reader.ts';
import { validatePath } from '../src/x509/path-validator.ts';
import { revocationJudge } from '../src/x509/revocation-judge.ts';
import type { CrlLoad } from '../test/prove/support/crl-load.ts';
import { makeAuthority, makeCertificate } from '../test/support/certificate-builder.ts';
import { evidenceOf } from '../test/support/crl-evidence.ts';
import { writeLargeCrl } from '../test/support/large-crl.ts';
import { compiledProgram } from './c-program.ts';
import { median } from './median.ts';

const ENTRIES = 1_000_000;
const LOOKUPS = 1_000_000;
const VALIDATIONS = 2000;
/** OpenSSL checks the signature of the list each time. */
const THEIR_VALIDATIONS = 20;

export interface CrlFigures {
  readonly seconds: number;
  readonly peakOctets: number;
  readonly lookups: number;
  readonly validations: number;
}

export interface CrlRows {
  readonly fileOctets: number;
  readonly indexOctets: number;
  readonly turnMs: number;
  readonly turn99Ms: number;
  readonly ours: CrlFigures;
  /** null where it could not be compiled. */
  readonly theirs: CrlFigures | null;
}

export async function benchCrl(rounds: number): Promise<CrlRows> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-bench-'));
  try {
    return await benchIn(folder, rounds);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function benchIn(folder: string, rounds: number): Promise<CrlRows> {
  const files = ['large.crl', 'issuer.der', 'serials', 'leaf.der'].map((name) => path.join(folder, name));
  const [list = '', issuer = '', serials = '', leaf = ''] = files;
  const root = makeAuthority({ name: 'Large Root', key: 'rsa-2048' });
  const made = makeCertificate(root, { emails: ['ada@bench.example'] });
  writeFileSync(issuer, root.der);
  writeFileSync(leaf, made.der);
  writeLargeCrl(list, serials, root, ENTRIES, LOOKUPS);
  const program = compiledProgram('crl-loop.c', folder);
  const ours: CrlLoad[] = [];
  const theirs: CrlFigures[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(loadOurs([list, issuer, serials]));
    if (program !== null) theirs.push(loadTheirs(program, files));
  }
  const read = await readCrlFile(list, () => [root.certificate]);
  const validations = median(Array.from({ length: rounds }, () => validationsWith(read, root.certificate, made.der)));
  const of = (pick: (load: CrlLoad) => number): number => median(ours.map(pick));
  const theirsOf = (pick: (figures: CrlFigures) => number): number => median(theirs.map(pick));
  return {
    fileOctets: statSync(list).size,
    indexOctets: of((load) => load.indexOctets),
    turnMs: of((load) => load.turnMs),
    turn99Ms: of((load) => load.turn99Ms),
    ours: {
      seconds: of((load) => load.seconds),
      peakOctets: of((load) => load.peakOctets),
      lookups: of((load) => load.lookups),
      validations,
    },
    theirs:
      theirs.length === 0
        ? null
        : {
            seconds: theirsOf(({ seconds }) => seconds),
            peakOctets: theirsOf(({ peakOctets }) => peakOctets),
            lookups: theirsOf(({ lookups }) => lookups),
            validations: theirsOf((figures) => figures.validations),
          },
  };
}

function loadOurs(files: readonly string[]): CrlLoad {
  const program = path.join(import.meta.dirname, '../test/prove/support/crl-load.js');
  const load = JSON.parse(
    execFileSync(process.execPath, ['--expose-gc', program, ...files], { encoding: 'utf8' }),
  ) as CrlLoad;
  if (load.wrong > 0 || !load.signed || load.entries !== ENTRIES) throw new Error('the list was not read as it is');
  return load;
}

function loadTheirs(program: string, files: readonly string[]): CrlFigures {
  const run = spawnSync(program, [...files, String(THEIR_VALIDATIONS)], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`crl-loop ended with ${run.status}`);
  const [seconds = 0, peakOctets = 0, lookups = 0, verified = 1] = run.stdout.trim().split(' ').map(Number);
  return { seconds, peakOctets, lookups, validations: THEIR_VALIDATIONS / verified };
}

/** The leaf is read before and its signature computed each time, as in the loop in C; the list's was when it was read. */
function validationsWith(
  list: Awaited<ReturnType<typeof readCrlFile>>,
  root: ReturnType<typeof parseCertificate>,
  der: Buffer,
): number {
  const revocation = revocationJudge(evidenceOf([list], [root]), {
    whenUnknown: 'refuse',
    withoutSource: 'refuse',
    tolerance: { skewMs: 0, stalenessMs: 0 },
  });
  const leaves = Array.from({ length: VALIDATIONS }, () => parseCertificate(der));
  const common = { anchors: Object.freeze([root]), intermediates: [], at: new Date(), address: null } as const;
  const begun = performance.now();
  for (const leaf of leaves) {
    if (!validatePath({ ...common, purpose: 'encrypt', leaf, revocation }).ok) throw new Error('not valid');
  }
  return (VALIDATIONS / (performance.now() - begun)) * 1000;
}

export function formatCrl({ fileOctets, indexOctets, turnMs, turn99Ms, ours, theirs }: CrlRows): string {
  const mebibytes = (octets: number): string => `${(octets / 2 ** 20).toFixed(1)} MiB`;
  const whole = (value: number): string => Math.round(value).toLocaleString('en');
  const row = (what: string, pick: (figures: CrlFigures) => string): string =>
    `| ${what} | ${pick(ours)} | ${theirs === null ? '' : pick(theirs)} |`;
  return [
    `| CRL of ${ENTRIES.toLocaleString('en')} entries, ${mebibytes(fileOctets)} | Sealgate | OpenSSL in C |`,
    '| --- | ---: | ---: |',
    row('read, signature checked, ready to be asked, s', ({ seconds }) => seconds.toFixed(2)),
    row('RSS more than before, at most', ({ peakOctets }) => mebibytes(peakOctets)),
    `| of it the index | ${mebibytes(indexOctets)} | |`,
    `| longest turn of the event loop, 99 of 100 turns at most, ms | ${turnMs.toFixed(1)}, ${turn99Ms.toFixed(1)} | |`,
    row('look-ups a second', ({ lookups }) => whole(lookups)),
    row('validations a second with the list at hand', ({ validations }) => whole(validations)),
  ].join('\n');
}
