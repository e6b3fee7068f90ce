/**
 * Certificates of authorities that were fetched from where the certificates below them say (RFC 5280 §4.2.2.1 caIssuers):
 * one DER certificate, or a certs-only SignedData; over LDAP the values of cACertificate. In memory and on disk, by
 * location. One flight for each location, and few at once, so that they take no turn away from revocation.
 *
 * What is here is a candidate for the middle of a path, and never more: nothing in it is believed without the signatures
 * above it, and none of it becomes an anchor. Left out: what is no authority. A location that had nothing is left alone
 * for an hour, one that could not be reached for 20 seconds.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { LRUCache } from 'lru-cache';
import { readCertificateBundle } from '../cms/certificate-bundle.ts';
import { intermediatesFetched, revocationFetchFailed } from '../log/revocation-events.ts';
import { findAuthorityAccess } from '../x509/authority-access.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { ShelfContext } from './crl-shelf.ts';
import { RestList } from './rest-list.ts';
import { writeEvidence } from './revocation-cache.ts';
import { RevocationFlights } from './revocation-flights.ts';

const LOCATIONS_MAX = 1_000;
/** Of all certificates at hand, with what each location costs beside. */
const HELD_OCTETS_MAX = 32 * 1024 * 1024;
const OVERHEAD_OCTETS = 4_096;
/** Locations of one certificate that are looked at. */
const LOCATIONS_PER_CERTIFICATE_MAX = 2;
const OCTETS_MAX = 256 * 1024;
/** Certificates taken from one answer. */
const CERTIFICATES_MAX = 16;
/** RFC 4523 §2.2. */
const ENTRY = { attributes: ['cACertificate'], valuesMax: CERTIFICATES_MAX } as const;
/** Of all that a file or an answer may serve for; its certificates have dates of their own. */
const KEEP_MS = 7 * 24 * 60 * 60 * 1000;
/** What is at hand and did not help is not asked for again within this time. */
const AGAIN_MS = 60 * 60 * 1000;
const PAUSE_MS = 20_000;
const AT_ONCE_MAX = 16;

interface Held {
  readonly certificates: readonly Certificate[];
  /** Milliseconds since 1970. */
  readonly fetchedAt: number;
}

export interface IssuerCandidates {
  readonly found: readonly Certificate[];
  /** Locations that may bring more. */
  readonly wanting: readonly string[];
  /** Locations that could not be reached a moment ago: nobody knows what is there. */
  readonly unreached: readonly string[];
}

export class IntermediateShelf {
  private readonly context: ShelfContext;
  private readonly held = new LRUCache<string, Held>({
    max: LOCATIONS_MAX,
    maxSize: HELD_OCTETS_MAX,
    sizeCalculation: ({ certificates }) => certificates.reduce((sum, { der }) => sum + der.length, OVERHEAD_OCTETS),
  });
  private readonly flights = new RevocationFlights();
  private readonly unreached: RestList;
  private readonly absent: RestList;
  private underWay = 0;

  constructor(context: ShelfContext) {
    this.context = context;
    this.unreached = new RestList(LOCATIONS_MAX, PAUSE_MS, context.now);
    this.absent = new RestList(LOCATIONS_MAX, AGAIN_MS, context.now);
  }

  /** Who may have issued this certificate, as far as it says so itself. @param certificate attacker-chosen */
  candidatesFor(certificate: Certificate): IssuerCandidates {
    const found: Certificate[] = [];
    const wanting: string[] = [];
    const unreached: string[] = [];
    const { caIssuers } = findAuthorityAccess(certificate);
    for (const uri of caIssuers.slice(0, LOCATIONS_PER_CERTIFICATE_MAX)) {
      const held = this.findHeld(uri);
      if (held !== null) found.push(...held.certificates);
      if (this.unreached.isResting(uri)) unreached.push(uri);
      else if (!this.absent.isResting(uri) && (held === null || this.age(held) >= AGAIN_MS)) wanting.push(uri);
    }
    return { found, wanting, unreached };
  }

  /** Where this certificate was fetched; null: it was not. */
  originOf({ sha256 }: Certificate): string | null {
    for (const [uri, { certificates }] of this.held.entries()) {
      if (certificates.some((one) => one.sha256 === sha256)) return uri;
    }
    return null;
  }

  /** Gets what is at a location, from disk or from there. Neither promise rejects. */
  supply(uri: string): ReturnType<RevocationFlights['join']> {
    const file = path.join(this.context.cache, `${createHash('sha256').update(uri).digest('hex')}.issuers`);
    return this.flights.join(
      uri,
      () => this.loadStored(uri, file),
      () => this.download(uri, file),
    );
  }

  private findHeld(uri: string): Held | null {
    const held = this.held.get(uri);
    return held === undefined || this.age(held) >= KEEP_MS ? null : held;
  }

  /** Of a clock set back: as old as can be. */
  private age({ fetchedAt }: Held): number {
    const age = this.context.now() - fetchedAt;
    return age < 0 ? Number.POSITIVE_INFINITY : age;
  }

  private async loadStored(uri: string, file: string): Promise<boolean> {
    if (this.held.has(uri)) return false;
    const facts = await stat(file).catch(() => null);
    // a pipe would be waited for
    if (facts === null || !facts.isFile() || facts.size > OCTETS_MAX) return false;
    const octets = await readFile(file).catch(() => null);
    const certificates = octets === null ? [] : readAuthorities(octets);
    const held = { certificates, fetchedAt: facts.mtimeMs };
    if (certificates.length === 0 || this.age(held) >= KEEP_MS) return false;
    this.held.set(uri, held);
    return true;
  }

  private async download(uri: string, file: string): Promise<boolean> {
    const started = this.context.now();
    if (this.underWay >= AT_ONCE_MAX) return this.failed(uri, 'busy', `${AT_ONCE_MAX} are fetched already`, started);
    this.underWay++;
    try {
      const { fetcher, fetchTimeoutMs: timeoutMs } = this.context;
      const request = { url: uri, post: null, entry: ENTRY, into: null, octetsMax: OCTETS_MAX, timeoutMs };
      const outcome = await fetcher.fetch({ ...request, etag: null, lastModified: null });
      if (!outcome.ok) return this.failed(uri, outcome.kind, outcome.reason, started);
      const { octets } = outcome;
      const certificates = readAuthorities(octets);
      if (certificates.length === 0) return this.failed(uri, 'absent', 'it holds no certificate of a CA', started);
      await writeEvidence(file, octets);
      this.held.set(uri, { certificates, fetchedAt: this.context.now() });
      this.unreached.end(uri);
      intermediatesFetched(
        uri,
        certificates.map(({ sha256 }) => sha256),
        this.context.now() - started,
      );
      return true;
    } finally {
      this.underWay--;
    }
  }

  private failed(uri: string, kind: 'absent' | 'failed' | 'busy', reason: string, started: number): false {
    if (kind === 'failed') this.unreached.rest(uri);
    if (kind === 'absent') this.absent.rest(uri);
    revocationFetchFailed('issuer', uri, reason, this.context.now() - started);
    return false;
  }
}

/** Certificates of CAs in an answer. @param octets attacker-chosen */
function readAuthorities(octets: Buffer): Certificate[] {
  const found: Certificate[] = [];
  // the values of a directory entry come one after the other
  for (const part of partsOf(octets)) {
    const { certificates } = readCertificateBundle(part, CERTIFICATES_MAX);
    found.push(...certificates.filter(({ basicConstraints }) => basicConstraints?.ca === true));
  }
  return found.slice(0, CERTIFICATES_MAX);
}

/** Cuts DER values with a length of two or more octets, as every certificate has; anything else is one part. */
function partsOf(octets: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let at = 0;
  while (parts.length < CERTIFICATES_MAX && octets[at] === 0x30) {
    const size = (octets[at + 1] ?? 0) - 0x80;
    if (size < 1 || size > 3 || at + 2 + size > octets.length) break;
    const end = at + 2 + size + octets.readUIntBE(at + 2, size);
    if (end > octets.length) break;
    parts.push(octets.subarray(at, end));
    at = end;
  }
  if (at < octets.length) parts.push(octets.subarray(at));
  return parts;
}
