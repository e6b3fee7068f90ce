/**
 * `npm run bench:cms [-- --rounds N] [--quick] [--sizes 4k,25m] [--only seal,open] [--without NAME,..] [--name cms]`: the CMS core
 * beside its peers, one process a figure, everything in turn within a round. Writes benchmarks/results/NAME.md, .json and
 * .svg after every round. Trust the ratios. --quick takes some minutes.
 */
import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  CMS_SIZES,
  type CmsSize,
  dropLab,
  KEY_KINDS,
  type LabKey,
  makeLab,
  messageFile,
  sealedFile,
} from './cms-lab.ts';
import type { Operation } from './cms-operations.ts';
import { type Figure, findPeers, type Lab, type Peer } from './cms-peers.ts';
import { type CellResult, drawCells, formatCells, OURS } from './cms-report.ts';
import { machineFacts } from './machine.ts';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const RESULTS = 'benchmarks/results';
const words = process.argv.slice(2);
const quick = words.includes('--quick');
const name = option('--name') ?? 'cms';
const rounds = Number(option('--rounds') ?? (quick ? 3 : 9));
const sizes = option('--sizes')?.split(',') ?? (quick ? ['4k', '1m', '25m'] : CMS_SIZES.map(({ name }) => name));
const operations = (option('--only')?.split(',') ?? [
  'sign',
  'encrypt',
  'seal',
  'decrypt',
  'verify',
  'open',
]) as Operation[];
const without = new Set(
  option('--without')?.split(',') ?? (quick ? ['Bouncy Castle on JDK ciphers', 'best bound'] : []),
);
/** Slow to start or to run: measured in the first rounds only. */
const SLOW_ROUNDS: Readonly<Record<string, number>> = {
  'Bouncy Castle': 3,
  'Bouncy Castle on JDK ciphers': 3,
  'PKI.js': 3,
};

/** Keys that no peer is measured with. */
const OTHER_KEYS_ROUNDS = 2;

function option(name: string): string | undefined {
  const at = words.indexOf(name);
  return at < 0 ? undefined : words[at + 1];
}

interface Cell extends CellResult {
  readonly sizeOf: CmsSize;
  readonly kind: LabKey;
}

/** All sizes with the keys of the peers; other keys at the smallest, where keys are what costs. */
function planCells(lab: Lab): Cell[] {
  const cells: Cell[] = [];
  for (const size of CMS_SIZES.filter(({ name }) => sizes.includes(name))) {
    const { size: bytes } = statSync(messageFile(lab, size));
    for (const operation of operations) {
      const ciphers = operation === 'sign' || operation === 'verify' ? [null] : (['cbc', 'gcm'] as const);
      for (const cipher of ciphers) {
        for (const kind of KEY_KINDS) {
          if (kind !== 'rsa-2048' && (size.name !== '4k' || cipher === 'gcm')) continue;
          // it is a key to encrypt to
          if (kind === 'ml-kem-768' && cipher === null) continue;
          cells.push({ operation, cipher, size: size.name, bytes, key: kind, kind, sizeOf: size, figures: {} });
        }
      }
    }
  }
  return cells;
}

async function measureOurs(lab: Lab, cell: Cell): Promise<Figure> {
  const { operation, sizeOf, kind } = cell;
  const cipher = cell.cipher ?? 'cbc';
  const reads = operation === 'decrypt' || operation === 'verify' || operation === 'open';
  const file = reads ? await sealedFile(lab, sizeOf, kind, operation, cipher) : messageFile(lab, sizeOf);
  const args = [path.join(HERE, 'cms-one.js'), path.join(lab.folder, kind), operation, `aes-256-${cipher}`, file];
  // RSA-3072 takes six times as long, and no peer waits for it
  const share = kind === 'rsa-2048' ? 1 : 8;
  const counts = [sizeOf.repeats, sizeOf.warm].map((count) => String(Math.ceil(count / share)));
  const text = execFileSync(process.execPath, [...args, ...counts], { encoding: 'utf8' });
  const { seconds, rssMiB } = JSON.parse(text) as { seconds: number; rssMiB: number };
  return { seconds, rssMiB };
}

async function measureRound(lab: Lab, cells: readonly Cell[], peers: readonly Peer[], round: number): Promise<void> {
  for (const cell of cells) {
    const { operation, size, sizeOf } = cell;
    if (cell.kind !== 'rsa-2048' && round >= OTHER_KEYS_ROUNDS) continue;
    add(cell, OURS, await measureOurs(lab, cell));
    if (cell.kind !== 'rsa-2048') continue;
    for (const peer of peers) {
      if (round >= (SLOW_ROUNDS[peer.name] ?? rounds)) continue;
      const task = { operation, cipher: cell.cipher ?? ('cbc' as const), size, repeats: sizeOf.repeats };
      try {
        const figure = peer.measure(task);
        if (figure !== null) add(cell, peer.name, figure);
      } catch (thrown) {
        refusals.add(`${peer.name}, ${operation} ${cell.cipher ?? ''} ${size}: ${reasonOf(thrown)}`);
      }
    }
  }
}

const refusals = new Set<string>();

function reasonOf(thrown: unknown): string {
  const { stderr, message } = thrown as { stderr?: string; message: string };
  return (stderr?.trim() || message).split('\n').at(-1)?.slice(0, 160) ?? '';
}

function add(cell: CellResult, program: string, figure: Figure): void {
  cell.figures[program] ??= [];
  cell.figures[program].push(figure);
}

function save(cells: readonly Cell[], peers: readonly Peer[], absent: readonly string[], done: number): void {
  const facts = machineFacts(done);
  const names = peers.map(({ name }) => name);
  const list = Object.entries(facts).map(([key, value]) => `- ${key}: ${value}`);
  const notes = [...absent.map((line) => `- not there: ${line}`), ...[...refusals].map((line) => `- ${line}`)];
  const table = formatCells(cells, names);
  const picture = sizes.includes('25m') ? '25m' : (sizes.at(-1) ?? '');
  writeFileSync(`${RESULTS}/${name}.svg`, drawCells(cells, picture, names));
  const intro =
    'A ratio is how many times as many messages a CPU second as the peer in the same round: median [lowest-highest]. Reading counts both passes.';
  const text = [
    '# CMS core',
    list.join('\n'),
    `![CMS core beside its peers](${name}.svg)`,
    intro,
    table,
    notes.join('\n'),
  ];
  writeFileSync(`${RESULTS}/${name}.md`, `${text.filter((part) => part !== '').join('\n\n')}\n`);
  const rows = cells.map(({ operation, cipher, size, bytes, key, figures }) => ({
    operation,
    cipher,
    size,
    bytes,
    key,
    figures,
  }));
  writeFileSync(`${RESULTS}/${name}.json`, `${JSON.stringify({ ...facts, rows }, null, 1)}\n`);
  console.log(`${table}\n${notes.join('\n')}`);
}

const lab = makeLab();
try {
  const { peers: found, absent } = findPeers(lab);
  const peers = found.filter(({ name }) => !without.has(name));
  const cells = planCells(lab);
  for (let round = 0; round < rounds; round++) {
    await measureRound(lab, cells, peers, round);
    console.error(`round ${round + 1} of ${rounds}, ${new Date().toISOString()}`);
    save(cells, peers, absent, round + 1);
  }
} finally {
  dropLab(lab);
}
