/**
 * The spool key: 32 random octets in a file of their own, from which every stored message's keys are derived. It never
 * lies in the spool, or a copy of the spool would be readable; it is backed up apart, for without it what waits is lost.
 *
 * Refused: a key file that others can read or that is not ours, a symbolic link (what it points to can change), a
 * folder in which others could put another key, a key inside the spool, anything but 32 octets. Made only when the
 * spool holds no mail: a new key could not open what waits.
 * A key that was replaced still opens old mail from the folder `<key file>.old/`, where every `*.key` file is one.
 */
import { createHash, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import path from 'node:path';

const KEY_OCTETS = 32;
const KEY_ID_OCTETS = 8;
const OTHERS_MAY_ANYTHING = 0o077;
const OTHERS_MAY_WRITE = 0o022;

export interface SpoolKey {
  /** First 8 octets of SHA-256 over a label and the key: names the key in every file without giving it away. */
  readonly id: Buffer;
  readonly key: KeyObject;
}

/** The key that seals new mail, and the older ones that still open mail. */
export interface SpoolKeys {
  readonly current: SpoolKey;
  /** null: we do not have that key. */
  find(id: Buffer): SpoolKey | null;
}

export type SpoolKeysResult =
  | { readonly ok: true; readonly keys: SpoolKeys; readonly made: boolean }
  | { readonly ok: false; readonly mistakes: readonly string[] };

/**
 * Opens the key ring, and makes the first key where there is none.
 * @param keyFile absolute path
 * @param spoolFolder absolute path of an existing folder
 * @param holdsMail true when the spool is not empty
 */
export async function openSpoolKeys(
  keyFile: string,
  spoolFolder: string,
  holdsMail: boolean,
): Promise<SpoolKeysResult> {
  const made = await makeKeyFile(keyFile, spoolFolder, holdsMail);
  if (made.mistake !== null) return { ok: false, mistakes: [made.mistake] };
  const mistakes: string[] = [];
  const keys: SpoolKey[] = [];
  for (const file of [keyFile, ...(await oldKeyFiles(`${keyFile}.old`))]) {
    const read = await readKeyFile(file, spoolFolder);
    if (read.ok) keys.push(read.key);
    else mistakes.push(read.mistake);
  }
  const current = keys[0];
  if (mistakes.length > 0 || current === undefined) return { ok: false, mistakes };
  const find = (id: Buffer): SpoolKey | null => keys.find((key) => key.id.equals(id)) ?? null;
  return { ok: true, keys: { current, find }, made: made.made };
}

/** @param octets the 32 octets; the caller wipes them */
export function spoolKey(octets: Buffer): SpoolKey {
  const id = createHash('sha256').update('sealgate spool key').update(octets).digest().subarray(0, KEY_ID_OCTETS);
  return { id, key: createSecretKey(octets) };
}

async function makeKeyFile(
  keyFile: string,
  spoolFolder: string,
  holdsMail: boolean,
): Promise<{ made: boolean; mistake: string | null }> {
  if (await exists(keyFile)) return { made: false, mistake: null };
  if (holdsMail) {
    return {
      made: false,
      mistake: `queue.key-missing: ${keyFile} is missing and mail waits in ${spoolFolder}: restore the key from its backup`,
    };
  }
  const folder = path.dirname(keyFile);
  try {
    await fs.mkdir(folder, { recursive: true, mode: 0o700 });
    if (await isInside(folder, spoolFolder)) return { made: false, mistake: insideSpool(keyFile) };
    await writeKeyFile(keyFile, folder);
    return { made: true, mistake: null };
  } catch (thrown) {
    return { made: false, mistake: `${keyFile}: cannot be made: ${message(thrown)}` };
  }
}

/** Whole or not at all, and never over another key: mail sealed under a half-written or replaced key would be lost. */
async function writeKeyFile(keyFile: string, folder: string): Promise<void> {
  const unfinished = `${keyFile}.${process.pid}.new`;
  const octets = randomBytes(KEY_OCTETS);
  const file = await fs.open(unfinished, 'wx', 0o600);
  try {
    await file.writeFile(octets);
    await file.sync();
  } finally {
    octets.fill(0);
    await file.close();
  }
  try {
    await fs.link(unfinished, keyFile);
  } finally {
    await fs.unlink(unfinished);
  }
  const names = await fs.open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await names.sync();
  } finally {
    await names.close();
  }
}

type KeyFileResult = { readonly ok: true; readonly key: SpoolKey } | { readonly ok: false; readonly mistake: string };

async function readKeyFile(file: string, spoolFolder: string): Promise<KeyFileResult> {
  const refused = (why: string): KeyFileResult => ({ ok: false, mistake: `${file}: ${why}` });
  try {
    if ((await fs.lstat(file)).isSymbolicLink()) return refused('is a symbolic link: name the file itself');
    if (await isInside(path.dirname(file), spoolFolder))
      return refused('lies inside the spool folder: keep the key elsewhere');
    const folder = await fs.stat(path.dirname(file));
    if ((folder.mode & OTHERS_MAY_WRITE) !== 0) return refused('others may write to its folder: chmod go-w the folder');
    // the checks are made on the open file: a name can change between two looks
    const handle = await fs.open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const wrong = wrongKeyFile(await handle.stat());
      if (wrong !== null) return refused(wrong);
      const octets = Buffer.alloc(KEY_OCTETS + 1);
      const { bytesRead } = await handle.read(octets, 0, octets.length, 0);
      const key = bytesRead === KEY_OCTETS ? spoolKey(octets.subarray(0, KEY_OCTETS)) : null;
      octets.fill(0);
      return key === null ? refused(`must hold exactly ${KEY_OCTETS} octets`) : { ok: true, key };
    } finally {
      await handle.close();
    }
  } catch (thrown) {
    return refused(message(thrown));
  }
}

function wrongKeyFile(found: Stats): string | null {
  if (!found.isFile()) return 'is not a file';
  if (found.uid !== process.getuid?.()) return 'belongs to another user';
  if ((found.mode & OTHERS_MAY_ANYTHING) !== 0) return 'others may read it: chmod 600';
  return null;
}

async function oldKeyFiles(folder: string): Promise<string[]> {
  try {
    const names = await fs.readdir(folder);
    return names
      .filter((name) => name.endsWith('.key'))
      .sort()
      .map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}

async function isInside(folder: string, spoolFolder: string): Promise<boolean> {
  const way = path.relative(await fs.realpath(spoolFolder), await fs.realpath(folder));
  return way === '' || (way !== '..' && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way));
}

async function exists(file: string): Promise<boolean> {
  try {
    await fs.lstat(file);
    return true;
  } catch {
    return false;
  }
}

function insideSpool(keyFile: string): string {
  return `${keyFile}: lies inside the spool folder: keep the key elsewhere`;
}

function message(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
