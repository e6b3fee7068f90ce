/**
 * The folder that keeps CRLs and OCSP responses over a restart. Nothing in it is a secret, and nothing read from it is
 * believed: signatures are checked again. What was not renewed for long is removed at the start.
 */
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { revocationFileRefused } from '../log/revocation-events.ts';

/** Files that were not renewed for this long are removed at the start. */
const FORGET_MS = 60 * 24 * 60 * 60 * 1000;
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

async function forgetOld(cache: string, now: number): Promise<void> {
  for (const name of await readdir(cache).catch(() => [])) {
    if (!/\.(crl|ocsp|new)$/.test(name)) continue;
    const file = path.join(cache, name);
    const facts = await stat(file).catch(() => null);
    const keepMs = name.endsWith('.new') ? UNFINISHED_MS : FORGET_MS;
    if (facts !== null && now - facts.mtimeMs > keepMs) await rm(file, { force: true }).catch(() => {});
  }
}
