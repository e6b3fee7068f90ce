/**
 * One process owns a spool. Whoever wants it listens on a socket of a name of its own in the folder `lock/`, and only
 * then looks whether anybody else listens there; the one who finds nobody is the owner. Of two who come together at
 * least one sees the other, for each listens before it looks: there are never two owners. The system takes a listener
 * away with its process, also after kill -9, so a socket that nobody answers is a left-over and is removed.
 * Two containers that share the folder exclude each other too, which a process id in a file would not do.
 */
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import path from 'node:path';
import { systemCode } from './spool-files.ts';

/** sun_path holds 108 octets on Linux, 104 elsewhere. */
const SOCKET_PATH_OCTETS_MAX = 100;
/** A process that is stopped or busy still accepts in the kernel; only its answer may be late. */
const ANSWER_TIMEOUT_MS = 2000;
/** Who comes at the same moment waits for the other to look once more; the odds halve each time. */
const LOOKS_MAX = 12;
const LOOK_AGAIN_MS = 25;

export interface SpoolLock {
  release(): Promise<void>;
}

export type SpoolLockResult =
  | { readonly ok: true; readonly lock: SpoolLock }
  | { readonly ok: false; readonly mistake: string };

interface Other {
  readonly name: string;
  /** Process id as it says it, or `unknown`. */
  readonly pid: string;
  readonly owns: boolean;
}

/** @param folder existing folder for sockets, ours alone */
export async function takeSpoolLock(folder: string): Promise<SpoolLockResult> {
  const handle = await fs.open(folder, 'r');
  try {
    const reach = (name: string): string => reachablePath(folder, handle.fd, name);
    for (let look = 0; look < LOOKS_MAX; look += 1) {
      const contender = await Contender.enter(reach);
      const rivals = await contender.contend(folder, reach);
      if (rivals.length === 0) return { ok: true, lock: contender };
      await contender.release();
      const owner = rivals.find((rival) => rival.owns);
      if (owner !== undefined) return { ok: false, mistake: `another gateway uses this spool (process ${owner.pid})` };
      await pause(LOOK_AGAIN_MS * (1 + Math.random() * look));
    }
    return { ok: false, mistake: 'several gateways are starting on this spool' };
  } finally {
    await handle.close();
  }
}

/** Listens under a name of its own while it looks at the others, and stays when it finds none. */
class Contender implements SpoolLock {
  readonly #name: string;
  readonly #server: Server;
  #owns = false;

  private constructor(name: string, server: Server) {
    this.#name = name;
    this.#server = server;
  }

  static async enter(reach: (name: string) => string): Promise<Contender> {
    const name = randomBytes(8).toString('hex');
    const server = createServer((socket: Socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(`${process.pid} ${contender.#owns ? 'owns' : 'asks'}\n`);
    });
    const contender = new Contender(name, server);
    await new Promise<void>((resolve, reject) => {
      // stays: a connection that cannot be taken, for want of descriptors, takes no lock away and must end nothing
      server.on('error', reject);
      server.listen(reach(name), resolve);
    });
    // the lock alone keeps no process alive
    server.unref();
    return contender;
  }

  /**
   * @returns those who listen too; with nobody there we own the spool. Among many who ask, the first by name looks
   *   again while the others step back.
   */
  async contend(folder: string, reach: (name: string) => string): Promise<readonly Other[]> {
    for (let look = 0; ; look += 1) {
      const others = await findOthers(folder, reach, this.#name);
      if (others.length === 0) {
        // one who looked between our bind and our listen took our socket for a left-over: then nobody would see us
        if (!(await exists(path.join(folder, this.#name)))) return [{ name: '', pid: 'unknown', owns: false }];
        this.#owns = true;
        return [];
      }
      const first = others.every((other) => !other.owns && this.#name < other.name);
      if (!first || look >= LOOKS_MAX) return others;
      await pause(LOOK_AGAIN_MS);
    }
  }

  release(): Promise<void> {
    return new Promise((resolve) => {
      // closing removes the socket where its path can still be reached; else the next start does
      this.#server.close(() => resolve());
    });
  }
}

async function findOthers(folder: string, reach: (name: string) => string, own: string): Promise<Other[]> {
  const others: Other[] = [];
  for (const name of await fs.readdir(folder)) {
    if (name === own) continue;
    const answer = await ask(reach(name));
    if (answer === null) await fs.unlink(path.join(folder, name)).catch(() => undefined);
    else others.push({ name, ...answer });
  }
  return others;
}

/** null: nobody listens. */
function ask(socketPath: string): Promise<Omit<Other, 'name'> | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let said = '';
    const settle = (answer: Omit<Other, 'name'> | null): void => {
      socket.destroy();
      resolve(answer);
    };
    // whoever listens and does not answer as we do is taken for the owner
    const judge = (): void => {
      const [, pid = 'unknown', word] = /^(\d{1,10}) (owns|asks)\n$/.exec(said) ?? [];
      settle({ pid, owns: word !== 'asks' });
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, judge);
    socket.on('data', (data) => {
      said += data.toString('latin1');
      if (said.length > 32) judge();
    });
    socket.on('end', judge);
    socket.on('error', (error) => {
      const code = systemCode(error);
      if (code === 'ECONNREFUSED' || code === 'ENOENT') settle(null);
      // a listener that is just stepping back resets us
      else if (code === 'ECONNRESET' || code === 'EPIPE') settle({ pid: 'unknown', owns: false });
      else if (code === 'EAGAIN') judge();
      else reject(error);
    });
  });
}

/** Long paths are reached by way of the open folder, where the system offers that. */
function reachablePath(folder: string, folderHandle: number, name: string): string {
  const direct = path.join(folder, name);
  if (Buffer.byteLength(direct) <= SOCKET_PATH_OCTETS_MAX || process.platform !== 'linux') return direct;
  return `/proc/self/fd/${folderHandle}/${name}`;
}

async function exists(file: string): Promise<boolean> {
  try {
    await fs.lstat(file);
    return true;
  } catch {
    return false;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
