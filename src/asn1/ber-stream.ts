/**
 * BER in (X.690 §8) from a stream of pieces, for objects of any size: definite and indefinite lengths, constructed
 * strings nested and in any segments. What is kept is at most one value that was asked for whole, within its limit.
 *
 * Refused with asn1.malformed: lengths past the end of what holds them, a missing end-of-contents, tags of more than
 * one octet, octets left over. Refused with asn1.limits: nesting past STREAM_DEPTH_MAX, values larger than the caller
 * allows. Work is linear in the octets; nothing is allocated by what a length claims.
 */
import { type Header, hex, INDEFINITE, malformed, parseHeader } from './ber-header.ts';
import { BerNesting, checkDepth, type Frame } from './ber-nesting.ts';
import { PieceWindow } from './piece-window.ts';
import type { Piece, Pieces, Reading } from './pieces.ts';
import { SegmentGatherer } from './segment-gatherer.ts';

/** The string whose octets are being read. */
interface OpenString {
  /** Octets of the segment, or of the primitive string, that are still to come. */
  left: number;
  /** Values round it; -1 for a primitive string. */
  readonly outside: number;
  /** Joins segments where that cannot be done in place; null: each piece in memory of its own. */
  readonly reused: SegmentGatherer | null;
}

/** Where a reading stands in its octets, for another reading of the same octets. */
export interface BerPlace {
  readonly position: number;
  readonly frames: readonly Frame[];
  readonly string: Readonly<OpenString> | null;
}

/**
 * A cursor over a BER stream. Every method may throw GatewayError asn1.malformed or asn1.limits. Those that end in `Now`
 * give null where the window does not hold what they need: a generator costs more than a small value does.
 */
export class BerStream {
  private readonly window: PieceWindow;
  private readonly nesting: BerNesting;
  private string: OpenString | null = null;

  constructor(pieces: Pieces) {
    this.window = new PieceWindow(pieces);
    this.nesting = new BerNesting(this.window);
  }

  /** Is the value entered last at its end, or, outside of all, the stream? */
  *atEnd(): Reading<boolean> {
    const now = this.nesting.endNow();
    if (now !== null) return now;
    if (this.nesting.depth === 0) return !(yield* this.window.have(1));
    yield* this.window.need(2);
    return this.nesting.endNow() === true;
  }

  /** Identifier octet of the next value; null at the end of the value entered last. */
  *peekTag(): Reading<number | null> {
    const { window } = this;
    if (this.nesting.endNow() ?? (yield* this.atEnd())) return null;
    if (window.held < 1) yield* window.need(1);
    return window.buffer[window.at] ?? null;
  }

  /** Goes into the next value, which must have this identifier octet. */
  *enter(tag: number): Reading<void> {
    const header = this.expectNow(tag) ?? (yield* this.expect(tag));
    if ((tag & 0x20) === 0) throw malformed('primitive value entered');
    this.nesting.enter(header);
  }

  /** Goes out of the value entered last, which must be at its end. */
  *leave(): Reading<void> {
    if (!(this.nesting.endNow() ?? (yield* this.atEnd()))) throw malformed('octets after the last field');
    this.nesting.leave();
  }

  /** The next value with its header, copied. @param octetsMax refuse larger ones with asn1.limits, before reading them */
  *readWhole(octetsMax: number): Reading<Buffer> {
    const octets = this.measureNow(octetsMax) ?? (yield* this.measure(octetsMax));
    const { window } = this;
    const whole = Buffer.from(window.buffer.subarray(window.at, window.at + octets));
    window.at += octets;
    return whole;
  }

  /** {@link readWhole} of a value that must have this identifier octet. */
  *read(tag: number, octetsMax: number): Reading<Buffer> {
    if (this.expectNow(tag) === null) yield* this.expect(tag);
    return yield* this.readWhole(octetsMax);
  }

  /** Passes over the next value, whatever it is, without keeping it. */
  *skip(): Reading<void> {
    const outside = this.nesting.depth;
    do {
      if (this.nesting.depth > outside && (yield* this.atEnd())) {
        this.nesting.leave();
        continue;
      }
      const header = yield* this.header();
      if (header.length === INDEFINITE) this.nesting.enter(header);
      else yield* this.window.pass(header.octets + header.length);
    } while (this.nesting.depth > outside);
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
      const outside = this.nesting.depth;
      this.nesting.enter(header);
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
      while (this.nesting.depth > string.outside) {
        const piece = this.joined(string);
        if (piece !== null) return piece;
        if (this.nesting.depth <= string.outside) break;
        if (string.left > 0) yield* window.need(1);
        else yield* this.headerOrEnd();
      }
    }
    this.string = null;
    return null;
  }

  /** Where this reading stands. */
  place(): BerPlace {
    const { string, window } = this;
    return { position: window.position, frames: this.nesting.copy(), string: string === null ? null : { ...string } };
  }

  /** Passes on, without looking, to where another reading of the same octets stood. */
  *goTo({ position, frames, string }: BerPlace): Reading<void> {
    yield* this.window.pass(position - this.window.position);
    this.nesting.restore(frames);
    this.string = string === null ? null : { ...string, reused: string.reused === null ? null : new SegmentGatherer() };
  }

  /** Checks that nothing follows. @param tolerant passes over what follows instead */
  *finish(tolerant = false): Reading<void> {
    if (this.nesting.depth > 0) throw malformed('value not left');
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
    const { nesting, window } = this;
    while (nesting.depth > outside) {
      const ended = nesting.endNow();
      if (ended === null) return null;
      if (ended) {
        nesting.leave();
        continue;
      }
      const header = parseHeader(window.buffer, window.at);
      if (header === null) return null;
      if (header.tag === 0x24) nesting.enter(header);
      else if (header.tag === 0x04 && header.length !== INDEFINITE) {
        nesting.checkWithin(header);
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

  private *expect(tag: number): Reading<Header> {
    if (yield* this.atEnd()) throw malformed(`expected tag ${hex(tag)}, found the end`);
    const header = yield* this.header();
    if (header.tag !== tag) throw malformed(`expected tag ${hex(tag)}, found ${hex(header.tag)}`);
    return header;
  }

  private expectNow(tag: number): Header | null {
    if (this.nesting.endNow() !== false) return null;
    const header = parseHeader(this.window.buffer, this.window.at);
    if (header === null || header.tag !== tag) return null;
    this.nesting.checkWithin(header);
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
    this.nesting.checkWithin(header);
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
      checkDepth(open + this.nesting.depth);
      yield* window.need(octets, octetsMax);
    } while (open > 0);
    if (first.length === INDEFINITE) this.nesting.checkWithin({ tag: first.tag, octets, length: 0 });
    return octets;
  }

  /** {@link measure} of a value of definite length that the caller takes. */
  private measureNow(octetsMax: number): number | null {
    const { window } = this;
    const header = parseHeader(window.buffer, window.at);
    if (header === null || header.length === INDEFINITE || header.tag === 0) return null;
    const octets = header.octets + header.length;
    if (octets > octetsMax || octets > window.held) return null;
    this.nesting.checkWithin(header);
    return octets;
  }
}
