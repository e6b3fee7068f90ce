/**
 * A TCP relay in front of a next hop that keeps every octet the gateway writes towards it, also of transfers that were
 * broken off or refused, and a search of those octets for words that had to be sealed (catalogue C19).
 *
 * It can be taken down and brought back on the same port, as a next hop that is restarted.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Stands in every body that must never be seen: no identifier, no base64 text and no host name can hold it. */
export const CANARY = 'K4N4RY-must-be-sealed-K4N4RY';

export class WireTap {
  readonly port: number;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  readonly #streams: Buffer[][] = [];
  #server: Server | null;

  private constructor(server: Server, target: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    this.#target = target;
    server.on('connection', (socket) => this.#relay(socket));
  }

  /** @param target port of the next hop on 127.0.0.1 */
  static async open(target: number): Promise<WireTap> {
    return new WireTap(await listen(0), target);
  }

  /** What was written over each connection so far, in order of their beginning. */
  get streams(): readonly Buffer[] {
    return this.#streams.map((chunks) => Buffer.concat(chunks));
  }

  /** Octets so far, over all connections. */
  get octets(): number {
    return this.#streams.reduce((sum, chunks) => sum + chunks.reduce((own, { length }) => own + length, 0), 0);
  }

  /** Refuses connections and breaks those there are. */
  async down(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(server, 'close');
  }

  async up(): Promise<void> {
    this.#server = await listen(this.port);
    this.#server.on('connection', (socket) => this.#relay(socket));
  }

  close(): Promise<void> {
    return this.down();
  }

  #relay(socket: Socket): void {
    const chunks: Buffer[] = [];
    this.#streams.push(chunks);
    const hop = connect(this.#target, '127.0.0.1');
    for (const end of [socket, hop]) {
      this.#sockets.add(end);
      end.on('error', () => undefined);
      end.on('close', () => {
        this.#sockets.delete(end);
        socket.destroy();
        hop.destroy();
      });
    }
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.pipe(hop);
    hop.pipe(socket);
  }
}

async function listen(port: number): Promise<Server> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/**
 * Finds a word in octets as it is, and as base64 or quoted-printable would carry it over any line ends.
 * @returns the forms found; empty is what one hopes for
 */
export function findInClear(octets: Buffer, word: string): readonly string[] {
  const text = octets.toString('latin1');
  const found: string[] = [];
  if (text.includes(word)) found.push('as it is');
  const quoted = text.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/gi, (_, hex: string) => unhex(hex));
  if (quoted.includes(word)) found.push('quoted-printable');
  const joined = text.replace(/\r?\n/g, '');
  if (base64Forms(word).some((form) => joined.includes(form))) found.push('base64');
  return found;
}

function unhex(digits: string): string {
  return String.fromCharCode(Number.parseInt(digits, 16));
}

/** The three ways a word may lie on the groups of three octets, without the characters that its neighbours share. */
function base64Forms(word: string): readonly string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), Buffer.from(word)]).toString('base64');
    return encoded.slice(shift === 0 ? 0 : 4, Math.floor((shift + word.length) / 3) * 4);
  });
}
