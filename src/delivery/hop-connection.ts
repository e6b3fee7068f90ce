/**
 * One SMTP connection to a next hop: nodemailer's SMTPConnection with promises, deadlines and one verdict a recipient
 * (RFC 5321 §3.3, §4.5.3.2; RFC 6152; RFC 1870).
 *
 * SMTPConnection keeps the dialogue. Refused here is what it lets pass: a final reply before the final dot, replies
 * that are none, a peer that drips for ever. Whatever leaves the dialogue in doubt ends the connection.
 */
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { SMTPEnvelope } from 'nodemailer/lib/smtp-connection';
import { type HopError, type HopResult, readVerdict, type SendEnd, type Transaction } from './hop-verdict.ts';
import { WireStream } from './wire-stream.ts';

/** The envelope of one transaction; addresses checked by the caller: nodemailer sends odd ones as they are. */
export interface HopEnvelope {
  /** null is the null sender. */
  readonly reversePath: string | null;
  /** At least one, none twice. */
  readonly recipients: readonly string[];
  /** null leaves SIZE= out. */
  readonly bytes: number | null;
  readonly eightBit: boolean;
}

/**
 * QUIRK: nodemailer 10.6.0 keeps what the hop offered in fields that its types do not name. `_ehloLines` is absent after
 * a fall-back to HELO.
 */
interface Offered {
  readonly _supportedExtensions?: readonly string[];
  readonly _ehloLines?: readonly string[];
  readonly _maxAllowedSize?: number;
}

/** QUIRK: nodemailer 10.6.0 collects refusals in the envelope that it was given, and keeps them whatever comes later. */
interface Collected {
  mailError?: HopError;
  rejectedErrors?: readonly HopError[];
}

/** How long a hop may take to answer QUIT before the connection is torn down. */
const QUIT_MS = 2000;

/** An open connection, past EHLO and STARTTLS. Made by `connectHop`. */
export class HopConnection {
  /** `host:port` */
  readonly hop: string;
  /** Transactions begun on it. */
  used = 0;
  readonly #smtp: SMTPConnection;
  readonly #replyTimeoutMs: number;
  #open = true;
  #onEnd: () => void = () => {};

  constructor(smtp: SMTPConnection, hop: string, replyTimeoutMs: number) {
    this.#smtp = smtp;
    this.hop = hop;
    this.#replyTimeoutMs = replyTimeoutMs;
    // an 'error' without listener would end the process
    smtp.on('error', () => this.#ended());
    smtp.on('end', () => this.#ended());
  }

  /** False once it is closed or broken. */
  get usable(): boolean {
    return this.#open;
  }

  get secure(): boolean {
    return this.#smtp.secure;
  }

  /** False when the hop refused EHLO and was greeted with HELO. */
  get extended(): boolean {
    return this.#offered._ehloLines !== undefined;
  }

  /** True when the hop announced that extension in the EHLO that counts, the one under TLS if there is TLS. */
  offers(extension: '8BITMIME' | 'SMTPUTF8'): boolean {
    return this.#offered._supportedExtensions?.includes(extension) ?? false;
  }

  /** Largest message in octets that the hop takes (RFC 1870 §4); null when it set no limit. */
  get bytesMax(): number | null {
    const limit = this.#offered._maxAllowedSize ?? 0;
    return limit > 0 ? limit : null;
  }

  get #offered(): Offered {
    return this.#smtp as unknown as Offered;
  }

  /** Called once when the connection ends while nothing is sent on it; replaces the call-back before. */
  onEnd(callback: () => void): void {
    this.#onEnd = callback;
  }

  /**
   * One transaction. Never rejects. A connection left in doubt is closed: see {@link usable}.
   * @param octets what follows the 354, final dot included; closed at the end whatever happens
   * @param signal ends it at once, and with it the connection
   */
  async send(
    envelope: HopEnvelope,
    octets: AsyncGenerator<Buffer, void, undefined>,
    signal: AbortSignal,
  ): Promise<HopResult> {
    this.used += 1;
    // what is in there afterwards is an answer to MAIL or to something later
    this.#smtp.lastServerResponse = false;
    const sent: SMTPEnvelope & Collected = {
      from: envelope.reversePath ?? '',
      to: [...envelope.recipients],
      use8BitMime: envelope.eightBit,
      ...(envelope.bytes === null ? {} : { size: envelope.bytes }),
    };
    const watch = new Watch(this.#replyTimeoutMs);
    const stream = new WireStream(octets, () => watch.restart(1));
    const end = await this.#transact(sent, stream, watch, signal);
    stream.destroy();
    const transaction: Transaction = {
      hop: this.hop,
      end,
      refusedMail: sent.mailError,
      rejections: sent.rejectedErrors ?? [],
      begun: stream.begun,
      complete: stream.complete,
      failure: stream.failure,
      answered: this.#smtp.lastServerResponse !== false,
    };
    const verdict = readVerdict(transaction);
    if (!verdict.inStep) this.destroy();
    else if (verdict.transactionOpen) await this.#reset();
    return verdict;
  }

  #transact(sent: SMTPEnvelope, stream: WireStream, watch: Watch, signal: AbortSignal): Promise<SendEnd> {
    return new Promise((resolve) => {
      const settle = (end: SendEnd): void => {
        watch.stop();
        signal.removeEventListener('abort', aborted);
        resolve(end);
      };
      const aborted = (): void => settle({ kind: 'aborted' });
      // closing, SMTPConnection forgets the send under way; where it has more to say it says so in the same turn
      this.#onEnd = () => setImmediate(settle, { kind: 'lost' });
      if (signal.aborted) {
        aborted();
        return;
      }
      signal.addEventListener('abort', aborted);
      watch.start((sent.to as readonly string[]).length + 2, () => settle({ kind: 'timeout' }));
      try {
        this.#smtp.send(sent, stream, (error, info) =>
          settle(error ? { kind: 'error', error } : { kind: 'reply', text: info.response }),
        );
      } catch (thrown) {
        settle({ kind: 'thrown', thrown });
      }
    });
  }

  /** Ends a transaction that was rejected half-way (RFC 5321 §4.1.1.5); a hop that does not take it is left. */
  #reset(): Promise<void> {
    return new Promise((resolve) => {
      const watch = new Watch(this.#replyTimeoutMs);
      const settle = (ok: boolean): void => {
        watch.stop();
        if (!ok) this.destroy();
        resolve();
      };
      this.#onEnd = () => settle(false);
      watch.start(1, () => settle(false));
      this.#smtp.reset((error) => settle(!error));
    });
  }

  /** Says QUIT and closes. Resolves when it is closed; never rejects. */
  quit(): Promise<void> {
    if (!this.#open) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.destroy(), QUIT_MS);
      this.#onEnd = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#smtp.quit();
    });
  }

  /** Tears the connection down: what was not ended by its final dot is not a message. */
  destroy(): void {
    this.#smtp.close();
    this.#ended();
  }

  #ended(): void {
    if (!this.#open) return;
    this.#open = false;
    const callback = this.#onEnd;
    this.#onEnd = () => {};
    callback();
  }
}

/** A deadline that progress puts off. The socket's own time-out knows only silence, and a peer that drips is not silent. */
class Watch {
  readonly #stepMs: number;
  #timer: NodeJS.Timeout | null = null;
  #fire: () => void = () => {};

  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  start(steps: number, fire: () => void): void {
    this.#fire = fire;
    this.#timer = setTimeout(fire, steps * this.#stepMs);
  }

  /** Nothing when it was stopped. */
  restart(steps: number): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#fire, steps * this.#stepMs);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
