/** Asks a running gateway over its control socket. Used by the command line. */
import { request } from 'node:http';

export type ControlReply =
  /** No gateway listens there: the file is missing or nobody answers. */
  { readonly kind: 'not-running' } | { readonly kind: 'answer'; readonly status: number; readonly body: unknown };

const TIMEOUT_MS = 10_000;

/**
 * One request over the socket.
 * @param path such as `/queue/ID/retry`; identifiers must already be URL-safe
 * @throws Error when the gateway answers something that is not JSON, or not in time
 */
export function askGateway(socket: string, method: 'GET' | 'POST' | 'DELETE', path: string): Promise<ControlReply> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: socket, method, path, timeout: TIMEOUT_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        try {
          const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
          resolve({ kind: 'answer', status: response.statusCode ?? 0, body });
        } catch (error) {
          reject(new Error('the gateway did not answer in JSON', { cause: error }));
        }
      });
    });
    outgoing.on('timeout', () =>
      outgoing.destroy(new Error(`the gateway did not answer within ${TIMEOUT_MS / 1000} s`)),
    );
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve({ kind: 'not-running' });
      else reject(error);
    });
    outgoing.end();
  });
}
