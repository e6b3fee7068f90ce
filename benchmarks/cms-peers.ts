/**
 * The peers of `npm run bench:cms`, each measured in a process of its own that prints what it took. Sources come from the
 * folder SEALGATE_PEERS; what is not there, or lacks a tool, is left out and said, never failed.
 *
 * composed-bound and composed-open are the least that one Node thread can do for sealing and for opening: no parsing of
 * MIME, no path validation. libcrypto is OpenSSL's own CMS in C; Bouncy Castle is Java, warm; PKI.js holds whole messages.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Operation } from './cms-operations.ts';

export interface PeerTask {
  readonly operation: Operation;
  readonly cipher: 'cbc' | 'gcm';
  /** Name of the message: `4k`, `1m`. */
  readonly size: string;
  readonly repeats: number;
}

export interface Figure {
  /** CPU seconds a message. */
  readonly seconds: number;
  readonly rssMiB: number | null;
}

export interface Peer {
  readonly name: string;
  /** @returns null when it cannot do this */
  measure(task: PeerTask): Figure | null;
}

export interface Lab {
  readonly folder: string;
  readonly pki: string;
  readonly messages: string;
  readonly sealed: string;
}

const PEERS = path.resolve(process.env['SEALGATE_PEERS'] ?? '../shared/peers');
const JARS = ['bcprov', 'bcpkix', 'bcutil', 'bcmail'].map((name) => `/usr/share/java/${name}.jar`);
/** What a peer calls an operation. */
const NAMES: Readonly<Record<Operation, string>> = {
  sign: 'sign',
  encrypt: 'encrypt',
  seal: 'signenc',
  decrypt: 'decrypt',
  verify: 'verify',
  open: 'open',
};

/** @returns the peers of this machine, and a line for each that is not there */
export function findPeers(lab: Lab): { peers: Peer[]; absent: string[] } {
  const peers: Peer[] = [];
  const absent: string[] = [];
  for (const [name, make] of Object.entries(MAKERS)) {
    try {
      peers.push({ name, measure: make(lab) });
    } catch (thrown) {
      absent.push(`${name}: ${(thrown instanceof Error ? thrown.message : String(thrown)).split('\n')[0]}`);
    }
  }
  return { peers, absent };
}

type Measure = Peer['measure'];

const MAKERS: Readonly<Record<string, (lab: Lab) => Measure>> = {
  bound: (lab) => {
    const seal = nodePeer(lab, 'composed-bound.mjs');
    const open = nodePeer(lab, 'composed-open.mjs');
    return ({ operation, cipher, size, repeats }) => {
      if (operation === 'seal') return rated(seal(['--one', cipher, 'wasm', size, String(repeats)]));
      if (operation === 'sign' || operation === 'encrypt') return null;
      const kind = operation === 'verify' ? 'sig' : cipher;
      const [, twoPasses] = open(['--raw', operation, kind, size, String(repeats)]).split(' ');
      return { seconds: Number(twoPasses), rssMiB: null };
    };
  },
  'best bound': (lab) => {
    const seal = nodePeer(lab, 'composed-bound-best.mjs');
    return ({ operation, cipher, size, repeats }) =>
      operation === 'seal' ? rated(seal(['--one', cipher, 'wasm', size, String(repeats)])) : null;
  },
  libcrypto: (lab) => {
    const program = path.join(lab.folder, 'cmsbench');
    run('cc', ['-O2', present('cmsbench.c'), '-lcrypto', '-o', program]);
    const once = (task: PeerTask, operation: Operation): Figure | null =>
      rated(run(program, [lab.pki, messageOf(lab, task), String(task.repeats), NAMES[operation], task.cipher]));
    return (task) => {
      if (task.operation !== 'open') return once(task, task.operation);
      // it has no nested opening: the sum of both
      const [decrypted, verified] = [once(task, 'decrypt'), once(task, 'verify')];
      if (decrypted === null || verified === null) return null;
      return { seconds: decrypted.seconds + verified.seconds, rssMiB: decrypted.rssMiB };
    };
  },
  'Bouncy Castle': (lab) => bouncyCastle(lab, 'BC'),
  'Bouncy Castle on JDK ciphers': (lab) => bouncyCastle(lab, 'jdk'),
  'PKI.js': (lab) => {
    const program = nodePeer(lab, 'js-peers.mjs');
    const known = new Map<string, string>();
    return ({ operation, cipher, size, repeats }) => {
      // larger ones need gigabytes or fail
      if (cipher === 'gcm' || operation === 'open' || !['4k', '75k', '1m'].includes(size)) return null;
      // one run prints all operations; each round asks for each of them once
      const key = `${size} ${repeats}`;
      const line = new RegExp(`^pkijs +${NAMES[operation]} .*$`, 'm');
      const text = known.get(key) ?? program(['pkijs', size, String(Math.min(repeats, 60))]);
      if (known.has(`${key} ${operation}`)) known.clear();
      known.set(key, text).set(`${key} ${operation}`, '');
      return rated(line.exec(text)?.[0] ?? '');
    };
  },
};

function bouncyCastle(lab: Lab, provider: string): Measure {
  const missing = JARS.find((jar) => !existsSync(jar));
  if (missing !== undefined) throw new Error(`${missing} is not there (Debian package libbcmail-java)`);
  const classes = path.join(lab.folder, 'java');
  mkdirSync(classes, { recursive: true });
  run('javac', ['-nowarn', '-cp', JARS.join(':'), '-d', classes, present('BcBench.java')]);
  return (task) => {
    const { operation, cipher, size, repeats } = task;
    if (operation === 'open' || size === '100m' || (cipher === 'gcm' && size === '25m' && provider === 'BC'))
      return null;
    // a virtual machine warms up for long: its own warm-up is as many messages as are measured
    const count = size === '25m' ? 2 : Math.min(repeats, 150);
    const flags = ['-Xmx3g', `-Dprov=${provider}`, '-cp', [classes, ...JARS].join(':'), 'BcBench'];
    return rated(run('java', [...flags, lab.pki, messageOf(lab, task), String(count), NAMES[operation], cipher]));
  };
}

/** A figure from a line such as `... 812.3 msgs/s(cpu) ... rss 64 MiB`. */
function rated(line: string): Figure | null {
  const rate = Number(/([\d.]+) msgs\/s/.exec(line)?.[1]);
  const rss = Number(/rss (?:MiB )?(\d+)/.exec(line)?.[1]);
  return Number.isFinite(rate) && rate > 0 ? { seconds: 1 / rate, rssMiB: Number.isFinite(rss) ? rss : null } : null;
}

function nodePeer(lab: Lab, name: string): (args: readonly string[]) => string {
  const script = present(name);
  const env = { ...process.env, PKI: lab.pki, MSG: lab.messages, OPEN: lab.sealed, NM: path.resolve('node_modules') };
  return (args) => run(process.execPath, [script, ...args], env);
}

function messageOf(lab: Lab, { size }: PeerTask): string {
  return path.join(lab.messages, `${size}.eml`);
}

function present(name: string): string {
  const file = path.join(PEERS, name);
  if (!existsSync(file)) throw new Error(`${name} is not in the folder SEALGATE_PEERS`);
  return file;
}

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): string {
  return execFileSync(program, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}
