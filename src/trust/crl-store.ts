/**
 * Puts CRLs into the folder of `trust.revocation.crls` and takes them out: each change one atomic rename, so that a
 * gateway that reads the folder meanwhile sees the list before or the list after. What is judged is the copy in the
 * folder, so that nobody can change the file between reading and taking.
 *
 * Refused: what no known authority signed, whose signer may not sign CRLs, what is stale or from the future, what holds
 * critical extensions that are not known, and a list older than the one it would replace (RFC 5280 §5.2.3, §6.3.3). One
 * with the same number and date that is another list is the authority's mistake or somebody's trick: the administrator
 * is told what differs, and decides.
 */
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, copyFile, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { GatewayError } from '../errors.ts';
import type { RevocationList } from '../x509/crl.ts';
import { CRL_OCTETS_MAX } from '../x509/crl-reader.ts';
import { CLOCK_SKEW_MS } from '../x509/revocation.ts';
import { isUnread } from './collection-reader.ts';
import { formatDifference } from './crl-difference.ts';
import { digestCrlFile, readCrlFile, type SignersOf } from './crl-file.ts';

/** As many as the gateway reads. */
const FILES_MAX = 1_000;
/** PEM is a third longer than DER. */
const FILE_OCTETS_MAX = 1.5 * CRL_OCTETS_MAX;

export type CrlImport =
  | {
      readonly ok: true;
      /** Absolute path of the file in the folder. */
      readonly file: string;
      readonly list: RevocationList;
      /** False: exactly this list was there already. */
      readonly added: boolean;
      readonly stale: boolean;
    }
  | {
      readonly ok: false;
      readonly problem: string;
      /** `unread`, `unwritten`: the file system gave it not, or took it not. `stale` and `differs`: the terms of the import could allow it. */
      readonly kind: 'unread' | 'unwritten' | 'stale' | 'differs' | 'refused';
    };

export interface CrlImportTerms {
  readonly allowStale?: boolean;
  /** In place of one with the same number and date that is not the same list. */
  readonly replace?: boolean;
}

/**
 * @param source absolute path of a file as the administrator has it, DER or PEM, from anywhere; or DER
 * @param folder absolute path of the folder, which must exist
 * @param at when age is judged
 */
export async function importCrl(
  source: string | Buffer,
  folder: string,
  signersOf: SignersOf,
  at: Date,
  terms: CrlImportTerms = {},
): Promise<CrlImport> {
  if (!(await isFolder(folder))) return refusal(`${folder} is no folder`);
  const unread = typeof source === 'string' ? await findReadFault(source) : null;
  if (unread !== null) return refusal(unread, 'unread');
  const copy = path.join(folder, `.import-${randomBytes(6).toString('hex')}`);
  try {
    if (typeof source !== 'string') await writeFile(copy, source, { flag: 'wx' });
    else {
      const { size } = await stat(source);
      if (size > FILE_OCTETS_MAX) return refusal(`${size} octets, limit ${FILE_OCTETS_MAX}`);
      await copyFile(source, copy);
    }
    const list = await readCrlFile(copy, signersOf);
    const fault = findFault(list, signersOf, at);
    if (fault !== null) return refusal(fault);
    const stale = isStale(list, at);
    if (stale && terms.allowStale !== true) return refusal(`it is stale: ${dates(list)}`, 'stale');
    return await place(copy, folder, { list, signersOf, stale, replace: terms.replace === true });
  } catch (thrown) {
    return refusal(reasonOf(thrown), isUnread(thrown) ? 'unwritten' : 'refused');
  } finally {
    await rm(copy, { force: true });
  }
}

function refusal(problem: string, kind: Exclude<CrlImport, { ok: true }>['kind'] = 'refused'): CrlImport {
  return { ok: false, problem, kind };
}

async function findReadFault(file: string): Promise<string | null> {
  try {
    await access(file, constants.R_OK);
    return (await isFolder(file)) ? 'it is a folder' : null;
  } catch (thrown) {
    return `it cannot be read: ${reasonOf(thrown)}`;
  }
}

/** One file of the folder. */
export interface StoredCrl {
  /** Name in the folder. */
  readonly name: string;
  /** null: it cannot be read. */
  readonly list: RevocationList | null;
  /** Why it counts for nothing; null when it counts. */
  readonly fault: string | null;
  /** The file system did not give it. */
  readonly unread: boolean;
  readonly stale: boolean;
}

/** @param folder absolute path of a folder, or of a single file @throws Error of the file system */
export async function listCrls(folder: string, signersOf: SignersOf, at: Date): Promise<StoredCrl[]> {
  const single = !(await isFolder(folder));
  const names = single ? [path.basename(folder)] : (await readdir(folder)).filter((name) => !name.startsWith('.'));
  const found: StoredCrl[] = [];
  for (const name of names.sort().slice(0, FILES_MAX)) {
    try {
      const list = await readCrlFile(single ? folder : path.join(folder, name), signersOf);
      found.push({ name, list, fault: findFault(list, signersOf, at), unread: false, stale: isStale(list, at) });
    } catch (thrown) {
      found.push({ name, list: null, fault: reasonOf(thrown), unread: isUnread(thrown), stale: false });
    }
  }
  return found;
}

/** @param name as {@link listCrls} says it @returns false: there is no such file */
export async function removeCrl(folder: string, name: string): Promise<boolean> {
  if (name !== path.basename(name) || name.startsWith('.') || !(await isFolder(folder))) return false;
  const file = path.join(folder, name);
  const facts = await stat(file).catch(() => null);
  if (facts?.isFile() !== true) return false;
  await rm(file, { force: true });
  return true;
}

/** Why a list counts for nothing, whatever its age; null when it counts. */
function findFault(list: RevocationList, signersOf: SignersOf, at: Date): string | null {
  const known = signersOf(list.issuer);
  if (known.length === 0) return `its issuer ${list.issuerName} is in no collection`;
  const signers = known.filter(({ spki }) => list.signedBy.some((key) => key.equals(spki)));
  if (signers.length === 0) return `it is not signed by ${list.issuerName}`;
  if (!signers.some(({ keyUsage }) => keyUsage === null || keyUsage.has('cRLSign'))) {
    return `${list.issuerName} may not sign CRLs (key usage)`;
  }
  if (list.fault !== null) return list.fault;
  if (list.thisUpdate.getTime() > at.getTime() + CLOCK_SKEW_MS) return `it is from the future: ${dates(list)}`;
  return list.nextUpdate === null ? 'it does not say until when it holds (nextUpdate)' : null;
}

function isStale({ nextUpdate }: RevocationList, at: Date): boolean {
  return nextUpdate !== null && nextUpdate < at;
}

function dates({ thisUpdate, nextUpdate }: RevocationList): string {
  return `of ${thisUpdate.toISOString()}, until ${nextUpdate?.toISOString() ?? 'nobody knows'}`;
}

interface Judged {
  readonly list: RevocationList;
  readonly signersOf: SignersOf;
  readonly stale: boolean;
  readonly replace: boolean;
}

/**
 * Under one name for each issuer, key, scope and kind, so that a newer list replaces the older one. The key is one of them
 * because two CAs may have one name, and the list of one must not take the place of the other's.
 */
async function place(copy: string, folder: string, judged: Judged): Promise<CrlImport> {
  const { list, signersOf, stale, replace } = judged;
  const kind = Buffer.from(list.base === null ? '' : 'delta');
  const parts = [list.issuer, list.scopeOctets ?? Buffer.alloc(0), kind, ...list.signedBy];
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length} `).update(part);
  const file = path.join(folder, `imported-${hash.digest('hex').slice(0, 16)}.crl`);
  // a file that cannot be read is replaced
  const old = await readCrlFile(file, signersOf).catch(() => null);
  if (old !== null && isOlder(list, old)) return refusal(`it is older than the one there, ${dates(old)}`);
  if (old !== null && !isOlder(old, list)) {
    if ((await digestCrlFile(file)) === (await digestCrlFile(copy)))
      return { ok: true, file, list, added: false, stale };
    const what = `it is not the list that is there with the same number and date: ${formatDifference(list, old)}`;
    if (!replace) return refusal(what, 'differs');
  }
  const handle = await open(copy, 'r');
  await handle.sync().finally(() => handle.close());
  await rename(copy, file);
  const directory = await open(folder);
  await directory.sync().finally(() => directory.close());
  return { ok: true, file, list, added: true, stale };
}

function isOlder(one: RevocationList, other: RevocationList): boolean {
  if (one.number !== null && other.number !== null && one.number !== other.number) return one.number < other.number;
  return one.thisUpdate < other.thisUpdate;
}

async function isFolder(location: string): Promise<boolean> {
  return await stat(location).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof GatewayError) return thrown.detail;
  return thrown instanceof Error ? thrown.message : String(thrown);
}
