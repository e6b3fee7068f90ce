/**
 * BER in (X.690 §8) from a stream of buffers, for objects of any size: definite and indefinite lengths, constructed
 * strings nested and in any segments. What is kept is at most one value that was asked for whole, within its limit.
 *
 * Refused with asn1.malformed: lengths past the end of what holds them, a missing end-of-contents, tags of more than
 * one octet, octets left over. Refused with asn1.limits: nesting past {@link STREAM_DEPTH_MAX}, values larger than the
 * caller allows. Work is linear in the octets; nothing is allocated by what a length claims.
 */
import { gatewayError } from '../errors.ts';
import { type Header, hex, INDEFINITE, malformed, parseHeader } from './ber-header.ts';
import { SegmentGatherer } from './segment-gatherer.ts';

/** Deepest nesting followed: the one limit for streamed objects (catalogue C1). */
export const STREAM_DEPTH_MAX = 64;

const EMPTY = Buffer.alloc(0);

/** One value that was entered. `end` is -1 when indefinite; `limit` is the end of the nearest definite one. */
interface Frame {
  readonly end: number;
  readonly limit: number;
}

/** A cursor over a BER stream. Every method may reject with GatewayError asn1.malformed or asn1.limits. */
export class BerStream {
  private readonly chunks: AsyncIterator<Buffer>;
  private readonly lent: boolean;
  private readonly frames: Frame[] = [];
  private buffer: Buffer = EMPTY;
  private at = 0;
  /** Octets of the stream before `buffer`. */
  private before = 0;
  private ended = false;

  /** @param chunks attacker-chosen, in any pieces @param lent each is void, with every view of it, when the next is asked */
  constructor(chunks: AsyncIterable<Buffer>, lent = false) {
    this.chunks = chunks[Symbol.asyncIterator]();
    this.lent = lent;
  }

  /** Octets consumed so far. */
  get position(): number {
    return this.before + this.at;
  }

  /** Is the value entered last at its end, or, outside of all, the stream? */
  async atEnd(): Promise<boolean> {
    const frame = this.frames.at(-1);
    if (frame === undefined) return !(await this.have(1));
    if (frame.end !== INDEFINITE) return this.position >= frame.end;
    await this.need(2);
    return this.buffer[this.at] === 0 && this.buffer[this.at + 1] === 0;
  }

  /** Identifier octet of the next value; null at the end of the value entered last. */
  async peekTag(): Promise<number | null> {
    if (await this.atEnd()) return null;
    await this.need(1);
    return this.buffer[this.at] ?? null;
  }

  /** Goes into the next value, which must have this identifier octet. */
  async enter(tag: number): Promise<void> {
    const header = await this.expect(tag);
    if ((tag & 0x20) === 0) throw malformed('primitive value entered');
    this.push(header);
  }

  /** Goes out of the value entered last, which must be at its end. */
  async leave(): Promise<void> {
    if (!(await this.atEnd())) throw malformed('octets after the last field');
    const frame = this.frames.pop();
    if (frame?.end === INDEFINITE) this.at += 2;
  }

  /** The next value with its header, copied. @param octetsMax refuse larger ones with asn1.limits, before reading them */
  async readWhole(octetsMax: number): Promise<Buffer> {
    const octets = await this.measure(octetsMax);
    const whole = Buffer.from(this.buffer.subarray(this.at, this.at + octets));
    this.at += octets;
    return whole;
  }

  /** {@link readWhole} of a value that must have this identifier octet. */
  async read(tag: number, octetsMax: number): Promise<Buffer> {
    await this.expect(tag);
    return this.readWhole(octetsMax);
  }

  /** Passes over the next value, whatever it is, without keeping it. */
  async skip(): Promise<void> {
    const outside = this.frames.length;
    do {
      if (this.frames.length > outside && (await this.atEnd())) {
        await this.leave();
        continue;
      }
      const header = await this.header();
      if (header.length === INDEFINITE) this.push(header);
      else await this.pass(header.octets + header.length);
    } while (this.frames.length > outside);
  }

  /**
   * Content octets of the next value, a string with this identifier octet, primitive or constructed of universal
   * OCTET STRINGs. Views of the stream's buffers where one piece fits, else copies; none is empty.
   * @param tag identifier octet of the primitive form
   * @param scratch true: copies go into one buffer again and again, so a piece is to be used up before the next is asked
   */
  async *octets(tag: number, scratch = false): AsyncGenerator<Buffer, void, undefined> {
    const header = await this.header();
    if (header.tag === tag) {
      if (header.length === INDEFINITE) throw malformed('primitive value of indefinite length');
      this.at += header.octets;
      yield* this.definite(header.length);
    } else if (header.tag === (tag | 0x20)) {
      this.push(header);
      yield* this.segments(scratch ? new SegmentGatherer() : null);
    } else throw malformed(`expected tag ${hex(tag)}, found ${hex(header.tag)}`);
  }

  /** Checks that nothing follows. @param tolerant passes over what follows instead */
  async finish(tolerant = false): Promise<void> {
    if (this.frames.length > 0) throw malformed('value not left');
    while (await this.have(1)) {
      if (!tolerant) throw malformed('octets after the last value');
      this.at = this.buffer.length;
    }
  }

  /** Ends the source early. */
  async close(): Promise<void> {
    this.ended = true;
    await this.chunks.return?.();
  }

  private async *definite(length: number): AsyncGenerator<Buffer, void, undefined> {
    for (let left = length; left > 0; ) {
      if (this.at >= this.buffer.length) await this.need(1);
      const end = Math.min(this.buffer.length, this.at + left);
      const part = this.buffer.subarray(this.at, end);
      this.at = end;
      left -= part.length;
      yield part;
    }
  }

  /** The segments of the constructed string entered last: as many as the buffer holds become one piece. */
  private async *segments(reused: SegmentGatherer | null): AsyncGenerator<Buffer, void, undefined> {
    const outside = this.frames.length - 1;
    let left = 0;
    while (this.frames.length > outside) {
      const piece = reused ?? new SegmentGatherer();
      piece.start(this.buffer.length - this.at);
      for (;;) {
        if (left > 0) {
          const end = Math.min(this.buffer.length, this.at + left);
          left -= end - this.at;
          piece.add(this.buffer, this.at, end);
          this.at = end;
          if (left > 0) break;
        }
        const next = this.nextSegment(outside);
        if (next === null) break;
        left = next;
      }
      const gathered = piece.take();
      if (gathered !== null) yield gathered;
      if (this.frames.length <= outside) return;
      if (left > 0) await this.need(1);
      else await this.headerOrEnd();
    }
  }

  /** Moves past headers and ends in the buffer. @returns length of the segment here; null at the end of buffer or string */
  private nextSegment(outside: number): number | null {
    while (this.frames.length > outside) {
      const frame = this.frames.at(-1);
      if (frame === undefined) return null;
      if (frame.end !== INDEFINITE && this.position >= frame.end) {
        this.frames.pop();
        continue;
      }
      const header = parseHeader(this.buffer, this.at);
      if (header === null) return null;
      if (frame.end === INDEFINITE && header.tag === 0 && header.length === 0) {
        this.at += 2;
        this.frames.pop();
        continue;
      }
      if (header.tag === 0x24) this.push(header);
      else if (header.tag === 0x04 && header.length !== INDEFINITE) {
        this.checkWithin(header);
        this.at += header.octets;
        if (header.length > 0) return header.length;
      } else throw malformed(`segment with tag ${hex(header.tag)}`);
    }
    return null;
  }

  /** Waits until the next header, or the end-of-contents, stands in the buffer as a whole. */
  private async headerOrEnd(): Promise<void> {
    for (let octets = 2; parseHeader(this.buffer, this.at) === null; octets++) await this.need(octets);
  }

  private push(header: Header): void {
    if (this.frames.length >= STREAM_DEPTH_MAX) {
      throw gatewayError('asn1.limits', `nested deeper than ${STREAM_DEPTH_MAX}`);
    }
    this.checkWithin(header);
    const limit = this.frames.at(-1)?.limit ?? Number.MAX_SAFE_INTEGER;
    this.at += header.octets;
    if (header.length === INDEFINITE) this.frames.push({ end: INDEFINITE, limit });
    else this.frames.push({ end: this.position + header.length, limit: this.position + header.length });
  }

  private checkWithin(header: Header): void {
    const limit = this.frames.at(-1)?.limit ?? Number.MAX_SAFE_INTEGER;
    if (this.position + header.octets + Math.max(0, header.length) > limit) {
      throw malformed('value longer than what holds it');
    }
  }

  private async expect(tag: number): Promise<Header> {
    if (await this.atEnd()) throw malformed(`expected tag ${hex(tag)}, found the end`);
    const header = await this.header();
    if (header.tag !== tag) throw malformed(`expected tag ${hex(tag)}, found ${hex(header.tag)}`);
    return header;
  }

  /** Header of the next value, which stays where it is. */
  private async header(): Promise<Header> {
    await this.headerOrEnd();
    const header = parseHeader(this.buffer, this.at);
    if (header === null || header.tag === 0) throw malformed('end-of-contents where a value is expected');
    this.checkWithin(header);
    return header;
  }

  /** Octets of the next value, all of which then stand in the buffer. */
  private async measure(octetsMax: number): Promise<number> {
    const first = await this.header();
    let octets = 0;
    let open = 0;
    do {
      await this.need(octets + 2, octetsMax);
      let header = parseHeader(this.buffer, this.at + octets);
      for (let more = 3; header === null; more++) {
        await this.need(octets + more, octetsMax);
        header = parseHeader(this.buffer, this.at + octets);
      }
      octets += header.octets;
      if (header.length === INDEFINITE) open++;
      else if (header.tag === 0 && header.length === 0 && open > 0) open--;
      else if (header.tag === 0) throw malformed('end-of-contents where a value is expected');
      else octets += header.length;
      if (open + this.frames.length > STREAM_DEPTH_MAX) {
        throw gatewayError('asn1.limits', `nested deeper than ${STREAM_DEPTH_MAX}`);
      }
      await this.need(octets, octetsMax);
    } while (open > 0);
    if (first.length === INDEFINITE) this.checkWithin({ tag: first.tag, octets, length: 0 });
    return octets;
  }

  private async pass(octets: number): Promise<void> {
    let left = octets;
    while (left > this.buffer.length - this.at) {
      left -= this.buffer.length - this.at;
      this.at = this.buffer.length;
      await this.need(1);
    }
    this.at += left;
  }

  private async need(octets: number, octetsMax: number = Number.MAX_SAFE_INTEGER): Promise<void> {
    if (octets > octetsMax) throw gatewayError('asn1.limits', `value of more than ${octetsMax} octets`);
    if (!(await this.have(octets))) throw malformed('cut short');
  }

  /** Makes that many octets stand in one buffer from the cursor on. @returns false when the stream ends before */
  private async have(octets: number): Promise<boolean> {
    let held = this.buffer.length - this.at;
    if (held >= octets) return true;
    const pieces = held > 0 ? [this.buffer.subarray(this.at)] : [];
    this.before += this.at;
    this.at = 0;
    while (held < octets && !this.ended) {
      if (this.lent) pieces.push(...pieces.splice(-1).map((piece) => Buffer.from(piece)));
      const { done, value } = await this.chunks.next();
      if (done === true) this.ended = true;
      else if (value.length > 0) {
        pieces.push(value);
        held += value.length;
      }
    }
    this.buffer = pieces.length === 1 ? (pieces[0] ?? EMPTY) : Buffer.concat(pieces);
    return held >= octets;
  }
}
