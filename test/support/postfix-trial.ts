/**
 * A gateway between two Postfix servers: letters go in by submission with a login, as config/postfix says; the first
 * Postfix keeps a copy of what it hands on and gets the refusals as reports to the senders; the second delivers into a
 * Maildir. What became of every letter and recipient is counted and judged by trial-verdict.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ERROR_TABLE } from '../../src/errors.ts';
import { makeCertificate } from './certificate-builder.ts';
import { GatewayHouse, sleep } from './gateway-house.ts';
import { NUMBER_FIELD } from './hard-mail.ts';
import { LoginServer } from './login-server.ts';
import { entityOf, splitHeader } from './mail-leaves.ts';
import { freePort, type Postfix, startPostfix } from './postfix.ts';
import { applyRecipe } from './postfix-recipe.ts';
import { SmtpDialogue } from './smtp-dialogue.ts';
import { EXPIRED, PARTNERS, RULES, SENDERS, type TrialLetter } from './trial-letters.ts';
import { judgeCopy } from './trial-verdict.ts';

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const REFERENCE = 'reference@reference.test';
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
  readonly #login: LoginServer;
  readonly #letters = new Map<number, TrialLetter>();
  /** Refused by the first Postfix itself: its reply by number. */
  readonly #rejected = new Map<number, string>();

  private constructor(parts: { house: GatewayHouse; up: Postfix; down: Postfix; login: LoginServer; port: number }) {
    this.house = parts.house;
    this.up = parts.up;
    this.down = parts.down;
    this.#login = parts.login;
    this.submissionPort = parts.port;
  }

  /** Needs Postfix (postfix.ts). The caller closes it. */
  static async open(): Promise<PostfixTrial> {
    const down = await startPostfix('down', {
      mailboxDomains: [
        'partner.example',
        'crypt.example',
        'signed.example',
        'plain.example',
        'strict.example',
        'bank.example',
      ],
      main: ['local_header_rewrite_clients ='],
    });
    const house = await openHouse(down.port);
    const login = await LoginServer.open(Object.fromEntries(Object.keys(SENDERS).map((name) => [name, PASSWORD])));
    const port = await freePort();
    const up = await startPostfix('up', { main: [] });
    const recipe = applyRecipe({
      folder: path.join(up.folder, 'etc'),
      gatewayPort: house.port,
      submissionPort: port,
      sealedPort: await freePort(),
      outsidePort: down.port,
      server: makeCertificate(house.ca, { name: 'localhost', extendedKeyUsage: [SERVER_AUTH] }),
      ca: house.ca,
    });
    writeFileSync(
      path.join(up.folder, 'etc', 'sealgate_sender_logins'),
      Object.keys(SENDERS)
        .map((name) => `${name}@example.org ${name}\n`)
        .join(''),
    );
    up.configure({
      mailboxDomains: ['example.org', 'reference.test'],
      main: [...login.main, ...recipe.main, `always_bcc = ${REFERENCE}`, 'bounce_size_limit = 1'],
      master: recipe.master,
    });
    up.reload();
    const trial = new PostfixTrial({ house, up, down, login, port });
    await trial.#submissionAnswers();
    return trial;
  }

  async close(): Promise<void> {
    await this.up.stop();
    await this.down.stop();
    await this.#login.close();
    await this.house.close();
  }

  /** Submits all of them over a few connections. */
  async send(letters: readonly TrialLetter[]): Promise<void> {
    for (const letter of letters) this.#letters.set(letter.number, letter);
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
    const references = this.#references();
    const refusals = this.#refusals();
    const arrivals = this.#arrivals();
    const tally: Tally = { arrived: new Map(), refused: new Map(), altered: 0, deviations: [...this.#stuck()] };
    const waiting = [...this.#letters.values()];
    const work = async (): Promise<void> => {
      for (let letter = waiting.shift(); letter !== undefined; letter = waiting.shift()) {
        const name = references.get(letter.number);
        const reference = name === undefined ? null : this.up.read(name).message;
        if (reference !== null && !entityOf(reference).equals(entityOf(letter.message))) tally.altered += 1;
        for (const recipient of letter.recipients.keys()) {
          const key = `${letter.number} ${recipient}`;
          const found = { files: arrivals.get(key) ?? [], refusals: refusals.get(key) ?? [], reference };
          await this.#judgeRecipient(letter, recipient, found, tally);
          arrivals.delete(key);
          refusals.delete(key);
        }
      }
    };
    await Promise.all(Array.from({ length: JUDGES }, work));
    for (const key of [...arrivals.keys(), ...refusals.keys()]) tally.deviations.push(`nobody expected ${key}`);
    return tally;
  }

  async #judgeRecipient(letter: TrialLetter, recipient: string, found: Found, tally: Tally): Promise<void> {
    const blame = (what: string): void => {
      tally.deviations.push(`${letter.number} "${letter.name}" to ${recipient}: ${what}`);
    };
    const rejected = this.#rejected.get(letter.number);
    const refusals =
      rejected === undefined ? found.refusals : [...found.refusals, { code: 'mail-server', reply: rejected }];
    const expected = letter.recipients.get(recipient);
    const [refusal] = refusals;
    const [file] = found.files;
    if (found.files.length + refusals.length !== 1) {
      blame(`arrived ${found.files.length} times, refused ${refusals.length} times ${refusal?.reply ?? ''}`);
    } else if (refusal !== undefined) {
      count(tally.refused, `${refusal.code} (${refusal.reply.slice(0, 100)})`);
      if (expected?.kind !== 'refused' || expected.code !== refusal.code)
        blame(`refused: ${refusal.code} ${refusal.reply}`);
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

  /** File of the first Postfix by number: the letter as the gateway got it. */
  #references(): Map<number, string> {
    const found = new Map<number, string>();
    for (const name of this.up.delivered()) {
      const { recipient, message } = this.up.read(name);
      if (recipient === REFERENCE) found.set(numberIn(message), name);
    }
    return found;
  }

  /** Files of the second Postfix by number and recipient. */
  #arrivals(): Map<string, string[]> {
    const found = new Map<string, string[]>();
    for (const name of this.down.delivered()) {
      const { recipient, message } = this.down.read(name);
      const key = `${numberIn(message)} ${recipient}`;
      found.set(key, [...(found.get(key) ?? []), name]);
    }
    return found;
  }

  /** What reports told the senders, by number and recipient. */
  #refusals(): Map<string, Reply[]> {
    const found = new Map<string, Reply[]>();
    for (const name of this.up.delivered()) {
      const { recipient, message } = this.up.read(name);
      if (recipient === REFERENCE) continue;
      const text = message.toString('latin1');
      const number = /^X-Test-Letter: (\d+)\r$/m.exec(text)?.[1] ?? '?';
      for (const block of text.split('\r\n\r\n')) {
        const address = /^Final-Recipient: rfc822; (\S+)/m.exec(block)?.[1];
        if (address === undefined) continue;
        const reply = (/^Diagnostic-Code: ([\s\S]*?)\r\n(?![ \t])/m.exec(`${block}\r\n`)?.[1] ?? '?').replace(
          /\s+/g,
          ' ',
        );
        const key = `${number} ${address}`;
        found.set(key, [...(found.get(key) ?? []), { code: codeIn(reply), reply: reply.replace(/^smtp; /, '') }]);
      }
    }
    return found;
  }

  #stuck(): string[] {
    const queued = [...this.up.queue(), ...this.down.queue()];
    return queued.map(({ queue_name: name, sender, recipients: [first] }) => {
      return `still in the queue ${name}: from ${sender} to ${first?.address ?? ''}: ${first?.delay_reason ?? 'not tried'}`;
    });
  }

  async #submissionAnswers(): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      const dialogue = await SmtpDialogue.greeted(this.submissionPort).catch(() => null);
      if (dialogue !== null) return dialogue.quit();
      if (tries === 200) throw new Error(`no submission service:\n${this.up.log}`);
      await sleep(25);
    }
  }
}

interface Reply {
  /** From our error table; `mail-server` when Postfix itself refused. */
  readonly code: string;
  readonly reply: string;
}

interface Found {
  readonly files: readonly string[];
  readonly refusals: readonly Reply[];
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
  writeFileSync(house.config, yaml.replace('    clients:\n', listener));
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

function numberIn(message: Buffer): number {
  const field = splitHeader(message).fields.find(({ name }) => name === NUMBER_FIELD.toLowerCase());
  return field === undefined ? -1 : Number(field.value);
}

function codeIn(reply: string): string {
  for (const [code, row] of Object.entries(ERROR_TABLE)) {
    if (reply.includes(`${row.reply} ${row.enhanced} `) && reply.includes(row.publicText)) return code;
  }
  return 'mail-server';
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
