/**
 * Everything that has to be known of signed content, gathered in one pass over it: its digests, its length, and its
 * beginning (RFC 5652 §5.4, catalogue C15). Value octets only, whatever they were packed in.
 */
import type { Hash } from 'node:crypto';
import { type DigestName, startDigest } from './algorithms/digests.ts';
import { READER_LIMITS } from './reader-limits.ts';

/** One pass. Not for reuse. */
export class ContentDigests {
  private readonly running: readonly { readonly name: DigestName; readonly hash: Hash }[];
  private headPieces: Buffer[] = [];
  private length = 0;
  private ended: Map<DigestName, Buffer> | null = null;

  constructor(names: Iterable<DigestName>) {
    this.running = [...new Set(names)].map((name) => ({ name, hash: startDigest(name) }));
  }

  /** Octets so far. */
  get octets(): number {
    return this.length;
  }

  add(part: Buffer): void {
    for (const { hash } of this.running) hash.update(part);
    if (this.length <= READER_LIMITS.contentHead) {
      // a copy, because the piece may be a view of a large buffer; one octet more tells "longer" from "just fits"
      this.headPieces.push(Buffer.from(part.subarray(0, READER_LIMITS.contentHead + 1 - this.length)));
    }
    this.length += part.length;
  }

  /** The whole content when it is short enough to be looked into, else null. */
  shortContent(): Buffer | null {
    return this.length > READER_LIMITS.contentHead ? null : Buffer.concat(this.headPieces);
  }

  /** Ends the pass. */
  values(): Map<DigestName, Buffer> {
    this.ended ??= new Map(this.running.map(({ name, hash }) => [name, hash.digest()]));
    return new Map(this.ended);
  }
}
