/**
 * Index of a folder snapshot: mailbox to candidates, built whole and swapped whole.
 *
 * A certificate is a candidate of every mailbox it names, CA or not: a self-signed one that says CA is unusable, which
 * is for `trust/` to say, and must not read as "none" (catalogue C28). For the same reason a file named after a
 * mailbox, or that served one before it broke, is a candidate of it whatever it holds.
 */
import { setImmediate } from 'node:timers/promises';
import type { Certificate } from '../x509/certificate.ts';
import type { Candidate } from './directory.ts';
import type { FirstSeen } from './first-seen.ts';
import type { FolderFile } from './folder-scan.ts';
import { publishedFor } from './source.ts';

/** Candidates of one mailbox; the rest is for its files to be cleaned up. */
const CANDIDATES_MAX = 50;
/** CA certificates handed along with one candidate. */
const COMPANIONS_MAX = 20;
/** Issuers followed upwards among the CA certificates of the folder. */
const CHAIN_MAX = 5;

export interface FolderIndex {
  readonly mailboxes: ReadonlyMap<string, readonly Candidate[]>;
  readonly certificates: number;
  readonly files: number;
}

export interface IndexOptions {
  /** `folder certs/partners` */
  readonly source: string;
  readonly rank: number;
  readonly firstSeen: FirstSeen;
}

/** After so many files the event loop gets its turn: a hundred thousand would keep it for seconds. */
const FILES_A_TURN = 250;

export async function buildFolderIndex(files: Iterable<FolderFile>, options: IndexOptions): Promise<FolderIndex> {
  // sorted: the order of a directory listing is no order of preference
  const sorted = [...files].sort((a, b) => (a.relative < b.relative ? -1 : 1));
  const authorities = authoritiesBySubject(sorted);
  const mailboxes = new Map<string, Candidate[]>();
  let certificates = 0;
  for (const [i, file] of sorted.entries()) {
    if (i % FILES_A_TURN === FILES_A_TURN - 1) await setImmediate();
    certificates += file.certificates.length;
    for (const [key, candidates] of candidatesOf(file, authorities, options)) {
      const list = mailboxes.get(key) ?? [];
      mailboxes.set(key, list);
      for (const candidate of candidates) {
        if (list.length < CANDIDATES_MAX && !list.some((known) => isSame(known, candidate))) list.push(candidate);
      }
    }
  }
  return { mailboxes, certificates, files: sorted.length };
}

function isSame(a: Candidate, b: Candidate): boolean {
  return a.certificate !== null && a.certificate.sha256 === b.certificate?.sha256;
}

function candidatesOf(
  file: FolderFile,
  authorities: ReadonlyMap<string, readonly Certificate[]>,
  { source, rank, firstSeen }: IndexOptions,
): Map<string, Candidate[]> {
  const place = `${source}/${file.relative}`;
  const found = new Map<string, Candidate[]>();
  const endEntities: Candidate[] = [];
  for (const certificate of file.certificates) {
    const keys = publishedFor(certificate);
    const isAuthority = certificate.basicConstraints?.ca === true;
    if (isAuthority && keys.size === 0) continue;
    const candidate: Candidate = {
      certificate,
      problem: null,
      companions: companionsOf(certificate, file, authorities),
      source: place,
      rank,
      seenAt: firstSeen.of(certificate.sha256),
    };
    if (!isAuthority) endEntities.push(candidate);
    for (const key of keys) found.set(key, [...(found.get(key) ?? []), candidate]);
  }
  const malformed = (): Candidate => ({
    certificate: null,
    problem: `${file.relative}: ${file.problems[0] ?? 'holds no certificate of an end entity'}`,
    companions: [],
    source: place,
    rank,
    seenAt: firstSeen.of(place),
  });
  if (file.namedFor !== null && !found.has(file.namedFor)) {
    found.set(file.namedFor, endEntities.length > 0 ? endEntities : [malformed()]);
  }
  for (const key of file.servedBefore) if (!found.has(key)) found.set(key, [malformed()]);
  return found;
}

function authoritiesBySubject(files: readonly FolderFile[]): ReadonlyMap<string, readonly Certificate[]> {
  const bySubject = new Map<string, Certificate[]>();
  for (const file of files) {
    for (const certificate of file.certificates) {
      if (certificate.basicConstraints?.ca !== true) continue;
      const subject = certificate.subject.toString('latin1');
      const list = bySubject.get(subject) ?? [];
      bySubject.set(subject, list);
      if (!list.some((known) => known.sha256 === certificate.sha256)) list.push(certificate);
    }
  }
  return bySubject;
}

/** CA certificates of the same file first, then those of the folder that could have issued it, by name. */
function companionsOf(
  leaf: Certificate,
  file: FolderFile,
  authorities: ReadonlyMap<string, readonly Certificate[]>,
): readonly Certificate[] {
  const companions = new Map<string, Certificate>();
  const add = (certificate: Certificate): void => {
    if (certificate.sha256 !== leaf.sha256 && companions.size < COMPANIONS_MAX) {
      companions.set(certificate.sha256, certificate);
    }
  };
  for (const certificate of file.certificates) if (certificate.basicConstraints?.ca === true) add(certificate);
  let level: readonly Certificate[] = [leaf, ...companions.values()];
  for (let depth = 0; depth < CHAIN_MAX && level.length > 0; depth += 1) {
    const next: Certificate[] = [];
    for (const { issuer } of level) {
      for (const authority of authorities.get(issuer.toString('latin1')) ?? []) {
        if (!companions.has(authority.sha256)) next.push(authority);
        add(authority);
      }
    }
    level = companions.size < COMPANIONS_MAX ? next : [];
  }
  return [...companions.values()];
}
