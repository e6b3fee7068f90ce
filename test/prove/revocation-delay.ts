/**
 * Proves what hostile revocation servers cost: the decision for mail that needs them, and no delay for mail that does not.
 *
 *     npm run prove -- revocation-delay [messages] [http|ldap|issuers]
 *
 * A gateway runs with a fetch limit of two seconds. For each behaviour one partner's certificate points at a server that
 * behaves so: for its CRL over HTTP, for its CRL in a directory, for the issuer that is missing. Mail for that partner is
 * offered all the time while mail for another is measured, turn by turn with times in which as much mail is offered to who
 * has a good server. Prints decision, time, and p50 and p99 of the others; fails on a wrong decision, on mail in clear, and
 * when p99 over all grows by more than a tenth and a millisecond.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import path from 'node:path';
import { derOctetString } from '../../src/asn1/der-writer.ts';
import { type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { distributionPoints, issuerAccess, makeCrl } from '../support/crl-builder.ts';
import { GatewayHouse, submit } from '../support/gateway-house.ts';
import { HostileHttp, type HttpBehaviour } from '../support/hostile-http.ts';
import { type LdapBehaviour, ldapDone, ldapEntry, ldapMessage, startHostileLdap } from '../support/hostile-ldap.ts';
import { printTable } from './support/figure-table.ts';
import { MailClock } from './support/mail-clock.ts';

const MESSAGES = Number(process.argv[2] ?? 150);
/** null: all. */
const ONLY = process.argv[3] ?? null;
const ANNA = 'anna@example.org';
const ERIK = 'erik@partner.example';
/** With a comma and a space, which base64 never has: five letters alone turn up in ciphertext now and then. */
const CLEAR_MARK = 'hello, in clear';
const TEXT = `From: ${ANNA}\r\nTo: ${ERIK}\r\nSubject: x\r\n\r\n${CLEAR_MARK}\r\n`;
const HOUR = 3_600_000;
const MB = 2 ** 20;

const house = await GatewayHouse.open({
  stopped: true,
  rules: ['partner.example: { encrypt: required }'],
});
const stranger = makeAuthority({ name: 'House Root CA', freshKey: true });
const ago = (ms: number): Date => new Date(Date.now() - ms);
const answer = (body: Buffer): HttpBehaviour => ({ kind: 'answer', body });

/** What runs hostile, and the extension of a certificate that points at it. */
interface Opened {
  readonly extension: ReturnType<typeof distributionPoints>;
  /** Absent: the certificate is by the house's own CA. */
  readonly issuer?: MadeCertificate;
  stop(): Promise<void>;
}

async function http(behaviour: HttpBehaviour): Promise<Opened> {
  const server = await HostileHttp.open();
  server.set('/crl', behaviour);
  return { extension: distributionPoints(server.url('/crl')), stop: () => server.close() };
}

async function ldap(behave: LdapBehaviour): Promise<Opened> {
  const server = await startHostileLdap(behave);
  const location = `${server.url}/CN=x?certificateRevocationList`;
  return { extension: distributionPoints(location), stop: () => server.stop() };
}

/** The certificate is by an authority that only the server has. */
async function missing(behaviour: (issuing: MadeCertificate) => HttpBehaviour): Promise<Opened> {
  const issuer = makeAuthority({ issuer: house.ca, name: 'Issuing', freshKey: true });
  const server = await HostileHttp.open();
  server.set('/crl', behaviour(issuer));
  return { extension: issuerAccess(server.url('/crl')), issuer, stop: () => server.close() };
}

const entry = (id: number, ...values: Buffer[]): Buffer =>
  ldapEntry(id, 'CN=x', [['certificateRevocationList', values]]);

function endlessly(socket: Socket, octets: Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(octets));
    if (!socket.destroyed) socket.once('drain', more);
  };
  more();
}

function drip(socket: Socket, octets: Buffer): void {
  let at = 0;
  const timer = setInterval(() => {
    if (socket.destroyed || at === octets.length) clearInterval(timer);
    else socket.write(octets.subarray(at, ++at));
  }, 50);
}

const LATER = /^451 4\.7\.5/;
const NEVER = /^550 5\.7\.1/;
const reference = (id: number): Buffer => ldapMessage(id, 0x73, derOctetString(Buffer.alloc(60_000, 0x61)));
const many = Array.from({ length: 100_000 }, () => Buffer.from('x'));

/** Name, what runs, and the reply that is right. The first of each is for comparison. */
const BEHAVIOURS: Readonly<Record<string, readonly (readonly [string, () => Promise<Opened>, RegExp])[]>> = {
  http: [
    ['good (for comparison)', () => http(answer(makeCrl(house.ca))), /^250/],
    ['says nothing', () => http({ kind: 'silence' }), LATER],
    ['one octet at a time', () => http({ kind: 'drip', everyMs: 50 }), LATER],
    ['10 GB, declared', () => http({ kind: 'giant', octets: 10_000 * MB, declared: true }), LATER],
    ['10 GB, undeclared', () => http({ kind: 'giant', octets: 10_000 * MB, declared: false }), LATER],
    ['one octet a chunk', () => http({ kind: 'chunks' }), LATER],
    ['header without end', () => http({ kind: 'headers' }), LATER],
    ['interim without end', () => http({ kind: 'interim' }), LATER],
    ['redirects for ever', () => http({ kind: 'redirect', to: '/crl' }), LATER],
    ['redirects to metadata', () => http({ kind: 'redirect', to: 'http://169.254.169.254/' }), LATER],
    ['wrong signer', () => http(answer(makeCrl(stranger))), LATER],
    ['stale', () => http(answer(makeCrl(house.ca, { thisUpdate: ago(99 * HOUR), nextUpdate: ago(98 * HOUR) }))), LATER],
    ['of the future', () => http(answer(makeCrl(house.ca, { thisUpdate: ago(-HOUR) }))), LATER],
    ['garbage', () => http(answer(Buffer.alloc(100_000, 0x30))), LATER],
    ['cut off', () => http({ kind: 'cut', body: makeCrl(house.ca) }), LATER],
    ['resets', () => http({ kind: 'reset' }), LATER],
    ['no HTTP', () => http({ kind: 'noise' }), LATER],
  ],
  ldap: [
    [
      'LDAP, good (for comparison)',
      () => ldap((socket, id) => socket.write(Buffer.concat([entry(id, makeCrl(house.ca)), ldapDone(id)]))),
      /^250/,
    ],
    ['LDAP, says nothing', () => ldap(() => {}), LATER],
    ['LDAP, one octet at a time', () => ldap((socket, id) => drip(socket, entry(id, makeCrl(house.ca)))), LATER],
    ['LDAP, 2 GB announced', () => ldap((socket) => socket.write(Buffer.from('30847fffffff020101', 'hex'))), LATER],
    [
      'LDAP, 13 octets that exceed',
      () => ldap((socket) => socket.write(Buffer.from('300b020101640604847fffffff', 'hex'))),
      LATER,
    ],
    ['LDAP, references for ever', () => ldap((socket, id) => endlessly(socket, reference(id))), LATER],
    ['LDAP, 10^5 values', () => ldap((socket, id) => socket.write(entry(id, ...many))), LATER],
    [
      'LDAP, another attribute',
      () =>
        ldap((socket, id) =>
          socket.write(Buffer.concat([ldapEntry(id, 'CN=x', [['cn', [Buffer.from('x')]]]), ldapDone(id)])),
        ),
      LATER,
    ],
    ['LDAP, a referral', () => ldap((socket, id) => socket.write(ldapDone(id, 10))), LATER],
    [
      'LDAP, wrong signer',
      () => ldap((socket, id) => socket.write(Buffer.concat([entry(id, makeCrl(stranger)), ldapDone(id)]))),
      LATER,
    ],
    ['LDAP, garbage', () => ldap((socket) => socket.write(Buffer.alloc(100_000, 0xa5))), LATER],
    ['LDAP, resets', () => ldap((socket) => socket.resetAndDestroy()), LATER],
  ],
  issuers: [
    ['issuer, good (for comparison)', () => missing((issuing) => answer(issuing.der)), /^250/],
    ['issuer, says nothing', () => missing(() => ({ kind: 'silence' })), LATER],
    ['issuer, one octet at a time', () => missing(() => ({ kind: 'drip', everyMs: 50 })), LATER],
    ['issuer, 10 GB', () => missing(() => ({ kind: 'giant', octets: 10_000 * MB, declared: false })), NEVER],
    [
      'issuer, redirects to metadata',
      () => missing(() => ({ kind: 'redirect', to: 'http://169.254.169.254/' })),
      LATER,
    ],
    ['issuer, resets', () => missing(() => ({ kind: 'reset' })), LATER],
    ['issuer, garbage', () => missing(() => answer(Buffer.alloc(100_000, 0x30))), NEVER],
    ['issuer, absent', () => missing(() => ({ kind: 'answer', status: 404, body: Buffer.alloc(0) })), NEVER],
    ['issuer, another CA', () => missing(() => answer(stranger.der)), NEVER],
  ],
};

/** A partner whose certificate points there. */
function addPartner(address: string, { extension, issuer = house.ca }: Opened): void {
  const made = makeCertificate(issuer, { emails: [address], key: 'p-256', extraExtensions: [extension] });
  writeFileSync(path.join(house.folder, 'partners', `${address}.pem`), made.pem);
}

const clock = new MailClock();

/** Milliseconds of so many messages to Erik, one after the other. */
const measure = (messages: number): Promise<number[]> =>
  clock.measure({ port: house.port, from: ANNA, to: ERIK, text: TEXT, messages });

function quantile(times: readonly number[], share: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor((times.length - 1) * share)] ?? 0;
}

const wanted = Object.entries(BEHAVIOURS).flatMap(([group, list]) => (ONLY === null || ONLY === group ? list : []));
if (wanted.length === 0) throw new Error(`nothing is called ${ONLY}`);
const good = await http(answer(makeCrl(house.ca)));
addPartner(ERIK, good);
const opened = [good];
for (const [index, [, open]] of wanted.entries()) {
  const one = await open();
  opened.push(one);
  addPartner(`p${index}@partner.example`, one);
}
const settings = '{ allow: [127.0.0.0/8], fetch-timeout: 2s, validation-timeout: 2s, fetch-intermediates: true }';
const text = readFileSync(house.config, 'utf8');
writeFileSync(
  house.config,
  text.replace('trust: { default: trust }', `trust: { default: trust, revocation: ${settings} }`),
);
await house.start();

interface Offered {
  readonly replies: { text: string; ms: number }[];
  /** Of the other messages. */
  readonly times: readonly number[];
}

/** Asks for a recipient all the time, as far as the reply to RCPT, while messages to Erik are measured. */
async function measureBeside(recipient: string): Promise<Offered> {
  const replies: { text: string; ms: number }[] = [];
  let stop = false;
  const offering = (async () => {
    while (!stop || replies.length < 2) {
      const begun = performance.now();
      const { rcpt } = await submit(house.port, ANNA, [recipient], null);
      replies.push({ text: rcpt[0] ?? '', ms: performance.now() - begun });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const times = await measure(MESSAGES);
  stop = true;
  await offering;
  return { replies, times };
}

const failures: string[] = [];
const rows: string[][] = [
  ['the server', 'reply', 'first', 'again', 'others p50', 'others p99', 'p99 beside a good one'],
];
const calm: number[] = [];
const busy: number[] = [];
await measureBeside(ERIK);
for (const [index, [name, , right]] of wanted.entries()) {
  // the same mail, only with a server that behaves: what is left is what hostility costs
  const before = await measureBeside(ERIK);
  const { replies, times } = await measureBeside(`p${index}@partner.example`);
  const wrong = replies.find(({ text: reply }) => !right.test(reply));
  if (wrong !== undefined) failures.push(`${name}: ${wrong.text}`);
  const ms = (value: number | undefined): string =>
    `${(value ?? 0).toFixed(value !== undefined && value < 100 ? 1 : 0)} ms`;
  const again = replies.slice(1).map((reply) => reply.ms);
  const p99 = [times, before.times].map((list) => quantile(list, 0.99));
  const figures = [replies[0]?.ms, quantile(again, 0.5), quantile(times, 0.5), ...p99];
  rows.push([name, replies[0]?.text.slice(0, 9) ?? '', ...figures.map(ms)]);
  if (!name.includes('comparison')) busy.push(...times);
  calm.push(...before.times);
}
clock.close();
await house.drained(60_000);
const isClear = (text: string): boolean =>
  text.includes(CLEAR_MARK) || !/^Content-Type: application\/pkcs7-mime/im.test(text);
const clear = house.sink?.messages.filter(({ wire }) => isClear(wire.toString('latin1'))).length ?? 0;
if (clear > 0) failures.push(`${clear} messages in clear`);
await house.close();
for (const one of opened) await one.stop();
printTable(`revocation servers, ${MESSAGES} messages each`, rows);
const [still, under] = [quantile(calm, 0.99), quantile(busy, 0.99)];
console.log(`others over all: p50 ${quantile(calm, 0.5).toFixed(1)} -> ${quantile(busy, 0.5).toFixed(1)} ms`);
console.log(
  `others over all: p99 ${still.toFixed(1)} -> ${under.toFixed(1)} ms (${((under / still - 1) * 100).toFixed(0)} %)`,
);
if (under > still * 1.1 + 1) failures.push('mail that needs no hostile server was delayed');
for (const failure of failures) console.log(`FAILED: ${failure}`);
console.log(failures.length === 0 ? 'proven' : 'NOT proven');
process.exit(failures.length === 0 ? 0 : 1);
