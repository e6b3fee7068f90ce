/**
 * Where a reader takes octets from: something that can be read more than once, because pass one proves and pass two
 * releases (RFC 8551 §6, EFAIL). So nothing clear is stored in between, and nothing unproven is ever handed out.
 */
import { BerStream } from '../asn1/ber-stream.ts';
import { finishReading, onePiece, type Piece, type Pieces, piecesOf, type Reading } from '../asn1/pieces.ts';

/** For those who make sources. */
export { type Piece, type Pieces, piecesOf };

/** The same octets at every opening. A source that changes is noticed; it is not an attack we can be fooled by. */
export interface ReopenableSource {
  /**
   * Reads from the start. Pieces of 64 KiB are best; their buffers are not changed by anyone afterwards, because
   * what is released may be views of them. Errors of the medium are thrown as they are.
   */
  open(): AsyncIterable<Buffer>;
  /**
   * The same for one who needs a piece no longer than until the next. Absent where that would save nothing. Where the pieces are there at once, a whole pass runs without giving way to others: a process
   * that serves many has sources that wait.
   */
  openLent?(): Pieces;
  /**
   * Says the same as long as the octets are the same, such as size, times and inode of a file; asked before pass one
   * and after pass two. Where it is absent, or null because the source cannot tell, the reader digests what it reads
   * twice, which costs a third of its speed.
   */
  identity?(): Promise<string | null>;
}

/** A cursor over a new reading, for one whose pieces are all used up or copied before the next is asked for. */
export function berStreamOf(source: ReopenableSource): BerStream {
  return new BerStream(source.openLent?.() ?? piecesOf(source.open()));
}

/** The same for one who keeps pieces. */
export function keptStreamOf(source: ReopenableSource): BerStream {
  return new BerStream(piecesOf(source.open()));
}

/** One reading from the start. @throws what `read` and the source throw */
export async function readThrough<T>(source: ReopenableSource, read: (stream: BerStream) => Reading<T>): Promise<T> {
  const stream = berStreamOf(source);
  try {
    return await finishReading(read(stream));
  } finally {
    await stream.close();
  }
}

/** Octets in memory, which the caller does not change. */
export function bufferSource(octets: Buffer): ReopenableSource {
  return {
    async *open(): AsyncGenerator<Buffer, void, undefined> {
      yield octets;
    },
    openLent: () => onePiece(octets),
    identity: async () => 'memory',
  };
}

/** Any function that starts a new pass. */
export function sourceOf(open: () => AsyncIterable<Buffer>): ReopenableSource {
  return { open };
}

/** All octets of a stream. @returns null when there are more than `octetsMax` */
export async function collect(chunks: AsyncIterable<Buffer>, octetsMax: number): Promise<Buffer | null> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > octetsMax) return null;
    pieces.push(chunk);
  }
  return Buffer.concat(pieces, length);
}
