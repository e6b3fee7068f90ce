/**
 * Changes the folder of a trust collection: all of an import or nothing, each change one atomic rename, so that a
 * gateway that reads the folder meanwhile sees the state before or the state after.
 *
 * As strict as Exchange: one expired certificate, end entity or unreadable part refuses the whole import, and what is
 * wrong is told all at once. Expired ones are taken where the administrator says so, into a file whose name says so.
 * Refused: a collection that is a single file, for it is somebody else's.
 */
import { createHash, randomBytes } from 'node:crypto';
import { open, rename, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import type { Certificate } from '../x509/certificate.ts';
import { isSelfSigned } from '../x509/self-signed.ts';
import { readAuthorityFile } from './authority-file.ts';
import { formatPem } from './certificate-text.ts';
import {
  ALLOW_EXPIRED,
  filesOf,
  findPlaceFault,
  isUnread,
  readCollection,
  readFileBounded,
} from './collection-reader.ts';

export interface ImportPlan {
  /** New ones, in their order. */
  readonly added: readonly Certificate[];
  /** How many were there already. */
  readonly known: number;
  readonly expired: readonly Certificate[];
  readonly warnings: readonly string[];
}

export type ImportResult =
  | ({ readonly ok: true; readonly file: string | null } & ImportPlan)
  | { readonly ok: false; readonly mistakes: readonly string[] };

/** What is to be imported. `unread`: the file system did not give a file, which is among the mistakes. */
export interface ImportReading {
  readonly certificates: Certificate[];
  readonly mistakes: string[];
  readonly warnings: string[];
  unread: boolean;
}

/** A file or the files of a folder, read and judged for a collection. @param source absolute path */
export async function readImport(source: string): Promise<ImportReading> {
  const read: ImportReading = { certificates: [], mistakes: [], warnings: [], unread: false };
  const miss = (name: string, thrown: unknown): void => {
    read.mistakes.push(`${name} cannot be read: ${reason(thrown)}`);
    read.unread ||= isUnread(thrown);
  };
  const names = await filesOf(source).catch((thrown: unknown) => {
    miss(source, thrown);
    return [];
  });
  for (const name of names) {
    const octets = await readFileBounded(name).catch((thrown: unknown) => {
      miss(name, thrown);
      return null;
    });
    if (octets === null) continue;
    const file = readAuthorityFile(octets);
    read.certificates.push(...file.certificates);
    read.mistakes.push(...file.mistakes.map((mistake) => `${name}: ${mistake}`));
    read.warnings.push(...file.warnings.map((warning) => `${name}: ${warning}`));
  }
  return read;
}

/**
 * Puts certificates into the folder, all or none.
 * @param folder absolute path of the collection, which must exist
 * @param at when expiry is judged
 */
export async function importAuthorities(
  folder: string,
  certificates: readonly Certificate[],
  at: Date,
  allowExpired: boolean,
): Promise<ImportResult> {
  if (!(await isFolder(folder))) return { ok: false, mistakes: [notAFolder(folder)] };
  const mistakes = certificates.flatMap((certificate) => {
    const fault = findPlaceFault(certificate, at, allowExpired);
    return fault === null ? [] : [`${certificate.subjectText} ${fault}`];
  });
  if (mistakes.length > 0) return { ok: false, mistakes };
  const present = await readCollection('', folder, at);
  const unique = new Map(certificates.map((certificate) => [certificate.sha256, certificate]));
  const added = [...unique.values()].filter(({ sha256 }) => !present.files.has(sha256));
  const expired = added.filter(({ notAfter }) => notAfter < at);
  const plan = { added, known: unique.size - added.length, expired, warnings: [] };
  if (added.length === 0) return { ok: true, file: null, ...plan };
  const version = createHash('sha256')
    .update(added.map(({ sha256 }) => sha256).join('\n'))
    .digest('hex');
  const file = path.join(folder, `imported-${version.slice(0, 16)}${expired.length > 0 ? ALLOW_EXPIRED : '.pem'}`);
  await writeAtomically(file, formatPem(added));
  return { ok: true, file, ...plan };
}

/**
 * Takes one certificate out of every file of the folder that holds it. A file with others in it is written anew
 * without it, as PEM; one without goes.
 * @returns the files changed; empty where it is not there
 */
export async function removeAuthority(folder: string, sha256: string, at: Date): Promise<string[]> {
  if (!(await isFolder(folder))) throw new Error(notAFolder(folder));
  const changed: string[] = [];
  for (const file of (await readCollection('', folder, at)).files.get(sha256) ?? []) {
    const { certificates } = readAuthorityFile(await readFileBounded(file));
    const rest = certificates.filter((certificate) => certificate.sha256 !== sha256);
    if (rest.length > 0) {
      const pem = /\.(pem|crt|cer)$/i.test(file) ? file : `${file}.pem`;
      // the new file first: between the two, certificates stand twice, and none is missing
      await writeAtomically(pem, formatPem(rest));
      if (pem !== file) await unlink(file);
    } else await unlink(file);
    changed.push(file);
  }
  return changed;
}

/** Anchor or intermediate, as the collection will take it. */
export function placeOf(certificate: Certificate): 'anchor' | 'intermediate' {
  return isSelfSigned(certificate) ? 'anchor' : 'intermediate';
}

async function isFolder(location: string): Promise<boolean> {
  return await stat(location).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
}

function notAFolder(location: string): string {
  return `${location} is no folder: only a collection that is a folder can be changed`;
}

/** Readers see the old file or the new one; a name with a dot before it is not read by anybody. */
async function writeAtomically(file: string, text: string): Promise<void> {
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${randomBytes(6).toString('hex')}`);
  const handle = await open(temporary, 'wx', 0o644);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file).catch(async (thrown: unknown) => {
    await unlink(temporary);
    throw thrown;
  });
  const folder = await open(path.dirname(file));
  await folder.sync().finally(() => folder.close());
}

function reason(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
