/**
 * Streaming base64 with lines of 76 characters (RFC 2045 §6.8), each ended by CRLF, the last one too.
 *
 * Whole lines of 57 octets go through the WebAssembly kernel of base64-fold-module.ts, or through a plain path where
 * there is none; the output does not depend on which, nor on how the input was cut.
 */
import { FOLD_LINES_MAX, type FoldModule, loadFoldModule } from './base64-fold-module.ts';

const LINE_OCTETS = 57;
const FOLDED_OCTETS = 78;
const CR = 0x0d;
const LF = 0x0a;
/** What one call of the kernel takes: a chunk of 64 KiB with its carry. */
const KERNEL_OCTETS = FOLD_LINES_MAX * LINE_OCTETS;

const KERNEL = loadFoldModule();
const NOTHING = Buffer.alloc(0);

export class Base64Encoder {
  readonly #kernel: FoldModule | null;
  /** Octets that do not fill a line yet. */
  readonly #carry = Buffer.allocUnsafe(LINE_OCTETS - 1);
  #carried = 0;

  /** @param kernel null for the plain path; by default what this machine has */
  constructor(kernel: FoldModule | null = KERNEL) {
    this.#kernel = kernel;
  }

  /** Takes the next octets; gives every line that is full. The result belongs to the caller. */
  update(chunk: Buffer): Buffer {
    const lines = Math.floor((this.#carried + chunk.length) / LINE_OCTETS);
    if (lines === 0) return this.#keep(chunk, 0);
    const out = Buffer.allocUnsafe(lines * FOLDED_OCTETS);
    if (this.#kernel !== null) {
      this.#fold(this.#kernel, chunk, (folded, at) => folded.copy(out, at));
      return out;
    }
    const whole = this.#carried === 0 ? chunk : Buffer.concat([this.#carry.subarray(0, this.#carried), chunk]);
    foldPlain(whole.subarray(0, lines * LINE_OCTETS), out);
    this.#carried = 0;
    this.#keep(whole, lines * LINE_OCTETS);
    return out;
  }

  /**
   * {@link update} for one who uses the lines up at once: the result lies in memory that every encoder shares and is
   * void when any of them is called again. It saves a copy and the allocation, a tenth of the cost of sealing.
   * @param chunk at most 64 KiB for that; a longer one is copied
   */
  lend(chunk: Buffer): Buffer {
    if (this.#kernel === null || this.#carried + chunk.length > KERNEL_OCTETS) return this.update(chunk);
    let lent: Buffer = NOTHING;
    this.#fold(this.#kernel, chunk, (folded) => {
      lent = folded;
    });
    return lent;
  }

  /** The data ended: its last, short line with CRLF; empty when there is none. */
  final(): Buffer {
    if (this.#carried === 0) return NOTHING;
    const text = this.#carry.toString('base64', 0, this.#carried);
    this.#carried = 0;
    return Buffer.from(`${text}\r\n`, 'latin1');
  }

  /** Encodes carry and chunk as far as they fill lines. */
  #fold({ input, output, fold }: FoldModule, chunk: Buffer, take: (folded: Buffer, at: number) => void): void {
    let from = 0;
    for (let at = 0; ; ) {
      this.#carry.copy(input, 0, 0, this.#carried);
      const taken = Math.min(chunk.length - from, KERNEL_OCTETS - this.#carried);
      chunk.copy(input, this.#carried, from, from + taken);
      const octets = this.#carried + taken;
      const lines = Math.floor(octets / LINE_OCTETS);
      if (lines > 0) fold(lines);
      // to the carry before the output is handed on: input may be written again by whoever gets it
      this.#carried = input.copy(this.#carry, 0, lines * LINE_OCTETS, octets);
      if (lines > 0) take(output.subarray(0, lines * FOLDED_OCTETS), at);
      at += lines * FOLDED_OCTETS;
      from += taken;
      if (from >= chunk.length) return;
    }
  }

  /** @returns nothing */
  #keep(chunk: Buffer, from: number): Buffer {
    this.#carried += chunk.copy(this.#carry, this.#carried, from);
    return NOTHING;
  }
}

/** ASCII that stands directly before and behind base64 lines. */
export interface Surroundings {
  readonly before: string;
  readonly behind: string;
}

const NO_SURROUNDINGS: Surroundings = { before: '', behind: '' };

/**
 * base64 lines of data that is all there, in pieces: what {@link Base64Encoder} gives in the end. With what stands round
 * them in one piece of memory, for short data needs more time for each piece than for its octets.
 * @param kernel as for the class
 */
export function foldBase64(
  pieces: readonly Buffer[],
  { before, behind }: Surroundings = NO_SURROUNDINGS,
  kernel: FoldModule | null = KERNEL,
): Buffer {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  if (kernel === null || length > KERNEL_OCTETS) {
    const encoder = new Base64Encoder(kernel);
    const lines = pieces.map((piece) => encoder.update(piece));
    return Buffer.concat([Buffer.from(before, 'latin1'), ...lines, encoder.final(), Buffer.from(behind, 'latin1')]);
  }
  const { input, output } = kernel;
  let at = 0;
  for (const piece of pieces) {
    input.set(piece, at);
    at += piece.length;
  }
  const lines = Math.floor(length / LINE_OCTETS);
  const whole = lines * LINE_OCTETS;
  const octets = lines * FOLDED_OCTETS;
  const rest = length === whole ? '' : `${input.toString('base64', whole, length)}\r\n`;
  const folded = Buffer.allocUnsafe(before.length + octets + rest.length + behind.length);
  if (before.length > 0) folded.write(before, 0, 'latin1');
  if (lines > 0) {
    kernel.fold(lines);
    output.copy(folded, before.length, 0, octets);
  }
  const tail = rest + behind;
  if (tail.length > 0) folded.write(tail, before.length + octets, 'latin1');
  return folded;
}

/** Octets a native call encodes at once: whole lines, far below the sizes at which V8 strings become slow. */
const PLAIN_OCTETS = LINE_OCTETS * 512;

/** Encodes whole lines without the kernel. */
function foldPlain(data: Buffer, out: Buffer): void {
  let to = 0;
  for (let from = 0; from < data.length; from += PLAIN_OCTETS) {
    const text = data.toString('base64', from, Math.min(from + PLAIN_OCTETS, data.length));
    for (let i = 0; i < text.length; i += 76) {
      to += out.write(text.slice(i, i + 76), to, 'latin1');
      out[to++] = CR;
      out[to++] = LF;
    }
  }
}
