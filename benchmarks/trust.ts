/**
 * Validations a second of a path of three certificates (RSA-2048, two signatures), from nothing known to the verdict cache;
 * beside OpenSSL's X509_verify_cert in a loop in C (`verify-loop.c`, compiled here with cc) and the `openssl verify` command.
 * Rounds are interleaved, the median counts. No signature that counts is one that was computed before.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Address, parseAddress } from '../src/address.ts';
import { openTrust } from '../src/trust/open-trust.ts';
import type { Trust, TrustQuestion } from '../src/trust/trust.ts';
import type { Certificate } from '../src/x509/certificate.ts';
import { parseCertificate } from '../src/x509/certificate-reader.ts';
import { validatePath } from '../src/x509/path-validator.ts';
import { type MadeCertificate, makeAuthority, makeCertificate } from '../test/support/certificate-builder.ts';
import { distributionPoints, makeCrl } from '../test/support/crl-builder.ts';
import { compiledProgram } from './c-program.ts';
import { median } from './median.ts';

export interface TrustRow {
  readonly what: string;
  /** Medians over the rounds; null: not there. */
  readonly ours: number | null;
  readonly theirs: number | null;
}

const COLD = 2000;
const WARM = 1_000_000;
const PEOPLE = 1000;
const PROCESSES = 20;

/** @returns validations a second */
type Contender = (() => number) | null;

interface Contest {
  readonly what: string;
  readonly ours: Contender;
  readonly theirs: Contender;
}

export async function benchTrust(rounds: number): Promise<TrustRow[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-bench-'));
  const opened: Trust[] = [];
  try {
    const scene = sceneIn(folder);
    const contests = [...coldContests(scene), ...(await warmContests(scene, opened))];
    const results = contests.map(() => ({ ours: [] as number[], theirs: [] as number[] }));
    for (let round = 0; round <= rounds; round++) {
      for (const [index, { ours, theirs }] of contests.entries()) {
        const [one, other] = [ours?.(), theirs?.()];
        // the first round warms up
        if (round === 0) continue;
        if (one !== undefined) results[index]?.ours.push(one);
        if (other !== undefined) results[index]?.theirs.push(other);
      }
    }
    const middle = (values: readonly number[] = []): number | null => (values.length === 0 ? null : median(values));
    return contests.map(({ what }, index) => ({
      what,
      ours: middle(results[index]?.ours),
      theirs: middle(results[index]?.theirs),
    }));
  } finally {
    for (const trust of opened) await trust.close();
    rmSync(folder, { recursive: true });
  }
}

interface Scene {
  readonly folder: string;
  readonly root: MadeCertificate;
  readonly middle: MadeCertificate;
  readonly leaf: MadeCertificate;
  readonly address: Address | null;
  readonly at: Date;
}

function sceneIn(folder: string): Scene {
  const fresh = { key: 'rsa-2048', freshKey: true } as const;
  const at1 = [distributionPoints('http://127.0.0.1:9/1')];
  const root = makeAuthority({ name: 'Bench Root', ...fresh });
  const middle = makeAuthority({ name: 'Bench CA', issuer: root, extraExtensions: at1, ...fresh });
  const leaf = makeCertificate(middle, { emails: ['ada@bench.example'], extraExtensions: at1, ...fresh });
  for (const [name, { der, pem }] of Object.entries({ root, middle, leaf })) {
    writeFileSync(path.join(folder, `${name}.der`), der);
    writeFileSync(path.join(folder, `${name}.pem`), pem);
  }
  for (const name of ['collection', 'crls']) mkdirSync(path.join(folder, name));
  writeFileSync(path.join(folder, 'collection', 'ca.pem'), root.pem + middle.pem);
  writeFileSync(path.join(folder, 'crls', 'root.crl'), makeCrl(root));
  writeFileSync(path.join(folder, 'crls', 'middle.crl'), makeCrl(middle));
  return { folder, root, middle, leaf, address: parseAddress('ada@bench.example'), at: new Date() };
}

function coldContests({ folder, root, middle, leaf, address, at }: Scene): Contest[] {
  const common = { anchors: Object.freeze([root.certificate]), at, address, purpose: 'encrypt' } as const;
  const intermediates = Object.freeze([middle.certificate]);
  const validate = (one: Certificate, above: readonly Certificate[]): boolean =>
    validatePath({ ...common, leaf: one, intermediates: above }).ok;
  const program = compiledProgram('verify-loop.c', folder);
  const files = ['root', 'middle', 'leaf'].map((name) => path.join(folder, `${name}.der`));
  const loopInC = (parse: number): Contender => (program === null ? null : () => loop(program, files, parse));
  return [
    {
      what: 'leaf and intermediate read anew',
      ours: () => rate(COLD, () => validate(parseCertificate(leaf.der), [parseCertificate(middle.der)])),
      theirs: loopInC(2),
    },
    {
      what: 'leaf read anew, intermediate known: a new correspondent',
      ours: () => rate(COLD, () => validate(parseCertificate(leaf.der), intermediates)),
      theirs: loopInC(1),
    },
    {
      what: 'both read before, both signatures computed',
      ours: () => readBefore(leaf, middle, validate),
      theirs: loopInC(0),
    },
    {
      what: 'a process each, `openssl verify`',
      ours: null,
      theirs: () => rate(PROCESSES, () => commandVerifies(folder)),
    },
  ];
}

/**
 * All that is read of a certificate is kept, but the copies are new objects, so that nothing is known of their signatures. Copying
 * is not counted.
 */
function readBefore(
  leaf: MadeCertificate,
  middle: MadeCertificate,
  validate: (leaf: Certificate, above: readonly Certificate[]) => boolean,
): number {
  const copy = ({ certificate }: MadeCertificate): Certificate => ({ ...certificate });
  const pairs = Array.from({ length: COLD }, () => ({ one: copy(leaf), above: [copy(middle)] }));
  return rate(COLD, (index) => {
    const pair = pairs[index];
    return pair !== undefined && validate(pair.one, pair.above);
  });
}

async function warmContests(scene: Scene, opened: Trust[]): Promise<Contest[]> {
  const { folder, leaf, middle, address, at } = scene;
  const people = Array.from({ length: PEOPLE }, () =>
    makeCertificate(middle, {
      emails: ['ada@bench.example'],
      extraExtensions: [distributionPoints('http://127.0.0.1:9/1')],
    }),
  );
  const contests: Contest[] = [];
  for (const checked of [false, true]) {
    const trust = await trustIn(folder, checked, at);
    opened.push(trust);
    const questionOf = ({ certificate }: MadeCertificate): TrustQuestion => ({
      certificate,
      purpose: 'encrypt',
      address,
      at,
      extraIntermediates: [],
    });
    const [one, many] = [questionOf(leaf), people.map(questionOf)];
    const how = checked ? 'revocation checked' : 'revocation off';
    contests.push(
      {
        what: `verdict cache, one correspondent, ${how}`,
        ours: () => rate(WARM, () => trust.judge(one).ok),
        theirs: null,
      },
      {
        what: `verdict cache, ${PEOPLE} correspondents, ${how}`,
        ours: () => rate(WARM, (index) => trust.judge(many[index % PEOPLE] ?? one).ok),
        theirs: null,
      },
    );
  }
  return contests;
}

async function trustIn(folder: string, checked: boolean, at: Date): Promise<Trust> {
  const revocation = {
    check: true,
    whenUnreachable: 'refuse',
    withoutSource: 'accept',
    stalenessMaxMs: 0,
    fetchTimeoutMs: 1000,
    validationTimeoutMs: 1000,
    refreshMs: 3_600_000,
    allow: [],
    crls: [path.join(folder, 'crls')],
    cache: path.join(folder, 'cache'),
    fetch: false,
    patient: false,
  } as const;
  const opened = await openTrust(
    { default: path.join(folder, 'collection'), revocation: checked ? revocation : null },
    at,
  );
  if (!opened.ok) throw new Error(opened.mistakes.join('\n'));
  return opened.trust;
}

function rate(count: number, validate: (index: number) => boolean): number {
  const begun = performance.now();
  for (let index = 0; index < count; index++) if (!validate(index)) throw new Error('not valid');
  return count / ((performance.now() - begun) / 1000);
}

function loop(program: string, files: readonly string[], parse: number): number {
  const run = spawnSync(program, [...files, String(COLD), String(parse)], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`verify-loop ended with ${run.status}`);
  return COLD / Number(run.stdout);
}

function commandVerifies(folder: string): boolean {
  const [root = '', middle = '', leaf = ''] = ['root', 'middle', 'leaf'].map((name) =>
    path.join(folder, `${name}.pem`),
  );
  return spawnSync('openssl', ['verify', '-CAfile', root, '-untrusted', middle, leaf]).status === 0;
}

export function formatTrust(rows: readonly TrustRow[]): string {
  const shown = (value: number | null): string => (value === null ? '' : Math.round(value).toLocaleString('en'));
  const lines = rows.map(({ what, ours, theirs }) => {
    const ratio = ours === null || theirs === null ? '' : (ours / theirs).toFixed(2);
    return `| ${what} | ${shown(ours)} | ${shown(theirs)} | ${ratio} |`;
  });
  const head = '| path of three certificates, RSA-2048: validations a second | Sealgate | OpenSSL in C | ratio |';
  return [head, '| --- | ---: | ---: | ---: |', ...lines].join('\n');
}
