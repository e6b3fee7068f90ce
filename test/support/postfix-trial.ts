/**
 * A gateway between two Postfix servers: letters go in by submission with a login, as config/postfix says; the first
 * Postfix keeps a copy of what it hands on and gets the refusals as reports to the senders; the second delivers into a
 * Maildir. What became of every letter and recipient is counted and judged by trial-verdict.ts.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeCertificate } from './certificate-builder.ts';
import { GatewayHouse, sleep } from './gateway-house.ts';
import { LoginServer } from './login-server.ts';
import { entityOf } from './mail-leaves.ts';
import { freePort, type Postfix, startPostfix } from './postfix.ts';
import { applyRecipe } from './postfix-recipe.ts';
import { SmtpDialogue } from './smtp-dialogue.ts';
import { EXPIRED, PARTNERS, RULES, SENDERS, type TrialLetter } from './trial-letters.ts';
import { type Outcome, REFERENCE, readOutcomes, takeOutcome } from './trial-outcome.ts';
import { judgeCopy } from './trial-verdict.ts';

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const OUTSIDE = [
  'partner.example',
  'crypt.example',
  'signed.example',
  'plain.example',
  'strict.example',
  'bank.example',
];
const PASSWORD = 'of a test';
const INJECTORS = 8;
const JUDGES = 2;

export interface TrialReport {
  /** Recipients by what they got: form and sameness. */
  readonly arrived: ReadonlyMap<string, number>;
  /** Recipients refused, by error code and reply. */
  readonly refused: ReadonlyMap<string, number>;
  /** Letters whose entity the first Postfix changed before the gateway saw it. */
  readonly altered: number;
  readonly deviations: readonly string[];
}

export class PostfixTrial {
  readonly house: GatewayHouse;
  readonly up: Postfix;
  readonly down: Postfix;
  readonly submissionPort: number;
  /** Where the first Postfix takes sealed mail back. */
  readonly sealedPort: number;
  readonly #login: LoginServer;
  readonly #letters = new Map<number, SentLetter>();
  /** Refused by the first Postfix itself: its reply by number. */
  readonly #rejected = new Map<number, string>();

  private constructor(parts: {
    house: GatewayHouse;
    up: Postfix;
    down: Postfix;
    login: LoginServer;
    submissionPort: number;
    sealedPort: number;
  }) {
    this.house = parts.house;
    this.up = parts.up;
    this.down = parts.down;
    this.#login = parts.login;
    this.submissionPort = parts.submissionPort;
    this.sealedPort = parts.sealedPort;
  }

  /** Needs Postfix (postfix.ts). The caller closes it. */
  static async open(): Promise<PostfixTrial> {
    const down = await startPostfix('down', { mailboxDomains: OUTSIDE, main: ['local_header_rewrite_clients ='] });
    const [house, login, submissionPort, sealedPort] = await Promise.all([
      openHouse(down.port),
      LoginServer.open(Object.fromEntries(Object.keys(SENDERS).map((name) => [name, PASSWORD]))),
      freePort(),
      freePort(),
    ]);
    const server = makeCertificate(house.ca, { name: 'localhost', extendedKeyUsage: [SERVER_AUTH] });
    const ports = { gatewayPort: house.port, submissionPort, sealedPort, outsidePort: down.port };
    const up = await startPostfix('up', (folder) => {
      const recipe = applyRecipe({ folder, server, ca: house.ca, ...ports });
      const logins = Object.keys(SENDERS).map((name) => `${name}@example.org ${name}\n`);
      writeFileSync(path.join(folder, 'sealgate_sender_logins'), logins.join(''));
      return {
        mailboxDomains: ['example.org', 'reference.test'],
        main: [...login.main, ...recipe.main, `always_bcc = ${REFERENCE}`, 'bounce_size_limit = 1'],
        master: recipe.master,
      };
    });
    return new PostfixTrial({ house, up, down, login, submissionPort, sealedPort });
  }

  async close(): Promise<void> {
    await this.up.stop();
    await this.down.stop();
    await this.#login.close();
    await this.house.close();
  }

  /** Submits all of them over a few connections. */
  async send(letters: readonly TrialLetter[]): Promise<void> {
    for (const { message, ...letter } of letters) {
      this.#letters.set(letter.number, { ...letter, entity: digestOf(entityOf(message)) });
    }
    const waiting = [...letters];
    const work = async (): Promise<void> => {
      const open = new Map<string, SmtpDialogue>();
      for (let letter = waiting.shift(); letter !== undefined; letter = waiting.shift()) {
        const dialogue = open.get(letter.from) ?? (await this.login(letter.from));
        open.set(letter.from, dialogue);
        const reply = await submitLetter(dialogue, letter);
        if (!reply.startsWith('250')) this.#rejected.set(letter.number, reply);
      }
      for (const dialogue of open.values()) await dialogue.quit();
    };
    await Promise.all(Array.from({ length: INJECTORS }, work));
  }

  /** A submission connection of this sender, logged in. */
  async login(address: string): Promise<SmtpDialogue> {
    const name = address.slice(0, address.indexOf('@'));
    const dialogue = await SmtpDialogue.greeted(this.submissionPort);
    await dialogue.startTls();
    await dialogue.command('EHLO client.example', 250);
    await dialogue.command(`AUTH PLAIN ${Buffer.from(`\0${name}\0${PASSWORD}`).toString('base64')}`, 235);
    return dialogue;
  }

  /** Resolves when nothing is under way; what hangs is told by {@link judge}. */
  async drained(ms: number): Promise<void> {
    for (const end = Date.now() + ms; Date.now() < end; await sleep(250)) {
      if (this.up.queue().length > 0) continue;
      await this.house.drained(ms);
      if (this.down.queue().length === 0) return;
    }
  }

  /** Everything that became of the letters sent so far. */
  async judge(): Promise<TrialReport> {
    const outcomes = readOutcomes(this.up, this.down);
    const tally: Tally = { arrived: new Map(), refused: new Map(), altered: 0, deviations: this.#stuck() };
    const waiting = [...this.#letters.values()];
    const work = async (): Promise<void> => {
      for (let letter = waiting.shift(); letter !== undefined; letter = waiting.shift()) {
        const name = outcomes.references.get(letter.number);
        const reference = name === undefined ? null : this.up.read(name).message;
        if (reference !== null && digestOf(entityOf(reference)) !== letter.entity) tally.altered += 1;
        for (const recipient of letter.recipients.keys()) {
          const key = `${letter.number} ${recipient}`;
          const found = { ...takeOutcome(outcomes, key), reference };
          await this.#judgeRecipient(letter, recipient, found, tally);
        }
      }
    };
    await Promise.all(Array.from({ length: JUDGES }, work));
    for (const key of [...outcomes.arrivals.keys(), ...outcomes.refusals.keys()]) {
      tally.deviations.push(`nobody expected ${key}`);
    }
    return tally;
  }

  async #judgeRecipient(letter: SentLetter, recipient: string, found: Found, tally: Tally): Promise<void> {
    const blame = (what: string): void => {
      tally.deviations.push(`${letter.number} "${letter.name}" to ${recipient}: ${what}`);
    };
    const rejected = this.#rejected.get(letter.number);
    const refusals = rejected === undefined ? found.refusals : [{ code: 'mail-server', reply: rejected }];
    const expected = letter.recipients.get(recipient);
    const [refusal] = refusals;
    const [file] = found.files;
    if (found.files.length + refusals.length !== 1) {
      blame(`arrived ${found.files.length} times, refused ${refusals.length} times ${refusal?.reply ?? ''}`);
    } else if (refusal !== undefined) {
      const due = expected?.kind === 'refused' && expected.code === refusal.code;
      if (due) count(tally.refused, `${refusal.code} (${refusal.reply.slice(0, 100)})`);
      else blame(`refused: ${refusal.code} ${refusal.reply}`);
    } else if (expected?.kind !== 'arrives') blame(`arrived, but ${expected?.code ?? '?'} was due`);
    else if (file === undefined || found.reference === null) blame('no copy of what was handed to the gateway');
    else {
      const keys = this.house.partners.has(recipient) ? this.#keyFiles(recipient) : null;
      const arrived = this.down.read(file).message;
      const ca = path.join(this.house.folder, 'trust', 'ca.pem');
      const verdict = await judgeCopy({ form: expected.form, reference: found.reference, arrived, keys, ca });
      if (verdict.ok) count(tally.arrived, `${expected.form}, ${verdict.sameness}`);
      else blame(`${expected.form}: ${verdict.reason}`);
    }
  }

  #keyFiles(address: string): { certificate: string; key: string } {
    const key = path.join(this.house.folder, 'scratch', `${address}.key.pem`);
    return { certificate: path.join(this.house.folder, 'partners', `${address}.pem`), key };
  }

  #stuck(): string[] {
    const queued = [...this.up.queue(), ...this.down.queue()];
    return queued.map(({ queue_name: name, sender, recipients: [first] }) => {
      return `still in the queue ${name}: from ${sender} to ${first?.address ?? ''}: ${first?.delay_reason ?? 'not tried'}`;
    });
  }
}

/** A letter without its octets, so that many fit into memory. */
interface SentLetter extends Omit<TrialLetter, 'message'> {
  /** SHA-256 of its entity. */
  readonly entity: string;
}

interface Found extends Outcome {
  readonly reference: Buffer | null;
}

interface Tally {
  readonly arrived: Map<string, number>;
  readonly refused: Map<string, number>;
  altered: number;
  readonly deviations: string[];
}

async function openHouse(nextHopPort: number): Promise<GatewayHouse> {
  const house = await GatewayHouse.open({
    senders: { 'anna@example.org': 'rsa-2048', 'ben@example.org': 'p-256' },
    partners: PARTNERS,
    rules: RULES,
    clients: ['- { network: 127.0.0.0/8, vouches: { header: X-Sealgate-Origin, value: submission } }'],
    nextHopPort,
    stopped: true,
  });
  const old = { notBefore: new Date(Date.now() - 900 * 86_400_000), notAfter: new Date(Date.now() - 86_400_000) };
  const expired = makeCertificate(house.ca, { emails: [EXPIRED], ...old });
  writeFileSync(path.join(house.folder, 'partners', 'expired.pem'), expired.pem);
  const tls = makeCertificate(house.ca, { name: 'localhost', extendedKeyUsage: [SERVER_AUTH] });
  writeFileSync(path.join(house.folder, 'tls.pem'), tls.pem);
  writeFileSync(path.join(house.folder, 'tls.key.pem'), tls.keyPem, { mode: 0o600 });
  const yaml = readFileSync(house.config, 'utf8');
  const listener = '    tls: { certificate: tls.pem, key: tls.key.pem }\n    clients:\n';
  // a port that stays over restarts
  const address = `127.0.0.1:${await freePort()}`;
  writeFileSync(house.config, yaml.replace('    clients:\n', listener).replace('127.0.0.1:0', address));
  for (const [address, { keyPem }] of house.partners) {
    writeFileSync(path.join(house.folder, 'scratch', `${address}.key.pem`), keyPem, { mode: 0o600 });
  }
  await house.start();
  return house;
}

/** @returns the reply that decided, `250` when the letter was taken */
async function submitLetter(dialogue: SmtpDialogue, letter: TrialLetter): Promise<string> {
  const eightBit = letter.message.some((octet) => octet > 127) && letter.number % 2 === 0;
  await dialogue.command(`MAIL FROM:<${letter.from}>${eightBit ? ' BODY=8BITMIME' : ''}`, 250);
  for (const address of letter.recipients.keys()) await dialogue.command(`RCPT TO:<${address}>`, 250);
  await dialogue.command('DATA', 354);
  const text = letter.message.toString('latin1');
  const stuffed = (text.endsWith('\r\n') ? text : `${text}\r\n`).replace(/(^|\n)\./g, '$1..');
  dialogue.send(`${stuffed}.\r\n`);
  return (await dialogue.reply()).text;
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
