/**
 * Finds the entry of a serial among millions: a bucket by the hash of serial and issuer, in it the few entries of that bucket
 * with their hashes, and only for the one that fits the serial itself.
 *
 * Refused with asn1.limits: a list of which more than {@link BUCKET_MAX} entries fall together. Chance does not make such a list;
 * a signer who searched for it would have every look-up of its certificates keep all other mail waiting.
 */
import { gatewayError } from '../errors.ts';
import {
  type EntryIndexParts,
  type EntrySegment,
  REMOVE_FROM_CRL,
  type RevokedEntries,
  type RevokedEntry,
  SEGMENT_BITS,
} from './crl-entries.ts';
import { nameKey } from './name.ts';

const SEGMENT_MASK = 2 ** SEGMENT_BITS - 1;
/** Entries for each bucket, on average at most. */
const BUCKET_ENTRIES = 4;
const BUCKET_MAX = 1024;
/** Entries placed between two turns of others: a tenth of a millisecond, some more in a process that has just begun. */
const STEP_ENTRIES = 2_048;

export class EntryIndex implements RevokedEntries {
  readonly parts: EntryIndexParts;
  /** A hash belongs to the bucket of its highest bits. */
  private readonly shift: number;

  /** @param parts kept; of {@link emptyParts}, to be filled, or those of an index that was filled: they are not checked */
  constructor(parts: EntryIndexParts) {
    this.parts = parts;
    this.shift = 1 + Math.clz32(parts.starts.length - 1);
  }

  get count(): number {
    return this.parts.count;
  }

  get octets(): number {
    const { starts, pairs, issuerText, segments } = this.parts;
    let sum = starts.byteLength + pairs.byteLength + 2 * issuerText;
    for (const { serials, ends, dates, reasons, issuers } of segments) {
      sum += serials.byteLength + ends.byteLength + dates.byteLength + reasons.byteLength + (issuers?.byteLength ?? 0);
    }
    return sum;
  }

  /**
   * Places the entries. To be run to its end before anything is looked up.
   * @param all hashes of the entries, by segment
   * @throws GatewayError asn1.limits
   */
  *fill(all: readonly Uint32Array[]): Generator<void, void> {
    const { shift } = this;
    const { starts, pairs } = this.parts;
    let counted = 0;
    for (const hashes of all) {
      for (let from = 0; from < hashes.length; from += STEP_ENTRIES) {
        const step = hashes.subarray(from, from + STEP_ENTRIES);
        for (const hash of step) starts[(hash >>> shift) + 1] = (starts[(hash >>> shift) + 1] ?? 0) + 1;
        // the memory is made now, a share a step: the first entries placed would otherwise have all of it made at once
        pairs.fill(0, 2 * counted, 2 * (counted + step.length));
        counted += step.length;
        yield;
      }
    }
    for (let bucket = 1, placed = 0; bucket < starts.length; bucket++) {
      const size = starts[bucket] ?? 0;
      if (size > BUCKET_MAX) throw gatewayError('asn1.limits', 'CRL whose serials were made to fall together');
      starts[bucket] = placed;
      placed += size;
      if (bucket % STEP_ENTRIES === 0) yield;
    }
    // starts[b + 1] is where the next entry of bucket b goes, and in the end where bucket b + 1 begins
    for (const [number, hashes] of all.entries()) {
      for (let from = 0; from < hashes.length; from += STEP_ENTRIES) {
        this.place(number, hashes, from, Math.min(from + STEP_ENTRIES, hashes.length));
        yield;
      }
    }
  }

  /** @param segment whose entries from `from` to `end` are placed */
  private place(segment: number, hashes: Uint32Array, from: number, end: number): void {
    const { shift } = this;
    const { starts, pairs } = this.parts;
    for (let at = from; at < end; at++) {
      const hash = hashes[at] ?? 0;
      const place = starts[(hash >>> shift) + 1] ?? 0;
      starts[(hash >>> shift) + 1] = place + 1;
      pairs[2 * place] = hash;
      pairs[2 * place + 1] = (segment << SEGMENT_BITS) | at;
    }
  }

  find(serial: Buffer, issuer: Buffer): RevokedEntry | null {
    const { starts, pairs, segments, issuerNumbers } = this.parts;
    const number = issuerNumbers.get(nameKey(issuer));
    if (number === undefined) return null;
    const hash = hashOf(serial, 0, serial.length, number);
    const bucket = hash >>> this.shift;
    let found: RevokedEntry | null = null;
    for (let at = starts[bucket] ?? 0; at < (starts[bucket + 1] ?? 0); at++) {
      if (pairs[2 * at] !== hash) continue;
      const entry = pairs[2 * at + 1] ?? 0;
      const segment = segments[entry >>> SEGMENT_BITS];
      const position = entry & SEGMENT_MASK;
      if (segment === undefined || !isAbout(segment, position, number, serial)) continue;
      const reason = segment.reasons[position] ?? 0;
      const candidate = { revokedAt: new Date((segment.dates[position] ?? 0) * 1000), reason };
      // twice the same serial: removal never hides a revocation beside it
      if (reason !== REMOVE_FROM_CRL) return candidate;
      found = candidate;
    }
    return found;
  }
}

/** Parts of an index that {@link EntryIndex.fill} is to fill. */
export function emptyParts(
  segments: readonly EntrySegment[],
  count: number,
  issuerNumbers: ReadonlyMap<string, number>,
  issuerText: number,
): EntryIndexParts {
  const bits = Math.max(1, Math.ceil(Math.log2(count / BUCKET_ENTRIES + 1)));
  const starts = new Uint32Array(2 ** bits + 1);
  return { count, segments, issuerNumbers, issuerText, starts, pairs: new Uint32Array(2 * count) };
}

function isAbout({ serials, ends, issuers }: EntrySegment, position: number, issuer: number, serial: Buffer): boolean {
  if ((issuers?.[position] ?? 0) !== issuer) return false;
  const start = position === 0 ? 0 : (ends[position - 1] ?? 0);
  if ((ends[position] ?? 0) - start !== serial.length) return false;
  for (let at = 0; at < serial.length; at++) if (serials[start + at] !== serial[at]) return false;
  return true;
}

/**
 * FNV-1a, begun by the issuer, for an indirect CRL may hold serial 1 of thousands; its bits then mixed as MurmurHash 3 ends,
 * because short serials leave the highest ones uneven.
 */
export function hashOf(bytes: Uint8Array, start: number, end: number, issuer: number): number {
  let hash = 0x811c9dc5 ^ Math.imul(issuer, 0x9e3779b1);
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
