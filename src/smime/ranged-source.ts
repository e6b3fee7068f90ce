/**
 * Octets that can be read again and from any place: what the reading of a message starts from. Parts of it (the signed
 * part, a base64 body) become sources of their own that keep nothing.
 */
import { type Pieces, piecesOf, type ReopenableSource } from '../cms/reopenable-source.ts';

/** Octets of one piece that is lent. */
const LENT_OCTETS = 65_536;

export interface RangedSource extends ReopenableSource {
  /**
   * @param from first octet, 0 by default
   * @param to behind the last octet; the end by default
   * @param scratch true: a piece is void when the next is asked for, so its memory may be used again
   */
  open(from?: number, to?: number, scratch?: boolean): AsyncIterable<Buffer>;
  /**
   * Reads into memory of the caller, at once. Absent where octets have to be waited for.
   * @param remade true: octets in memory of their own will be made of these, so that there is something to reclaim
   * @returns octets read, at most as many as `target` holds; 0 only at the end
   */
  readInto?(target: Buffer, from: number, remade?: boolean): number;
}

/** The octets between two places of a source. @param to null: to its end */
export function partOf(source: RangedSource, from: number, to: number | null = null): RangedSource {
  const end = to ?? Number.MAX_SAFE_INTEGER;
  const part: RangedSource = {
    open: (start = 0, stop = end - from, scratch = false) =>
      source.open(from + start, Math.min(end, from + stop), scratch),
  };
  const { readInto } = source;
  if (readInto !== undefined) {
    part.readInto = (target, start, remade) => {
      const left = end - from - start;
      if (left <= 0) return 0;
      return readInto.call(source, target.length > left ? target.subarray(0, left) : target, from + start, remade);
    };
    part.openLent = () => lentPieces(part);
  }
  return withIdentity(source, part);
}

/** A source whose octets are made of another's: they are the same as long as those are. */
export function derivedFrom(
  source: ReopenableSource,
  make: (octets: AsyncIterable<Buffer>) => AsyncIterable<Buffer>,
): ReopenableSource {
  return withIdentity(source, { open: () => make(source.open()) });
}

/** {@link derivedFrom} for one whose pieces can be lent. */
export function convertedFrom(
  source: RangedSource,
  make: (octets: AsyncIterable<Buffer>) => AsyncIterable<Buffer>,
  lend: () => Pieces,
): ReopenableSource {
  return withIdentity(source, { open: () => make(source.open(undefined, undefined, true)), openLent: lend });
}

/** The same source, which lends its octets too. */
export function lending(source: RangedSource): RangedSource {
  const lent: RangedSource = { open: source.open.bind(source), openLent: () => lentPieces(source, 0, true) };
  const { readInto } = source;
  if (readInto !== undefined) lent.readInto = readInto.bind(source);
  return withIdentity(source, lent);
}

/**
 * One reading in memory that is used again, by other readings too once it is closed.
 * @param from first octet @param remade see {@link RangedSource.readInto}
 */
export function lentPieces(source: RangedSource, from = 0, remade = false): Pieces {
  const { readInto } = source;
  if (readInto === undefined) return piecesOf(source.open(from, undefined, true), true);
  let memory: Buffer | null = idle.pop() ?? Buffer.allocUnsafeSlow(LENT_OCTETS);
  let at = from;
  return {
    lent: true,
    writable: true,
    next: () => {
      const octets = memory === null ? 0 : readInto.call(source, memory, at, remade);
      at += octets;
      return memory === null || octets === 0 ? null : memory.subarray(0, octets);
    },
    close: () => {
      if (memory !== null && idle.length < IDLE_MAX) idle.push(memory);
      memory = null;
    },
  };
}

/** Memory that nobody uses. */
const idle: Buffer[] = [];
/** More readings at the same time each make their own. */
const IDLE_MAX = 4;

/** Octets in memory, which the caller does not change. */
export function rangedBuffer(octets: Buffer): RangedSource {
  return {
    async *open(from = 0, to = octets.length): AsyncGenerator<Buffer, void, undefined> {
      if (to > from) yield octets.subarray(from, to);
    },
    readInto: (target, from) => octets.copy(target, 0, Math.min(from, octets.length)),
    identity: async () => 'memory',
  };
}

function withIdentity<T extends ReopenableSource>(source: ReopenableSource, made: T): T {
  const { identity } = source;
  if (identity !== undefined) made.identity = () => identity.call(source);
  return made;
}
