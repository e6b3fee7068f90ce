/**
 * The entries of a CRL as an index: typed arrays of about 40 octets an entry, nothing for the garbage collector to walk.
 * Serials are kept whole, because a hash alone would let one certificate be revoked in place of another.
 *
 * Refused with asn1.limits: more than {@link ENTRIES_MAX} entries or {@link ISSUERS_MAX} issuers of an indirect CRL.
 */
import { gatewayError } from '../errors.ts';
import { nameKey } from './name.ts';

/** 64 MB hold no more entries that a signer would write. */
export const ENTRIES_MAX = 4_000_000;
const ISSUERS_MAX = 10_000;

/** CRLReason (RFC 5280 §5.3.1). */
export const CRL_REASONS: readonly string[] = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  '(7)',
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
];
export const REMOVE_FROM_CRL = 8;

export interface RevokedEntry {
  readonly revokedAt: Date;
  /** Index into {@link CRL_REASONS}. */
  readonly reason: number;
}

/** The entry of a certificate in one CRL. Immutable. */
export interface RevokedEntries {
  readonly count: number;
  /** Octets held. */
  readonly octets: number;
  /**
   * @param serial content octets of the INTEGER, as they stand in the certificate
   * @param issuer Name of the issuer of the certificate
   */
  find(serial: Buffer, issuer: Buffer): RevokedEntry | null;
}

/** Which half of a BigUint64 is its higher one in memory. */
const HIGH = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;
const LOW = 1 - HIGH;
const FIRST_CAPACITY = 1024;
/** One for each value of the first octet of a hash: sorting one of a million entries takes no noticeable time. */
const BUCKETS = 256;

/** Takes entries in their order. Use ends with {@link build}. */
export class RevokedEntriesBuilder {
  private serials = new Uint8Array(FIRST_CAPACITY * 20);
  private used = 0;
  private ends = new Uint32Array(FIRST_CAPACITY);
  private hashes = new Uint32Array(FIRST_CAPACITY);
  private dates = new Uint32Array(FIRST_CAPACITY);
  private reasons = new Uint8Array(FIRST_CAPACITY);
  private issuers: Uint16Array<ArrayBuffer> | null = null;
  private readonly issuerNumbers: Map<string, number>;
  private currentIssuer = 0;
  private count = 0;

  /** @param issuer Name of the issuer of the CRL, whose certificates entries are about until one says otherwise */
  constructor(issuer: Buffer) {
    this.issuerNumbers = new Map([[nameKey(issuer), 0]]);
  }

  /** The following entries are about certificates of this issuer (RFC 5280 §5.3.3). @throws GatewayError asn1.limits */
  setIssuer(name: Buffer): void {
    const key = nameKey(name);
    let number = this.issuerNumbers.get(key);
    if (number === undefined) {
      number = this.issuerNumbers.size;
      if (number > ISSUERS_MAX) throw gatewayError('asn1.limits', `CRL about more than ${ISSUERS_MAX} issuers`);
      this.issuerNumbers.set(key, number);
    }
    this.issuers ??= new Uint16Array(this.ends.length);
    this.currentIssuer = number;
  }

  /** @param seconds of the revocation, since 1970 @throws GatewayError asn1.limits */
  add(bytes: Buffer, start: number, end: number, seconds: number, reason: number): void {
    if (this.count === ENTRIES_MAX) throw gatewayError('asn1.limits', `CRL of more than ${ENTRIES_MAX} entries`);
    if (this.count === this.ends.length) this.growEntries();
    if (this.used + end - start > this.serials.length) this.serials = grown(this.serials);
    for (let at = start; at < end; at++) this.serials[this.used++] = bytes[at] ?? 0;
    this.hashes[this.count] = hashOf(bytes, start, end);
    this.ends[this.count] = this.used;
    this.dates[this.count] = Math.min(Math.max(seconds, 0), 0xffffffff);
    this.reasons[this.count] = reason;
    if (this.issuers !== null) this.issuers[this.count] = this.currentIssuer;
    this.count++;
  }

  build(): RevokedEntries {
    const { count, used } = this;
    return new EntryIndex(
      this.serials.slice(0, used),
      this.ends.slice(0, count),
      this.dates.slice(0, count),
      this.reasons.slice(0, count),
      this.issuers?.slice(0, count) ?? null,
      this.issuerNumbers,
      this.hashes.subarray(0, count),
    );
  }

  private growEntries(): void {
    this.ends = grown(this.ends);
    this.hashes = grown(this.hashes);
    this.dates = grown(this.dates);
    this.reasons = grown(this.reasons);
    if (this.issuers !== null) this.issuers = grown(this.issuers);
  }
}

function grown<T extends Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(array: T): T {
  const Kind = array.constructor as new (length: number) => T;
  const larger = new Kind(array.length * 2);
  larger.set(array);
  return larger;
}

class EntryIndex implements RevokedEntries {
  readonly count: number;
  readonly octets: number;
  private readonly serials: Uint8Array;
  private readonly ends: Uint32Array;
  private readonly dates: Uint32Array;
  private readonly reasons: Uint8Array;
  private readonly issuers: Uint16Array | null;
  private readonly issuerNumbers: ReadonlyMap<string, number>;
  /** Pairs of hash (high) and entry (low), by the first octet of the hash; each such bucket is sorted when first needed. */
  private readonly order: BigUint64Array;
  /** The same octets as halves. */
  private readonly pairs: Uint32Array;
  private readonly bucketEnds = new Uint32Array(BUCKETS);
  private readonly bucketSorted = new Uint8Array(BUCKETS);

  constructor(
    serials: Uint8Array,
    ends: Uint32Array,
    dates: Uint32Array,
    reasons: Uint8Array,
    issuers: Uint16Array | null,
    issuerNumbers: ReadonlyMap<string, number>,
    hashes: Uint32Array,
  ) {
    this.count = ends.length;
    this.serials = serials;
    this.ends = ends;
    this.dates = dates;
    this.reasons = reasons;
    this.issuers = issuers;
    this.issuerNumbers = issuerNumbers;
    this.order = new BigUint64Array(this.count);
    this.pairs = new Uint32Array(this.order.buffer);
    this.fillBuckets(hashes);
    this.octets = [serials, ends, dates, reasons, issuers, this.pairs].reduce(
      (sum, a) => sum + (a?.byteLength ?? 0),
      0,
    );
  }

  find(serial: Buffer, issuer: Buffer): RevokedEntry | null {
    const number = this.issuerNumbers.get(nameKey(issuer));
    if (number === undefined) return null;
    const hash = hashOf(serial, 0, serial.length);
    let found: RevokedEntry | null = null;
    for (let at = this.firstOf(hash); at < this.count && this.pairs[2 * at + HIGH] === hash; at++) {
      const entry = this.pairs[2 * at + LOW] ?? 0;
      if ((this.issuers?.[entry] ?? 0) !== number || !this.isSerial(entry, serial)) continue;
      const reason = this.reasons[entry] ?? 0;
      const candidate = { revokedAt: new Date((this.dates[entry] ?? 0) * 1000), reason };
      // twice the same serial: removal never hides a revocation beside it
      if (reason !== REMOVE_FROM_CRL) return candidate;
      found = candidate;
    }
    return found;
  }

  private fillBuckets(hashes: Uint32Array): void {
    const next = this.bucketEnds;
    for (const hash of hashes) next[hash >>> 24] = (next[hash >>> 24] ?? 0) + 1;
    for (let bucket = 0, start = 0; bucket < BUCKETS; bucket++) {
      const size = next[bucket] ?? 0;
      next[bucket] = start;
      start += size;
    }
    // filling moves each start to its end
    for (let entry = 0; entry < this.count; entry++) {
      const hash = hashes[entry] ?? 0;
      const place = next[hash >>> 24] ?? 0;
      next[hash >>> 24] = place + 1;
      this.pairs[2 * place + HIGH] = hash;
      this.pairs[2 * place + LOW] = entry;
    }
  }

  /** The first place in its bucket whose hash is not below this one. */
  private firstOf(hash: number): number {
    const bucket = hash >>> 24;
    let low = bucket === 0 ? 0 : (this.bucketEnds[bucket - 1] ?? 0);
    let high = this.bucketEnds[bucket] ?? 0;
    if (this.bucketSorted[bucket] === 0) {
      // without a comparator this sorts in native code
      this.order.subarray(low, high).sort();
      this.bucketSorted[bucket] = 1;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.pairs[2 * middle + HIGH] ?? 0) < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private isSerial(entry: number, serial: Buffer): boolean {
    const start = this.startOf(entry);
    if ((this.ends[entry] ?? 0) - start !== serial.length) return false;
    for (let at = 0; at < serial.length; at++) if (this.serials[start + at] !== serial[at]) return false;
    return true;
  }

  private startOf(entry: number): number {
    return entry === 0 ? 0 : (this.ends[entry - 1] ?? 0);
  }
}

/** FNV-1a. A signer who makes its serials collide slows down the look-ups of its own certificates only. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return hash >>> 0;
}
