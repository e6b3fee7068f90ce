/**
 * The control socket: HTTP over a UNIX socket inside the spool folder, for the command line of the same machine and for
 * health checks. Whoever may open the socket (folder 0700, socket 0600) may already read the spool; there is no other
 * authentication, and it is never reachable over a network. It shows the views handed to it and decides nothing.
 */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** What the gateway lets the socket see and do. Values must be fit for JSON. */
export interface ControlViews {
  health(): { readonly healthy: boolean } & Readonly<Record<string, unknown>>;
  queueList(): Promise<readonly unknown[]>;
  /** null: no such message. */
  queueShow(id: string): Promise<unknown | null>;
  queueRetry(id: string): Promise<boolean>;
  queueDrop(id: string): Promise<boolean>;
  directoryStatus(): readonly unknown[];
  reload(): Promise<{ readonly ok: boolean } & Readonly<Record<string, unknown>>>;
  /** Reads the CA collections again, and nothing else. */
  rereadTrust(): Promise<{ readonly ok: boolean } & Readonly<Record<string, unknown>>>;
}

export interface ControlServer {
  readonly path: string;
  close(): Promise<void>;
}

/** `sockaddr_un` holds so many octets, the final NUL included. */
export const SOCKET_PATH_OCTETS_MAX = 107;

const MESSAGE_PATH = /^\/queue\/([A-Za-z0-9_-]{1,64})(\/retry)?$/;

/**
 * Listens on a socket file; one left by a process that died is replaced (the queue's own lock already proves that no
 * other gateway uses this spool).
 * @throws Error of listen, such as a path that is too long
 */
export async function openControlServer(path: string, views: ControlViews): Promise<ControlServer> {
  rmSync(path, { force: true });
  const server = createServer((request, response) => {
    answer(request, views).then(
      ({ status, body }) => send(response, status, body),
      () => send(response, 500, { problem: 'internal error' }),
    );
  });
  await listen(server, path);
  chmodSync(path, 0o600);
  return { path, close: () => closeServer(server) };
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

async function answer(request: IncomingMessage, views: ControlViews): Promise<Answer> {
  request.resume();
  const method = request.method ?? 'GET';
  const url = request.url ?? '/';
  switch (`${method} ${url}`) {
    case 'GET /health': {
      const body = views.health();
      return { status: body.healthy ? 200 : 503, body };
    }
    case 'GET /queue':
      return { status: 200, body: await views.queueList() };
    case 'GET /directory':
      return { status: 200, body: views.directoryStatus() };
    case 'POST /reload':
    case 'POST /trust': {
      const body = await (url === '/trust' ? views.rereadTrust() : views.reload());
      return { status: body.ok ? 200 : 422, body };
    }
    default:
      return answerMessage(method, url, views);
  }
}

async function answerMessage(method: string, url: string, views: ControlViews): Promise<Answer> {
  const [, id, retry] = MESSAGE_PATH.exec(url) ?? [];
  if (id === undefined) return { status: 404, body: { problem: 'no such path' } };
  if (method === 'GET' && retry === undefined) {
    const body = await views.queueShow(id);
    return body === null ? missing(id) : { status: 200, body };
  }
  if (method === 'POST' && retry !== undefined) return (await views.queueRetry(id)) ? done(id) : missing(id);
  if (method === 'DELETE' && retry === undefined) return (await views.queueDrop(id)) ? done(id) : missing(id);
  return { status: 405, body: { problem: 'method not allowed' } };
}

function done(id: string): Answer {
  return { status: 200, body: { id } };
}

function missing(id: string): Answer {
  return { status: 404, body: { problem: `no message ${id}` } };
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(`${JSON.stringify(body)}\n`);
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.removeListener('error', reject);
      // a client that goes away in the middle of an answer is no reason to stop the gateway
      server.on('error', () => {});
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
