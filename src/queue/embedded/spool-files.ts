/**
 * The few file operations that the embedded engine stands on, as an interface: the fault tests put a file system
 * behind it that fails at a chosen call, or that forgets at a power cut whatever was not flushed.
 * Files are made 0600 and folders 0700; nothing is ever created over an existing name.
 */
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
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

/** The real file system. */
export const nodeSpoolFiles: SpoolFiles = {
  create: async (path) =>
    spoolFile(
      await fs.open(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR | constants.O_NOFOLLOW, 0o600),
    ),
  open: async (path, access) =>
    spoolFile(await fs.open(path, (access === 'read' ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NOFOLLOW)),
  rename: (from, to) => fs.rename(from, to),
  unlink: (path) => fs.unlink(path),
  list: (folder) => fs.readdir(folder),
  makeFolder: async (path) => {
    await fs.mkdir(path, { recursive: true, mode: 0o700 });
  },
  syncFolder: async (path) => {
    const folder = await fs.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
  room: async (folder) => {
    const found = await fs.statfs(folder);
    return { octets: found.bavail * found.bsize, names: found.files === 0 ? null : found.ffree };
  },
};

function spoolFile(handle: fs.FileHandle): SpoolFile {
  return {
    write: async (data, position) => {
      let done = 0;
      while (done < data.length) {
        const { bytesWritten } = await handle.write(data, done, data.length - done, position + done);
        done += bytesWritten;
      }
    },
    read: async (into, position) => {
      let done = 0;
      while (done < into.length) {
        const { bytesRead } = await handle.read(into, done, into.length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    },
    size: async () => (await handle.stat()).size,
    truncate: (octets) => handle.truncate(octets),
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
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
