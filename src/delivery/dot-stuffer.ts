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
  #empty = true;

  /**
   * @param chunk message octets; trusted to be CRLF-true and checked all the same
   * @returns the chunk itself where nothing had to be added
   * @throws GatewayError `defect` on a bare CR or LF
   */
  update(chunk: Buffer): Buffer {
    if (chunk.length === 0) return chunk;
    const dots: number[] = [];
    let last = this.#last;
    // at the start of the message `last` is an LF that no CR precedes: only the first LF must not pass for its twin
    if (this.#empty && chunk[0] === LF) throw bare('LF', 0);
    this.#empty = false;
    for (let i = 0; i < chunk.length; i += 1) {
      const octet = chunk[i] as number;
      if (last === CR) {
        if (octet !== LF) throw bare('CR', i - 1);
      } else if (octet <= DOT) {
        if (octet === LF) throw bare('LF', i);
        if (octet === DOT && last === LF) dots.push(i);
      }
      last = octet;
    }
    this.#last = last;
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
