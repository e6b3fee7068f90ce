/**
 * Strict DER in (X.690 §8 and §10) over one Buffer, without copies: every Buffer handed out is a view of the input.
 *
 * For structures that must be DER (certificates, keys, signed attributes). Refused with asn1.malformed: indefinite
 * and non-minimal lengths, lengths past the end, tags of more than one octet, nesting past {@link DER_DEPTH_MAX},
 * left-over octets (`finish`), inputs past a size limit. Nothing here trusts the input or allocates by what it claims;
 * work is linear in its octets.
 */
import { gatewayError } from '../errors.ts';

/** Deepest nesting that is followed. A certificate needs about 10. */
export const DER_DEPTH_MAX = 32;
/** Largest input by default, in octets: nothing that is read whole is larger. */
const DER_OCTETS_MAX = 16 * 1024 * 1024;

/** One value: its identifier octet, all its octets, and its content octets. Views of the input. */
export interface DerElement {
  readonly tag: number;
  readonly whole: Buffer;
  readonly content: Buffer;
}

/** A cursor over consecutive DER values. Every method throws GatewayError asn1.malformed on what is not DER. */
export class DerReader {
  private readonly bytes: Buffer;
  private readonly end: number;
  private readonly depth: number;
  private position: number;
  /** Where the content of the value read last starts. */
  private contentStart = 0;

  private constructor(bytes: Buffer, start: number, end: number, depth: number) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
    this.depth = depth;
  }

  /**
   * @param bytes attacker-chosen; kept alive and never copied
   * @param octetsMax refuse larger inputs
   */
  static over(bytes: Buffer, octetsMax: number = DER_OCTETS_MAX): DerReader {
    if (bytes.length > octetsMax) throw malformed(`${bytes.length} octets, at most ${octetsMax} are read`);
    return new DerReader(bytes, 0, bytes.length, 0);
  }

  /** True when no octet is left. */
  get atEnd(): boolean {
    return this.position >= this.end;
  }

  /** Identifier octet of the next value; null at the end. */
  peekTag(): number | null {
    return this.position < this.end ? this.byte(this.position) : null;
  }

  /** The next value, whatever it is. */
  readElement(): DerElement {
    const start = this.advance();
    return {
      tag: this.byte(start),
      whole: this.bytes.subarray(start, this.position),
      content: this.bytes.subarray(this.contentStart, this.position),
    };
  }

  /** Content octets of the next value, which must have this identifier octet. */
  read(tag: number): Buffer {
    this.expect(tag);
    this.advance();
    return this.bytes.subarray(this.contentStart, this.position);
  }

  /** Like {@link read}, but null (and nothing consumed) when the next value is another one or there is none. */
  readOptional(tag: number): Buffer | null {
    return this.peekTag() === tag ? this.read(tag) : null;
  }

  /** The next value with its identifier and length octets. */
  readWhole(tag: number): Buffer {
    this.expect(tag);
    const start = this.advance();
    return this.bytes.subarray(start, this.position);
  }

  /** A reader over the content of the next value, which must have this identifier octet. This reader moves past it. */
  enter(tag: number): DerReader {
    this.expect(tag);
    if (this.depth + 1 > DER_DEPTH_MAX) throw malformed(`nested deeper than ${DER_DEPTH_MAX}`);
    this.advance();
    return new DerReader(this.bytes, this.contentStart, this.position, this.depth + 1);
  }

  /** Like {@link enter}, but null (and nothing consumed) when the next value is another one or there is none. */
  enterOptional(tag: number): DerReader | null {
    return this.peekTag() === tag ? this.enter(tag) : null;
  }

  /** Passes over the next value, whatever it is, without looking inside. */
  skip(): void {
    this.advance();
  }

  /** @throws GatewayError asn1.malformed when octets are left: nothing may follow the last value (catalogue C3) */
  finish(): void {
    if (this.position !== this.end) throw malformed(`${this.end - this.position} octets after the last value`);
  }

  private byte(at: number): number {
    return this.bytes[at] ?? 0;
  }

  private expect(tag: number): void {
    const found = this.peekTag();
    if (found !== tag) throw malformed(`expected tag ${hex(tag)}, found ${found === null ? 'the end' : hex(found)}`);
  }

  /** Moves past the next value and notes where its content starts. @returns where the value starts */
  private advance(): number {
    const start = this.position;
    if (this.end - start < 2) throw malformed('value cut short');
    if ((this.byte(start) & 0x1f) === 0x1f) throw malformed('tag of more than one octet');
    const first = this.byte(start + 1);
    let content = start + 2;
    let length = first;
    if (first >= 0x80) {
      const count = first & 0x7f;
      if (count === 0) throw malformed('indefinite length');
      if (count > 6 || content + count > this.end) throw malformed('length of the length');
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + this.byte(content + i);
      if (length < 0x80 || length < 256 ** (count - 1)) throw malformed('length not minimal');
      content += count;
    }
    if (length > this.end - content) throw malformed(`value of ${length} octets, ${this.end - content} are there`);
    this.contentStart = content;
    this.position = content + length;
    return start;
  }
}

function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`;
}
