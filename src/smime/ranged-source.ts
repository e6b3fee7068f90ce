/**
 * Octets that can be read again and from any place: what the reading of a message starts from. Parts of it (the signed
 * part, a base64 body) become sources of their own that keep nothing.
 */
import type { ReopenableSource } from '../cms/reopenable-source.ts';

export interface RangedSource extends ReopenableSource {
  /**
   * @param from first octet, 0 by default
   * @param to behind the last octet; the end by default
   * @param scratch true: a piece is void when the next is asked for, so its memory may be used again
   */
  open(from?: number, to?: number, scratch?: boolean): AsyncIterable<Buffer>;
}

/** The octets between two places of a source. @param to null: to its end */
export function partOf(source: RangedSource, from: number, to: number | null = null): RangedSource {
  const end = to ?? Number.MAX_SAFE_INTEGER;
  return withIdentity(source, {
    open: (start = 0, stop = end - from, scratch = false) =>
      source.open(from + start, Math.min(end, from + stop), scratch),
  });
}

/** A source whose octets are made of another's: they are the same as long as those are. */
export function derivedFrom(
  source: ReopenableSource,
  make: (octets: AsyncIterable<Buffer>) => AsyncIterable<Buffer>,
): ReopenableSource {
  return withIdentity(source, { open: () => make(source.open()) });
}

/**
 * {@link derivedFrom} for one who makes other octets of each piece before asking for the next.
 * @param make `lent`: its pieces may be void when the next is asked for
 */
export function convertedFrom(
  source: RangedSource,
  make: (octets: AsyncIterable<Buffer>, lent: boolean) => AsyncIterable<Buffer>,
): ReopenableSource {
  const converted = (lent: boolean): AsyncIterable<Buffer> => make(source.open(undefined, undefined, true), lent);
  return withIdentity(source, { open: () => converted(false), openLent: () => converted(true) });
}

/** Octets in memory, which the caller does not change. */
export function rangedBuffer(octets: Buffer): RangedSource {
  return {
    async *open(from = 0, to = octets.length): AsyncGenerator<Buffer, void, undefined> {
      if (to > from) yield octets.subarray(from, to);
    },
    identity: async () => 'memory',
  };
}

function withIdentity<T extends ReopenableSource>(source: ReopenableSource, made: T): T {
  const { identity } = source;
  return identity === undefined ? made : { ...made, identity: () => identity.call(source) };
}
