/**
 * A next hop for long proofs: it hands every message on in pieces, so that none is held whole, and waits for whoever
 * takes them (back-pressure to the gateway's socket).
 *
 * It knows as much of SMTP as the gateway speaks (RFC 5321) and takes everything; `refuse` may answer a RCPT instead.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export interface HopEnvelope {
  readonly from: string;
  readonly to: readonly string[];
}

/** Takes one message. */
export interface MailTaker {
  /** Octets in order, dots unstuffed. Awaited before more is read. */
  take(octets: Buffer): void | Promise<void>;
  /** The whole message came; the 250 is said when this resolves. */
  end(): void | Promise<void>;
  /** The connection went before the end. */
  lost(): void;
}

export interface NextHop {
  readonly port: number;
  close(): Promise<void>;
}

export interface NextHopOptions {
  readonly open: (envelope: HopEnvelope) => MailTaker;
  /** Reply to RCPT of this address instead of 250; null: 250. */
  readonly refuse?: (address: string) => string | null;
}

/** Starts it on a free port of 127.0.0.1. The caller closes it. */
export async function startNextHop(options: NextHopOptions): Promise<NextHop> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    new HopSession(socket, options).run().catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

class HopSession {
  readonly #socket: Socket;
  readonly #options: NextHopOptions;
  #input: Buffer = Buffer.alloc(0);
  #from = '';
  #to: string[] = [];
  #reader: MessageReader | null = null;
  #taker: MailTaker | null = null;

  constructor(socket: Socket, options: NextHopOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  async run(): Promise<void> {
    this.#say('220 hop.test ESMTP');
    try {
      for await (const chunk of this.#socket) await this.#read(chunk as Buffer);
    } finally {
      this.#taker?.lost();
      this.#taker = null;
    }
  }

  #say(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  async #read(chunk: Buffer): Promise<void> {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    while (this.#input.length > 0) {
      if (this.#reader !== null) {
        const rest = await this.#data(this.#reader, this.#input);
        this.#input = rest;
        continue;
      }
      const end = this.#input.indexOf('\r\n');
      if (end < 0) return;
      const line = this.#input.toString('latin1', 0, end);
      this.#input = this.#input.subarray(end + 2);
      this.#command(line);
    }
  }

  async #data(reader: MessageReader, octets: Buffer): Promise<Buffer> {
    const { pieces, rest } = reader.read(octets);
    for (const piece of pieces) await this.#taker?.take(piece);
    if (rest === null) return Buffer.alloc(0);
    const taker = this.#taker;
    this.#taker = null;
    this.#reader = null;
    this.#from = '';
    this.#to = [];
    await taker?.end();
    this.#say('250 2.0.0 taken');
    return rest;
  }

  #command(line: string): void {
    const verb = line.split(/[ :]/, 1)[0]?.toUpperCase() ?? '';
    this.#say(this.#replyTo(verb, /<([^>]*)>/.exec(line)?.[1] ?? ''));
    if (verb === 'QUIT') this.#socket.end();
  }

  #replyTo(verb: string, address: string): string {
    switch (verb) {
      case 'EHLO':
        return '250-hop.test\r\n250-PIPELINING\r\n250 8BITMIME';
      case 'MAIL':
        this.#from = address;
        return '250 2.1.0 ok';
      case 'RCPT': {
        const refusal = this.#options.refuse?.(address) ?? null;
        if (refusal === null) this.#to.push(address);
        return refusal ?? '250 2.1.5 ok';
      }
      case 'DATA':
        if (this.#to.length === 0) return '554 5.5.1 no valid recipients';
        this.#taker = this.#options.open({ from: this.#from, to: this.#to });
        this.#reader = new MessageReader();
        return '354 go on';
      case 'RSET':
        this.#from = '';
        this.#to = [];
        return '250 2.0.0 flushed';
      case 'QUIT':
        return '221 2.0.0 bye';
      default:
        return '502 5.5.1 not implemented';
    }
  }
}

const LINE_DOT = Buffer.from('\r\n.');
/** `CR LF . CR`: that much may turn out to be the end. */
const UNDECIDED_OCTETS = 4;

/** Un-stuffs and finds the end of one message (RFC 5321 §4.5.2). */
class MessageReader {
  /** The message begins at the start of a line: as if a CRLF stood before it. */
  #held: Buffer = Buffer.from('\r\n');
  #virtual = 2;

  /** @returns pieces of the message, and what follows its end, or null while it has not ended */
  read(chunk: Buffer): { pieces: Buffer[]; rest: Buffer | null } {
    const all = Buffer.concat([this.#held, chunk]);
    const pieces: Buffer[] = [];
    const emit = (from: number, to: number): void => {
      const start = from + this.#virtual;
      this.#virtual = Math.max(0, start - to);
      if (start < to) pieces.push(all.subarray(start, to));
    };
    let from = 0;
    for (;;) {
      const at = all.indexOf(LINE_DOT, from);
      if (at < 0) {
        const to = Math.max(from, all.length - UNDECIDED_OCTETS);
        emit(from, to);
        this.#held = Buffer.from(all.subarray(to));
        return { pieces, rest: null };
      }
      if (at + 5 > all.length) {
        emit(from, at);
        this.#held = Buffer.from(all.subarray(at));
        return { pieces, rest: null };
      }
      emit(from, at + 2);
      if (all[at + 3] === 13 && all[at + 4] === 10) return { pieces, rest: all.subarray(at + 5) };
      from = at + 3;
    }
  }
}
