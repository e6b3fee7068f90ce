/**
 * Certificates in the entries that a directory returned for one mailbox (RFC 4523, RFC 2798 §2.8, MS-OXLDAP §2.2.5.2).
 *
 * userSMIMECertificate comes first: a SignedData that holds the certificate and its chain, or, from Outlook, a run of
 * tagged values. A value that is no certificate is a malformed candidate, never nothing (catalogue C28). Entries are
 * whatever the server chose to send: attribute names are compared, not used as keys. At most 50 candidates a mailbox,
 * the useful ones kept (C22).
 */
import type { Entry } from 'ldapts';
import type { Address } from '../address.ts';
import { readCertificateBundle } from '../cms/certificate-bundle.ts';
import { printable } from '../log/logger.ts';
import type { Certificate } from '../x509/certificate.ts';
import { parseCertificate } from '../x509/certificate-reader.ts';
import type { Candidate } from './directory.ts';
import type { FirstSeen } from './first-seen.ts';
import { publishedFor } from './source.ts';

const CANDIDATES_MAX = 50;
/** Values looked at; each costs a parse. */
const VALUES_MAX = 1000;
const CERTIFICATE_BYTES_MAX = 64 * 1024;
const BUNDLE_BYTES_MAX = 256 * 1024;
const COMPANIONS_MAX = 20;

/** MS-OXOABK §2.2.4.36: tags of the run of values that hold a certificate: encryption, signing. */
const MICROSOFT_CERTIFICATE_TAGS: readonly number[] = [0x0003, 0x0008];
const DER_SEQUENCE = 0x30;

export interface LdapCandidateOptions {
  /** `ldap ldaps://dc1.example.org` */
  readonly source: string;
  readonly rank: number;
  readonly firstSeen: FirstSeen;
  /** The mailbox asked for; decides only what is kept of too much. */
  readonly address: Address;
  readonly nowMs: number;
}

interface Reading {
  readonly certificates: readonly Certificate[];
  readonly problem: string | null;
}

/** @returns the candidates, and how many there would have been without the limit (at least) */
export function readLdapCandidates(
  entries: readonly Entry[],
  options: LdapCandidateOptions,
): { candidates: readonly Candidate[]; published: number } {
  const byCertificate = new Map<string, Candidate>();
  const malformed: Candidate[] = [];
  let budget = VALUES_MAX;
  let unread = 0;
  for (const entry of entries) {
    const source = `${options.source} ${printable(String(entry.dn))}`;
    const smime = valuesOf(entry, 'usersmimecertificate');
    const plain = valuesOf(entry, 'usercertificate');
    unread += Math.max(0, smime.length + plain.length - budget);
    const readings = [
      ...smime.slice(0, budget).map(readSmimeValue),
      ...plain.slice(0, Math.max(0, budget - smime.length)).map(readCertificateValue),
    ];
    budget = Math.max(0, budget - readings.length);
    const companions = authoritiesIn(readings);
    for (const { certificates, problem } of readings) {
      const base = { source, rank: options.rank };
      for (const certificate of candidatesIn(certificates)) {
        if (byCertificate.has(certificate.sha256)) continue;
        const seenAt = options.firstSeen.of(certificate.sha256);
        const others = companions.filter((one) => one.sha256 !== certificate.sha256);
        byCertificate.set(certificate.sha256, { ...base, certificate, problem: null, companions: others, seenAt });
      }
      if (problem !== null && !malformed.some((known) => known.problem === problem && known.source === source)) {
        const seenAt = options.firstSeen.of(`${source} ${problem}`);
        malformed.push({ ...base, certificate: null, problem, companions: [], seenAt });
      }
    }
  }
  const all = [...byCertificate.values()];
  const published = all.length + malformed.length + unread;
  return { candidates: [...mostUseful(all, options), ...malformed].slice(0, CANDIDATES_MAX), published };
}

/** Options stripped, name in any case (RFC 4512 §2.5); own properties only, for `__proto__` is a name a server may send. */
function valuesOf(entry: Entry, attribute: string): readonly Buffer[] {
  const values = new Map<string, Buffer>();
  for (const key of Object.getOwnPropertyNames(entry)) {
    if (key.split(';', 1)[0]?.toLowerCase() !== attribute) continue;
    const value = entry[key] ?? [];
    for (const one of Array.isArray(value) ? value : [value]) {
      const octets = Buffer.isBuffer(one) ? one : Buffer.from(one);
      // a server asked with and without `;binary` may answer both
      values.set(octets.toString('latin1'), octets);
    }
  }
  return [...values.values()];
}

function readCertificateValue(value: Buffer): Reading {
  if (value.length > CERTIFICATE_BYTES_MAX) return unreadable(`userCertificate of ${value.length} octets`);
  try {
    return { certificates: [parseCertificate(owned(value))], problem: null };
  } catch (error) {
    return unreadable(`userCertificate is no certificate: ${reasonOf(error)}`);
  }
}

function readSmimeValue(value: Buffer): Reading {
  if (value.length > BUNDLE_BYTES_MAX) return unreadable(`userSMIMECertificate of ${value.length} octets`);
  try {
    if (value[0] !== DER_SEQUENCE) return readMicrosoftValues(owned(value));
    const { certificates, problems } = readCertificateBundle(owned(value));
    const problem = problems[0] ?? (certificates.length === 0 ? 'holds no certificate' : null);
    return { certificates, problem: problem === null ? null : `userSMIMECertificate: ${printable(problem)}` };
  } catch (error) {
    return unreadable(`userSMIMECertificate is neither SignedData nor certificate: ${reasonOf(error)}`);
  }
}

/**
 * The form of PidTagUserX509Certificate (MS-OXOABK §2.2.4.36): tag and length little-endian, two octets each, the
 * length counting those four.
 */
function readMicrosoftValues(value: Buffer): Reading {
  const certificates: Certificate[] = [];
  for (let at = 0; at < value.length; ) {
    if (at + 4 > value.length) return unreadable('userSMIMECertificate is cut short');
    const tag = value.readUInt16LE(at);
    const length = value.readUInt16LE(at + 2);
    if (length < 4 || at + length > value.length) return unreadable('userSMIMECertificate has a wrong length');
    if (MICROSOFT_CERTIFICATE_TAGS.includes(tag)) {
      certificates.push(parseCertificate(value.subarray(at + 4, at + length)));
    }
    at += length;
  }
  return certificates.length > 0
    ? { certificates, problem: null }
    : unreadable('userSMIMECertificate holds no certificate');
}

/** A copy: a certificate kept for an hour must not keep alive the whole answer it came in. */
function owned(value: Buffer): Buffer {
  return Buffer.from(value);
}

function unreadable(problem: string): Reading {
  return { certificates: [], problem };
}

function reasonOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error));
}

/** The person's certificates of a value: all but the chain; all, where nothing else is there or a CA names a mailbox. */
function candidatesIn(certificates: readonly Certificate[]): readonly Certificate[] {
  const persons = certificates.filter((one) => one.basicConstraints?.ca !== true || publishedFor(one).size > 0);
  return persons.length > 0 ? persons : certificates;
}

function authoritiesIn(readings: readonly Reading[]): readonly Certificate[] {
  const found = new Map<string, Certificate>();
  for (const { certificates } of readings) {
    for (const one of certificates) {
      if (one.basicConstraints?.ca === true && found.size < COMPANIONS_MAX) found.set(one.sha256, one);
    }
  }
  return [...found.values()];
}

/** In the order of the directory; where there are too many, those for this mailbox, valid now, newest, come first. */
function mostUseful(candidates: Candidate[], { address, nowMs }: LdapCandidateOptions): readonly Candidate[] {
  if (candidates.length <= CANDIDATES_MAX) return candidates;
  const scored = candidates.map((candidate) => {
    const { certificate } = candidate;
    const isTheirs = certificate !== null && publishedFor(certificate).has(address.key);
    const isCurrent = certificate !== null && certificate.notAfter.getTime() >= nowMs;
    return {
      candidate,
      score: (isTheirs ? 2 : 0) + (isCurrent ? 1 : 0),
      notBefore: certificate?.notBefore.getTime() ?? 0,
    };
  });
  scored.sort((a, b) => b.score - a.score || b.notBefore - a.notBefore);
  return scored.slice(0, CANDIDATES_MAX).map(({ candidate }) => candidate);
}
