/**
 * Private Postfix instances for tests: own configuration, queue, data and log folders, free ports of 127.0.0.1, stopped
 * by their own master. What they deliver themselves lands in one Maildir, one file for each recipient.
 *
 * The system's Postfix is not touched and need not run; its programs and /usr/share/postfix/master.cf.dist are used.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Context } from 'mocha';
import { skipOrFail } from './vectors.ts';

const PROGRAM = '/usr/sbin/postfix';
const POSTQUEUE = '/usr/sbin/postqueue';
const MASTER_CF = '/usr/share/postfix/master.cf.dist';
/** nobody: whose the delivered files are. */
const MAILBOX_UID = 65_534;
const START_TRIES = 400;
const START_PAUSE_MS = 25;

export interface PostfixOptions {
  /** Lines after our own in main.cf, so they win. */
  readonly main?: readonly string[];
  /** Text after our own in master.cf. */
  readonly master?: string;
  /** Domains delivered to the Maildir; all others go wherever `main` says. */
  readonly mailboxDomains?: readonly string[];
}

/** One delivered file. */
export interface Delivered {
  readonly recipient: string;
  /** The message with CRLF line ends, without the three fields that the delivery agent put on top. */
  readonly message: Buffer;
}

/** A message still in the queue, as `postqueue -j` shows it. */
export interface QueuedMail {
  readonly queue_name: string;
  readonly queue_id: string;
  readonly sender: string;
  readonly recipients: readonly { readonly address: string; readonly delay_reason?: string }[];
}

/** Skips the running test where Postfix is missing or may not be started; with CI set that is a failure. */
export function needPostfix(test: Context): void {
  const reason = postfixMissing();
  if (reason !== null) skipOrFail(test, reason);
}

/** Why instances cannot be started here; null when they can. */
export function postfixMissing(): string | null {
  if (!existsSync(PROGRAM) || !existsSync(MASTER_CF)) return `no ${PROGRAM}: install postfix`;
  return process.getuid?.() === 0 ? null : 'Postfix instances need root';
}

/**
 * Call {@link needPostfix} first; stop what this returns.
 * @param options or what makes them, given the folder of the configuration
 */
export async function startPostfix(
  name: string,
  options: PostfixOptions | ((etc: string) => PostfixOptions) = {},
): Promise<Postfix> {
  const folder = mkdtempSync(path.join(os.tmpdir(), `sealgate-postfix-${name}-`));
  const server = new Postfix(folder, await freePort());
  try {
    server.configure(typeof options === 'function' ? options(path.join(folder, 'etc')) : options);
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

export class Postfix {
  readonly folder: string;
  readonly port: number;

  /** @internal use {@link startPostfix} */
  constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
    // its daemons run as postfix and must get in
    chmodSync(folder, 0o755);
    for (const part of ['etc', 'spool', 'data', 'mail']) mkdirSync(this.#path(part));
    chownSync(this.#path('data'), Number(execFileSync('id', ['-u', 'postfix'])), 0);
    chownSync(this.#path('mail'), MAILBOX_UID, MAILBOX_UID);
  }

  /** Everything it logged. */
  get log(): string {
    const file = this.#path('mail.log');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  /** @internal writes main.cf and master.cf */
  configure(options: PostfixOptions): void {
    const domains = options.mailboxDomains ?? [];
    const main = [
      'compatibility_level = 3.6',
      `queue_directory = ${this.#path('spool')}`,
      `data_directory = ${this.#path('data')}`,
      `maillog_file = ${this.#path('mail.log')}`,
      `maillog_file_prefixes = ${this.folder}`,
      'inet_interfaces = 127.0.0.1',
      'inet_protocols = ipv4',
      'myhostname = mx.example.org',
      'mydestination =',
      'mynetworks = 127.0.0.0/8',
      'smtpd_relay_restrictions = permit_mynetworks, reject',
      'smtp_dns_support_level = disabled',
      `virtual_mailbox_domains = ${domains.join(', ')}`,
      `virtual_mailbox_base = ${this.#path('mail')}`,
      'virtual_mailbox_maps = static:box/',
      `virtual_uid_maps = static:${MAILBOX_UID}`,
      `virtual_gid_maps = static:${MAILBOX_UID}`,
      'virtual_mailbox_limit = 0',
      'message_size_limit = 200000000',
      // a test is one client that sends faster than it is served
      'in_flow_delay = 0s',
      'queue_run_delay = 5s',
      'minimal_backoff_time = 5s',
      ...(options.main ?? []),
    ];
    writeFileSync(this.#path('etc', 'main.cf'), `${main.join('\n')}\n`);
    writeFileSync(this.#path('etc', 'master.cf'), `${masterCf(this.port)}\n${options.master ?? ''}`);
  }

  async start(): Promise<void> {
    await this.#command('start');
    for (let i = 0; i < START_TRIES; i += 1) {
      if (await answers(this.port)) return;
      await sleep(START_PAUSE_MS);
    }
    throw new Error(`Postfix did not start:\n${this.log}`);
  }

  async reload(): Promise<void> {
    await this.#command('reload');
  }

  /** Puts queued mail through routing again, held and deferred mail too. */
  requeue(): void {
    run('/usr/sbin/postsuper', ['-c', this.#path('etc'), '-r', 'ALL']);
    run(POSTQUEUE, ['-c', this.#path('etc'), '-f']);
  }

  /** `postconf -e`: one line of main.cf, in force after {@link reload}. */
  set(line: string): void {
    run('/usr/sbin/postconf', ['-c', this.#path('etc'), '-e', line]);
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    const master = this.#path('spool', 'pid', 'master.pid');
    if (existsSync(master)) {
      // abort: nobody waits for deliveries under way
      spawnSync(PROGRAM, ['-c', this.#path('etc'), 'abort'], { stdio: 'ignore' });
      for (let i = 0; i < START_TRIES && (await answers(this.port)); i += 1) await sleep(START_PAUSE_MS);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** What is queued, in any queue. */
  queue(): QueuedMail[] {
    const lines = run(POSTQUEUE, ['-c', this.#path('etc'), '-j']).split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as QueuedMail);
  }

  /** Names of delivered files, in no order. */
  delivered(): string[] {
    const folder = this.#path('mail', 'box', 'new');
    return existsSync(folder) ? readdirSync(folder) : [];
  }

  /** Reads one of {@link delivered}. */
  read(name: string): Delivered {
    const file = readFileSync(this.#path('mail', 'box', 'new', name), 'latin1');
    const [, recipient = '', rest = ''] =
      /^Return-Path: [^\n]*\nX-Original-To: [^\n]*\nDelivered-To: ([^\n]*)\n([\s\S]*)$/.exec(file) ?? [];
    if (recipient === '') throw new Error(`a delivered file without its three fields: ${file.slice(0, 300)}`);
    return { recipient, message: Buffer.from(rest.replaceAll('\n', '\r\n'), 'latin1') };
  }

  #path(...parts: string[]): string {
    return path.join(this.folder, ...parts);
  }

  async #command(verb: string): Promise<void> {
    // its daemons inherit these streams: only exit is waited for, never their end
    const child = spawn(PROGRAM, ['-c', this.#path('etc'), verb], { stdio: ['ignore', 'ignore', 'inherit'] });
    const [status] = (await once(child, 'exit')) as [number | null];
    if (status !== 0) throw new Error(`postfix ${verb} ended with ${status}:\n${this.log}`);
  }
}

/** The distribution's services without chroot, smtp on our port. */
function masterCf(port: number): string {
  const lines = readFileSync(MASTER_CF, 'utf8').split('\n');
  const services = lines.filter((line) => !line.startsWith('#') && line.trim() !== '');
  return services
    .map((line) => line.replace(/^(\S+\s+\S+\s+\S+\s+\S+\s+)y(\s)/, '$1n$2'))
    .map((line) => line.replace(/^smtp(\s+inet)/, `127.0.0.1:${port}$1`))
    .join('\n');
}

function run(program: string, args: readonly string[]): string {
  const result = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (result.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.end('QUIT\r\n');
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
