/**
 * A whole gateway for system tests: its own folder, organisation, configuration and next hop, and the real command
 * line as a child process on loopback ports that the system chooses.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { askGateway } from '../../src/admin/control-client.ts';
import { type KeyKind, type MadeCertificate, makeAuthority, makeCertificate } from './certificate-builder.ts';
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts';

/** The compiled command line that belongs to this compiled test. */
const CLI = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../src/cli/sealgate.js');
const START_MS = 20_000;

export interface HouseOptions {
  /** Senders with an identity, and the kind of their key; anna (RSA) and ben (P-256) when left out. */
  readonly senders?: Readonly<Record<string, KeyKind>>;
  /** Partners with a certificate; rita (RSA) and erik (P-256) at partner.example when left out. */
  readonly partners?: Readonly<Record<string, KeyKind>>;
  /** Lines of YAML for `rules.to`, each `pattern: { ... }`. */
  readonly rules?: readonly string[];
  /** Replaces the clients of the listener; default: loopback vouches always. YAML lines. */
  readonly clients?: readonly string[];
  /** Replaces the directory list. YAML lines. */
  readonly directory?: readonly string[];
  /** YAML appended at the top level. */
  readonly extra?: string;
  /** The `defaults` line. */
  readonly defaults?: string;
  /** Next hop port; a sink is started when left out. */
  readonly nextHopPort?: number;
  /** Spool folder, relative to the house or absolute. */
  readonly spool?: string;
  /** YAML inside `queue: { ... }` after folder and key. */
  readonly queue?: string;
  /** Environment and node flags of the child. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly nodeFlags?: readonly string[];
  /** Do not start yet. */
  readonly stopped?: boolean;
}

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class GatewayHouse {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'sealgate-house-'));
  readonly ca: MadeCertificate = makeAuthority({ name: 'House Root CA' });
  readonly partners = new Map<string, MadeCertificate>();
  readonly senders = new Map<string, MadeCertificate>();
  /** Everything the child wrote to stdout and stderr, over all its lives. */
  output = '';
  port = 0;
  sink: SmtpSink | null = null;
  readonly #options: HouseOptions;
  #child: ChildProcess | null = null;
  #nextHopPort = 0;

  private constructor(options: HouseOptions) {
    this.#options = options;
  }

  /** Builds the house and, unless `stopped`, starts it. The caller ends it with {@link close}. */
  static async open(options: HouseOptions = {}): Promise<GatewayHouse> {
    const house = new GatewayHouse(options);
    await house.#furnish();
    if (options.stopped !== true) await house.start();
    return house;
  }

  get config(): string {
    return path.join(this.folder, 'sealgate.yaml');
  }

  get spool(): string {
    return path.resolve(this.folder, this.#options.spool ?? 'spool');
  }

  get pid(): number {
    assert.ok(this.#child?.pid, 'the gateway is not running');
    return this.#child.pid;
  }

  /** The log as objects; lines that are not JSON are left out. */
  get log(): readonly Record<string, unknown>[] {
    return this.output.split('\n').flatMap((line) => {
      try {
        const value: unknown = JSON.parse(line);
        return typeof value === 'object' && value !== null ? [value as Record<string, unknown>] : [];
      } catch {
        return [];
      }
    });
  }

  /** Starts the child and waits until it answers. Rejects with its output when it ends instead. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [...(this.#options.nodeFlags ?? []), CLI, 'start', '--config', this.config], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.#options.environment },
    });
    this.#child = child;
    child.stdout?.on('data', (chunk: Buffer) => {
      this.output += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.output += chunk.toString();
    });
    const socket = path.join(this.spool, 'control.sock');
    for (const end = Date.now() + START_MS; Date.now() < end; await sleep(25)) {
      const ended = child.exitCode ?? child.signalCode;
      if (ended !== null) throw new Error(`the gateway ended with ${ended}:\n${this.output}`);
      const reply = existsSync(socket) ? await askGateway(socket, 'GET', '/health').catch(() => null) : null;
      if (reply?.kind === 'answer' && reply.status === 200) {
        const { listeners } = reply.body as { listeners: readonly { port: number }[] };
        this.port = listeners[0]?.port ?? 0;
        return;
      }
    }
    throw new Error(`the gateway did not start:\n${this.output}`);
  }

  /** Ends the child with a signal and waits for it. @returns its exit code, or null after a signal */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
    child.kill(signal);
    return ended;
  }

  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }

  async close(): Promise<void> {
    await this.end('SIGKILL');
    await this.sink?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs a command of the real command line with this house's configuration. */
  cli(...args: readonly string[]): CliResult {
    const result = spawnSync(process.execPath, [CLI, ...args, '--config', this.config], { encoding: 'utf8' });
    return { status: result.status, stdout: result.stdout, stderr: result.stderr };
  }

  /** Asks the running gateway over its control socket. */
  async ask(method: 'GET' | 'POST' | 'DELETE', url: string): Promise<unknown> {
    const reply = await askGateway(path.join(this.spool, 'control.sock'), method, url);
    assert.equal(reply.kind, 'answer');
    return reply.kind === 'answer' ? reply.body : null;
  }

  /** Resolves when the queue is empty; rejects after `ms`. */
  async drained(ms = 15_000): Promise<void> {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(25)) {
      const entries = (await this.ask('GET', '/queue')) as readonly unknown[];
      if (entries.length === 0) return;
    }
    throw new Error(`the queue is not empty after ${ms} ms:\n${this.output.slice(-4000)}`);
  }

  /** Rewrites the configuration with other options; the child is told by {@link signal}('SIGHUP') or a restart. */
  configure(changes: Partial<HouseOptions>): void {
    writeFileSync(this.config, this.#yaml({ ...this.#options, ...changes }));
  }

  /** Opens what a partner got: decrypts with their key and verifies with the house CA, both with openssl alone. */
  open(address: string, message: Buffer): Buffer {
    const partner = this.partners.get(address);
    assert.ok(partner, `no partner ${address}`);
    const decrypted = this.#openssl(message, [
      'cms',
      '-decrypt',
      '-recip',
      this.#file('r.pem', partner.pem),
      '-inkey',
      this.#file('r.key', partner.keyPem),
    ]);
    return this.verify(decrypted);
  }

  /** Verifies a clear-signed message with the house CA. @returns the signed entity */
  verify(message: Buffer): Buffer {
    return this.#openssl(message, ['cms', '-verify', '-CAfile', this.#file('ca.pem', this.ca.pem)]);
  }

  decrypt(address: string, message: Buffer): Buffer {
    const partner = this.partners.get(address);
    assert.ok(partner, `no partner ${address}`);
    return this.#openssl(message, [
      'cms',
      '-decrypt',
      '-recip',
      this.#file('r.pem', partner.pem),
      '-inkey',
      this.#file('r.key', partner.keyPem),
    ]);
  }

  #openssl(input: Buffer, args: readonly string[]): Buffer {
    const result = spawnSync('openssl', args, { input, maxBuffer: 1 << 28 });
    assert.equal(result.status, 0, `openssl ${args.slice(0, 2).join(' ')}: ${result.stderr.toString()}`);
    return result.stdout;
  }

  #file(name: string, text: string): string {
    const file = path.join(this.folder, 'scratch', name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  }

  async #furnish(): Promise<void> {
    for (const name of ['identities', 'partners', 'trust', 'scratch']) mkdirSync(path.join(this.folder, name));
    const senders = this.#options.senders ?? { 'anna@example.org': 'rsa-2048', 'ben@example.org': 'p-256' };
    for (const [address, key] of Object.entries(senders)) {
      const made = makeCertificate(this.ca, { emails: [address], key, keyUsage: ['digitalSignature'] });
      this.senders.set(address, made);
      const file = path.join(this.folder, 'identities', `${address}.pem`);
      writeFileSync(file, made.pem + made.keyPem, { mode: 0o600 });
      chmodSync(file, 0o600);
    }
    const partners = this.#options.partners ?? { 'rita@partner.example': 'rsa-2048', 'erik@partner.example': 'p-256' };
    for (const [address, key] of Object.entries(partners)) this.addPartner(address, key);
    writeFileSync(path.join(this.folder, 'trust', 'ca.pem'), this.ca.pem);
    if (this.#options.nextHopPort === undefined) this.sink = await startSmtpSink();
    this.#nextHopPort = this.#options.nextHopPort ?? this.sink?.port ?? 0;
    writeFileSync(this.config, this.#yaml(this.#options));
  }

  /** Makes a certificate for a partner and puts it into the watched folder. */
  addPartner(address: string, key: KeyKind = 'rsa-2048'): MadeCertificate {
    const made = makeCertificate(this.ca, { emails: [address], key });
    this.partners.set(address, made);
    writeFileSync(path.join(this.folder, 'partners', `${address}.pem`), made.pem);
    return made;
  }

  #yaml(options: HouseOptions): string {
    const lines = (list: readonly string[], indent: string): string =>
      list.map((line) => `${indent}${line}\n`).join('');
    const hop = `"127.0.0.1:${options.nextHopPort ?? this.#nextHopPort}"`;
    return `hostname: gw.example.org
ours: [example.org]
listen:
  - address: 127.0.0.1:0
    clients:
${lines(options.clients ?? ['- { network: 127.0.0.0/8, vouches: always }'], '      ')}trust: { default: trust }
identities: identities
directory:
${lines(options.directory ?? ['- folder: partners'], '  ')}${options.defaults ?? 'defaults: { sign: if-possible, encrypt: if-possible, without-certificate: plain, unusable: refuse, profile: default }'}
${options.rules === undefined || options.rules.length === 0 ? '' : `rules:\n  to:\n${lines(options.rules, '    ')}`}routes:
  internal: { host: ${hop}, tls: none }
  outside: { host: ${hop}, tls: none }
queue: { folder: ${options.spool ?? 'spool'}, key: keys/spool.key${options.queue === undefined ? '' : `, ${options.queue}`} }
${options.extra ?? ''}
`;
  }
}

/** What the gateway answered to one message. */
export interface Submission {
  /** Reply to each RCPT, in order; the whole line without CRLF. */
  readonly rcpt: readonly string[];
  /** Reply to MAIL; the others are empty when it is no 250. */
  readonly mail: string;
  /** Reply to the end of data; null when no recipient was accepted. */
  readonly data: string | null;
}

/**
 * Submits one message as a mail server would, over a connection of its own. The message is dot-stuffed here.
 * @param from `` for the null sender
 * @param message null: it ends behind the recipients
 */
export async function submit(
  port: number,
  from: string,
  to: readonly string[],
  message: string | Buffer | null,
): Promise<Submission> {
  const socket = connect(port, '127.0.0.1');
  const replies = replyLines(socket);
  const say = async (line: string): Promise<string> => {
    socket.write(`${line}\r\n`);
    return replies();
  };
  try {
    await replies();
    await say('EHLO test.example.org');
    const mail = await say(`MAIL FROM:<${from}>`);
    if (!mail.startsWith('250')) return { mail, rcpt: [], data: null };
    const rcpt: string[] = [];
    for (const address of to) rcpt.push(await say(`RCPT TO:<${address}>`));
    if (!rcpt.some((line) => line.startsWith('250'))) return { mail, rcpt, data: null };
    if (message === null) return { mail, rcpt, data: null };
    const go = await say('DATA');
    if (!go.startsWith('354')) return { mail, rcpt, data: go };
    const text = typeof message === 'string' ? message : message.toString('latin1');
    const body = text.endsWith('\r\n') ? text : `${text}\r\n`;
    socket.write(Buffer.from(`${body.replace(/^\./gm, '..')}.\r\n`, 'latin1'));
    return { mail, rcpt, data: await replies() };
  } finally {
    socket.destroy();
  }
}

/** Reads whole replies (RFC 5321 §4.2.1), continuation lines joined by a line feed. */
function replyLines(socket: ReturnType<typeof connect>): () => Promise<string> {
  let buffered = '';
  let lines: string[] = [];
  const ready: string[] = [];
  const waiting: { resolve: (reply: string) => void; reject: (error: Error) => void }[] = [];
  let ended: Error | null = null;
  const settle = (): void => {
    while (waiting.length > 0 && ready.length > 0) waiting.shift()?.resolve(ready.shift() ?? '');
    if (ended !== null) for (const waiter of waiting.splice(0)) waiter.reject(ended);
  };
  socket.on('data', (chunk: Buffer) => {
    buffered += chunk.toString('latin1');
    for (let end = buffered.indexOf('\r\n'); end >= 0; end = buffered.indexOf('\r\n')) {
      const line = buffered.slice(0, end);
      buffered = buffered.slice(end + 2);
      lines.push(line);
      if (line[3] !== '-') {
        ready.push(lines.join('\n'));
        lines = [];
      }
    }
    settle();
  });
  const close = (error?: Error): void => {
    ended ??= error ?? new Error('the connection closed');
    settle();
  };
  socket.on('error', close);
  socket.on('close', () => close());
  return () =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      settle();
    });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
