/**
 * Writes quoted-printable (RFC 2045 §6.7) as it must be to survive on its way under a signature (RFC 8551 §3.1.3):
 * lines of at most 76 octets, white space at line ends and `From ` at line starts encoded.
 *
 * CRLF stays a line end; every other CR, LF, NUL and octet above 126 is encoded. A hyphen behind a soft line break is
 * encoded too, so that folding never makes a delimiter line (`--boundary`) that was none before. The output does not
 * depend on how the input was cut.
 */
const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const EQUALS = 0x3d;
const HYPHEN = 0x2d;
const CAPITAL_F = 0x46;
/** Octets that must be seen behind one before it can be written: `rom `. */
const LOOK_AHEAD = 4;
/** Without the `=` of a soft line break. */
const COLUMNS = 75;
const HEX = Buffer.from('0123456789ABCDEF');
const FROM = Buffer.from('From ');

/** 1 for octets that stand for themselves wherever they are. */
const LITERAL = new Uint8Array(256).fill(1, 0x21, 0x7f);
LITERAL[EQUALS] = 0;

/** Octets that quoted-printable writes as three; what base64 would save is told by this count. */
export function countEscapes(data: Buffer): number {
  let escapes = 0;
  for (let i = 0; i < data.length; i++) {
    const octet = data[i] ?? 0;
    if (LITERAL[octet] === 0 && octet !== SPACE && octet !== TAB && octet !== CR && octet !== LF) escapes++;
  }
  return escapes;
}

export class QuotedPrintableEncoder {
  #carry: Buffer = Buffer.alloc(0);
  #column = 0;
  /** The line under way began with a soft line break. */
  #soft = false;

  /** Takes the next octets; gives what can be written already. */
  update(chunk: Buffer): Buffer {
    const data = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
    return this.#encode(data, Math.max(0, data.length - LOOK_AHEAD), false);
  }

  /** The data ended. Adds no line end of its own. */
  final(): Buffer {
    return this.#encode(this.#carry, this.#carry.length, true);
  }

  #encode(data: Buffer, limit: number, last: boolean): Buffer {
    const out = Buffer.allocUnsafe(Math.ceil(limit * 3 * (1 + 3 / 72)) + 16);
    let to = 0;
    let i = 0;
    for (; i < limit; i++) {
      const octet = data[i] ?? 0;
      if (octet === CR && data[i + 1] === LF) {
        out[to++] = CR;
        out[to++] = LF;
        i++;
        this.#column = 0;
        this.#soft = false;
        continue;
      }
      let literal = LITERAL[octet] === 1 || isInnerBlank(data, i, last);
      if (this.#column + (literal ? 1 : 3) > COLUMNS) {
        out[to++] = EQUALS;
        out[to++] = CR;
        out[to++] = LF;
        this.#column = 0;
        this.#soft = true;
      }
      if (this.#column === 0 && literal) literal = !this.#dangerousStart(data, i);
      if (literal) {
        out[to++] = octet;
        this.#column += 1;
      } else {
        out[to++] = EQUALS;
        out[to++] = HEX[octet >> 4] ?? 0;
        out[to++] = HEX[octet & 15] ?? 0;
        this.#column += 3;
      }
    }
    // a copy: the chunk may be a slice of a buffer that its owner uses again
    this.#carry = Buffer.from(data.subarray(i));
    return out.subarray(0, to);
  }

  /** True when this octet at the start of a line would be read as something else. */
  #dangerousStart(data: Buffer, at: number): boolean {
    const octet = data[at];
    if (octet === HYPHEN) return this.#soft;
    return octet === CAPITAL_F && data.subarray(at, at + FROM.length).equals(FROM);
  }
}

/** White space that does not end its line. */
function isInnerBlank(data: Buffer, at: number, last: boolean): boolean {
  if (data[at] !== SPACE && data[at] !== TAB) return false;
  if (last && at + 1 === data.length) return false;
  return !(data[at + 1] === CR && data[at + 2] === LF);
}
