/**
 * Proves that what a client sends has CRLF line ends only (RFC 5321 §2.3.8, §4.1.1.4), chunk by chunk.
 *
 * A bare LF, a bare CR or a NUL lets two servers disagree about where a line, a header or a whole message ends; that is
 * how mail is smuggled (catalogue S2, CVE-2023-51764 and kin). So none is repaired: the first one ends the session.
 * The guard runs over commands and message alike, because at a chunk's first octet nobody knows yet which it is.
 */

const NUL = 0x00;
const LF = 0x0a;
const CR = 0x0d;

/** Below this many octets a line a native search per line costs more than looking at every octet. */
const SHORT_LINE = 16;
const LINES_BEFORE_JUDGING = 64;

/** A scanner over one direction of one connection. It holds one bit of state: whether the last octet was a CR. */
export class CrlfGuard {
  #afterCr = false;

  /**
   * Looks at the next octets of the stream.
   * @param chunk attacker-chosen
   * @returns the index of the octet that proves an offence (a bare LF, a NUL, or whatever follows a bare CR), or -1.
   *   Cutting the stream into other chunks moves no offence. After an offence the guard must not be used again.
   */
  scan(chunk: Buffer): number {
    if (chunk.length === 0) return -1;
    if (this.#afterCr && chunk[0] !== LF) return 0;
    const lineFeed = this.#badLineFeed(chunk);
    if (lineFeed === 'short lines') return this.#scanOctets(chunk);
    const end = lineFeed === -1 ? chunk.length : lineFeed;
    const carriageReturn = badCarriageReturn(chunk, end);
    const limit = carriageReturn === -1 ? end : carriageReturn;
    const nul = chunk.indexOf(NUL);
    if (nul !== -1 && nul < limit) return nul;
    if (limit < chunk.length) return limit;
    this.#afterCr = chunk[chunk.length - 1] === CR;
    return -1;
  }

  #badLineFeed(chunk: Buffer): number | 'short lines' {
    let lines = 0;
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, at + 1)) {
      if (at === 0 ? !this.#afterCr : chunk[at - 1] !== CR) return at;
      lines += 1;
      if (lines === LINES_BEFORE_JUDGING && at < lines * SHORT_LINE) return 'short lines';
    }
    return -1;
  }

  #scanOctets(chunk: Buffer): number {
    let afterCr = this.#afterCr;
    for (let i = 0; i < chunk.length; i += 1) {
      const octet = chunk[i] ?? NUL;
      if ((octet === LF) !== afterCr || octet === NUL) return i;
      afterCr = octet === CR;
    }
    this.#afterCr = afterCr;
    return -1;
  }
}

/** The index after the first CR before `end` that no LF follows; -1 if there is none. */
function badCarriageReturn(chunk: Buffer, end: number): number {
  for (let at = chunk.indexOf(CR); at !== -1 && at + 1 < chunk.length && at < end; at = chunk.indexOf(CR, at + 2)) {
    if (chunk[at + 1] !== LF) return at + 1;
  }
  return -1;
}
