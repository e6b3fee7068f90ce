/**
 * A scripted SMTP client for tests: it sends exactly the bytes it is told to and waits for reply codes, so that a test
 * can say what no well-behaved client would.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface DialogueReply {
  readonly code: number;
  /** Text of each line without code and separator. */
  readonly lines: readonly string[];
  /** The whole reply, without the last CRLF. */
  readonly text: string;
}

export class SmtpDialogue {
  /** Everything the server said, for assertions on the whole. */
  transcript = '';
  #socket: Socket;
  #pending = '';
  #wake: (() => void) | null = null;
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  /** Connects and reads the greeting, unless told that none will come. */
  static async open(
    port: number,
    options: { host?: string; localAddress?: string; greeting?: number | null; allowHalfOpen?: boolean } = {},
  ): Promise<SmtpDialogue> {
    const { greeting: _, ...socketOptions } = options;
    const socket = connectTcp({ port, host: '127.0.0.1', ...socketOptions });
    await once(socket, 'connect');
    const dialogue = new SmtpDialogue(socket);
    const greeting = options.greeting === undefined ? 220 : options.greeting;
    if (greeting !== null) await dialogue.expect(greeting);
    return dialogue;
  }

  /** Connects and says EHLO. */
  static async greeted(port: number, options: { host?: string; localAddress?: string } = {}): Promise<SmtpDialogue> {
    const dialogue = await SmtpDialogue.open(port, options);
    await dialogue.command('EHLO client.example', 250);
    return dialogue;
  }

  /** Sends bytes as they are; strings are latin1. */
  send(bytes: string | Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Sends bytes and waits until the socket took them: shows the server's back-pressure. */
  async sendAll(bytes: Buffer): Promise<void> {
    if (this.#socket.write(bytes) || this.#socket.destroyed) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.removeListener('drain', done);
        this.#socket.removeListener('close', done);
        resolve();
      };
      this.#socket.on('drain', done);
      this.#socket.on('close', done);
    });
  }

  /** Sends a line and expects a reply. */
  command(line: string, code: number): Promise<DialogueReply> {
    this.send(`${line}\r\n`);
    return this.expect(code);
  }

  /** Waits for the next whole reply. */
  async expect(code: number): Promise<DialogueReply> {
    const reply = await this.reply();
    assert.equal(reply.code, code, `expected ${code}, got: ${reply.text}`);
    return reply;
  }

  /** Waits for the next whole reply, whatever it is. */
  async reply(): Promise<DialogueReply> {
    for (;;) {
      const match = /^(?:\d{3}-[^\r\n]*\r\n)*(\d{3})(?: [^\r\n]*)?\r\n/.exec(this.#pending);
      if (match !== null) {
        this.#pending = this.#pending.slice(match[0].length);
        const text = match[0].slice(0, -2);
        return { code: Number(match[1]), lines: text.split('\r\n').map((line) => line.slice(4)), text };
      }
      if (this.#closed) throw new Error(`connection closed; unread: ${JSON.stringify(this.#pending)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** STARTTLS and the handshake; the certificate is not judged. @returns the server's certificate, DER */
  async startTls(): Promise<Buffer> {
    await this.command('STARTTLS', 220);
    return this.handshake();
  }

  /** The handshake alone, after a 220 that was read before. */
  async handshake(): Promise<Buffer> {
    this.#socket.removeAllListeners('data');
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await once(secure, 'secureConnect');
    this.#socket = secure;
    this.#pending = '';
    this.#listen(secure);
    return secure.getPeerCertificate().raw;
  }

  /** Waits until the server has closed. */
  async closed(): Promise<void> {
    while (!this.#closed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Everything unread so far. */
  get unread(): string {
    return this.#pending;
  }

  /** Stops and starts reading replies. */
  pause(): void {
    this.#socket.pause();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Cuts with a TCP reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  async quit(): Promise<void> {
    await this.command('QUIT', 221);
    this.end();
    await this.closed();
  }

  #listen(socket: Socket): void {
    socket.on('data', (data: Buffer) => {
      const text = data.toString('latin1');
      this.transcript += text;
      this.#pending += text;
      this.#stir();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#closed = true;
      this.#stir();
    });
  }

  #stir(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
