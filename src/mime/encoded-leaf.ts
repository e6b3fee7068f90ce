/**
 * The body of a leaf that calls itself base64 or quoted-printable. Lines that are 7-bit data pass as they came; the
 * others are put into the form that the label promises, where every decoder finds the same content in both (RFC 2045
 * §6.7, §6.8): a raw octet above 127 under quoted-printable becomes `=XX`, and a line over 998 octets is broken, softly
 * under quoted-printable. Mail programs send both daily, scripts that write base64 as one line above all.
 *
 * Not mended, and told by `broken`: octets above 127 under base64, which then is a lie; NUL; a raw octet inside an
 * escape; a place where a line break could make a delimiter. What comes out does not depend on how it was cut. At most
 * one line is held, and of base64 only one that may still grow too long: the front of any other leaves with its chunk,
 * so that an attachment passes without a copy.
 */
import type { Body } from './passing-body.ts';
import { LINE_OCTETS_MAX, SevenBitScan } from './seven-bit-scan.ts';

const NOTHING = Buffer.alloc(0);
const NUL = 0x00;
const CR = 0x0d;
const LF = 0x0a;
const EQUALS = 0x3d;
const HYPHEN = 0x2d;
const CAPITAL_F = 0x46;
const LAST_ASCII = 0x7f;
/** Where a long line is broken: whole groups of four and whole lines of 76, for decoders that read line by line. */
const BREAK_COLUMN = 988;
/** Octets of an unfinished base64 line that may leave: fewer than the first that would be broken. */
const PASSED_OCTETS_MAX = 900;
/** Octets of an escape. */
const ESCAPE_OCTETS = 3;
/** One octet becomes at most a soft line break and an escape. */
const GROWTH_MAX = 6;
const HEX = Buffer.from('0123456789ABCDEF');

export class EncodedLeaf implements Body {
  readonly #quotedPrintable: boolean;
  readonly #broken: () => void;
  /** The line under way, while it may still be 7-bit data. */
  #held: Buffer = NOTHING;
  /** Octets of the line under way that have left. */
  #passed = 0;
  /** True inside a line that is too long: what comes of it is mended at once. */
  #mending = false;
  /** Octets of the line being written. */
  #column = 0;
  /** Octets that belong to the escape under way. */
  #escapeLeft = 0;

  /** @param broken called when there is something that cannot be mended, maybe more than once */
  constructor(mechanism: 'base64' | 'quoted-printable', broken: () => void) {
    this.#quotedPrintable = mechanism === 'quoted-printable';
    this.#broken = broken;
  }

  write(content: Buffer, out: Buffer[], plain = false): void {
    if (plain) {
      out.push(content);
      return;
    }
    if (this.#held.length === 0 && this.#passesWhole(content, out)) return;
    let data = this.#held.length === 0 ? content : Buffer.concat([this.#held, content]);
    this.#held = NOTHING;
    if (this.#mending) {
      const end = data.indexOf(LF) + 1;
      out.push(this.#mend(end === 0 ? data : data.subarray(0, end)));
      if (end === 0) return;
      this.#mending = false;
      data = data.subarray(end);
    }
    const whole = data.lastIndexOf(LF) + 1;
    this.#passLines(data.subarray(0, whole), out);
    const rest = data.subarray(whole);
    if (this.#passed + rest.length > LINE_OCTETS_MAX + 1) {
      this.#startLine();
      this.#mending = true;
      out.push(this.#mend(rest));
    } else if (rest.length > 0 && !this.#passesWhole(rest, out)) {
      // a copy: the chunk may be a slice of a buffer that its owner uses again
      this.#held = Buffer.from(rest);
    }
  }

  end(out: Buffer[]): void {
    this.#passLines(this.#held, out);
    this.#held = NOTHING;
  }

  /** base64 that is well, and whose last line can be mended later, goes out as it is. @returns false when it did not */
  #passesWhole(content: Buffer, out: Buffer[]): boolean {
    if (this.#quotedPrintable || this.#mending) return false;
    const scan = new SevenBitScan(this.#passed);
    scan.update(content);
    if (scan.violated || scan.column > PASSED_OCTETS_MAX) return false;
    this.#passed = scan.column;
    out.push(content);
    return true;
  }

  /** Whole lines; the first one goes on where one was left, the last one may lack its end. */
  #passLines(lines: Buffer, out: Buffer[]): void {
    if (lines.length === 0) return;
    if (isSevenBit(lines, this.#passed)) {
      this.#passed = 0;
      out.push(lines);
      return;
    }
    for (let start = 0; start < lines.length; ) {
      const at = lines.indexOf(LF, start);
      const end = at === -1 ? lines.length : at + 1;
      const line = lines.subarray(start, end);
      if (isSevenBit(line, this.#passed)) {
        this.#passed = 0;
        out.push(line);
      } else {
        this.#startLine();
        out.push(this.#mend(line));
      }
      start = end;
    }
  }

  #startLine(): void {
    this.#column = this.#passed;
    this.#passed = 0;
    this.#escapeLeft = 0;
  }

  /** Octets of one line. */
  #mend(line: Buffer): Buffer {
    const out = Buffer.allocUnsafe(line.length * GROWTH_MAX);
    let to = 0;
    for (const octet of line) {
      if (octet === NUL || (octet > LAST_ASCII && (!this.#quotedPrintable || this.#escapeLeft > 0))) this.#broken();
      if (octet === CR || octet === LF) {
        out[to++] = octet;
        // a CR alone is an octet of its line, as in what has left
        this.#column += 1;
        continue;
      }
      const escapes = this.#quotedPrintable && octet > LAST_ASCII;
      const width = escapes || (this.#quotedPrintable && octet === EQUALS) ? ESCAPE_OCTETS : 1;
      const breaks = this.#escapeLeft === 0 && this.#column + width > BREAK_COLUMN;
      if (breaks) {
        to = this.#writeBreak(out, to);
        if (octet === HYPHEN && !this.#quotedPrintable) this.#broken();
      }
      // behind a soft line break these would read as a delimiter, or be changed by a relay
      const guarded = breaks && this.#quotedPrintable && (octet === HYPHEN || octet === CAPITAL_F);
      if (escapes || guarded) {
        out[to++] = EQUALS;
        out[to++] = HEX[octet >> 4] ?? 0;
        out[to++] = HEX[octet & 15] ?? 0;
        this.#column += ESCAPE_OCTETS;
        continue;
      }
      out[to++] = octet;
      this.#column += 1;
      if (this.#escapeLeft > 0) this.#escapeLeft -= 1;
      else if (width === ESCAPE_OCTETS) this.#escapeLeft = ESCAPE_OCTETS - 1;
    }
    return out.subarray(0, to);
  }

  #writeBreak(out: Buffer, at: number): number {
    let to = at;
    if (this.#quotedPrintable) out[to++] = EQUALS;
    out[to++] = CR;
    out[to++] = LF;
    this.#column = 0;
    return to;
  }
}

function isSevenBit(lines: Buffer, passed: number): boolean {
  const scan = new SevenBitScan(passed);
  scan.update(lines);
  return !scan.end();
}
