/**
 * Where a reader takes octets from: something that can be read more than once, because pass one proves and pass two
 * releases (RFC 8551 §6, EFAIL). So nothing clear is stored in between, and nothing unproven is ever handed out.
 */
import { BerStream } from '../asn1/ber-stream.ts';

/** The same octets at every opening. A source that changes is noticed; it is not an attack we can be fooled by. */
export interface ReopenableSource {
  /**
   * Reads from the start. Pieces of 64 KiB are best; their buffers are not changed by anyone afterwards, because
   * what is released may be views of them. Errors of the medium are thrown as they are.
   */
  open(): AsyncIterable<Buffer>;
  /**
   * The same for one who needs a piece no longer than until the next: its memory is used again. Absent where that would
   * save nothing.
   */
  openLent?(): AsyncIterable<Buffer>;
  /**
   * Says the same as long as the octets are the same, such as size, times and inode of a file; asked before pass one
   * and after pass two. Where it is absent, the reader digests what it reads twice, which costs a third of its speed.
   */
  identity?(): Promise<string>;
}

/** A cursor over a new reading, for one whose pieces are all used up or copied before the next is asked for. */
export function berStreamOf(source: ReopenableSource): BerStream {
  return source.openLent === undefined ? new BerStream(source.open()) : new BerStream(source.openLent(), true);
}

/** Octets in memory, which the caller does not change. */
export function bufferSource(octets: Buffer): ReopenableSource {
  return {
    async *open(): AsyncGenerator<Buffer, void, undefined> {
      yield octets;
    },
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
