/**
 * A file or folder of CA certificates (SST, PEM, DER, PKCS #7) to one {@link TrustCollection}. The administrator chose
 * these files; still nothing in them is taken silently.
 *
 * Anchors are self-signed certificates with CA:TRUE, intermediates other CA certificates. Refused by name, all at
 * once: expired certificates, end entities, files that hold anything else, an empty collection. A file whose name ends
 * in `.allow-expired.pem` (written by an import that was told so) may hold expired ones; they vouch for nobody, and a
 * warning says so. Files whose name starts with a dot are passed over (mounted volumes have them).
 */
import { createHash } from 'node:crypto';
import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Certificate } from '../x509/certificate.ts';
import { findIssuerFailure } from '../x509/certificate-rules.ts';
import { findUnreadable } from '../x509/path-conclusion.ts';
import { isSelfSigned } from '../x509/self-signed.ts';
import { readAuthorityFile, thumbprintOf } from './authority-file.ts';
import { SST_OCTETS_MAX } from './sst-reader.ts';

const FILES_MAX = 10_000;
/** End of the names of files that may hold expired certificates. */
export const ALLOW_EXPIRED = '.allow-expired.pem';
/** A certificate that has less left is warned about, in milliseconds. */
export const SOON_MS = 30 * 24 * 60 * 60 * 1000;

/** Immutable. The arrays are frozen, so the validator may keep its index of them. */
export interface TrustCollection {
  readonly name: string;
  /** SHA-256 over the sorted certificate hashes, hex. */
  readonly version: string;
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  readonly earliestExpiry: Date | null;
  /** SHA-256 of the certificate that expires first; null when there is none. */
  readonly earliest: string | null;
  /** Its SHA-1 thumbprint, by which Windows and Exchange name it. */
  readonly earliestThumbprint: string | null;
  /** Domains it may vouch for, `*.domain` for those below; null: all. */
  readonly onlyFor: readonly string[] | null;
}

export interface CollectionReading {
  readonly collection: TrustCollection;
  /** Where each certificate stands, by SHA-256: absolute paths. */
  readonly files: ReadonlyMap<string, readonly string[]>;
  /** Whole DER of CRLs that stood beside them. */
  readonly crls: readonly Buffer[];
  /** Each a reason not to start, naming the file. */
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
  /** It was read to its end and there is no file in it, which is its only mistake. */
  readonly empty: boolean;
  /** Is one of the mistakes that the file system gave a file or folder not? */
  readonly unread: boolean;
}

/**
 * @param location absolute path of a file or folder
 * @param at when expiry is judged
 */
export async function readCollection(
  name: string,
  location: string,
  at: Date,
  onlyFor: readonly string[] | null = null,
): Promise<CollectionReading> {
  const builder = new CollectionBuilder(at);
  let names: string[] = [];
  try {
    names = await filesOf(location);
  } catch (thrown) {
    builder.miss(location, thrown);
  }
  for (const file of names) {
    try {
      builder.add(file, await readFileBounded(file));
    } catch (thrown) {
      builder.miss(file, thrown);
    }
  }
  const empty = builder.mistakes.length === 0 && builder.isEmpty;
  if (empty) builder.mistakes.push(`trust: ${location} holds no CA certificate`);
  const { files, crls, mistakes, warnings, unread } = builder;
  return { collection: builder.build(name, onlyFor), files, crls, mistakes, warnings, empty, unread };
}

/** Is this the file system's, about a file that is not there or may not be read or written? */
export function isUnread(thrown: unknown): boolean {
  return thrown instanceof Error && 'syscall' in thrown;
}

/** The file, or the files of the folder, absolute. @throws Error of the file system */
export async function filesOf(location: string): Promise<string[]> {
  if (!(await stat(location)).isDirectory()) return [location];
  const names = (await readdir(location)).filter((name) => !name.startsWith('.')).sort();
  if (names.length > FILES_MAX) throw new Error(`more than ${FILES_MAX} files`);
  return names.map((name) => path.join(location, name));
}

/** A regular file of at most {@link SST_OCTETS_MAX} octets. @throws Error of the file system, or naming the limit */
export async function readFileBounded(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const facts = await handle.stat();
    if (!facts.isFile()) throw new Error('not a regular file');
    if (facts.size > SST_OCTETS_MAX) throw new Error(`${facts.size} octets, limit ${SST_OCTETS_MAX}`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/**
 * Why a certificate has no place in a collection; null when it has.
 * @param allowExpired an expired one has its place, and vouches for nobody
 */
export function findPlaceFault(certificate: Certificate, at: Date, allowExpired: boolean): string | null {
  if (certificate.basicConstraints?.ca !== true) return 'is not a CA certificate (no CA:TRUE)';
  const expired = certificate.notAfter < at && !allowExpired;
  return expired ? `expired ${certificate.notAfter.toISOString().slice(0, 10)}` : null;
}

class CollectionBuilder {
  readonly mistakes: string[] = [];
  readonly warnings: string[] = [];
  unread = false;
  readonly files = new Map<string, string[]>();
  readonly crls: Buffer[] = [];
  private readonly at: Date;
  private readonly anchors = new Map<string, Certificate>();
  private readonly intermediates = new Map<string, Certificate>();

  constructor(at: Date) {
    this.at = at;
  }

  get isEmpty(): boolean {
    return this.anchors.size + this.intermediates.size === 0;
  }

  /** @param thrown why there is nothing to add from there */
  miss(location: string, thrown: unknown): void {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    this.mistakes.push(`trust: ${location} cannot be read: ${reason}`);
    this.unread ||= isUnread(thrown);
  }

  add(file: string, octets: Buffer): void {
    const { certificates, crls, mistakes, warnings } = readAuthorityFile(octets);
    for (const mistake of mistakes) this.mistakes.push(`trust: ${file}: ${mistake}`);
    for (const warning of warnings) this.warnings.push(`trust: ${file}: ${warning}`);
    this.crls.push(...crls);
    for (const certificate of certificates) this.addCertificate(file, certificate);
  }

  build(name: string, onlyFor: readonly string[] | null): TrustCollection {
    const hashes = [...this.anchors.keys(), ...this.intermediates.keys()].sort();
    const all = [...this.anchors.values(), ...this.intermediates.values()];
    const earliest = all.reduce<Certificate | null>(
      (first, one) => (first === null || one.notAfter < first.notAfter ? one : first),
      null,
    );
    return Object.freeze({
      name,
      version: createHash('sha256').update(hashes.join('\n')).digest('hex'),
      anchors: Object.freeze([...this.anchors.values()]),
      intermediates: Object.freeze([...this.intermediates.values()]),
      earliestExpiry: earliest?.notAfter ?? null,
      earliest: earliest?.sha256 ?? null,
      earliestThumbprint: earliest === null ? null : thumbprintOf(earliest),
      onlyFor,
    });
  }

  private addCertificate(file: string, certificate: Certificate): void {
    const where = `trust: ${file}: ${certificate.subjectText}`;
    const fault = findPlaceFault(certificate, this.at, file.endsWith(ALLOW_EXPIRED));
    if (fault !== null) {
      this.mistakes.push(`${where} ${fault}`);
      return;
    }
    const left = certificate.notAfter.getTime() - this.at.getTime();
    const until = certificate.notAfter.toISOString().slice(0, 10);
    if (left >= 0 && left < SOON_MS) this.warnings.push(`${where} expires ${until}`);
    const failure = findIssuerFailure(certificate, 'sign', this.at) ?? findUnreadable(certificate);
    if (failure !== null) this.warnings.push(`${where} vouches for nobody: ${failure.text}`);
    const place = isSelfSigned(certificate) ? this.anchors : this.intermediates;
    place.set(certificate.sha256, certificate);
    this.files.set(certificate.sha256, [...(this.files.get(certificate.sha256) ?? []), file]);
  }
}
