/**
 * Catalogue O1 for the gateway as a process: mail of every fate full of canaries, and a search for them in everything
 * the gateway leaves or shows: spool, its whole folder with TMPDIR, log, environment, command line, deleted files it
 * holds open, answers of the control socket. While messages stream in, while all of it waits, after kill -9, and after
 * the restart.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { GatewayHouse, sleep } from '../../support/gateway-house.ts';
import { type Canary, makeCanary } from './canary.ts';
import { CERTIFIED, canaryMail, FATES, type Fate } from './canary-mail.ts';
import { type NextHop, startNextHop } from './next-hop.ts';
import { filesBelow } from './process-figures.ts';
import { SubmittingClient } from './submitting-client.ts';

export interface CanaryReport {
  /** Messages of each fate, and how many of them had the reply that the fate has. */
  readonly fates: readonly { readonly name: string; readonly sent: number; readonly asExpected: number }[];
  readonly searches: readonly Search[];
  /** `where: form`, empty when nothing was found. */
  readonly hits: readonly string[];
  /** Reports about failures that were waiting in the spool. */
  readonly reports: number;
}

export interface Search {
  readonly when: string;
  readonly files: number;
  readonly octets: number;
  /** Messages in the spool and intakes under way. */
  readonly waiting: number;
  readonly intakes: number;
}

const SESSIONS = 6;
const ATTACHMENT_OCTETS = 8192;
/** Beyond what an intake gathers before it writes. */
const HALF_OCTETS = 1_500_000;
/** `name` of a fate that streams while the search looks. */
const STREAMING = ['untouched', 'signed', 'encrypted (RSA)', 'all at once'];

/** @param messages in all; the last third is sent while no next hop listens */
export async function runCanaries(messages: number): Promise<CanaryReport> {
  const hop = await startNextHop({
    open: () => ({ take: () => {}, end: () => {}, lost: () => {} }),
    refuse: (address) =>
      /^(gone|lost)@/.test(address) ? `550 5.1.1 no such mailbox` : '451 4.2.1 come back another day',
  });
  const environment: Record<string, string> = {};
  const house = await GatewayHouse.open({
    nextHopPort: hop.port,
    partners: Object.fromEntries(CERTIFIED.map((name) => [name, name.startsWith('erik') ? 'p-256' : 'rsa-2048'])),
    rules: ['bank.example: { encrypt: required }', 'plain@partner.example: { sign: never, encrypt: never }'],
    queue: 'retry: { first: 1h, max: 1h }',
    extra: 'log: { level: debug }',
    environment,
    stopped: true,
  });
  environment['TMPDIR'] = path.join(house.folder, 'tmpdir');
  mkdirSync(environment['TMPDIR']);
  const run = new CanaryRun(house, hop);
  try {
    return await run.run(messages);
  } finally {
    await run.close();
  }
}

class CanaryRun {
  readonly #house: GatewayHouse;
  readonly #canary: Canary = makeCanary();
  readonly #searches: Search[] = [];
  readonly #hits: string[] = [];
  readonly #fates = new Map<Fate, { sent: number; asExpected: number }>();
  #hop: NextHop | null;
  #next = 0;

  constructor(house: GatewayHouse, hop: NextHop) {
    this.#house = house;
    this.#hop = hop;
  }

  async run(messages: number): Promise<CanaryReport> {
    this.#proveSearch();
    await this.#house.start();
    await this.#submitAll(Math.ceil((messages * 2) / 3));
    await this.#search('next hop refuses');
    await this.#hop?.close();
    this.#hop = null;
    await this.#submitAll(messages);
    await this.#search('next hop down');
    await this.#searchWhileStreaming();
    const waiting = this.#countWaiting();
    await this.#house.end('SIGKILL');
    await this.#search('killed');
    await this.#house.start();
    await this.#search('restarted');
    assert.equal(this.#countWaiting(), waiting, 'mail in the spool before and after the kill');
    return {
      fates: [...this.#fates].map(([{ name }, counts]) => ({ name, ...counts })),
      searches: this.#searches,
      hits: this.#hits,
      reports: this.#house.log.filter(({ event }) => event === 'queue.report-queued').length,
    };
  }

  async close(): Promise<void> {
    await this.#house.close();
    await this.#hop?.close();
  }

  /** A search that finds nothing must be one that would. */
  #proveSearch(): void {
    for (const { name, text, anyCase } of this.#canary.forms) {
      const octets = Buffer.from(`before ${anyCase ? text.toUpperCase() : text} behind`, 'latin1');
      assert.ok(this.#canary.find(octets).includes(name), `the search misses ${name}`);
    }
    const mail = canaryMail(this.#canary.token, FATES[0] as Fate, ATTACHMENT_OCTETS);
    const found = this.#canary.find(mail.subarray(mail.lastIndexOf('base64')));
    for (const shift of [0, 1, 2]) assert.ok(found.includes(`base64, shifted by ${shift}`), `attachment: ${found}`);
    const planted = path.join(this.#house.folder, 'planted');
    mkdirSync(planted);
    writeFileSync(path.join(planted, 'file'), mail);
    this.#searchFiles(filesBelow(this.#house.folder));
    assert.ok(this.#hits.length > 0, 'the search misses a file');
    this.#hits.length = 0;
    rmSync(planted, { recursive: true });
  }

  async #submitAll(until: number): Promise<void> {
    await Promise.all(Array.from({ length: SESSIONS }, () => this.#submitSome(until)));
  }

  async #submitSome(until: number): Promise<void> {
    const client = await SubmittingClient.open(this.#house.port);
    while (this.#next < until) {
      const fate = FATES[this.#next % FATES.length] as Fate;
      // what is refused at its end should have left something on the disk by then
      const octets = fate.tail === undefined ? ATTACHMENT_OCTETS : HALF_OCTETS / 4;
      this.#next += 1;
      const { rcpt, data } = await client.submit('anna@example.org', fate.to, [
        canaryMail(this.#canary.token, fate, octets),
      ]);
      const counts = this.#fates.get(fate) ?? { sent: 0, asExpected: 0 };
      counts.sent += 1;
      if ((data ?? rcpt[0])?.startsWith(fate.reply)) counts.asExpected += 1;
      this.#fates.set(fate, counts);
    }
    await client.close();
  }

  async #searchWhileStreaming(): Promise<void> {
    const fates = FATES.filter(({ name }) => STREAMING.includes(name));
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let stalled = 0;
    const sessions = fates.map(async (fate) => {
      const client = await SubmittingClient.open(this.#house.port);
      const mail = canaryMail(this.#canary.token, fate, 2 * HALF_OCTETS);
      async function* halves(): AsyncGenerator<Buffer> {
        yield mail.subarray(0, HALF_OCTETS);
        stalled += 1;
        await released;
        yield mail.subarray(HALF_OCTETS);
      }
      const { data } = await client.submit('anna@example.org', fate.to, halves());
      assert.match(data ?? '', /^250/);
      await client.close();
    });
    // the other end of the socket has it all soon after: intakes appear when they have written
    for (let i = 0; i < 200 && (stalled < fates.length || this.#countIntakes() < fates.length); i += 1) await sleep(25);
    await this.#search('in DATA');
    release();
    await Promise.all(sessions);
  }

  async #search(when: string): Promise<void> {
    const files = filesBelow(this.#house.folder);
    let octets = this.#searchFiles(files);
    octets += this.#searchOctets('log', Buffer.from(this.#house.output));
    if (when !== 'killed') {
      octets += this.#searchProcess(this.#house.pid);
      for (const url of ['/queue', '/health']) {
        octets += this.#searchOctets(url, Buffer.from(JSON.stringify(await this.#house.ask('GET', url))));
      }
    }
    const waiting = this.#countWaiting();
    this.#searches.push({ when, files: files.length, octets, waiting, intakes: this.#countIntakes() });
  }

  #searchFiles(files: readonly string[]): number {
    let octets = 0;
    for (const file of files) {
      // a file may go between the listing and this
      const content = readIfThere(file);
      octets += this.#searchOctets(path.relative(this.#house.folder, file), content);
      octets += this.#searchOctets('a file name', Buffer.from(file));
    }
    return octets;
  }

  #searchProcess(pid: number): number {
    let octets = 0;
    for (const name of ['environ', 'cmdline']) {
      octets += this.#searchOctets(name, readFileSync(`/proc/${pid}/${name}`));
    }
    for (const handle of readdirSync(`/proc/${pid}/fd`)) {
      const link = linkIfThere(`/proc/${pid}/fd/${handle}`);
      if (!link.startsWith('/') || link.startsWith('/dev/')) continue;
      if (link.endsWith(' (deleted)')) octets += this.#searchOctets(link, readIfThere(`/proc/${pid}/fd/${handle}`));
      else if (!link.startsWith(this.#house.folder)) this.#hits.push(`${link}: a file open outside the spool`);
    }
    return octets;
  }

  #searchOctets(where: string, octets: Buffer): number {
    for (const form of this.#canary.find(octets)) this.#hits.push(`${where}: ${form}`);
    return octets.length;
  }

  #countWaiting(): number {
    return readdirSync(path.join(this.#house.spool, 'mail')).length;
  }

  #countIntakes(): number {
    return readdirSync(path.join(this.#house.spool, 'tmp')).length;
  }
}

function readIfThere(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch {
    return Buffer.alloc(0);
  }
}

function linkIfThere(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}
