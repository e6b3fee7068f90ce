/**
 * Proves what CRLs of a million entries cost mail that needs none of them, while hostile servers hang.
 *
 *     npm run prove -- crl-delay [messages] [rounds]
 *
 * In each round so many messages are sent in quiet, and as many while a list of a million entries is fetched, checked and indexed
 * for another partner, and three servers say nothing to whom asks them. Prints p50 and p99 of both, the median over the rounds and
 * how long the list took; fails when the median of p99 grows by more than a tenth and two milliseconds, or a list did not come.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { makeCertificate } from '../support/certificate-builder.ts';
import { distributionPoints, makeCrl } from '../support/crl-builder.ts';
import { GatewayHouse, submit } from '../support/gateway-house.ts';
import { HostileHttp } from '../support/hostile-http.ts';
import { writeLargeCrl } from '../support/large-crl.ts';
import { printTable } from './support/figure-table.ts';
import { MailClock } from './support/mail-clock.ts';

const MESSAGES = Number(process.argv[2] ?? 400);
const ROUNDS = Number(process.argv[3] ?? 7);
const ENTRIES = 1_000_000;
const HANGING = 3;
const ANNA = 'anna@example.org';
const ERIK = 'erik@partner.example';
const TEXT = `From: ${ANNA}\r\nTo: ${ERIK}\r\nSubject: x\r\n\r\nhello\r\n`;

const house = await GatewayHouse.open({ stopped: true, rules: ['partner.example: { encrypt: required }'] });
const server = await HostileHttp.open();
/** Of another name: who hangs closes the breaker for its own host. */
const silent = await HostileHttp.open('127.0.0.2');

function addPartner(name: string, url: string): void {
  const made = makeCertificate(house.ca, {
    emails: [`${name}@partner.example`],
    key: 'p-256',
    extraExtensions: [distributionPoints(url)],
  });
  writeFileSync(path.join(house.folder, 'partners', `${name}@partner.example.pem`), made.pem);
}

/** A list of the house's CA behind a server in a process of its own, so that serving it does not slow down who measures. */
async function serveLargeList(folder: string): Promise<{ readonly process: ChildProcess; readonly url: string }> {
  const [list = '', serials = ''] = ['list', 'serials'].map((name) => path.join(folder, name));
  writeLargeCrl(list, serials, house.ca, ENTRIES, 2);
  const program = path.join(import.meta.dirname, 'support/file-server.js');
  const child = spawn(process.execPath, [program, list], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return { process: child, url: `http://127.0.0.1:${port.toString().trim()}` };
}

const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-crl-delay-'));
const large = await serveLargeList(folder);
server.set('/erik', { kind: 'answer', body: makeCrl(house.ca) });
addPartner('erik', server.url('/erik'));
for (let round = 0; round <= ROUNDS; round++) {
  addPartner(`large-${round}`, `${large.url}/${round}`);
  for (let one = 0; one < HANGING; one++) {
    silent.set(`/${round}-${one}`, { kind: 'silence' });
    addPartner(`silent-${round}-${one}`, silent.url(`/${round}-${one}`));
  }
}
const settings = '{ allow: [127.0.0.0/8], fetch-timeout: 10s, validation-timeout: 10s }';
const text = readFileSync(house.config, 'utf8');
writeFileSync(
  house.config,
  text.replace('trust: { default: trust }', `trust: { default: trust, revocation: ${settings} }`),
);
await house.start();

/** Milliseconds of so many messages to Erik, one after the other. */
const clock = new MailClock();

const measure = (): Promise<number[]> =>
  clock.measure({ port: house.port, from: ANNA, to: ERIK, text: TEXT, messages: MESSAGES });

async function ask(name: string): Promise<{ reply: string; ms: number }> {
  const begun = performance.now();
  const { rcpt } = await submit(house.port, ANNA, [`${name}@partner.example`], TEXT);
  return { reply: rcpt[0] ?? '', ms: performance.now() - begun };
}

function quantile(times: readonly number[], share: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor((times.length - 1) * share)] ?? 0;
}

const failures: string[] = [];
const rows: string[][] = [['round', 'list at hand after', 'quiet p50', 'p50', 'quiet p99', 'p99']];
const ratios: { quiet: number; busy: number }[] = [];
const pending: Promise<unknown>[] = [];
for (let round = 0; round <= ROUNDS; round++) {
  const quiet = await measure();
  for (let one = 0; one < HANGING; one++) pending.push(ask(`silent-${round}-${one}`));
  const asked = ask(`large-${round}`);
  const busy = await measure();
  const { reply, ms } = await asked;
  if (!reply.startsWith('250')) failures.push(`the mail that needs the list was answered ${reply}`);
  // the first round warms up
  if (round === 0) continue;
  ratios.push({ quiet: quantile(quiet, 0.99), busy: quantile(busy, 0.99) });
  const figures = [ms, quantile(quiet, 0.5), quantile(busy, 0.5), quantile(quiet, 0.99), quantile(busy, 0.99)];
  rows.push([String(round), ...figures.map((value) => `${value.toFixed(1)} ms`)]);
}
await Promise.all(pending);
clock.close();
await house.drained(60_000);
await house.close();
await server.close();
await silent.close();
large.process.stdin?.end();
rmSync(folder, { recursive: true });
printTable(`mail beside a CRL of ${ENTRIES} entries, ${MESSAGES} messages each`, rows);
const still = quantile(
  ratios.map(({ quiet }) => quiet),
  0.5,
);
const under = quantile(
  ratios.map(({ busy }) => busy),
  0.5,
);
console.log(`median p99: ${still.toFixed(1)} -> ${under.toFixed(1)} ms (${((under / still - 1) * 100).toFixed(0)} %)`);
if (under > still * 1.1 + 2) failures.push('mail that needs no list was delayed');
for (const failure of failures) console.log(`FAILED: ${failure}`);
console.log(failures.length === 0 ? 'proven' : 'NOT proven');
process.exit(failures.length === 0 ? 0 : 1);
