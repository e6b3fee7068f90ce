/**
 * Reads a folder of certificates into a snapshot: PEM, DER and P7B files, three levels deep. Changed files only are read.
 *
 * What is being written right now is not believed: a file that stops parsing, or vanishes, keeps its last good content
 * for a moment, so that neither a half-written file nor `rm` before `cp` reads as "no certificate" (catalogue C28).
 * Refused, as failure of the whole folder: what cannot be listed, and more files than the budget. A file that cannot be
 * read is a problem of that file.
 */
import type { Dirent } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { parseAddress } from '../address.ts';
import { readCertificateBundle } from '../cms/certificate-bundle.ts';
import type { Certificate } from '../x509/certificate.ts';
import { publishedFor } from './source.ts';

const DEPTH_MAX = 3;
const FILES_MAX = 100_000;
const FILE_BYTES_MAX = 4 * 1024 * 1024;
/** A partner's whole export may be one file. */
const FILE_CERTIFICATES_MAX = 10_000;
/** Files read at the same time. */
const READ_AT_ONCE = 16;
/** A broken file younger than this may still be being written. */
const HALF_WRITTEN_MS = 2000;
/** A vanished file is missed for so long: time for a replacement that is not atomic. */
const VANISHED_MS = 1000;

const CERTIFICATE_FILE = /\.(?:pem|crt|cer|der|p7b|p7c)$/i;

export interface FolderFile {
  /** Path below the folder, with `/`. */
  readonly relative: string;
  readonly certificates: readonly Certificate[];
  readonly problems: readonly string[];
  /** Address key that the file's name stands for, such as `bob@bank.example.pem`; null for other names. */
  readonly namedFor: string | null;
  /** Address keys that the file served before it broke. */
  readonly servedBefore: readonly string[];
  /** Changes with every write; empty: read again next time. */
  readonly stamp: string;
  /** When it was first missed, milliseconds; null while it is there. */
  readonly missingSince: number | null;
}

export interface FolderSnapshot {
  readonly files: ReadonlyMap<string, FolderFile>;
  /** Absolute path of every folder read, to its identity on disk. */
  readonly folders: ReadonlyMap<string, string>;
  /** Device of the folder itself: another one means mounted or unmounted. */
  readonly device: number;
  /** Something was caught in the middle of a change: scan again soon. */
  readonly unsettled: boolean;
}

interface Found {
  readonly relative: string;
  readonly absolute: string;
}

/**
 * @param previous the last snapshot; null at the start
 * @param nowMs the time by which file times are judged
 * @throws the error of the file system, or Error over the budget: then nothing is known about the folder
 */
export async function scanFolder(
  folder: string,
  previous: FolderSnapshot | null,
  nowMs: number,
): Promise<FolderSnapshot> {
  const { found, folders, device } = await listFiles(folder);
  const files = new Map<string, FolderFile>();
  for (let i = 0; i < found.length; i += READ_AT_ONCE) {
    const batch = found.slice(i, i + READ_AT_ONCE);
    const read = await Promise.all(batch.map((f) => readOne(f, previous?.files.get(f.relative) ?? null, nowMs)));
    for (const file of read) if (file !== null) files.set(file.relative, file);
  }
  if (previous !== null && found.length === 0 && device !== previous.device && previous.files.size > 0) {
    throw new Error('the folder is empty since it was mounted or unmounted');
  }
  for (const [relative, file] of previous?.files ?? []) {
    if (files.has(relative)) continue;
    const missingSince = file.missingSince ?? nowMs;
    if (nowMs - missingSince < VANISHED_MS) files.set(relative, { ...file, stamp: '', missingSince });
  }
  let unsettled = false;
  for (const file of files.values()) unsettled ||= file.stamp === '';
  return { files, folders, device, unsettled };
}

async function listFiles(
  root: string,
): Promise<{ found: Found[]; folders: ReadonlyMap<string, string>; device: number }> {
  const found: Found[] = [];
  const folders = new Map<string, string>();
  const top = await stat(root);
  const waiting = [{ absolute: root, relative: '', depth: 1, facts: top }];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const { absolute, relative, depth } = next;
    folders.set(absolute, `${next.facts.dev}:${next.facts.ino}`);
    for (const entry of await list(absolute, depth === 1)) {
      // hidden: editors' and copying tools' own files, and the folders that orchestrators link into
      if (entry.name.startsWith('.')) continue;
      const child = { absolute: path.join(absolute, entry.name), relative: path.posix.join(relative, entry.name) };
      const facts = entry.isFile() ? null : await statOrNull(child.absolute);
      if (facts?.isDirectory()) {
        if (depth < DEPTH_MAX) waiting.push({ ...child, depth: depth + 1, facts });
      } else if ((entry.isFile() || facts?.isFile()) && isCertificateFile(entry.name)) {
        found.push(child);
        if (found.length > FILES_MAX) throw new Error(`more than ${FILES_MAX} files`);
      }
    }
  }
  return { found, folders, device: top.dev };
}

/** A sub-folder deleted since its parent was listed holds nothing; the folder itself must be there. */
async function list(folder: string, isTop: boolean): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (!isTop && errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function isCertificateFile(name: string): boolean {
  return CERTIFICATE_FILE.test(name) || (name.includes('@') && parseAddress(name) !== null);
}

async function statOrNull(file: string) {
  try {
    return await stat(file);
  } catch (error) {
    // a dangling link, or deleted since it was listed
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

async function readOne(found: Found, previous: FolderFile | null, nowMs: number): Promise<FolderFile | null> {
  const facts = await statOrNull(found.absolute);
  if (facts === null || !facts.isFile()) return null;
  const stamp = `${facts.dev}:${facts.ino}:${facts.size}:${facts.mtimeMs}:${facts.ctimeMs}`;
  if (previous !== null && previous.stamp === stamp) return previous;
  const content = await readContent(found.absolute, facts.size);
  if (content === null) return null;
  const broken = content.problems.length > 0;
  const fresh = Math.abs(nowMs - Math.max(facts.mtimeMs, facts.ctimeMs)) < HALF_WRITTEN_MS;
  if (broken && fresh && previous !== null && previous.problems.length === 0) {
    return { ...previous, stamp: '', missingSince: null };
  }
  return {
    relative: found.relative,
    ...content,
    namedFor: namedFor(found.relative),
    servedBefore: broken && previous !== null ? served(previous) : [],
    stamp: broken && fresh ? '' : stamp,
    missingSince: null,
  };
}

/** @returns null when the file is gone by now */
async function readContent(
  file: string,
  bytes: number,
): Promise<{ certificates: readonly Certificate[]; problems: readonly string[] } | null> {
  if (bytes > FILE_BYTES_MAX) return { certificates: [], problems: [`larger than ${FILE_BYTES_MAX} octets`] };
  try {
    const octets = await readAtMost(file, FILE_BYTES_MAX);
    if (octets.length === 0) return { certificates: [], problems: ['empty file'] };
    const { certificates, problems } = readCertificateBundle(octets, FILE_CERTIFICATES_MAX);
    return certificates.length === 0 && problems.length === 0
      ? { certificates, problems: ['holds no certificate'] }
      : { certificates, problems };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    return { certificates: [], problems: [error instanceof Error ? error.message : String(error)] };
  }
}

/** The file may grow while it is read: its size at one moment is no limit. */
async function readAtMost(file: string, limit: number): Promise<Buffer> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(size, limit));
    let filled = 0;
    while (filled < buffer.length) {
      const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return buffer.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

function namedFor(relative: string): string | null {
  const name = path.posix.basename(relative);
  if (!name.includes('@')) return null;
  return parseAddress(name.replace(CERTIFICATE_FILE, ''))?.key ?? null;
}

function served(file: FolderFile): readonly string[] {
  const keys = new Set(file.servedBefore);
  for (const certificate of file.certificates) for (const key of publishedFor(certificate)) keys.add(key);
  return [...keys];
}

function errorCode(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
