/**
 * Reads a file that holds a secret, if nobody else can read or has put it there (catalogue O3).
 *
 * Refused: symbolic links, anything but a regular file, files of another owner, files that the group or others may
 * open, and files past {@link PRIVATE_FILE_OCTETS_MAX}. All is asked of the open file, so it cannot be swapped between.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** A key and its chain take some 10,000 octets. */
const PRIVATE_FILE_OCTETS_MAX = 1024 * 1024;

/** The octets, to be wiped by the caller after use; or `problem: what to do`; or that there is no such file. */
export type PrivateFile =
  | { readonly kind: 'read'; readonly octets: Buffer }
  | { readonly kind: 'refused'; readonly problem: string }
  | { readonly kind: 'absent' };

/** @param file absolute path. Never throws for what the file system answers. */
export async function readPrivateFile(file: string): Promise<PrivateFile> {
  let handle: FileHandle;
  try {
    // O_NONBLOCK: a named pipe must not hold up the start
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return openFailure(error);
  }
  try {
    const problem = await problemOf(handle);
    if (problem !== null) return { kind: 'refused', problem };
    return { kind: 'read', octets: await handle.readFile() };
  } catch (error) {
    return { kind: 'refused', problem: `cannot be read (${codeOf(error)}): check the disk` };
  } finally {
    await handle.close();
  }
}

function openFailure(error: unknown): PrivateFile {
  const code = codeOf(error);
  if (code === 'ENOENT') return { kind: 'absent' };
  if (code === 'ELOOP') {
    return { kind: 'refused', problem: 'is a symbolic link: put the file itself there' };
  }
  return { kind: 'refused', problem: `cannot be opened (${code}): give it to the user that the gateway runs as` };
}

async function problemOf(handle: FileHandle): Promise<string | null> {
  const status = await handle.stat();
  if (!status.isFile()) return 'is not a regular file: put a file there';
  const us = process.geteuid?.();
  if (us !== undefined && status.uid !== us) {
    return `belongs to user ${status.uid}, the gateway runs as ${us}: change its owner`;
  }
  if ((status.mode & 0o077) !== 0) {
    const mode = (status.mode & 0o7777).toString(8).padStart(4, '0');
    return `may be opened by others (mode ${mode}): chmod 600`;
  }
  if (status.size > PRIVATE_FILE_OCTETS_MAX) {
    return `has ${status.size} octets, at most ${PRIVATE_FILE_OCTETS_MAX} are read: keep only certificates and key in it`;
  }
  return null;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
}
