/**
 * BER in (X.690 §8) over one Buffer that is wholly there: what foreign programs write round certificates, where
 * indefinite lengths and lengths that are not minimal are legal. No copies. Bodies of messages are never read here.
 *
 * Refused with asn1.malformed: lengths past the end, a missing end-of-contents, tags of more than one octet, nesting
 * past {@link BER_DEPTH_MAX}, inputs past a size limit. Finding the end of an indefinite value looks at every value
 * inside it once for each level entered, so work is at most octets x depth.
 */
import { gatewayError } from '../errors.ts';

/** Deepest nesting followed. */
export const BER_DEPTH_MAX = 32;
/** Largest input, in octets. */
const BER_OCTETS_MAX = 16 * 1024 * 1024;

/** One value; `content` is without end-of-contents octets. Views of the input. */
export interface BerElement {
  readonly tag: number;
  readonly whole: Buffer;
  readonly content: Buffer;
}

/** A cursor over consecutive BER values. Every method throws GatewayError asn1.malformed. */
export class BerReader {
  private readonly bytes: Buffer;
  private readonly depth: number;
  private position = 0;

  private constructor(bytes: Buffer, depth: number) {
    this.bytes = bytes;
    this.depth = depth;
  }

  /** @param bytes attacker-chosen; kept alive and never copied */
  static over(bytes: Buffer, octetsMax: number = BER_OCTETS_MAX): BerReader {
    if (bytes.length > octetsMax) throw malformed(`${bytes.length} octets, at most ${octetsMax} are read`);
    return new BerReader(bytes, 0);
  }

  get atEnd(): boolean {
    return this.position >= this.bytes.length;
  }

  /** Identifier octet of the next value; null at the end. */
  peekTag(): number | null {
    return this.bytes[this.position] ?? null;
  }

  readElement(): BerElement {
    const start = this.position;
    const { contentStart, contentEnd, end } = locate(this.bytes, start, this.depth);
    this.position = end;
    return {
      tag: this.bytes[start] ?? 0,
      whole: this.bytes.subarray(start, end),
      content: this.bytes.subarray(contentStart, contentEnd),
    };
  }

  /** A reader over the content of the next value, which must have this identifier octet. This reader moves past it. */
  enter(tag: number): BerReader {
    const found = this.peekTag();
    if (found !== tag) throw malformed(`expected tag ${tag}, found ${found ?? 'the end'}`);
    return new BerReader(this.readElement().content, this.depth + 1);
  }

  /** Passes over the next value, whatever it is. */
  skip(): void {
    this.readElement();
  }
}

interface Extent {
  readonly contentStart: number;
  readonly contentEnd: number;
  readonly end: number;
}

function locate(bytes: Buffer, start: number, depth: number): Extent {
  if (depth > BER_DEPTH_MAX) throw malformed(`nested deeper than ${BER_DEPTH_MAX}`);
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined) throw malformed('value cut short');
  if ((tag & 0x1f) === 0x1f) throw malformed('tag of more than one octet');
  if (first === 0x80) {
    if ((tag & 0x20) === 0) throw malformed('primitive value of indefinite length');
    return locateIndefinite(bytes, start + 2, depth);
  }
  let contentStart = start + 2;
  let length = first;
  if (first > 0x80) {
    const count = first & 0x7f;
    if (count > 6 || contentStart + count > bytes.length) throw malformed('length of the length');
    length = bytes.readUIntBE(contentStart, count);
    contentStart += count;
  }
  const end = contentStart + length;
  if (end > bytes.length) throw malformed(`value of ${length} octets, ${bytes.length - contentStart} are there`);
  return { contentStart, contentEnd: end, end };
}

function locateIndefinite(bytes: Buffer, contentStart: number, depth: number): Extent {
  let at = contentStart;
  while (bytes[at] !== 0 || bytes[at + 1] !== 0) at = locate(bytes, at, depth + 1).end;
  return { contentStart, contentEnd: at, end: at + 2 };
}

function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}
