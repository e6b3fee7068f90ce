/**
 * Mozilla's roots for mail, from a `certdata.txt` or from the NSS of this machine. Never from the PEM files of
 * ca-certificates, which are the store for servers.
 */
import path from 'node:path';
import { readCertdata } from '../trust/certdata-reader.ts';
import { isUnread, readFileBounded } from '../trust/collection-reader.ts';
import { type MozillaRoot, selectMozillaRoots } from '../trust/mozilla-roots.ts';
import type { AuthorityInput } from './authority-input.ts';
import { readNssRoots } from './nss-roots.ts';

/**
 * @param certdata file as `security/nss/lib/ckfw/builtins/certdata.txt` of NSS; undefined: ask the NSS of this machine
 * @param at when expiry and the end of trust are judged
 */
export async function readMozillaRoots(certdata: string | undefined, at: Date): Promise<AuthorityInput> {
  const read = certdata === undefined ? await fromNss() : await fromFile(certdata);
  if ('mistakes' in read) return { certificates: [], warnings: [], ...read };
  const { certificates, warnings } = selectMozillaRoots(read.roots, at);
  const mistakes = certificates.length === 0 ? [`${read.name}: no root is left`] : [];
  return { certificates, mistakes, warnings, unread: false };
}

interface Roots {
  readonly roots: readonly MozillaRoot[];
  readonly name: string;
}

interface Failure {
  readonly mistakes: readonly string[];
  readonly unread: boolean;
}

async function fromNss(): Promise<Roots | Failure> {
  const read = await readNssRoots();
  if (read.ok) return { roots: read.roots, name: read.module };
  return { mistakes: [read.problem, 'without it, give a certdata.txt: --mozilla-email FILE'], unread: false };
}

async function fromFile(file: string): Promise<Roots | Failure> {
  try {
    const read = readCertdata(await readFileBounded(path.resolve(file)));
    if (read.ok) return { roots: read.roots, name: file };
    return { mistakes: read.mistakes.map((mistake) => `${file}: ${mistake}`), unread: false };
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return { mistakes: [`${file} cannot be read: ${reason}`], unread: isUnread(thrown) };
  }
}
