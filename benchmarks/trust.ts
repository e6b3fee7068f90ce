/**
 * Validations a second of a path of three certificates (RSA-2048, two signatures): with certificates read anew, with
 * certificates read once, from the verdict cache; beside OpenSSL's X509_verify_cert in a loop in C (`verify-loop.c`,
 * compiled here with cc) and the `openssl verify` command. Rounds are interleaved, the median counts.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAddress } from '../src/address.ts';
import { openTrust } from '../src/trust/open-trust.ts';
import { parseCertificate } from '../src/x509/certificate-reader.ts';
import { validatePath } from '../src/x509/path-validator.ts';
import { makeAuthority, makeCertificate } from '../test/support/certificate-builder.ts';

export interface TrustRow {
  readonly what: string;
  /** Median over the rounds. */
  readonly perSecond: number;
}

const COLD = 2000;
const WARM = 500_000;
const PROCESSES = 20;

interface Contender {
  readonly what: string;
  /** @returns validations a second */
  run(): number;
}

export async function benchTrust(rounds: number): Promise<TrustRow[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-bench-'));
  try {
    const contenders = await contendersIn(folder);
    const results = contenders.map((): number[] => []);
    for (let round = 0; round <= rounds; round++) {
      for (const [index, contender] of contenders.entries()) {
        const perSecond = contender.run();
        // the first round warms up
        if (round > 0) results[index]?.push(perSecond);
      }
    }
    return contenders.map(({ what }, index) => ({ what, perSecond: median(results[index] ?? []) }));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function contendersIn(folder: string): Promise<Contender[]> {
  const fresh = { key: 'rsa-2048', freshKey: true } as const;
  const root = makeAuthority({ name: 'Bench Root', ...fresh });
  const middle = makeAuthority({ name: 'Bench CA', issuer: root, ...fresh });
  const leaf = makeCertificate(middle, { emails: ['ada@bench.example'], ...fresh });
  const address = parseAddress('ada@bench.example');
  const at = new Date();
  const anchors = Object.freeze([root.certificate]);
  const common = { anchors, at, address, purpose: 'encrypt' } as const;
  const validate = (anew: boolean) => () => {
    const request = anew
      ? { leaf: parseCertificate(leaf.der), intermediates: [parseCertificate(middle.der)] }
      : { leaf: leaf.certificate, intermediates: [middle.certificate] };
    return validatePath({ ...common, ...request }).ok;
  };
  const names = ['root', 'middle', 'leaf'];
  for (const [index, made] of [root, middle, leaf].entries()) {
    writeFileSync(path.join(folder, `${names[index]}.der`), made.der);
    writeFileSync(path.join(folder, `${names[index]}.pem`), made.pem);
  }
  const collection = path.join(folder, 'collection');
  mkdirSync(collection);
  writeFileSync(path.join(collection, 'ca.pem'), root.pem + middle.pem);
  const opened = await openTrust({ default: collection }, at);
  if (!opened.ok) throw new Error(opened.mistakes.join('\n'));
  const { trust } = opened;
  const question = { certificate: leaf.certificate, purpose: 'encrypt', address, at, extraIntermediates: [] } as const;
  return [
    { what: 'sealgate, certificates read anew', run: () => rate(COLD, validate(true)) },
    { what: 'OpenSSL in C, certificates read anew', run: loopInC(folder, true) },
    { what: 'sealgate, certificates read once', run: () => rate(COLD, validate(false)) },
    { what: 'OpenSSL in C, certificates read once', run: loopInC(folder, false) },
    { what: 'sealgate, from the verdict cache', run: () => rate(WARM, () => trust.judge(question).ok) },
    { what: 'openssl verify, a process each', run: () => rate(PROCESSES, () => commandVerifies(folder)) },
  ].filter(({ what }) => !what.includes('in C') || readdirSync(folder).includes('verify-loop'));
}

function rate(count: number, validate: () => boolean): number {
  const begun = performance.now();
  for (let i = 0; i < count; i++) if (!validate()) throw new Error('not valid');
  return count / ((performance.now() - begun) / 1000);
}

/** Compiles the loop when it is first needed; without cc the rows are left out. */
function loopInC(folder: string, anew: boolean): () => number {
  const program = path.join(folder, 'verify-loop');
  if (!readdirSync(folder).includes('verify-loop')) {
    const source = path.join(process.cwd(), 'benchmarks/verify-loop.c');
    spawnSync('cc', ['-O2', '-o', program, source, '-l:libcrypto.so.3'], { stdio: 'inherit' });
  }
  return () => {
    const files = ['root', 'middle', 'leaf'].map((name) => path.join(folder, `${name}.der`));
    const run = spawnSync(program, [...files, String(COLD), anew ? '1' : '0'], { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(`verify-loop ended with ${run.status}`);
    return COLD / Number(run.stdout);
  };
}

function commandVerifies(folder: string): boolean {
  const [root = '', middle = '', leaf = ''] = ['root', 'middle', 'leaf'].map((name) =>
    path.join(folder, `${name}.pem`),
  );
  return spawnSync('openssl', ['verify', '-CAfile', root, '-untrusted', middle, leaf]).status === 0;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

export function formatTrust(rows: readonly TrustRow[]): string {
  const shown = rows.map(({ what, perSecond }) => `| ${what} | ${Math.round(perSecond).toLocaleString('en')} |`);
  return ['| path of three certificates, RSA-2048 | validations/s |', '| --- | ---: |', ...shown].join('\n');
}
