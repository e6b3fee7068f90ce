/**
 * Makes every line end CRLF (RFC 5322 §2.1) in octets that came from a file, cut anywhere: a bare LF gets its CR, all
 * else stays. What is CRLF-true already is handed on without a copy.
 */
import { type LineScan, lineScan, SCAN_OCTETS_MAX } from './line-scan-module.ts';

const LF = 0x0a;
const CR = 0x0d;
const NOTHING = Buffer.alloc(0);

export class LineEnds {
  #afterCr = false;
  #repaired = false;
  readonly #kernel: LineScan | null;

  /** @param kernel null for the plain path; by default what this machine has */
  constructor(kernel: LineScan | null = lineScan) {
    this.#kernel = kernel;
  }

  /** Was there a bare LF? */
  get repaired(): boolean {
    return this.#repaired;
  }

  /** @returns `chunk` itself or a repaired copy */
  update(chunk: Buffer): Buffer {
    if (chunk.length === 0) return NOTHING;
    const bare = this.#firstBareLf(chunk);
    this.#afterCr = chunk[chunk.length - 1] === CR;
    if (bare === -1) return chunk;
    this.#repaired = true;
    return repaired(chunk, bare);
  }

  #firstBareLf(chunk: Buffer): number {
    if (this.#kernel !== null && chunk.length <= SCAN_OCTETS_MAX) {
      if (!this.#kernel(chunk, this.#afterCr ? CR : 0, 0).bareLf) return -1;
    }
    for (let at = chunk.indexOf(LF); at !== -1; at = chunk.indexOf(LF, at + 1)) {
      if (at === 0 ? !this.#afterCr : chunk[at - 1] !== CR) return at;
    }
    return -1;
  }
}

/** @param first a bare LF; everything before it is well */
function repaired(chunk: Buffer, first: number): Buffer {
  const out = Buffer.allocUnsafe(chunk.length * 2 - first);
  let to = chunk.copy(out, 0, 0, first);
  for (let at = first, from = first; ; ) {
    out[to++] = CR;
    // up to and without the next bare LF
    at = chunk.indexOf(LF, at + 1);
    while (at !== -1 && chunk[at - 1] === CR) at = chunk.indexOf(LF, at + 1);
    const end = at === -1 ? chunk.length : at;
    to += chunk.copy(out, to, from, end);
    if (at === -1) return out.subarray(0, to);
    from = at;
  }
}
