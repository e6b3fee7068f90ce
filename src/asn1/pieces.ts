/**
 * Octets of a stream piece by piece, given at once where they are there: a file or memory needs no promise for each
 * piece, and promises were a third of what a small object cost. What reads them is written as a generator that yields
 * what has to be waited for, so that the same code serves sources that wait and sources that do not. Refuses nothing.
 */

/** The next octets; null at the end. */
export type Piece = Buffer | null;

/** A stream that is asked for its pieces. */
export interface Pieces {
  /** True: a piece is void when the next is asked for. */
  readonly lent: boolean;
  /** True: until then its memory is the reader's to write over. */
  readonly writable: boolean;
  /** Attacker-chosen octets, any number of them. Not asked again while it waits. Errors of the medium are thrown. */
  next(): Piece | Promise<Piece>;
  /** Ends early, or after the end. */
  close(): void | Promise<void>;
}

/**
 * A computation over pieces: it yields a promise of the next piece where that is not there at once, and pieces of what
 * it makes where `Made` says so. It holds nothing that must be given back: it may be dropped at any yield.
 */
export type Reading<T, Made = never> = Generator<Promise<Piece> | Made, T, Piece>;

/** Pieces of what is asked by promises. @param lent see {@link Pieces.lent} */
export function piecesOf(chunks: AsyncIterable<Buffer>, lent = false): Pieces {
  const iterator = chunks[Symbol.asyncIterator]();
  return {
    lent,
    writable: false,
    next: async () => {
      const { done, value } = await iterator.next();
      return done === true ? null : value;
    },
    close: async () => {
      await iterator.return?.();
    },
  };
}

/** The pieces for one who waits for each anyway. They are closed at the end, or when he stops. */
export async function* chunksOf(pieces: Pieces): AsyncGenerator<Buffer, void, undefined> {
  try {
    for (;;) {
      const asked = pieces.next();
      const piece = asked instanceof Promise ? await asked : asked;
      if (piece === null) return;
      yield piece;
    }
  } finally {
    await pieces.close();
  }
}

/** Octets that are there, as one piece. */
export function onePiece(octets: Buffer): Pieces {
  let left: Piece = octets;
  return {
    lent: false,
    writable: false,
    next: () => {
      const piece = left;
      left = null;
      return piece;
    },
    close: () => {},
  };
}

/** Runs a reading to its end. @throws what it throws, and errors of the medium */
export async function finishReading<T>(reading: Reading<T>): Promise<T> {
  let step = reading.next(null);
  while (step.done !== true) step = reading.next(await step.value);
  return step.value;
}

/** The pieces that a reading makes, and its result. @throws what it throws, and errors of the medium */
export async function* flowOf<T>(reading: Reading<T, Buffer>): AsyncGenerator<Buffer, T, undefined> {
  let step = reading.next(null);
  while (step.done !== true) {
    if (step.value instanceof Promise) step = reading.next(await step.value);
    else {
      yield step.value;
      step = reading.next(null);
    }
  }
  return step.value;
}
