/**
 * One process owns a spool: it listens on the socket `lock` in the spool folder. The system takes the listener away
 * with the process, also after kill -9, so a socket that nobody answers is stale and is taken over; one that answers
 * says who its owner is. Two containers that share the folder exclude each other too, which a process id would not do.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { systemCode } from './spool-files.ts';

/** sun_path holds 108 octets on Linux, 104 elsewhere. */
const SOCKET_PATH_OCTETS_MAX = 100;
/** An owner that is stopped or busy still accepts in the kernel; only its answer may be late. */
const ANSWER_TIMEOUT_MS = 2000;
const TAKEOVERS_MAX = 3;

export interface SpoolLock {
  release(): Promise<void>;
}

export type SpoolLockResult =
  | { readonly ok: true; readonly lock: SpoolLock }
  | { readonly ok: false; readonly mistake: string };

/** @param folder existing spool folder, ours alone */
export async function takeSpoolLock(folder: string): Promise<SpoolLockResult> {
  const handle = await fs.open(folder, 'r');
  try {
    const socketPath = reachablePath(folder, handle.fd);
    for (let i = 0; i < TAKEOVERS_MAX; i += 1) {
      const server = await listen(socketPath);
      if (server !== null) return { ok: true, lock: { release: () => close(server) } };
      const owner = await askOwner(socketPath);
      if (owner !== null)
        return { ok: false, mistake: `${folder}: another gateway uses this spool (process ${owner})` };
      await removeStale(folder, socketPath);
    }
    return { ok: false, mistake: `${folder}: the lock of the spool cannot be taken` };
  } catch (thrown) {
    return { ok: false, mistake: `${folder}: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
  } finally {
    await handle.close();
  }
}

/** Long paths are reached by way of the open folder, where the system offers that. */
function reachablePath(folder: string, folderHandle: number): string {
  const direct = path.join(folder, 'lock');
  if (Buffer.byteLength(direct) <= SOCKET_PATH_OCTETS_MAX || process.platform !== 'linux') return direct;
  return `/proc/self/fd/${folderHandle}/lock`;
}

/** null: the name is taken. */
function listen(socketPath: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket: Socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(`${process.pid}\n`);
    });
    server.once('error', (error) => {
      if (systemCode(error) === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(socketPath, () => {
      server.unref();
      resolve(server);
    });
  });
}

/** The owner's process id as it says it, or `unknown`; null: nobody listens. */
function askOwner(socketPath: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let said = '';
    const settle = (owner: string | null): void => {
      socket.destroy();
      resolve(owner);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => settle('unknown'));
    socket.on('data', (data) => {
      said += data.toString('latin1');
      if (said.length > 20) settle('unknown');
    });
    socket.on('end', () => settle(/^\d+\n$/.test(said) ? said.trim() : 'unknown'));
    socket.on('error', (error) => {
      const code = systemCode(error);
      // gone between our two looks counts as nobody: the next turn binds
      if (code === 'ECONNREFUSED' || code === 'ENOENT') settle(null);
      else if (code === 'ECONNRESET' || code === 'EAGAIN') settle('unknown');
      else reject(error);
    });
  });
}

/**
 * Two starters may both find the same stale socket, and the slower one would take away the fresh socket of the faster.
 * So it is renamed first, asked once more under the new name, and put back when it answers.
 */
async function removeStale(folder: string, socketPath: string): Promise<void> {
  const asideName = `lock.${randomBytes(4).toString('hex')}`;
  const asidePath = path.join(path.dirname(socketPath), asideName);
  try {
    await fs.rename(path.join(folder, 'lock'), path.join(folder, asideName));
  } catch (thrown) {
    if (systemCode(thrown) === 'ENOENT') return;
    throw thrown;
  }
  if ((await askOwner(asidePath)) !== null) {
    await fs.link(path.join(folder, asideName), path.join(folder, 'lock')).catch(() => undefined);
  }
  await fs.unlink(path.join(folder, asideName));
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
