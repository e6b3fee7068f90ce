/**
 * Mail servers that submit without pause: each over one session, and when that is lost over a new one, beginning with
 * the message that was not answered (RFC 5321 §4.5.4.1). Messages are of 4 to 64 KB, to all kinds of recipients.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { sleep } from '../../support/gateway-house.ts';
import { type Attempt, sha256 } from './kill-ledger.ts';
import { SessionLost, SubmittingClient, stuffed } from './submitting-client.ts';

/** RSA, EC, untouched, signed only, and mixtures. */
const RECIPIENTS = [
  ['rita@partner.example'],
  ['erik@partner.example'],
  ['plain@partner.example'],
  ['nora@partner.example'],
  ['rita@partner.example', 'erik@partner.example'],
  ['rita@partner.example', 'plain@partner.example', 'nora@partner.example'],
];
const SENDERS = ['anna@example.org', 'ben@example.org'];
const RECONNECT_MS = 15;
const OCTETS_MIN = 4096;
/** Text beyond 64 KiB would be re-encoded, and compare with nothing. */
const OCTETS_MAX = 62_000;
/** Attachments pass at any size; these are written to the spool in pieces, before the end is known. */
const LARGE_SHARE = 0.05;
const LARGE_OCTETS_MAX = 700_000;
/** Sessions end in daily life too. */
const MESSAGES_A_SESSION = 50;

export class KillLoad {
  readonly attempts = new Map<string, Attempt>();
  readonly #port: number;
  readonly #workers: Promise<void>[];
  #stopping = false;

  constructor(port: number, sessions: number) {
    this.#port = port;
    this.#workers = Array.from({ length: sessions }, (_, i) => this.#work(`s${i}`));
  }

  /** Lets every message under way come to its answer. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#workers);
  }

  async #work(name: string): Promise<void> {
    let client: SubmittingClient | null = null;
    for (let number = 0; !this.#stopping; number += 1) {
      const recipients = RECIPIENTS[randomInt(RECIPIENTS.length)] ?? [];
      for (let attempt = 1; ; attempt += 1) {
        client ??= await this.#connect();
        if (await this.#submit(client, `${name}-${number}`, attempt, recipients)) break;
        client = null;
      }
      if (number % MESSAGES_A_SESSION !== MESSAGES_A_SESSION - 1) continue;
      await client?.close();
      client = null;
    }
    await client?.close();
  }

  async #connect(): Promise<SubmittingClient> {
    for (;;) {
      try {
        return await SubmittingClient.open(this.#port);
      } catch {
        await sleep(RECONNECT_MS);
      }
    }
  }

  /** @returns false when the session was lost */
  async #submit(
    client: SubmittingClient,
    message: string,
    number: number,
    recipients: readonly string[],
  ): Promise<boolean> {
    const id = `${message}-try${number}`;
    const body = madeBody(id);
    const sender = SENDERS[randomInt(SENDERS.length)] ?? '';
    const header = `From: <${sender}>\r\nTo: ${recipients.map((to) => `<${to}>`).join(', ')}\r\nSubject: load\r\nMessage-ID: <${id}@load.example.org>\r\nMIME-Version: 1.0\r\n${body.fields}\r\n`;
    const attempt: Attempt = {
      id,
      message,
      recipients,
      bodyDigest: sha256(Buffer.from(body.text)),
      answer: 'none yet',
    };
    this.attempts.set(id, attempt);
    try {
      const { rcpt, data } = await client.submit(sender, recipients, [stuffed(header + body.text)]);
      attempt.answer = [...rcpt, data].every((reply) => reply?.startsWith('250')) ? 'acknowledged' : 'refused';
      return true;
    } catch (thrown) {
      if (!(thrown instanceof SessionLost)) throw thrown;
      attempt.answer = thrown.afterEnd ? 'unanswered' : 'cut';
      return false;
    }
  }
}

/** What the mail programs of the load write. */
interface MadeBody {
  /** Content-* fields, CRLF-ended. */
  readonly fields: string;
  readonly text: string;
}

/** Text whose size is spread evenly over the powers of two, with lines that begin with dots; now and then an attachment. */
function madeBody(id: string): MadeBody {
  if (Math.random() < LARGE_SHARE) {
    const fields = 'Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n';
    return { fields, text: randomLines(LARGE_OCTETS_MAX * Math.random()) };
  }
  const text = randomLines(OCTETS_MIN * 2 ** (Math.random() * Math.log2(OCTETS_MAX / OCTETS_MIN)));
  const fields = 'Content-Type: text/plain; charset=us-ascii\r\n';
  return { fields, text: `${id}\r\n..${text.replace(/\r\n(?=[Aa])/g, '\r\n.')}${id}\r\n` };
}

function randomLines(octets: number): string {
  const text = randomBytes(Math.ceil((octets / 78) * 57)).toString('base64');
  return text.replace(/.{1,76}/g, '$&\r\n');
}
