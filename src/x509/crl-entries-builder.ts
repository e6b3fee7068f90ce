/**
 * Takes the entries of a CRL as they are read, and makes their index. They lie in segments, so that no list, however large, is
 * ever copied as one, and the index over them is made in steps: a list of a million entries keeps nobody waiting.
 *
 * Refused with asn1.limits: more than {@link ENTRIES_MAX} entries, more than {@link ISSUERS_MAX} issuers of an indirect CRL or
 * {@link ISSUER_TEXT_MAX} characters of their names.
 */
import { gatewayError } from '../errors.ts';
import { type EntrySegment, type RevokedEntries, SEGMENT_BITS } from './crl-entries.ts';
import { EntryIndex, emptyParts, hashOf } from './crl-index.ts';
import { formatNameKey, nameKey } from './name.ts';

/** 64 MB hold no more entries that a signer would write. */
export const ENTRIES_MAX = 4_000_000;
const ISSUERS_MAX = 10_000;
/** Comparing names unfolds characters, one into eighteen at worst: what is kept of 64 MB of names would be a gigabyte. */
const ISSUER_TEXT_MAX = 2_000_000;
const KNOWN_NAMES_MAX = 256;
const SEGMENT_ENTRIES = 2 ** SEGMENT_BITS;
/** Most lists are short. */
const FIRST_CAPACITY = 64;
const SERIAL_OCTETS = 20;

/** Takes entries in their order. Use ends with {@link build}. */
export class RevokedEntriesBuilder {
  private readonly segments: EntrySegment[] = [];
  private readonly segmentHashes: Uint32Array[] = [];
  private count = 0;
  private readonly issuerNumbers: Map<string, number>;
  private issuerText = 0;
  /** By the octets of the name: the same few come again and again. */
  private readonly knownNames = new Map<string, number>();
  private currentIssuer = 0;
  /** Of the segment that is being filled. */
  private filled = 0;
  private used = 0;
  private serials = new Uint8Array(FIRST_CAPACITY * SERIAL_OCTETS);
  private ends = new Uint32Array(FIRST_CAPACITY);
  private dates = new Uint32Array(FIRST_CAPACITY);
  private reasons = new Uint8Array(FIRST_CAPACITY);
  private hashes = new Uint32Array(FIRST_CAPACITY);
  private issuers: Uint16Array<ArrayBuffer> | null = null;

  /** @param issuer Name of the issuer of the CRL, whose certificates entries are about until one says otherwise */
  constructor(issuer: Buffer) {
    this.issuerNumbers = new Map([[nameKey(issuer), 0]]);
  }

  /** The following entries are about certificates of this issuer (RFC 5280 §5.3.3). @throws GatewayError asn1.limits */
  setIssuer(name: Buffer): void {
    this.issuers ??= new Uint16Array(this.ends.length);
    const octets = name.toString('latin1');
    let number = this.knownNames.get(octets);
    if (number === undefined) {
      number = this.issuerNumber(formatNameKey(name));
      if (this.knownNames.size === KNOWN_NAMES_MAX) this.knownNames.clear();
      this.knownNames.set(octets, number);
    }
    this.currentIssuer = number;
  }

  private issuerNumber(key: string): number {
    let number = this.issuerNumbers.get(key);
    if (number === undefined) {
      number = this.issuerNumbers.size;
      this.issuerText += key.length;
      if (number > ISSUERS_MAX) throw gatewayError('asn1.limits', `CRL about more than ${ISSUERS_MAX} issuers`);
      if (this.issuerText > ISSUER_TEXT_MAX) throw gatewayError('asn1.limits', 'CRL about issuers of too long names');
      this.issuerNumbers.set(key, number);
    }
    return number;
  }

  /** @param seconds of the revocation, since 1970 @throws GatewayError asn1.limits */
  add(bytes: Buffer, start: number, end: number, seconds: number, reason: number): void {
    if (this.count === ENTRIES_MAX) throw gatewayError('asn1.limits', `CRL of more than ${ENTRIES_MAX} entries`);
    if (this.filled === this.ends.length) this.makeRoom();
    if (this.used + end - start > this.serials.length) this.serials = grown(this.serials);
    const { filled } = this;
    let { used } = this;
    for (let at = start; at < end; at++) this.serials[used++] = bytes[at] ?? 0;
    this.used = used;
    this.hashes[filled] = hashOf(bytes, start, end, this.currentIssuer);
    this.ends[filled] = used;
    this.dates[filled] = Math.min(Math.max(seconds, 0), 0xffffffff);
    this.reasons[filled] = reason;
    if (this.issuers !== null) this.issuers[filled] = this.currentIssuer;
    this.filled = filled + 1;
    this.count++;
  }

  /**
   * Makes the index in steps of a millisecond or two, so that nobody else has to wait for it.
   * @throws GatewayError asn1.limits
   */
  *build(): Generator<void, RevokedEntries> {
    this.closeSegment();
    const index = new EntryIndex(emptyParts(this.segments, this.count, this.issuerNumbers, this.issuerText));
    yield* index.fill(this.segmentHashes);
    return index;
  }

  private makeRoom(): void {
    if (this.filled < SEGMENT_ENTRIES) {
      this.ends = grown(this.ends);
      this.dates = grown(this.dates);
      this.reasons = grown(this.reasons);
      this.hashes = grown(this.hashes);
      if (this.issuers !== null) this.issuers = grown(this.issuers);
      return;
    }
    // the same arrays again: new ones would have V8 collect all its memory, ten times a list, with everybody waiting
    this.closeSegment();
    this.filled = 0;
    this.used = 0;
  }

  private closeSegment(): void {
    const { filled } = this;
    this.segments.push({
      serials: this.serials.slice(0, this.used),
      ends: this.ends.slice(0, filled),
      dates: this.dates.slice(0, filled),
      reasons: this.reasons.slice(0, filled),
      issuers: this.issuers?.slice(0, filled) ?? null,
    });
    this.segmentHashes.push(this.hashes.slice(0, filled));
  }
}

function grown<T extends Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>>(array: T): T {
  const Kind = array.constructor as new (length: number) => T;
  const larger = new Kind(array.length * 2);
  larger.set(array);
  return larger;
}
