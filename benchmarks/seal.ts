/**
 * Sealing beside the least work that one Node thread can do for the same message (`composed-bound.mjs` of the shared
 * peers), in interleaved rounds, so that a busy neighbour hits both.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeAuthority, makeCertificate } from '../test/support/certificate-builder.ts';
import { type BenchSize, makeEntity, median, SIZES, spread } from './corpus.ts';

const HERE = path.dirname(fileURLToPath(import.meta.url));

export interface SealRow {
  readonly size: string;
  readonly messagesPerCpuSecond: number;
  readonly megabytesPerCpuSecond: number;
  readonly peakRssMiB: number;
  /** Of composed-bound in the same round; empty when the peers are not there. */
  readonly ratios: readonly number[];
  readonly boundMessagesPerCpuSecond: number | null;
}

export function benchSeal(rounds: number): SealRow[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-bench-'));
  try {
    makePki(folder);
    return SIZES.map((size) => measure(folder, size, rounds));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function makePki(folder: string): void {
  const ca = makeAuthority({ key: 'rsa-2048', name: 'Bench CA' });
  writeFileSync(path.join(folder, 'ca.pem'), ca.pem);
  for (const name of ['alice', 'bob']) {
    const made = makeCertificate(ca, { emails: [`${name}@example.test`], freshKey: true });
    writeFileSync(path.join(folder, `${name}.pem`), made.pem);
    writeFileSync(path.join(folder, `${name}.key`), made.keyPem, { mode: 0o600 });
  }
}

function measure(folder: string, size: BenchSize, rounds: number): SealRow {
  const file = path.join(folder, `${size.name}.eml`);
  writeFileSync(file, makeEntity(size.bytes));
  const ours: { messagesPerCpuSecond: number; megabytesPerCpuSecond: number; peakRssMiB: number }[] = [];
  const bound: number[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(JSON.parse(run([path.join(HERE, 'seal-one.js'), folder, file, String(size.repeats), String(size.warm)])));
    const peer = runBound(folder, size);
    if (peer !== null) bound.push(peer);
  }
  const rates = ours.map(({ messagesPerCpuSecond }) => messagesPerCpuSecond);
  return {
    size: size.name,
    messagesPerCpuSecond: median(rates),
    megabytesPerCpuSecond: median(ours.map(({ megabytesPerCpuSecond }) => megabytesPerCpuSecond)),
    peakRssMiB: Math.max(...ours.map(({ peakRssMiB }) => peakRssMiB)),
    ratios: bound.map((rate, round) => (rates[round] ?? Number.NaN) / rate),
    boundMessagesPerCpuSecond: bound.length === 0 ? null : median(bound),
  };
}

/** @returns messages per CPU second, or null when the peer is not there */
function runBound(folder: string, size: BenchSize): number | null {
  const peers = path.resolve(process.env['SEALGATE_PEERS'] ?? '../shared/peers');
  const script = path.join(peers, 'composed-bound.mjs');
  if (!existsSync(script)) return null;
  const environment = { ...process.env, PKI: folder, MSG: folder, NM: path.resolve('node_modules') };
  const line = run([script, '--one', 'cbc', 'wasm', size.name, String(size.repeats)], environment);
  return Number(/([\d.]+) msgs\/s\(cpu\)/.exec(line)?.[1]);
}

function run(args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  return execFileSync(process.execPath, args, { encoding: 'utf8', env });
}

/** Markdown table. */
export function formatSeal(rows: readonly SealRow[]): string {
  const lines = [
    '| message | messages/s (CPU) | MB/s (CPU) | of composed-bound, median [spread] | peak RSS MiB |',
    '|---|---|---|---|---|',
  ];
  for (const row of rows) {
    const ratio = row.ratios.length === 0 ? 'peer not there' : spread(row.ratios);
    lines.push(
      `| ${row.size} | ${row.messagesPerCpuSecond.toFixed(1)} | ${row.megabytesPerCpuSecond.toFixed(1)} | ${ratio} | ${row.peakRssMiB.toFixed(0)} |`,
    );
  }
  return lines.join('\n');
}
