/**
 * One fault, a whole gateway that suffers it, and the run of messages that proves that nothing leaves in clear
 * (catalogue C19, C28, L10). Tests run a few messages through each fault, `prove -- faults` hundreds.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { clearSample } from './clear-samples.ts';
import { GatewayHouse, type HouseOptions, type Submission, sleep, submit } from './gateway-house.ts';
import { type SinkOptions, type SmtpSink, startSmtpSink, unstuffed } from './smtp-sink.ts';
import { CANARY, findInClear, WireTap } from './wire-tap.ts';

/** Recipients of these domains are encrypted to: by rule, or where possible. */
export const LEVELS = { required: 'must.example', 'if-possible': 'may.example' } as const;
export type Level = keyof typeof LEVELS;

/** Has a certificate in the folder, whatever else fails. */
export const BYSTANDER = 'erik@friend.example';

/** Here `if-possible` goes plain where the certificate cannot be used, as the rule says. */
export const LENIENT_DOMAIN = 'lenient.example';

const RULES = [
  'must.example: { encrypt: required }',
  'may.example: { encrypt: if-possible }',
  'lenient.example: { encrypt: if-possible, unusable: plain }',
  'open.example: { sign: never, encrypt: never }',
];
const SENDERS = ['anna@example.org', 'ben@example.org', '', 'nobody-signs@example.org'];
const SETTLE_MS = 60_000;

/** A gateway with a tapped next hop. */
export class FaultHouse {
  readonly house: GatewayHouse;
  readonly sink: SmtpSink;
  readonly tap: WireTap;

  private constructor(house: GatewayHouse, sink: SmtpSink, tap: WireTap) {
    this.house = house;
    this.sink = sink;
    this.tap = tap;
  }

  /** rita has a good certificate at each level; further options are the house's own. */
  static async open(options: HouseOptions = {}, hop: SinkOptions = {}): Promise<FaultHouse> {
    const sink = await startSmtpSink(hop);
    const tap = await WireTap.open(sink.port);
    const partners = { 'rita@must.example': 'rsa-2048', 'rita@may.example': 'p-256', [BYSTANDER]: 'rsa-2048' } as const;
    const queue = options.queue ?? 'retry: { first: 1s, max: 1s, lifetime: 1h }';
    const house = await GatewayHouse.open({ partners, ...options, rules: RULES, queue, nextHopPort: tap.port });
    return new FaultHouse(house, sink, tap);
  }

  /** Changes the configuration file; the gateway is told by a signal or a start. */
  edit(change: (yaml: string) => string): void {
    const old = readFileSync(this.house.config, 'utf8');
    const yaml = change(old);
    assert.notEqual(yaml, old, 'nothing was changed');
    writeFileSync(this.house.config, yaml);
  }

  async close(): Promise<void> {
    await this.house.close();
    await this.tap.close();
    await this.sink.close();
  }
}

/** A fault at work. */
export interface FaultScene {
  readonly hall: FaultHouse;
  /** The recipient that the fault concerns; the index may vary it. */
  recipient(level: Level, index: number): string;
  /** Where every message is decided, and with which reply code and enhanced code: `451 4.4.3`. */
  readonly stage: 'rcpt' | 'data';
  readonly reply: string;
  /** What the next hop takes of the accepted ones once the fault is over; reports when it refuses them. */
  readonly accepted: 'delivered' | 'reported';
  /** Ends the fault; then what was accepted must arrive. */
  mend(): Promise<void>;
  /** Further claims of this fault, after the messages and before it is mended. */
  inspect?(): Promise<void> | void;
  close(): Promise<void>;
}

export interface Fault {
  readonly name: string;
  /** Why it cannot be arranged here; null when it can. */
  readonly impossible?: () => string | null;
  arrange(): Promise<FaultScene>;
}

export interface FaultResult {
  readonly name: string;
  readonly reply: string;
  readonly messages: number;
  /** Octets that went to the next hop. */
  readonly octets: number;
  /** Streams to the next hop that held the word; must be 0. */
  readonly inClear: number;
  /** What went wrong; must be empty. */
  readonly problems: readonly string[];
}

/** Runs messages through a fault, half of them for each level, and looks at everything that left or stayed. */
export async function runFault(fault: Fault, messages: number): Promise<FaultResult> {
  const problems: string[] = [];
  const scene = await fault.arrange();
  try {
    const accepted: string[] = [];
    for (let i = 0; i < messages; i += 1) {
      const level: Level = i % 2 === 0 ? 'required' : 'if-possible';
      const from = SENDERS[(i >> 1) % SENDERS.length] ?? '';
      const sample = clearSample(i >> 1, CANARY, from || 'anna@example.org', scene.recipient(level, i));
      const answer = await submit(scene.hall.house.port, from, [scene.recipient(level, i)], sample.text);
      const wrong = wrongAnswer(answer, scene);
      if (wrong !== null) problems.push(`message ${i} (${level}, ${sample.name}): ${wrong}`);
      if (answer.data?.startsWith('250') === true) accepted.push(from);
    }
    await scene.inspect?.();
    await scene.mend();
    await settle(scene, accepted, problems);
    const streams = scene.hall.tap.streams;
    const inClear = streams.filter((stream) => findInClear(stream, CANARY).length > 0).length;
    problems.push(...findWordAtHome(scene.hall.house), ...findRemains(scene.hall.house));
    return { name: fault.name, reply: scene.reply, messages, octets: scene.hall.tap.octets, inClear, problems };
  } catch (thrown) {
    problems.push(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
    return { name: fault.name, reply: scene.reply, messages, octets: scene.hall.tap.octets, inClear: -1, problems };
  } finally {
    await scene.close();
  }
}

/** @throws AssertionError with every problem */
export function assertHeld(result: FaultResult): void {
  assert.deepEqual([result.inClear, result.problems], [0, []], result.name);
}

function wrongAnswer(answer: Submission, { stage, reply }: FaultScene): string | null {
  const expected = `${reply} `;
  if (!answer.mail.startsWith('250 ')) return `MAIL: ${answer.mail}`;
  const rcpt = answer.rcpt[0] ?? '';
  if (stage === 'rcpt') return rcpt.startsWith(expected) ? null : `RCPT: ${rcpt}, data: ${answer.data}`;
  if (!rcpt.startsWith('250 ')) return `RCPT: ${rcpt}`;
  return answer.data?.startsWith(expected) === true ? null : `data: ${answer.data}`;
}

/** Waits until the queue is empty, then counts: everything accepted arrived sealed, once, or was reported. */
async function settle(scene: FaultScene, accepted: readonly string[], problems: string[]): Promise<void> {
  const { house, sink } = scene.hall;
  await house.drained(SETTLE_MS);
  // the sink records a message before the gateway has read its reply, never after
  const concerned = sink.messages.filter(({ to }) => to.some((address) => isConcerned(address)));
  const reports = sink.messages.filter(({ from, to }) => from === '' && to[0]?.endsWith('@example.org') === true);
  const due = accepted.filter((from) => from !== '').length;
  const [copies, told] = scene.accepted === 'delivered' ? [accepted.length, 0] : [0, due];
  if (concerned.length < copies) problems.push(`${accepted.length} accepted, ${concerned.length} arrived`);
  if (concerned.length > copies && !mayDuplicate(house)) problems.push(`${concerned.length} arrived of ${copies}`);
  if (reports.length !== told) problems.push(`${reports.length} reports, ${told} due`);
  for (const { wire } of concerned) {
    const head = unstuffed(wire).toString('latin1').split('\r\n\r\n', 1)[0] ?? '';
    if (!/^Content-Type: application\/pkcs7-mime; smime-type=enveloped-data/im.test(head)) {
      problems.push(`arrived without being sealed:\n${head}`);
    }
  }
}

/** The one legal window (RFC 1047): the hop took it and the link broke; it is counted and logged. */
function mayDuplicate(house: GatewayHouse): boolean {
  return house.log.some(({ event }) => event === 'queue.ambiguous');
}

function isConcerned(address: string): boolean {
  return Object.values(LEVELS).some((domain) => address.endsWith(`@${domain}`));
}

/** O1: where the word stands in log or spool, in whatever form. */
export function findWordAtHome(house: GatewayHouse): readonly string[] {
  const problems = findInClear(Buffer.from(house.output), CANARY).map((form) => `the log holds the word ${form}`);
  for (const entry of readdirSync(house.spool, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    if (findInClear(readFileSync(file), CANARY).length > 0) problems.push(`${file} holds the word`);
  }
  return problems;
}

/** Nothing half-written and nothing damaged stays behind. */
function findRemains(house: GatewayHouse): readonly string[] {
  return ['mail', 'tmp', 'corrupt'].flatMap((folder) => {
    const left = readdirSync(path.join(house.spool, folder));
    return left.length > 0 ? [`${folder}/ holds ${left.join(', ')}`] : [];
  });
}

/** Mail that does not need what failed goes on, sealed. */
export async function bystander({ house, sink }: FaultHouse): Promise<void> {
  const text = `From: anna@example.org\r\nTo: ${BYSTANDER}\r\n\r\n${CANARY}\r\n`;
  const answer = await submit(house.port, 'anna@example.org', [BYSTANDER], text);
  assert.match(answer.data ?? answer.rcpt.join(), /^250 2\.0\.0 /);
  await house.drained();
  const got = sink.messages.find(({ to }) => to.includes(BYSTANDER));
  assert.ok(got !== undefined && house.open(BYSTANDER, unstuffed(got.wire)).includes(CANARY));
}

/** Sends to an address again and again until it is accepted, for a minute. Refusals must be temporary. */
export async function untilAccepted({ house }: FaultHouse, to: string): Promise<void> {
  const { text } = clearSample(0, CANARY, 'anna@example.org', to);
  for (const end = Date.now() + SETTLE_MS; Date.now() < end; await sleep(100)) {
    const answer = await submit(house.port, 'anna@example.org', [to], text);
    const last = answer.data ?? answer.rcpt[0] ?? answer.mail;
    if (last.startsWith('250 ')) return;
    assert.match(last, /^4/);
  }
  assert.fail(`${to} is still refused`);
}

/**
 * Resolves when the log holds one of these events.
 * @param events names, parted by `|`
 * @param from length of `house.output` to begin at
 */
export async function logged(house: GatewayHouse, events: string, from = 0): Promise<Record<string, unknown>> {
  const mark = new RegExp(`^\\{.*"event":"(?:${events.replaceAll('.', '\\.')})".*\\}$`, 'm');
  for (const end = Date.now() + SETTLE_MS; Date.now() < end; await sleep(10)) {
    const line = mark.exec(house.output.slice(from))?.[0];
    if (line !== undefined) return JSON.parse(line) as Record<string, unknown>;
  }
  throw new Error(`no ${events} in the log:\n${house.output.slice(-3000)}`);
}
