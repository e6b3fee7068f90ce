/**
 * A leaf that is neither base64 nor quoted-printable yet: held for 64 KiB, then written in an encoding that survives.
 *
 * A leaf that ends inside the 64 KiB goes out as it came when it is 7-bit data without `From ` at a line start and
 * without white space at a line end (RFC 8551 §3.1.3), else in the shorter of quoted-printable and base64. A longer
 * one is written as quoted-printable (text) or base64 (others) whatever its label, because its header must leave
 * before its end is seen. Only Content-Transfer-Encoding changes in the header; all other octets stay.
 */
import { Base64Encoder } from './base64-encoder.ts';
import type { HeaderBlock } from './header-block.ts';
import { lineScan, SCAN_OCTETS_MAX } from './line-scan-module.ts';
import type { Body } from './passing-body.ts';
import { countEscapes, QuotedPrintableEncoder } from './quoted-printable-encoder.ts';
import { LINE_OCTETS_MAX, SevenBitScan } from './seven-bit-scan.ts';

/** Octets of a leaf that are held before its encoding must be decided. */
export const LOOK_AHEAD_OCTETS = 65_536;

const CRLF = Buffer.from('\r\n');
const FROM_LINE = Buffer.from('\nFrom ');
const SPACE_LINE_END = Buffer.from(' \r\n');
const TAB_LINE_END = Buffer.from('\t\r\n');
const SPACE = 0x20;
const TAB = 0x09;

type Encoding = 'quoted-printable' | 'base64';

export class ConvertedLeaf implements Body {
  readonly #header: HeaderBlock;
  readonly #text: boolean;
  readonly #declare: boolean;
  #held: Buffer[] = [];
  #octets = 0;
  #plain = false;
  #encoder: QuotedPrintableEncoder | Base64Encoder | null = null;
  /** base64: the line end kept back, because a delimiter brings its own. */
  #lineEndDue = false;

  /**
   * @param header of the leaf, not yet written
   * @param text true for text/*
   * @param declare true when the entity has no Content-Type and one must be written (RFC 8551 §3.1)
   */
  constructor(header: HeaderBlock, text: boolean, declare: boolean) {
    this.#header = header;
    this.#text = text;
    this.#declare = declare;
  }

  write(content: Buffer, out: Buffer[], plain = false): void {
    if (content.length === 0) return;
    this.#plain = plain;
    if (this.#encoder !== null) {
      this.#push(this.#encoder.update(content), out);
      return;
    }
    this.#held.push(content);
    this.#octets += content.length;
    if (this.#octets > LOOK_AHEAD_OCTETS) this.#startEncoding(this.#text ? 'quoted-printable' : 'base64', out);
    else if (this.#held.length >= 1024) this.#held = [Buffer.concat(this.#held)];
  }

  end(out: Buffer[], delimited: boolean): void {
    if (this.#encoder === null) {
      const content =
        this.#held.length === 1 && this.#held[0] !== undefined ? this.#held[0] : Buffer.concat(this.#held);
      this.#held = [content];
      const encoding = this.#plain ? null : leastEncoding(content);
      if (encoding === null) {
        const type = this.#declare ? 'Content-Type: text/plain; charset=us-ascii\r\n' : '';
        out.push(Buffer.from(type, 'latin1'), this.#header.raw, CRLF, content);
        return;
      }
      this.#startEncoding(encoding, out);
    }
    if (this.#encoder !== null) this.#push(this.#encoder.final(), out);
    if (this.#lineEndDue && !delimited) out.push(CRLF);
  }

  #startEncoding(encoding: Encoding, out: Buffer[]): void {
    // the charset of undeclared 8-bit text is not known: us-ascii would be a lie (RFC 2046 §4.1.2)
    if (this.#declare) out.push(Buffer.from('Content-Type: text/plain\r\n', 'latin1'));
    const label = Buffer.from(`Content-Transfer-Encoding: ${encoding}\r\n`, 'latin1');
    let labelled = false;
    for (const field of this.#header.fields) {
      if (field.name !== 'content-transfer-encoding') out.push(field.raw);
      else if (!labelled) {
        out.push(label);
        labelled = true;
      }
    }
    if (!labelled) out.push(label);
    out.push(CRLF);
    this.#encoder = encoding === 'base64' ? new Base64Encoder() : new QuotedPrintableEncoder();
    for (const content of this.#held) this.#push(this.#encoder.update(content), out);
    this.#held = [];
  }

  #push(encoded: Buffer, out: Buffer[]): void {
    if (encoded.length === 0) return;
    if (!(this.#encoder instanceof Base64Encoder)) {
      out.push(encoded);
      return;
    }
    if (this.#lineEndDue) out.push(CRLF);
    out.push(encoded.subarray(0, -2));
    this.#lineEndDue = true;
  }
}

/** What this content needs to become 7-bit data that no relay changes; null when it is already. */
function leastEncoding(content: Buffer): Encoding | null {
  const scan = new SevenBitScan();
  scan.update(content);
  if (!scan.end()) return isFragile(content) ? 'quoted-printable' : null;
  const quotedPrintable = content.length + 2 * countEscapes(content);
  return quotedPrintable <= (content.length * 4) / 3 ? 'quoted-printable' : 'base64';
}

/** The same of a whole body at one look: true where nothing in it, parts and all, needs to be changed. False is no verdict. */
export function isPlainBody(body: Buffer): boolean {
  if (lineScan === null || body.length > SCAN_OCTETS_MAX) return false;
  const { eightBit, bareLf, fragile, column } = lineScan(body, 0, 0);
  const last = body[body.length - 1];
  return !eightBit && !bareLf && !fragile && column <= LINE_OCTETS_MAX && last !== SPACE && last !== TAB;
}

/** 7-bit data that mailbox files and relays are known to change (RFC 8551 §3.1.3). */
function isFragile(content: Buffer): boolean {
  const end = content[content.length - 1];
  return (
    end === SPACE ||
    end === TAB ||
    content.includes(SPACE_LINE_END) ||
    content.includes(TAB_LINE_END) ||
    content.includes(FROM_LINE) ||
    content.subarray(0, 5).equals(FROM_LINE.subarray(1))
  );
}
