/**
 * The piece of a stream that is read now, joined with the next where a value lies across both. What is kept is at most
 * what was asked for in one place. Refused with asn1.malformed: a stream that ends before that; with asn1.limits: more
 * than the caller takes.
 */
import { gatewayError } from '../errors.ts';
import { malformed } from './ber-header.ts';
import type { Pieces, Reading } from './pieces.ts';

const EMPTY = Buffer.alloc(0);

/** `buffer` from `at` on is what comes next; both change with every call that may wait. */
export class PieceWindow {
  buffer: Buffer = EMPTY;
  at = 0;
  /** True: what stands in `buffer` may be written over. */
  writable = false;
  private readonly pieces: Pieces;
  /** Octets of the stream before `buffer`. */
  private before = 0;
  private ended = false;

  constructor(pieces: Pieces) {
    this.pieces = pieces;
  }

  /** Octets consumed so far. */
  get position(): number {
    return this.before + this.at;
  }

  /** Octets that are there. */
  get held(): number {
    return this.buffer.length - this.at;
  }

  /** Makes that many octets stand in one buffer from `at` on. @throws GatewayError asn1.malformed, asn1.limits */
  *need(octets: number, octetsMax: number = Number.MAX_SAFE_INTEGER): Reading<void> {
    if (octets > octetsMax) throw gatewayError('asn1.limits', `value of more than ${octetsMax} octets`);
    if (this.held < octets && !(yield* this.have(octets))) throw malformed('cut short');
  }

  /** {@link need} for one who can go without. @returns false when the stream ends before */
  *have(octets: number): Reading<boolean> {
    let held = this.held;
    if (held >= octets) return true;
    const joined = held > 0 ? [this.buffer.subarray(this.at)] : [];
    this.before += this.at;
    this.at = 0;
    while (held < octets && !this.ended) {
      const last = joined.length - 1;
      if (this.pieces.lent && last >= 0) joined[last] = Buffer.from(joined[last] ?? EMPTY);
      const asked = this.pieces.next();
      const piece = asked instanceof Promise ? yield asked : asked;
      if (piece === null) this.ended = true;
      else if (piece.length > 0) {
        joined.push(piece);
        held += piece.length;
      }
    }
    this.writable = this.pieces.writable || joined.length > 1;
    this.buffer = joined.length === 1 ? (joined[0] ?? EMPTY) : Buffer.concat(joined);
    return held >= octets;
  }

  /** Passes over that many octets, of which none are kept. @throws GatewayError asn1.malformed */
  *pass(octets: number): Reading<void> {
    let left = octets;
    while (left > this.held) {
      left -= this.held;
      this.at = this.buffer.length;
      yield* this.need(1);
    }
    this.at += left;
  }

  /** Ends the stream. */
  close(): void | Promise<void> {
    this.ended = true;
    return this.pieces.close();
  }
}
