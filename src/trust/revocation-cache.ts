/**
 * The folder that keeps CRLs, OCSP responses and certificates of issuers over a restart. Nothing in it is a secret, and
 * nothing read from it is believed: signatures are checked again. What was not renewed for long is removed at the start.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { revocationFileRefused } from '../log/revocation-events.ts';

/** Files that were not renewed for this long are removed at the start. */
const FORGET_MS = 60 * 24 * 60 * 60 * 1000;
/** Octets of all files together; the oldest go first. */
const CACHE_OCTETS_MAX = 2 * 1024 * 1024 * 1024;
/** Files altogether: each is looked at every time. */
const CACHE_FILES_MAX = 100_000;
/** Unfinished ones are of a crash. */
const UNFINISHED_MS = 60 * 60 * 1000;

/** A folder of one run where none is configured, or the one that is may not be written (a command of another user). */
export async function openCache(folder: string | null, now: number): Promise<CacheFolder> {
  if (folder !== null) {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await access(folder, constants.W_OK);
      await forgetOld(folder, now);
      return { folder, passing: false };
    } catch (thrown) {
      revocationFileRefused(folder, thrown instanceof Error ? thrown.message : String(thrown));
    }
  }
  return { folder: await mkdtemp(path.join(tmpdir(), 'sealgate-revocation-')), passing: true };
}

/** `passing`: removed at the end. */
export interface CacheFolder {
  readonly folder: string;
  readonly passing: boolean;
}

/**
 * Writes what was fetched, so that readers see the file before or the file after. Never rejects: a full disk costs only
 * the memory of a restart.
 * @param file absolute path in the folder
 * @param octets judged before
 */
export async function writeEvidence(file: string, octets: Buffer): Promise<void> {
  const fresh = `${file}.${randomBytes(6).toString('hex')}.new`;
  try {
    await writeFile(fresh, octets, { flag: 'wx', mode: 0o600 });
    await rename(fresh, file);
  } catch {
    await rm(fresh, { force: true }).catch(() => {});
  }
}

async function forgetOld(cache: string, now: number): Promise<void> {
  for (const name of await readdir(cache).catch(() => [])) {
    if (!/\.(crl|ocsp|issuers|new)$/.test(name)) continue;
    const file = path.join(cache, name);
    const facts = await stat(file).catch(() => null);
    const keepMs = name.endsWith('.new') ? UNFINISHED_MS : FORGET_MS;
    if (facts !== null && now - facts.mtimeMs > keepMs) await rm(file, { force: true }).catch(() => {});
  }
}

/** Removes the files that were not renewed for longest, until the rest is small and few enough. */
export async function trimCache(
  folder: string,
  octetsMax: number = CACHE_OCTETS_MAX,
  filesMax: number = CACHE_FILES_MAX,
): Promise<void> {
  const files: { file: string; size: number; mtimeMs: number }[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!/\.(crl|ocsp|issuers)$/.test(name)) continue;
    const file = path.join(folder, name);
    const facts = await stat(file).catch(() => null);
    if (facts !== null) files.push({ file, size: facts.size, mtimeMs: facts.mtimeMs });
  }
  let count = files.length;
  let octets = files.reduce((sum, { size }) => sum + size, 0);
  for (const { file, size } of files.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
    if (octets <= octetsMax && count <= filesMax) return;
    await rm(file, { force: true }).catch(() => {});
    octets -= size;
    count--;
  }
}
