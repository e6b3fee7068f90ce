/**
 * Proves what hostile revocation servers cost: the decision for mail that needs them, and no delay for mail that does not.
 *
 *     npm run prove -- revocation-delay [messages]
 *
 * A gateway runs with a fetch limit of two seconds. For each of twelve behaviours one partner's certificate points at a
 * server that behaves so; mail for that partner is offered all the time while mail for another is measured, turn by turn
 * with quiet times. Prints decision, time, and p50 and p99 of the others; fails on a wrong decision, on mail in clear,
 * and when p99 grows by more than a tenth and two milliseconds over all.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { distributionPoints, makeCrl } from '../support/crl-builder.ts';
import { GatewayHouse, submit } from '../support/gateway-house.ts';
import { HostileHttp, type HttpBehaviour } from '../support/hostile-http.ts';
import { printTable } from './support/figure-table.ts';

const MESSAGES = Number(process.argv[2] ?? 150);
const ANNA = 'anna@example.org';
const ERIK = 'erik@partner.example';
const TEXT = `From: ${ANNA}\r\nTo: ${ERIK}\r\nSubject: x\r\n\r\nhello\r\n`;
const HOUR = 3_600_000;
const MB = 2 ** 20;

const house = await GatewayHouse.open({
  stopped: true,
  rules: ['partner.example: { encrypt: required }'],
});
const stranger = makeAuthority({ name: 'House Root CA', freshKey: true });
const ago = (ms: number): Date => new Date(Date.now() - ms);
const answer = (body: Buffer): HttpBehaviour => ({ kind: 'answer', body });

/** Name, behaviour, and the reply that is right. */
const BEHAVIOURS: readonly (readonly [string, HttpBehaviour, RegExp])[] = [
  ['good (for comparison)', answer(makeCrl(house.ca)), /^250/],
  ['says nothing', { kind: 'silence' }, /^451 4\.7\.5/],
  ['one octet at a time', { kind: 'drip', everyMs: 50 }, /^451 4\.7\.5/],
  ['10 GB, declared', { kind: 'giant', octets: 10_000 * MB, declared: true }, /^451 4\.7\.5/],
  ['10 GB, undeclared', { kind: 'giant', octets: 10_000 * MB, declared: false }, /^451 4\.7\.5/],
  ['redirects for ever', { kind: 'redirect', to: '/crl' }, /^451 4\.7\.5/],
  ['redirects to metadata', { kind: 'redirect', to: 'http://169.254.169.254/' }, /^451 4\.7\.5/],
  ['wrong signer', answer(makeCrl(stranger)), /^451 4\.7\.5/],
  ['stale', answer(makeCrl(house.ca, { thisUpdate: ago(99 * HOUR), nextUpdate: ago(98 * HOUR) })), /^451 4\.7\.5/],
  ['of the future', answer(makeCrl(house.ca, { thisUpdate: ago(-HOUR) })), /^451 4\.7\.5/],
  ['garbage', answer(Buffer.alloc(100_000, 0x30)), /^451 4\.7\.5/],
  ['cut off', { kind: 'cut', body: makeCrl(house.ca) }, /^451 4\.7\.5/],
  ['resets', { kind: 'reset' }, /^451 4\.7\.5/],
  ['no HTTP', { kind: 'noise' }, /^451 4\.7\.5/],
];

/** A partner whose certificate points at this server. */
function addPartner(address: string, server: HostileHttp): void {
  const extraExtensions = [distributionPoints(server.url('/crl'))];
  const made = makeCertificate(house.ca, { emails: [address], key: 'p-256', extraExtensions });
  writeFileSync(path.join(house.folder, 'partners', `${address}.pem`), made.pem);
}

/** Milliseconds of so many messages to Erik, one after the other. */
async function measure(messages: number): Promise<number[]> {
  const times: number[] = [];
  for (let sent = 0; sent < messages; sent++) {
    const begun = performance.now();
    const { data } = await submit(house.port, ANNA, [ERIK], TEXT);
    if (data?.startsWith('250') !== true) throw new Error(`a message to Erik was answered ${data}`);
    times.push(performance.now() - begun);
  }
  return times;
}

function quantile(times: readonly number[], share: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor((times.length - 1) * share)] ?? 0;
}

const servers = await Promise.all(BEHAVIOURS.map(() => HostileHttp.open()));
const good = await HostileHttp.open();
good.set('/crl', answer(makeCrl(house.ca)));
addPartner(ERIK, good);
BEHAVIOURS.forEach(([, behaviour], index) => {
  const server = servers[index];
  server?.set('/crl', behaviour);
  if (server !== undefined) addPartner(`p${index}@partner.example`, server);
});
const settings = '{ allow: [127.0.0.0/8], fetch-timeout: 2s, validation-timeout: 2s }';
const text = readFileSync(house.config, 'utf8');
writeFileSync(
  house.config,
  text.replace('trust: { default: trust }', `trust: { default: trust, revocation: ${settings} }`),
);
await house.start();

const failures: string[] = [];
const rows: string[][] = [['the server', 'reply', 'first', 'again', 'others p50', 'others p99', 'quiet p99']];
const quiet: number[] = [];
const busy: number[] = [];
await measure(50);
for (const [index, [name, , right]] of BEHAVIOURS.entries()) {
  const before = await measure(MESSAGES);
  let stop = false;
  const replies: { text: string; ms: number }[] = [];
  const offering = (async () => {
    while (!stop || replies.length < 2) {
      const begun = performance.now();
      const { rcpt } = await submit(house.port, ANNA, [`p${index}@partner.example`], TEXT);
      replies.push({ text: rcpt[0] ?? '', ms: performance.now() - begun });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  const during = await measure(MESSAGES);
  stop = true;
  await offering;
  const wrong = replies.find(({ text: reply }) => !right.test(reply));
  if (wrong !== undefined) failures.push(`${name}: ${wrong.text}`);
  const ms = (value: number | undefined): string =>
    `${(value ?? 0).toFixed(value !== undefined && value < 100 ? 1 : 0)} ms`;
  const again = replies.slice(1).map((reply) => reply.ms);
  const figures = [
    replies[0]?.ms,
    quantile(again, 0.5),
    quantile(during, 0.5),
    quantile(during, 0.99),
    quantile(before, 0.99),
  ];
  rows.push([name, replies[0]?.text.slice(0, 9) ?? '', ...figures.map(ms)]);
  // the first row is the same work with a server that behaves: what mail costs mail, without hostility
  if (index > 0) busy.push(...during);
  quiet.push(...before);
}
await house.drained(60_000);
const clear = house.sink?.messages.filter(({ wire }) => wire.includes('hello')).length ?? 0;
if (clear > 0) failures.push(`${clear} messages in clear`);
await house.close();
for (const server of [...servers, good]) await server.close();
printTable(`revocation servers, ${MESSAGES} messages each`, rows);
const [still, under] = [quantile(quiet, 0.99), quantile(busy, 0.99)];
console.log(`others over all: p50 ${quantile(quiet, 0.5).toFixed(1)} -> ${quantile(busy, 0.5).toFixed(1)} ms`);
console.log(
  `others over all: p99 ${still.toFixed(1)} -> ${under.toFixed(1)} ms (${((under / still - 1) * 100).toFixed(0)} %)`,
);
if (under > still * 1.1 + 2) failures.push('mail that needs no hostile server was delayed');
for (const failure of failures) console.log(`FAILED: ${failure}`);
console.log(failures.length === 0 ? 'proven' : 'NOT proven');
process.exit(failures.length === 0 ? 0 : 1);
