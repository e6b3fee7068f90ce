/**
 * `node out/benchmarks/cms-limits.js [--rounds N] [memory] [scaling]`: what a message of 1 GB costs in memory beside one of
 * 4 KB and of 100 MB, for all six operations in a fresh process each; and how many times as much two processes do as one,
 * one process with signatures on the thread pool, and an EC signer as an RSA signer; and how near the signature alone. Writes benchmarks/results/cms-limits.md.
 */
import { execFile, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CMS_SIZES, type CmsSize, dropLab, makeLab, messageFile, sealedFile } from './cms-lab.ts';
import type { Operation } from './cms-operations.ts';
import type { Lab } from './cms-peers.ts';
import { spread } from './corpus.ts';
import { machineFacts } from './machine.ts';

const ONE = path.join(path.dirname(fileURLToPath(import.meta.url)), 'cms-one.js');
const words = process.argv.slice(2);
const roundsAt = words.indexOf('--rounds');
const rounds = roundsAt < 0 ? 9 : Number(words[roundsAt + 1]);
const wants = (name: string): boolean =>
  words.includes(name) || !words.some((word) => word === 'memory' || word === 'scaling');
const GIGABYTE: CmsSize = { name: '1g', bytes: 1_000_000_000, repeats: 1, warm: 0 };
const run = promisify(execFile);
/** Where the allocator puts what differs by some megabytes from process to process: the median is told. */
const MEMORY_RUNS = 3;

async function memoryTable(lab: Lab): Promise<string> {
  const sizes = [...CMS_SIZES.filter(({ name }) => name === '4k' || name === '100m'), GIGABYTE];
  const lines = ['| operation | 4k | 100m | 1g | 100m - 4k | 1g - 100m |', '|---|---|---|---|---|---|'];
  const operations: Operation[] = ['sign', 'encrypt', 'seal', 'decrypt', 'verify', 'open'];
  for (const operation of operations) {
    const peaks: number[] = [];
    for (const size of sizes) {
      const reads = operation === 'decrypt' || operation === 'verify' || operation === 'open';
      const file = reads ? await sealedFile(lab, size, 'rsa-2048', operation, 'gcm') : messageFile(lab, size);
      const args = [ONE, lab.pki, operation, 'aes-256-gcm', file, '1', '0'];
      const seen = Array.from({ length: MEMORY_RUNS }, () => peakOf(args)).sort((a, b) => a - b);
      peaks.push(seen[MEMORY_RUNS >> 1] ?? 0);
    }
    const [small = 0, large = 0, huge = 0] = peaks;
    const cells = [...peaks, large - small, huge - large].map((value) => value.toFixed(1));
    lines.push(`| ${operation} | ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}

function peakOf(args: readonly string[]): number {
  return (JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as { rssMiB: number }).rssMiB;
}

interface Rates {
  readonly cpu: number;
  readonly wall: number;
}

/** Where processes of one core are held there, the threads of V8 with them: `taskset`, the last core; elsewhere nothing. */
function onOneCore(): readonly string[] {
  const cores = availableParallelism();
  try {
    execFileSync('taskset', ['-c', `${cores - 1}`, 'true'], { stdio: 'ignore' });
    return ['taskset', '-c', `${cores - 1}`];
  } catch {
    return [];
  }
}

async function ratesOf(lab: Lab, pki: string, atOnce = 1, held: readonly string[] = []): Promise<Rates> {
  const file = messageFile(lab, CMS_SIZES[0] as CmsSize);
  const args = [process.execPath, ONE, pki, 'seal', 'aes-256-cbc', file, '6000', '12000', `${atOnce}`];
  const [program = process.execPath, ...rest] = [...held, ...args];
  const { stdout } = await run(program, rest);
  const { seconds, wallSeconds } = JSON.parse(stdout) as { seconds: number; wallSeconds: number };
  return { cpu: 1 / seconds, wall: 1 / wallSeconds };
}

async function scalingTable(lab: Lab): Promise<string> {
  const pki = mixedPki(lab);
  const found: Record<'two' | 'pool' | 'elliptic' | 'rate' | 'bare', number[]> = {
    two: [],
    pool: [],
    elliptic: [],
    rate: [],
    bare: [],
  };
  const core = onOneCore();
  for (let round = 0; round < rounds; round++) {
    const one = await ratesOf(lab, lab.pki);
    const both = await Promise.all([ratesOf(lab, lab.pki), ratesOf(lab, lab.pki)]);
    const pool = await ratesOf(lab, lab.pki, 8);
    const alone = await ratesOf(lab, lab.pki, 1, core);
    const elliptic = await ratesOf(lab, pki, 1, core);
    found.two.push(both.reduce((sum, { wall }) => sum + wall, 0) / one.wall);
    found.pool.push(pool.wall / one.wall);
    found.bare.push(alone.cpu / opensslRate());
    found.elliptic.push(elliptic.cpu / alone.cpu);
    found.rate.push(alone.cpu);
  }
  return [
    '| sign+encrypt of 4 KB, CBC | median [lowest-highest] |',
    '|---|---|',
    `| messages a CPU second, RSA-2048 | ${spread(found.rate, 0)} |`,
    `| the same / signatures a second of \`openssl speed rsa2048\` | ${spread(found.bare)} |`,
    `| one process with signatures on the thread pool, 8 messages at once / one at a time, wall clock | ${spread(found.pool)} |`,
    `| two processes / one, wall clock | ${spread(found.two)} |`,
    `| signer with P-256 / with RSA-2048, one core | ${spread(found.elliptic)} |`,
  ].join('\n');
}

/** What the processor can do: RSA-2048 signatures a second of one core. */
function opensslRate(): number {
  const text = execFileSync('openssl', ['speed', '-seconds', '1', 'rsa2048'], { encoding: 'utf8', stdio: 'pipe' });
  return Number(/^rsa 2048 bits\s+\S+\s+\S+\s+([\d.]+)/m.exec(text)?.[1]);
}

/** An EC signer who writes to an RSA recipient. */
function mixedPki(lab: Lab): string {
  const place = path.join(lab.folder, 'mixed');
  mkdirSync(place);
  for (const ending of ['pem', 'key']) {
    copyFileSync(path.join(lab.folder, 'p-256', `alice.${ending}`), path.join(place, `alice.${ending}`));
    copyFileSync(path.join(lab.pki, `bob.${ending}`), path.join(place, `bob.${ending}`));
  }
  copyFileSync(path.join(lab.pki, 'ca.pem'), path.join(place, 'ca.pem'));
  return place;
}

const lab = makeLab();
try {
  const facts = machineFacts(rounds);
  const list = Object.entries(facts).map(([key, value]) => `- ${key}: ${value}`);
  const parts = ['# CMS core: memory and scaling', list.join('\n')];
  if (wants('scaling')) parts.push('## Scaling', await scalingTable(lab));
  if (wants('memory')) parts.push('## Peak RSS in MiB, a fresh process a message, median of 3', await memoryTable(lab));
  const text = `${parts.join('\n\n')}\n`;
  writeFileSync('benchmarks/results/cms-limits.md', text);
  console.log(text);
} finally {
  dropLab(lab);
}
