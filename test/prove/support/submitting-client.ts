/**
 * A mail server that submits: one SMTP session for any number of messages, which are streamed and never held whole.
 * Whatever ends the session says whether the end of the data had been written by then: only after that may a message
 * have been taken although no 250 came (RFC 1047).
 */
import { connect, type Socket } from 'node:net';
import { written } from './written.ts';

/** The session ended, or never began. */
export class SessionLost extends Error {
  /** True when the final dot had been written: the message may have been taken. */
  readonly afterEnd: boolean;

  constructor(afterEnd: boolean, cause: unknown) {
    super('the session was lost', { cause });
    this.afterEnd = afterEnd;
  }
}

export interface Answers {
  readonly mail: string;
  readonly rcpt: readonly string[];
  /** Reply to the end of the data; null when DATA was not given or refused. */
  readonly data: string | null;
  /** Milliseconds from the end of the data to its reply. */
  readonly replyMs: number;
}

export class SubmittingClient {
  readonly #socket: Socket;
  readonly #replies: AsyncIterator<string>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#replies = replyLines(socket);
  }

  /** @throws SessionLost when nobody answers */
  static async open(port: number): Promise<SubmittingClient> {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    const client = new SubmittingClient(socket);
    try {
      await client.#reply();
      await client.#ask('EHLO load.example.org');
      return client;
    } catch (thrown) {
      socket.destroy();
      throw new SessionLost(false, thrown);
    }
  }

  /**
   * One transaction.
   * @param message octets with CRLF line ends in which no line begins with a dot (see {@link stuffed}), CRLF at the end
   * @throws SessionLost
   */
  async submit(
    from: string,
    to: readonly string[],
    message: Iterable<Buffer> | AsyncIterable<Buffer>,
  ): Promise<Answers> {
    let afterEnd = false;
    try {
      const mail = await this.#ask(`MAIL FROM:<${from}>`);
      const rcpt: string[] = [];
      for (const address of to) rcpt.push(await this.#ask(`RCPT TO:<${address}>`));
      const go = rcpt.some((line) => line.startsWith('250')) ? await this.#ask('DATA') : null;
      if (go === null || !go.startsWith('354')) {
        await this.#ask('RSET');
        return { mail, rcpt, data: go, replyMs: 0 };
      }
      for await (const octets of message) await this.#write(octets);
      afterEnd = true;
      const ended = performance.now();
      const data = await this.#ask('.');
      return { mail, rcpt, data, replyMs: performance.now() - ended };
    } catch (thrown) {
      this.#socket.destroy();
      throw new SessionLost(afterEnd, thrown);
    }
  }

  async close(): Promise<void> {
    await this.#ask('QUIT').catch(() => undefined);
    this.#socket.destroy();
  }

  async #ask(line: string): Promise<string> {
    this.#socket.write(`${line}\r\n`);
    return await this.#reply();
  }

  async #reply(): Promise<string> {
    const next = await this.#replies.next();
    if (next.done === true) throw new Error('the connection ended');
    return next.value;
  }

  async #write(octets: Buffer): Promise<void> {
    if (this.#socket.destroyed) throw new Error('the connection is gone');
    await written(this.#socket, octets);
  }
}

/** Dot-stuffs a message that is held whole (RFC 5321 §4.5.2). */
export function stuffed(message: string): Buffer {
  return Buffer.from(message.replace(/^\./gm, '..'), 'latin1');
}

/** Whole replies, continuation lines joined. */
async function* replyLines(socket: Socket): AsyncGenerator<string, undefined, undefined> {
  let text = '';
  let lines: string[] = [];
  for await (const chunk of socket) {
    text += (chunk as Buffer).toString('latin1');
    for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      lines.push(line);
      if (line[3] === '-') continue;
      yield lines.join('\n');
      lines = [];
    }
  }
  return undefined;
}
