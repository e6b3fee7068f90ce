/**
 * Watches octets go by and says whether they are 7-bit data in the sense of RFC 2045 §2.7: no octet above 127, no
 * NUL, no line over 998 octets (RFC 5322 §2.1.1, catalogue S9).
 *
 * No loop over octets: a 64 KiB chunk costs three native searches and one hop a kilobyte. Bare CR and LF are not
 * looked for; the input is CRLF-true, the door refused everything else.
 */
import { isAscii } from 'node:buffer';

/** Octets of a line without its CRLF (RFC 5322 §2.1.1). */
export const LINE_OCTETS_MAX = 998;

const LF = 0x0a;

export class SevenBitScan {
  #violated = false;
  #column: number;

  /** @param column octets of the line under way that were seen elsewhere */
  constructor(column = 0) {
    this.#column = column;
  }

  /** Octets of the line under way, its CR included. */
  get column(): number {
    return this.#column;
  }

  /** True once anything seen was not 7-bit data; it stays true. */
  get violated(): boolean {
    return this.#violated || this.#column > LINE_OCTETS_MAX + 1;
  }

  /** Takes the next octets. */
  update(chunk: Buffer): void {
    if (this.#violated || chunk.length === 0) return;
    if (!isAscii(chunk) || chunk.includes(0)) this.#violated = true;
    else this.#measure(chunk);
  }

  /** The data ended, maybe in the middle of a line. @returns true when any of it was not 7-bit data */
  end(): boolean {
    if (this.#column > LINE_OCTETS_MAX) this.#violated = true;
    return this.#violated;
  }

  /** Hops from line to line, always to the last line end that a legal line can reach. */
  #measure(chunk: Buffer): void {
    let start = -this.#column;
    for (;;) {
      const reach = start + LINE_OCTETS_MAX + 1;
      if (reach >= chunk.length) break;
      const at = chunk.lastIndexOf(LF, reach);
      if (at < start || at < 0) {
        this.#violated = true;
        return;
      }
      start = at + 1;
    }
    const last = chunk.lastIndexOf(LF);
    this.#column = chunk.length - (last === -1 ? start : last + 1);
  }
}
