/**
 * Mozilla's roots for mail, from a `certdata.txt` or from the NSS of this machine. Never from the PEM files of
 * ca-certificates, which are the store for servers.
 */
import path from 'node:path';
import { readCertdata } from '../trust/certdata-reader.ts';
import { readFileBounded } from '../trust/collection-reader.ts';
import { type MozillaRoot, selectMozillaRoots } from '../trust/mozilla-roots.ts';
import type { AuthorityInput } from './authority-input.ts';
import { readNssRoots } from './nss-roots.ts';

/**
 * @param certdata file as `security/nss/lib/ckfw/builtins/certdata.txt` of NSS; undefined: ask the NSS of this machine
 * @param at when expiry and the end of trust are judged
 */
export async function readMozillaRoots(certdata: string | undefined, at: Date): Promise<AuthorityInput> {
  const read = certdata === undefined ? await fromNss() : await fromFile(certdata);
  if (Array.isArray(read)) return { certificates: [], mistakes: read, warnings: [] };
  const { certificates, warnings } = selectMozillaRoots(read.roots, at);
  const mistakes = certificates.length === 0 ? [`${read.name}: no root is left`] : [];
  return { certificates, mistakes, warnings };
}

interface Roots {
  readonly roots: readonly MozillaRoot[];
  readonly name: string;
}

/** @returns the roots, or the mistakes */
async function fromNss(): Promise<Roots | string[]> {
  const read = await readNssRoots();
  if (read.ok) return { roots: read.roots, name: read.module };
  return [read.problem, 'without it, give a certdata.txt: --mozilla-email FILE'];
}

async function fromFile(file: string): Promise<Roots | string[]> {
  try {
    const read = readCertdata(await readFileBounded(path.resolve(file)));
    return read.ok ? { roots: read.roots, name: file } : read.mistakes.map((mistake) => `${file}: ${mistake}`);
  } catch (thrown) {
    return [`${file} cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`];
  }
}
