/**
 * Relaying through the whole gateway: Postfix's smtp-source into it, Postfix's smtp-sink behind it, all on this
 * machine, so load and sink take their share of the cores too. Durable before every 250.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { GatewayHouse, sleep } from '../test/support/gateway-house.ts';
import { median } from './corpus.ts';

export interface RelayRow {
  readonly what: string;
  readonly size: number;
  readonly sessions: number;
  /** Until the queue is empty. */
  readonly deliveredPerSecond: number;
  /** Until the last 250. */
  readonly acceptedPerSecond: number;
  readonly cpuMsPerMessage: number;
  readonly peakRssMiB: number;
}

const LOADS = [
  { size: 4096, sessions: 10, messages: 2000 },
  { size: 4096, sessions: 50, messages: 2000 },
  { size: 75_000, sessions: 10, messages: 600 },
  { size: 1_048_576, sessions: 10, messages: 60 },
];

/** Recipients: signed and encrypted, and left alone. */
const KINDS = [
  { what: 'signed and encrypted, RSA-2048', from: 'anna@example.org', to: 'rita@partner.example' },
  { what: 'signed and encrypted, P-256', from: 'ben@example.org', to: 'erik@partner.example' },
  { what: 'relayed as it came', from: 'anna@example.org', to: 'plain@partner.example' },
];

/** @returns null when Postfix's load tools are not installed */
export async function benchRelay(rounds: number): Promise<RelayRow[] | null> {
  if (spawnSync('smtp-sink', ['-h']).error !== undefined) return null;
  const port = await freePort();
  const sink = spawn('smtp-sink', ['-u', 'nobody', `127.0.0.1:${port}`, '1000'], { stdio: 'ignore' });
  try {
    await answering(port);
    const rows: RelayRow[] = [];
    for (const kind of KINDS) for (const load of LOADS) rows.push(await measure(port, kind, load, rounds));
    return rows;
  } finally {
    await end(sink);
  }
}

async function measure(
  nextHopPort: number,
  kind: (typeof KINDS)[number],
  load: (typeof LOADS)[number],
  rounds: number,
): Promise<RelayRow> {
  const house = await GatewayHouse.open({
    nextHopPort,
    rules: ['plain@partner.example: { sign: never, encrypt: never }'],
    extra: 'log: { level: warn }',
  });
  try {
    const runs: { accepted: number; delivered: number; cpu: number }[] = [];
    for (let round = 0; round <= rounds; round++) {
      const cpu = cpuSeconds(house.pid);
      const startedAt = performance.now();
      send(house.port, kind, load);
      const acceptedAt = performance.now();
      await house.drained(120_000);
      const deliveredAt = performance.now();
      // the first round warms up
      if (round === 0) continue;
      runs.push({
        accepted: (load.messages / (acceptedAt - startedAt)) * 1000,
        delivered: (load.messages / (deliveredAt - startedAt)) * 1000,
        cpu: ((cpuSeconds(house.pid) - cpu) / load.messages) * 1000,
      });
    }
    return {
      what: kind.what,
      size: load.size,
      sessions: load.sessions,
      acceptedPerSecond: median(runs.map(({ accepted }) => accepted)),
      deliveredPerSecond: median(runs.map(({ delivered }) => delivered)),
      cpuMsPerMessage: median(runs.map((run) => run.cpu)),
      peakRssMiB: peakRss(house.pid),
    };
  } finally {
    await house.close();
  }
}

function send(port: number, kind: (typeof KINDS)[number], load: (typeof LOADS)[number]): void {
  const { size, sessions, messages } = load;
  execFileSync(
    'smtp-source',
    // -d keeps the session for the next message
    `-d -s ${sessions} -m ${messages} -l ${size} -f ${kind.from} -t ${kind.to} 127.0.0.1:${port}`.split(' '),
    { stdio: ['ignore', 'ignore', 'pipe'], timeout: 180_000 },
  );
}

/** User and system time of one process, from /proc (clock ticks of 10 ms). */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function peakRss(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function answering(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await sleep(50);
  }
  throw new Error(`nothing listens on ${port}`);
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill();
  });
}

/** Markdown table. */
export function formatRelay(rows: readonly RelayRow[]): string {
  const lines = [
    '| what | octets | sessions | delivered/s | accepted/s | gateway CPU ms/message | peak RSS MiB |',
    '|---|---|---|---|---|---|---|',
  ];
  for (const row of rows) {
    lines.push(
      `| ${row.what} | ${row.size} | ${row.sessions} | ${row.deliveredPerSecond.toFixed(0)} | ${row.acceptedPerSecond.toFixed(0)} | ${row.cpuMsPerMessage.toFixed(2)} | ${row.peakRssMiB.toFixed(0)} |`,
    );
  }
  return lines.join('\n');
}
