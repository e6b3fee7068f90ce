/**
 * An HTTP server on loopback that answers honestly, or in one of many hostile ways (catalogue C20). What it was asked is
 * counted. A raw TCP server, because half of the ways are no HTTP.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** What is done with a request for a path. */
export type HttpBehaviour =
  | { readonly kind: 'answer'; readonly body: Buffer; readonly status?: number; readonly headers?: readonly string[] }
  /** Takes the connection and says nothing. */
  | { readonly kind: 'silence' }
  /** The header, then one octet at a time. */
  | { readonly kind: 'drip'; readonly everyMs: number }
  /** Says how large it is, and is. */
  | { readonly kind: 'giant'; readonly octets: number; readonly declared: boolean }
  | { readonly kind: 'redirect'; readonly to: string }
  /** Closes in the middle of the body. */
  | { readonly kind: 'cut'; readonly body: Buffer }
  | { readonly kind: 'reset' }
  /** No HTTP at all. */
  | { readonly kind: 'noise' }
  /** Header fields without end. */
  | { readonly kind: 'headers' }
  /** Interim responses (100) without end. */
  | { readonly kind: 'interim' }
  /** One octet a chunk, without end. */
  | { readonly kind: 'chunks' }
  /** A body that ends where the connection does, the end of which comes at once. */
  | { readonly kind: 'until-closed'; readonly body: Buffer }
  /** Answered by a function of the request body. */
  | { readonly kind: 'reply'; readonly to: (body: Buffer) => Buffer };

export class HostileHttp {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #behaviours = new Map<string, HttpBehaviour>();
  /** Requests by path. */
  readonly asked = new Map<string, number>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
      this.#serve(socket);
    });
  }

  /** @param host an address of 127.0.0.0/8 */
  static async open(host = '127.0.0.1'): Promise<HostileHttp> {
    const server = createServer();
    server.listen(0, host);
    await once(server, 'listening');
    return new HostileHttp(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path: string): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `http://${address}:${port}${path}`;
  }

  set(path: string, behaviour: HttpBehaviour): void {
    this.#behaviours.set(path, behaviour);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    let text = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      text = Buffer.concat([text, chunk]);
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = text.subarray(0, end).toString('latin1');
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      socket.removeAllListeners('data');
      const path = head.split(' ')[1] ?? '/';
      this.asked.set(path, (this.asked.get(path) ?? 0) + 1);
      const behaviour = this.#behaviours.get(path) ?? { kind: 'answer', status: 404, body: Buffer.alloc(0) };
      void this.#behave(socket, behaviour, text.subarray(end + 4, end + 4 + length));
    });
  }

  async #behave(socket: Socket, behaviour: HttpBehaviour, body: Buffer): Promise<void> {
    switch (behaviour.kind) {
      case 'answer':
        socket.end(response(behaviour.status ?? 200, behaviour.body, behaviour.headers));
        return;
      case 'reply':
        socket.end(response(200, behaviour.to(body)));
        return;
      case 'silence':
        return;
      case 'drip':
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
        await drip(socket, behaviour.everyMs);
        return;
      case 'giant':
        await giant(socket, behaviour.octets, behaviour.declared);
        return;
      case 'redirect':
        socket.end(`HTTP/1.1 302 Found\r\nlocation: ${behaviour.to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
        return;
      case 'cut':
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${behaviour.body.length}\r\n\r\n`);
        socket.end(behaviour.body.subarray(0, behaviour.body.length >> 1));
        return;
      case 'reset':
        socket.resetAndDestroy();
        return;
      case 'noise':
        socket.end(Buffer.alloc(4_096, 0xa5));
        return;
      case 'interim':
        await flood(socket, 'HTTP/1.1 100 Continue\r\n\r\n');
        return;
      case 'chunks':
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
        await flood(socket, '1\r\n0\r\n');
        return;
      case 'until-closed':
        socket.end(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n'), behaviour.body]));
        return;
      case 'headers':
        socket.write('HTTP/1.1 200 OK\r\n');
        await flood(socket, `x-name: ${'y'.repeat(200)}\r\n`);
    }
  }
}

function response(status: number, body: Buffer, headers: readonly string[] = []): Buffer {
  const lines = [`HTTP/1.1 ${status} X`, `content-length: ${body.length}`, 'connection: close', ...headers];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]);
}

async function drip(socket: Socket, everyMs: number): Promise<void> {
  for (let at = 0; at < 1_000 && !socket.destroyed; at++) {
    socket.write('0');
    await new Promise((resolve) => setTimeout(resolve, everyMs).unref());
  }
}

async function giant(socket: Socket, octets: number, declared: boolean): Promise<void> {
  const length = declared ? `content-length: ${octets}\r\n` : 'connection: close\r\n';
  socket.write(`HTTP/1.1 200 OK\r\n${length}\r\n`);
  const block = Buffer.alloc(65_536, 0x30);
  for (let sent = 0; sent < octets && !socket.destroyed; sent += block.length) {
    if (!socket.write(block)) await drained(socket);
  }
  socket.end();
}

/** Up to 10 GB of it. */
async function flood(socket: Socket, text: string): Promise<void> {
  const block = Buffer.from(text.repeat(Math.ceil(65_536 / text.length)));
  for (let sent = 0; sent < 10_000_000_000 && !socket.destroyed; sent += block.length) {
    if (!socket.write(block)) await drained(socket);
  }
  socket.destroy();
}

async function drained(socket: Socket): Promise<void> {
  if (socket.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}
