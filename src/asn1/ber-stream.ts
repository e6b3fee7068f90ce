/**
 * BER in (X.690 §8) from a stream of pieces, for objects of any size: definite and indefinite lengths, constructed
 * strings nested and in any segments. What is kept is at most one value that was asked for whole, within its limit.
 *
 * Refused with asn1.malformed: lengths past the end of what holds them, a missing end-of-contents, tags of more than
 * one octet, octets left over. Refused with asn1.limits: nesting past {@link STREAM_DEPTH_MAX}, values larger than the
 * caller allows. Work is linear in the octets; nothing is allocated by what a length claims.
 */
import { gatewayError } from '../errors.ts';
import { type Header, hex, INDEFINITE, malformed, parseHeader } from './ber-header.ts';
import { PieceWindow } from './piece-window.ts';
import type { Piece, Pieces, Reading } from './pieces.ts';
import { SegmentGatherer } from './segment-gatherer.ts';

/** Deepest nesting followed: the one limit for streamed objects (catalogue C1). */
export const STREAM_DEPTH_MAX = 64;

/** One value that was entered. `end` is -1 when indefinite; `limit` is the end of the nearest definite one. */
interface Frame {
  readonly end: number;
  readonly limit: number;
}

/** The string whose octets are being read. */
interface OpenString {
  /** Octets of the segment, or of the primitive string, that are still to come. */
  left: number;
  /** Frames round it; -1 for a primitive string. */
  readonly outside: number;
  /** Joins segments where that cannot be done in place; null: each piece in memory of its own. */
  readonly reused: SegmentGatherer | null;
}

/** A cursor over a BER stream. Every method may throw GatewayError asn1.malformed or asn1.limits. */
export class BerStream {
  private readonly window: PieceWindow;
  private readonly frames: Frame[] = [];
  private string: OpenString | null = null;

  constructor(pieces: Pieces) {
    this.window = new PieceWindow(pieces);
  }

  /** Is the value entered last at its end, or, outside of all, the stream? */
  *atEnd(): Reading<boolean> {
    const { window } = this;
    const frame = this.frames.at(-1);
    if (frame === undefined) return !(yield* window.have(1));
    if (frame.end !== INDEFINITE) return window.position >= frame.end;
    if (window.held < 2) yield* window.need(2);
    return window.buffer[window.at] === 0 && window.buffer[window.at + 1] === 0;
  }

  /** Identifier octet of the next value; null at the end of the value entered last. */
  *peekTag(): Reading<number | null> {
    if (yield* this.atEnd()) return null;
    const { window } = this;
    if (window.held < 1) yield* window.need(1);
    return window.buffer[window.at] ?? null;
  }

  /** Goes into the next value, which must have this identifier octet. */
  *enter(tag: number): Reading<void> {
    const header = yield* this.expect(tag);
    if ((tag & 0x20) === 0) throw malformed('primitive value entered');
    this.push(header);
  }

  /** Goes out of the value entered last, which must be at its end. */
  *leave(): Reading<void> {
    if (!(yield* this.atEnd())) throw malformed('octets after the last field');
    const frame = this.frames.pop();
    if (frame?.end === INDEFINITE) this.window.at += 2;
  }

  /** The next value with its header, copied. @param octetsMax refuse larger ones with asn1.limits, before reading them */
  *readWhole(octetsMax: number): Reading<Buffer> {
    const octets = yield* this.measure(octetsMax);
    const { window } = this;
    const whole = Buffer.from(window.buffer.subarray(window.at, window.at + octets));
    window.at += octets;
    return whole;
  }

  /** {@link readWhole} of a value that must have this identifier octet. */
  *read(tag: number, octetsMax: number): Reading<Buffer> {
    yield* this.expect(tag);
    return yield* this.readWhole(octetsMax);
  }

  /** Passes over the next value, whatever it is, without keeping it. */
  *skip(): Reading<void> {
    const outside = this.frames.length;
    do {
      if (this.frames.length > outside && (yield* this.atEnd())) {
        yield* this.leave();
        continue;
      }
      const header = yield* this.header();
      if (header.length === INDEFINITE) this.push(header);
      else yield* this.window.pass(header.octets + header.length);
    } while (this.frames.length > outside);
  }

  /**
   * Goes to the content octets of the next value, a string with this identifier octet, primitive or constructed of
   * universal OCTET STRINGs. {@link nextOctets} gives them, to its end.
   * @param tag identifier octet of the primitive form
   * @param scratch true: a piece is used up before the next is asked for, so its memory may be used again
   */
  *openString(tag: number, scratch = false): Reading<void> {
    const header = yield* this.header();
    if (header.tag === tag) {
      if (header.length === INDEFINITE) throw malformed('primitive value of indefinite length');
      this.window.at += header.octets;
      this.string = { left: header.length, outside: -1, reused: null };
    } else if (header.tag === (tag | 0x20)) {
      const outside = this.frames.length;
      this.push(header);
      this.string = { left: 0, outside, reused: scratch ? new SegmentGatherer() : null };
    } else throw malformed(`expected tag ${hex(tag)}, found ${hex(header.tag)}`);
  }

  /**
   * The next content octets of the string that was opened: all that the piece holds. Views of the stream's pieces where
   * possible, else copies. @returns null at its end
   */
  *nextOctets(): Reading<Piece> {
    const { string, window } = this;
    if (string === null) return null;
    if (string.outside === -1) {
      if (string.left > 0) {
        if (window.held === 0) yield* window.need(1);
        return this.take(string);
      }
    } else {
      while (this.frames.length > string.outside) {
        const piece = this.joined(string);
        if (piece !== null) return piece;
        if (this.frames.length <= string.outside) break;
        if (string.left > 0) yield* window.need(1);
        else yield* this.headerOrEnd();
      }
    }
    this.string = null;
    return null;
  }

  /** Checks that nothing follows. @param tolerant passes over what follows instead */
  *finish(tolerant = false): Reading<void> {
    if (this.frames.length > 0) throw malformed('value not left');
    while (yield* this.window.have(1)) {
      if (!tolerant) throw malformed('octets after the last value');
      yield* this.window.pass(this.window.held);
    }
  }

  /** Ends the source early. */
  close(): void | Promise<void> {
    return this.window.close();
  }

  /** What the window holds of the segment. */
  private take(string: OpenString): Buffer {
    const { window } = this;
    const end = Math.min(window.buffer.length, window.at + string.left);
    const part = window.buffer.subarray(window.at, end);
    string.left -= part.length;
    window.at = end;
    return part;
  }

  /** The segments that the window holds as one piece, so that ciphers are called once a piece; null when it holds none. */
  private joined(string: OpenString): Piece {
    const { window } = this;
    const piece = string.reused ?? new SegmentGatherer();
    piece.start(window.buffer, window.at, window.writable);
    for (;;) {
      if (string.left > 0) {
        const end = Math.min(window.buffer.length, window.at + string.left);
        string.left -= end - window.at;
        piece.add(window.at, end);
        window.at = end;
        if (string.left > 0) break;
      }
      const next = this.nextSegment(string.outside);
      if (next === null) break;
      string.left = next;
    }
    return piece.take();
  }

  /** Moves past headers and ends in the window. @returns length of the segment here; null at the end of window or string */
  private nextSegment(outside: number): number | null {
    const { window } = this;
    while (this.frames.length > outside) {
      const frame = this.frames.at(-1);
      if (frame === undefined) return null;
      if (frame.end !== INDEFINITE && window.position >= frame.end) {
        this.frames.pop();
        continue;
      }
      const header = parseHeader(window.buffer, window.at);
      if (header === null) return null;
      if (frame.end === INDEFINITE && header.tag === 0 && header.length === 0) {
        window.at += 2;
        this.frames.pop();
        continue;
      }
      if (header.tag === 0x24) this.push(header);
      else if (header.tag === 0x04 && header.length !== INDEFINITE) {
        this.checkWithin(header);
        window.at += header.octets;
        if (header.length > 0) return header.length;
      } else throw malformed(`segment with tag ${hex(header.tag)}`);
    }
    return null;
  }

  /** Waits until the next header, or the end-of-contents, stands in the window as a whole. */
  private *headerOrEnd(): Reading<void> {
    const { window } = this;
    for (let octets = 2; parseHeader(window.buffer, window.at) === null; octets++) yield* window.need(octets);
  }

  private push(header: Header): void {
    checkDepth(this.frames.length + 1);
    this.checkWithin(header);
    this.window.at += header.octets;
    const end = this.window.position + header.length;
    this.frames.push(header.length === INDEFINITE ? { end: INDEFINITE, limit: this.limit() } : { end, limit: end });
  }

  private limit(): number {
    return this.frames.at(-1)?.limit ?? Number.MAX_SAFE_INTEGER;
  }

  private checkWithin(header: Header): void {
    if (this.window.position + header.octets + Math.max(0, header.length) > this.limit()) {
      throw malformed('value longer than what holds it');
    }
  }

  private *expect(tag: number): Reading<Header> {
    if (yield* this.atEnd()) throw malformed(`expected tag ${hex(tag)}, found the end`);
    const header = yield* this.header();
    if (header.tag !== tag) throw malformed(`expected tag ${hex(tag)}, found ${hex(header.tag)}`);
    return header;
  }

  /** Header of the next value, which stays where it is. */
  private *header(): Reading<Header> {
    const { window } = this;
    let header = parseHeader(window.buffer, window.at);
    if (header === null) {
      yield* this.headerOrEnd();
      header = parseHeader(window.buffer, window.at);
    }
    if (header === null || header.tag === 0) throw malformed('end-of-contents where a value is expected');
    this.checkWithin(header);
    return header;
  }

  /** Octets of the next value, all of which then stand in the window. */
  private *measure(octetsMax: number): Reading<number> {
    const { window } = this;
    const first = yield* this.header();
    let octets = 0;
    let open = 0;
    do {
      yield* window.need(octets + 2, octetsMax);
      let header = parseHeader(window.buffer, window.at + octets);
      for (let more = 3; header === null; more++) {
        yield* window.need(octets + more, octetsMax);
        header = parseHeader(window.buffer, window.at + octets);
      }
      octets += header.octets;
      if (header.length === INDEFINITE) open++;
      else if (header.tag === 0 && header.length === 0 && open > 0) open--;
      else if (header.tag === 0) throw malformed('end-of-contents where a value is expected');
      else octets += header.length;
      checkDepth(open + this.frames.length);
      yield* window.need(octets, octetsMax);
    } while (open > 0);
    if (first.length === INDEFINITE) this.checkWithin({ tag: first.tag, octets, length: 0 });
    return octets;
  }
}

function checkDepth(depth: number): void {
  if (depth > STREAM_DEPTH_MAX) throw gatewayError('asn1.limits', `nested deeper than ${STREAM_DEPTH_MAX}`);
}
