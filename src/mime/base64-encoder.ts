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

const KERNEL = loadFoldModule();

export class Base64Encoder {
  readonly #kernel: FoldModule | null;
  /** Octets that do not fill a line yet: at most 56. */
  #carry: Buffer = Buffer.alloc(0);

  /** @param kernel null for the plain path; by default what this machine has */
  constructor(kernel: FoldModule | null = KERNEL) {
    this.#kernel = kernel;
  }

  /** Takes the next octets; gives every line that is full. The result belongs to the caller. */
  update(chunk: Buffer): Buffer {
    if (this.#carry.length + chunk.length < LINE_OCTETS) {
      this.#carry = Buffer.concat([this.#carry, chunk]);
      return Buffer.alloc(0);
    }
    const need = this.#carry.length === 0 ? 0 : LINE_OCTETS - this.#carry.length;
    const head = need === 0 ? null : Buffer.concat([this.#carry, chunk.subarray(0, need)]);
    const lines = Math.floor((chunk.length - need) / LINE_OCTETS);
    const out = Buffer.allocUnsafe((lines + (head === null ? 0 : 1)) * FOLDED_OCTETS);
    let to = 0;
    if (head !== null) to = foldPlain(head, out, 0);
    this.#fold(chunk.subarray(need, need + lines * LINE_OCTETS), out, to);
    this.#carry = Buffer.from(chunk.subarray(need + lines * LINE_OCTETS));
    return out;
  }

  /** The data ended: its last, short line with CRLF; empty when there is none. */
  final(): Buffer {
    const last = this.#carry;
    this.#carry = Buffer.alloc(0);
    return last.length === 0 ? last : Buffer.from(`${last.toString('base64')}\r\n`, 'latin1');
  }

  /** Encodes whole lines. */
  #fold(data: Buffer, out: Buffer, at: number): void {
    if (this.#kernel === null) {
      foldPlain(data, out, at);
      return;
    }
    let to = at;
    for (let from = 0; from < data.length; from += FOLD_LINES_MAX * LINE_OCTETS) {
      const part = data.subarray(from, from + FOLD_LINES_MAX * LINE_OCTETS);
      const lines = part.length / LINE_OCTETS;
      part.copy(this.#kernel.input);
      this.#kernel.fold(lines);
      to += this.#kernel.output.copy(out, to, 0, lines * FOLDED_OCTETS);
    }
  }
}

/** Octets a native call encodes at once: whole lines, far below the sizes at which V8 strings become slow. */
const PLAIN_OCTETS = LINE_OCTETS * 512;

/** Encodes whole lines without the kernel. @returns where the next octet goes */
function foldPlain(data: Buffer, out: Buffer, at: number): number {
  let to = at;
  for (let from = 0; from < data.length; from += PLAIN_OCTETS) {
    const text = data.toString('base64', from, Math.min(from + PLAIN_OCTETS, data.length));
    for (let i = 0; i < text.length; i += 76) {
      to += out.write(text.slice(i, i + 76), to, 'latin1');
      out[to++] = CR;
      out[to++] = LF;
    }
  }
  return to;
}
