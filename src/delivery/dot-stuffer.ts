/**
 * Dot-stuffing of a CRLF-true octet stream (RFC 5321 §4.5.2), in chunks cut anywhere.
 *
 * A bare CR and a bare LF are refused, not repaired: what was stored is what was signed, the door keeps such octets
 * out, and a line end that two servers read differently is how mail is smuggled (catalogue S3).
 */
import { gatewayError } from '../errors.ts';

const LF = 0x0a;
const CR = 0x0d;
const DOT = 0x2e;
const STUFFED = Buffer.from('.');

/** Stuffs one message; not to be used again after `final`. */
export class DotStuffer {
  /** The octet before the next chunk; the message begins at the start of a line. */
  #last = LF;

  /**
   * @param chunk message octets; trusted to be CRLF-true and checked all the same
   * @returns the chunk itself where nothing had to be added
   * @throws GatewayError `defect` on a bare CR or LF
   */
  update(chunk: Buffer): Buffer {
    if (chunk.length === 0) return chunk;
    const before = this.#last;
    // at the start of the message `before` is an LF that no CR precedes: it stuffs a dot, and a LF after it is bare
    if (before === CR && chunk[0] !== LF) throw bare('CR', -1);
    const end = chunk.length - 1;
    const dots: number[] = [];
    for (let i = 0; i <= end; i += 1) {
      const octet = chunk[i] as number;
      // nearly every octet of mail is above these three
      if (octet > DOT) continue;
      const previous = i === 0 ? before : chunk[i - 1];
      if (octet === LF) {
        if (previous !== CR) throw bare('LF', i);
      } else if (octet === CR) {
        if (i < end && chunk[i + 1] !== LF) throw bare('CR', i);
      } else if (octet === DOT && previous === LF) dots.push(i);
    }
    this.#last = chunk[end] as number;
    return dots.length === 0 ? chunk : stuff(chunk, dots);
  }

  /** The final dot, on a line of its own. @throws GatewayError `defect` when the message ended between CR and LF */
  final(): Buffer {
    if (this.#last === CR) throw bare('CR', -1);
    return Buffer.from(this.#last === LF ? '.\r\n' : '\r\n.\r\n');
  }
}

function stuff(chunk: Buffer, dots: readonly number[]): Buffer {
  const pieces: Buffer[] = [];
  let from = 0;
  for (const dot of dots) {
    pieces.push(chunk.subarray(from, dot), STUFFED);
    from = dot;
  }
  pieces.push(chunk.subarray(from));
  return Buffer.concat(pieces, chunk.length + dots.length);
}

function bare(what: string, at: number): Error {
  return gatewayError('defect', `stored message holds a bare ${what} at octet ${at} of a chunk`);
}
