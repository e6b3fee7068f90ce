/**
 * A file or folder of CA certificates (PEM, DER, PKCS #7) to one {@link TrustCollection}. The administrator chose
 * these files; still nothing in them is taken silently.
 *
 * Anchors are self-signed certificates with CA:TRUE, intermediates other CA certificates. Refused by name, all at
 * once: expired certificates, end entities, files that hold anything else, SST files (not supported in this version),
 * an empty collection. Files whose name starts with a dot are passed over (mounted volumes have them).
 */
import { createHash } from 'node:crypto';
import { open, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { readCertificateBundle } from '../cms/certificate-bundle.ts';
import type { Certificate } from '../x509/certificate.ts';
import { findIssuerFailure } from '../x509/certificate-rules.ts';
import { findUnreadable } from '../x509/path-conclusion.ts';
import { isSelfSigned } from '../x509/self-signed.ts';

const FILES_MAX = 10_000;
const CERTIFICATES_MAX = 10_000;
const FILE_OCTETS_MAX = 16 * 1024 * 1024;
/** First octets of a Microsoft serialized certificate store: version 0, "CERT". */
const SST_MAGIC = Buffer.from('\0\0\0\0CERT', 'latin1');
const SOON_MS = 30 * 24 * 60 * 60 * 1000;

/** Immutable. The arrays are frozen, so the validator may keep its index of them. */
export interface TrustCollection {
  readonly name: string;
  /** SHA-256 over the sorted certificate hashes, hex. */
  readonly version: string;
  readonly anchors: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  readonly earliestExpiry: Date | null;
}

export interface CollectionReading {
  readonly collection: TrustCollection;
  /** Each a reason not to start, naming the file. */
  readonly mistakes: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * @param location absolute path of a file or folder
 * @param at when expiry is judged
 */
export async function readCollection(name: string, location: string, at: Date): Promise<CollectionReading> {
  const builder = new CollectionBuilder(at);
  let files: string[] = [];
  try {
    files = await filesOf(location);
  } catch (thrown) {
    builder.mistakes.push(unreadable(location, thrown));
  }
  for (const file of files) {
    try {
      builder.add(file, await readFileBounded(file));
    } catch (thrown) {
      builder.mistakes.push(unreadable(file, thrown));
    }
  }
  if (builder.mistakes.length === 0 && builder.isEmpty) {
    builder.mistakes.push(`trust: ${location} holds no CA certificate`);
  }
  return { collection: builder.build(name), mistakes: builder.mistakes, warnings: builder.warnings };
}

function unreadable(location: string, thrown: unknown): string {
  return `trust: ${location} cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
}

async function filesOf(location: string): Promise<string[]> {
  if (!(await stat(location)).isDirectory()) return [location];
  const names = (await readdir(location)).filter((name) => !name.startsWith('.')).sort();
  if (names.length > FILES_MAX) throw new Error(`more than ${FILES_MAX} files`);
  return names.map((name) => path.join(location, name));
}

async function readFileBounded(file: string): Promise<Buffer> {
  const handle = await open(file);
  try {
    const facts = await handle.stat();
    if (!facts.isFile()) throw new Error('not a regular file');
    if (facts.size > FILE_OCTETS_MAX) throw new Error(`${facts.size} octets, limit ${FILE_OCTETS_MAX}`);
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

class CollectionBuilder {
  readonly mistakes: string[] = [];
  readonly warnings: string[] = [];
  private readonly at: Date;
  private readonly anchors = new Map<string, Certificate>();
  private readonly intermediates = new Map<string, Certificate>();

  constructor(at: Date) {
    this.at = at;
  }

  get isEmpty(): boolean {
    return this.anchors.size + this.intermediates.size === 0;
  }

  add(file: string, octets: Buffer): void {
    if (file.toLowerCase().endsWith('.sst') || octets.subarray(0, 8).equals(SST_MAGIC)) {
      this.mistakes.push(
        `trust: ${file}: SST is not supported in this version; export the collection as PKCS #7 or PEM`,
      );
      return;
    }
    const { certificates, problems } = readCertificateBundle(octets, CERTIFICATES_MAX);
    for (const problem of problems) this.mistakes.push(`trust: ${file}: ${problem}`);
    if (certificates.length === 0 && problems.length === 0) this.mistakes.push(`trust: ${file} holds no certificate`);
    for (const certificate of certificates) this.addCertificate(file, certificate);
  }

  build(name: string): TrustCollection {
    const hashes = [...this.anchors.keys(), ...this.intermediates.keys()].sort();
    const all = [...this.anchors.values(), ...this.intermediates.values()];
    const expiries = all.map((certificate) => certificate.notAfter.getTime());
    return Object.freeze({
      name,
      version: createHash('sha256').update(hashes.join('\n')).digest('hex'),
      anchors: Object.freeze([...this.anchors.values()]),
      intermediates: Object.freeze([...this.intermediates.values()]),
      earliestExpiry: all.length === 0 ? null : new Date(expiries.reduce((a, b) => Math.min(a, b))),
    });
  }

  private addCertificate(file: string, certificate: Certificate): void {
    const where = `trust: ${file}: ${certificate.subjectText}`;
    const until = certificate.notAfter.toISOString().slice(0, 10);
    if (certificate.basicConstraints?.ca !== true) {
      this.mistakes.push(`${where} is not a CA certificate (no CA:TRUE)`);
      return;
    }
    if (certificate.notAfter < this.at) {
      this.mistakes.push(`${where} expired ${until}`);
      return;
    }
    if (certificate.notAfter.getTime() - this.at.getTime() < SOON_MS) this.warnings.push(`${where} expires ${until}`);
    const failure = findIssuerFailure(certificate, 'sign', this.at) ?? findUnreadable(certificate);
    if (failure !== null) this.warnings.push(`${where} vouches for nobody: ${failure.text}`);
    const place = isSelfSigned(certificate) ? this.anchors : this.intermediates;
    place.set(certificate.sha256, certificate);
  }
}
