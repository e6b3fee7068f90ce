/**
 * The few file operations that the embedded engine stands on, as an interface: the fault tests put a file system
 * behind it that fails at a chosen call, or that forgets at a power cut whatever was not flushed.
 * Files are made 0600 and folders 0700; nothing is ever created over an existing name.
 */
import * as fs from 'node:fs';
import { type GatewayError, gatewayError } from '../../errors.ts';

/** An open file. Positions are explicit, so calls may overlap where their ranges do not. */
export interface SpoolFile {
  /** Writes all of `data` or rejects. */
  write(data: Buffer, position: number): Promise<void>;
  /** Fills `into` as far as the file goes. @returns octets read */
  read(into: Buffer, position: number): Promise<number>;
  size(): Promise<number>;
  truncate(octets: number): Promise<void>;
  /** fsync: data and size are on the medium. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface SpoolFiles {
  /** New file for writing; rejects with EEXIST when the name is taken. */
  create(path: string): Promise<SpoolFile>;
  open(path: string, access: 'read' | 'update'): Promise<SpoolFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  list(folder: string): Promise<readonly string[]>;
  /** Does nothing when it is there. */
  makeFolder(path: string): Promise<void>;
  /** Flushes the names in a folder: creations, renames and removals. */
  syncFolder(path: string): Promise<void>;
  /** Octets free for us, and file names free (null where the file system does not count them). */
  room(folder: string): Promise<{ readonly octets: number; readonly names: number | null }>;
}

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } = fs.constants;

/**
 * The real file system, by way of file descriptors and callbacks: the promises of Node make an object with a finalizer
 * of every open file, which costs more than the small reads and writes they are here for.
 */
export const nodeSpoolFiles: SpoolFiles = {
  create: async (path) => spoolFile(await openFile(path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW)),
  open: async (path, access) => spoolFile(await openFile(path, (access === 'read' ? O_RDONLY : O_RDWR) | O_NOFOLLOW)),
  rename: (from, to) => done((settle) => fs.rename(from, to, settle)),
  unlink: (path) => done((settle) => fs.unlink(path, settle)),
  list: (folder) => value<string[]>((settle) => fs.readdir(folder, settle)),
  makeFolder: (path) => done((settle) => fs.mkdir(path, { recursive: true, mode: 0o700 }, (error) => settle(error))),
  syncFolder: async (path) => {
    const folder = await openFile(path, O_RDONLY | O_DIRECTORY);
    try {
      await done((settle) => fs.fsync(folder, settle));
    } finally {
      await done((settle) => fs.close(folder, settle));
    }
  },
  room: async (folder) => {
    const found = await value<fs.StatsFs>((settle) => fs.statfs(folder, settle));
    return { octets: found.bavail * found.bsize, names: found.files === 0 ? null : found.ffree };
  },
};

function spoolFile(descriptor: number): SpoolFile {
  return {
    write: async (data, position) => {
      for (let at = 0; at < data.length; ) {
        const rest = data.length - at;
        at += await value<number>((settle) => fs.write(descriptor, data, at, rest, position + at, settle));
      }
    },
    read: async (into, position) => {
      let at = 0;
      while (at < into.length) {
        const rest = into.length - at;
        const octets = await value<number>((settle) => fs.read(descriptor, into, at, rest, position + at, settle));
        at += octets;
        // a file on a local disk gives less than it was asked for only at its end
        if (octets < rest) break;
      }
      return at;
    },
    size: async () => (await value<fs.Stats>((settle) => fs.fstat(descriptor, settle))).size,
    truncate: (octets) => done((settle) => fs.ftruncate(descriptor, octets, settle)),
    sync: () => done((settle) => fs.fsync(descriptor, settle)),
    close: () => done((settle) => fs.close(descriptor, settle)),
  };
}

function openFile(path: string, flags: number): Promise<number> {
  return value<number>((settle) => fs.open(path, flags, 0o600, settle));
}

function done(call: (settle: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    call((error) => (error == null ? resolve() : reject(error)));
  });
}

function value<T>(call: (settle: (error: Error | null, found: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, found) => (error === null ? resolve(found) : reject(error)));
  });
}

/** `ENOENT` and its like; empty for anything that is not an error of the system. */
export function systemCode(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : '';
}

/** The failure of a write as the peer sees it: no room is 452, everything else 451. */
export function writeFailure(thrown: unknown, doing: string): GatewayError {
  const code = systemCode(thrown);
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return gatewayError(full ? 'queue.full' : 'queue.write-failed', `${doing}: ${why}`, thrown);
}
