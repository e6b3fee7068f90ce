/**
 * A scriptable SMTP server on the loopback interface, on raw `net` and `tls`: what it records is what was on the wire.
 *
 * Any reply can be changed at any stage, and at any stage it can hang, close, reset, half-close or drip. It parses no
 * more of SMTP than it needs: commands end at CRLF, data ends at CRLF.CRLF, and nothing is un-stuffed, so that a test
 * sees the very octets the client wrote.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';

/** Where a script may step in. `data` is the DATA command, `end` the end of the data, `body` its first octet. */
export type SinkStage =
  | 'banner'
  | 'ehlo'
  | 'helo'
  | 'starttls'
  | 'mail'
  | 'rcpt'
  | 'data'
  | 'body'
  | 'end'
  | 'rset'
  | 'quit';

/**
 * What to do instead of the ordinary reply: a text is sent as it is (CRLF is added), `hang` says nothing more, `close`
 * ends the connection, `reset` tears it down (RST), `half-close` sends FIN and reads on, `drip` sends an endless reply
 * octet by octet, `stall` reads nothing more, `no-tls` (at `starttls`) says 220 and answers the handshake with text.
 * null: the ordinary reply. At stage `body`, `null` means read on.
 */
export type SinkAct = null | string | { readonly act: Misdeed };

export type Misdeed = 'hang' | 'close' | 'reset' | 'half-close' | 'drip' | 'stall' | 'no-tls';

export interface SinkOptions {
  /** Lines of the EHLO reply after the first; `PIPELINING`, `8BITMIME` and `ENHANCEDSTATUSCODES` when left out. */
  readonly extensions?: readonly string[];
  /** Key and certificate (PEM) for STARTTLS, which is announced when this is given. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
  /**
   * Called at each stage with the argument of the command and the number of the connection, counted from 1.
   * Left out: everything is accepted.
   */
  readonly script?: (stage: SinkStage, argument: string, connection: number) => SinkAct;
}

/** One message whose end of data arrived. */
export interface SinkMessage {
  readonly connection: number;
  readonly tls: boolean;
  /** Arguments of MAIL FROM and RCPT TO: the address without angle brackets. */
  readonly from: string;
  readonly to: readonly string[];
  /** Parameters of MAIL, upper case: `SIZE=1234`, `BODY=8BITMIME`. */
  readonly parameters: readonly string[];
  /** Octets between the reply to DATA and the final dot, still dot-stuffed, with the CRLF before the dot. */
  readonly wire: Buffer;
}

export interface SmtpSink {
  readonly port: number;
  /** Accepted messages (the reply to the end of data was 2xx), in order of arrival. */
  readonly messages: readonly SinkMessage[];
  /** Command lines of all connections, in order, without CRLF. */
  readonly commands: readonly string[];
  /** Octets of messages whose end never came, in order of loss. */
  readonly truncated: readonly Buffer[];
  /** Connections accepted so far, and those open now. */
  readonly connections: number;
  readonly open: number;
  /** Resolves when that many messages were accepted. */
  waitFor(count: number): Promise<readonly SinkMessage[]>;
  /** Ends every connection from the side of the server, as an idle time-out does. */
  dropConnections(): void;
  close(): Promise<void>;
}

/** The message octets of a recorded message: dot-stuffing removed (RFC 5321 §4.5.2). */
export function unstuffed(wire: Buffer): Buffer {
  return Buffer.from(wire.toString('latin1').replace(/(^|\r\n)\./g, '$1'), 'latin1');
}

/** Starts a sink on a free port of 127.0.0.1. The caller closes it. */
export async function startSmtpSink(options: SinkOptions = {}): Promise<SmtpSink> {
  const sink = new Sink(options);
  await sink.listen();
  return sink;
}

const END_OF_DATA = Buffer.from('\r\n.\r\n');

class Sink implements SmtpSink {
  readonly messages: SinkMessage[] = [];
  readonly commands: string[] = [];
  readonly truncated: Buffer[] = [];
  connections = 0;
  readonly options: SinkOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #arrived: () => void = () => {};
  #waiting = new Promise<void>((resolve) => {
    this.#arrived = resolve;
  });

  constructor(options: SinkOptions) {
    this.options = options;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get open(): number {
    return this.#sockets.size;
  }

  #accept(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    new SinkSession(this, socket, this.connections).start();
  }

  record(message: SinkMessage): void {
    this.messages.push(message);
    this.#arrived();
    this.#waiting = new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }

  async waitFor(count: number): Promise<readonly SinkMessage[]> {
    while (this.messages.length < count) await this.#waiting;
    return this.messages;
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.dropConnections();
    await once(this.#server, 'close');
  }
}

class SinkSession {
  readonly #sink: Sink;
  readonly #number: number;
  #socket: Socket;
  #tls = false;
  #silent = false;
  #input: Buffer = Buffer.alloc(0);
  #inData = false;
  #chunks: Buffer[] = [];
  #from = '';
  #to: string[] = [];
  #parameters: string[] = [];

  constructor(sink: Sink, socket: Socket, number: number) {
    this.#sink = sink;
    this.#socket = socket;
    this.#number = number;
  }

  start(): void {
    this.#listen(this.#socket);
    this.#reply('banner', '', '220 sink.test ESMTP');
  }

  #listen(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#ended());
    socket.on('close', () => this.#ended());
    socket.on('error', () => {});
  }

  #ended(): void {
    if (this.#inData) this.#sink.truncated.push(Buffer.concat(this.#chunks));
    this.#inData = false;
    this.#socket.end();
  }

  /** @returns true when the ordinary reply, or a scripted one of the same class 2 or 3, was sent */
  #reply(stage: SinkStage, argument: string, ordinary: string): boolean {
    const act = this.#sink.options.script?.(stage, argument, this.#number) ?? null;
    if (act === null || typeof act === 'string') {
      const text = act ?? ordinary;
      this.#socket.write(Buffer.from(`${text}\r\n`, 'latin1'));
      return /^[23]/.test(text);
    }
    this.#misbehave(act.act);
    return false;
  }

  #misbehave(act: Misdeed): void {
    this.#silent = true;
    if (act === 'close') this.#socket.destroy();
    if (act === 'reset') this.#socket.resetAndDestroy();
    if (act === 'half-close') this.#socket.end();
    if (act === 'stall') this.#socket.pause();
    if (act === 'no-tls') {
      this.#socket.write('220 2.0.0 go\r\n');
      this.#socket.once('data', () => this.#socket.write('this is not TLS\r\n'));
    }
    if (act === 'drip') {
      const timer = setInterval(() => this.#socket.write('2'), 10);
      this.#socket.on('close', () => clearInterval(timer));
    }
  }

  #read(chunk: Buffer): void {
    if (this.#silent) return;
    if (this.#inData) {
      this.#readData(chunk);
      return;
    }
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    while (!this.#inData && !this.#silent) {
      const end = this.#input.indexOf('\r\n');
      if (end < 0) return;
      const line = this.#input.toString('latin1', 0, end);
      this.#input = this.#input.subarray(end + 2);
      this.#command(line);
    }
    if (this.#inData && this.#input.length > 0) {
      const rest = this.#input;
      this.#input = Buffer.alloc(0);
      this.#readData(rest);
    }
  }

  #command(line: string): void {
    this.#sink.commands.push(line);
    const verb = line.split(/[ :]/, 1)[0]?.toUpperCase() ?? '';
    const argument = line.slice(verb.length + 1);
    if (verb === 'EHLO') this.#reply('ehlo', argument, this.#ehlo());
    else if (verb === 'HELO') this.#reply('helo', argument, '250 sink.test');
    else if (verb === 'STARTTLS') this.#startTls();
    else if (verb === 'MAIL') this.#mail(argument);
    else if (verb === 'RCPT') this.#rcpt(argument);
    else if (verb === 'DATA') this.#data();
    else if (verb === 'RSET') {
      this.#forget();
      this.#reply('rset', '', '250 2.0.0 flushed');
    } else if (verb === 'QUIT') {
      if (this.#reply('quit', '', '221 2.0.0 bye')) this.#socket.end();
    } else this.#socket.write('502 5.5.1 not implemented\r\n');
  }

  #ehlo(): string {
    const offered = this.#sink.options.extensions ?? ['PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES'];
    const lines = ['sink.test', ...offered];
    if (this.#sink.options.tls !== undefined && !this.#tls) lines.push('STARTTLS');
    return lines.map((text, i) => `250${i === lines.length - 1 ? ' ' : '-'}${text}`).join('\r\n');
  }

  #startTls(): void {
    const material = this.#sink.options.tls;
    if (material === undefined) {
      this.#socket.write('502 5.5.1 not implemented\r\n');
      return;
    }
    if (!this.#reply('starttls', '', '220 2.0.0 go')) return;
    const plain = this.#socket;
    plain.removeAllListeners('data');
    plain.removeAllListeners('end');
    const secure = new TLSSocket(plain, { isServer: true, secureContext: createSecureContext(material) });
    this.#socket = secure;
    this.#tls = true;
    this.#forget();
    this.#listen(secure);
  }

  #mail(argument: string): void {
    if (this.#from !== '' || this.#to.length > 0) {
      this.#socket.write('503 5.5.1 nested MAIL\r\n');
      return;
    }
    const [path = '', ...parameters] = argument.replace(/^FROM:/i, '').split(' ');
    if (!this.#reply('mail', argument, '250 2.1.0 ok')) return;
    this.#from = path;
    this.#parameters = parameters.map((text) => text.toUpperCase());
  }

  #rcpt(argument: string): void {
    if (this.#from === '') {
      this.#socket.write('503 5.5.1 need MAIL\r\n');
      return;
    }
    const address = argument.replace(/^TO:</i, '').replace(/>[^>]*$/, '');
    if (this.#reply('rcpt', address, '250 2.1.5 ok')) this.#to.push(address);
  }

  #data(): void {
    if (this.#to.length === 0) {
      this.#socket.write('554 5.5.1 no valid recipients\r\n');
      return;
    }
    if (this.#reply('data', '', '354 go on')) this.#inData = true;
  }

  #readData(chunk: Buffer): void {
    if (this.#chunks.length === 0) {
      const act = this.#sink.options.script?.('body', '', this.#number) ?? null;
      this.#chunks.push(Buffer.from('\r\n'));
      if (typeof act === 'string') this.#socket.write(`${act}\r\n`);
      else if (act !== null) {
        this.#misbehave(act.act);
        return;
      }
    }
    this.#chunks.push(chunk);
    // only the tail can have become the end: five octets may straddle chunks
    const tail = Buffer.concat(this.#chunks.slice(-6));
    const from = Math.max(0, tail.length - chunk.length - END_OF_DATA.length + 1);
    if (tail.indexOf(END_OF_DATA, from) < 0) return;
    this.#endData();
  }

  #endData(): void {
    const all = Buffer.concat(this.#chunks);
    const end = all.indexOf(END_OF_DATA);
    const wire = all.subarray(2, end + 2);
    this.#input = Buffer.from(all.subarray(end + END_OF_DATA.length));
    this.#inData = false;
    const message = {
      connection: this.#number,
      tls: this.#tls,
      from: this.#from.slice(1, -1),
      to: this.#to,
      parameters: this.#parameters,
      wire,
    };
    this.#forget();
    if (this.#reply('end', '', '250 2.0.0 queued')) this.#sink.record(message);
    if (this.#input.length > 0) this.#read(Buffer.alloc(0));
  }

  #forget(): void {
    this.#chunks = [];
    this.#from = '';
    this.#to = [];
    this.#parameters = [];
  }
}
