/**
 * Streaming decoder of base64 in a body (RFC 2045 §6.8), cut anywhere, lines of any width ended by CRLF or LF.
 *
 * Lines of one width, which is how programs write them, go through the WebAssembly kernel of base64-unfold-module.ts;
 * anything else, and a machine without the kernel, takes a plain path. The output does not depend on which. Stricter
 * than RFC 2045, which passes over foreign characters: two programs would read two contents. So message.malformed is
 * what is neither base64 nor white space, padding anywhere but at the end, and a last group that is not full.
 */
import { gatewayError } from '../errors.ts';
import { loadUnfoldModule, UNFOLD_OCTETS_MAX, type UnfoldModule } from './base64-unfold-module.ts';

const KERNEL = loadUnfoldModule();
const LF = 0x0a;
const CR = 0x0d;
/** Wider lines gain nothing. */
const WIDTH_MAX = 1024;
/** Less text than this is not worth a call of the kernel. */
const UNFOLD_OCTETS_MIN = 256;
const NOTHING = Buffer.alloc(0);

export class Base64Decoder {
  readonly #kernel: UnfoldModule | null;
  /** Characters that do not make a group of four yet: at most 3. */
  #group = '';
  /** What {@link lend} gives a view of. */
  #lent: Buffer = NOTHING;
  /** Padding came: only white space may follow. */
  #ended = false;

  /** @param kernel null for the plain path; by default what this machine has */
  constructor(kernel: UnfoldModule | null = KERNEL) {
    this.#kernel = kernel;
  }

  /**
   * Takes the next characters.
   * @param chunk attacker-chosen
   * @returns octets decoded so far; the caller's
   * @throws GatewayError message.malformed
   */
  update(chunk: Buffer): Buffer {
    return this.#decode(chunk, Buffer.allocUnsafe(this.#octetsMax(chunk)));
  }

  /** {@link update} into memory of this decoder: the result is void at the next call. @throws GatewayError message.malformed */
  lend(chunk: Buffer): Buffer {
    const octets = this.#octetsMax(chunk);
    if (this.#lent.length < octets) this.#lent = Buffer.allocUnsafeSlow(octets);
    return this.#decode(chunk, this.#lent);
  }

  #octetsMax(chunk: Buffer): number {
    return Math.ceil((this.#group.length + chunk.length) / 4) * 3;
  }

  #decode(chunk: Buffer, out: Buffer): Buffer {
    let to = 0;
    for (let at = 0; at < chunk.length; ) {
      const unfolded = this.#unfold(chunk, at, out, to);
      at = unfolded.at;
      // what the kernel left: to the end of that line, so that it may go on behind it
      const lineEnd = chunk.length - at < UNFOLD_OCTETS_MIN ? -1 : chunk.indexOf(LF, at);
      const end = lineEnd === -1 ? chunk.length : lineEnd + 1;
      to = end > at ? this.#plain(chunk.toString('latin1', at, end), out, unfolded.to) : unfolded.to;
      at = end;
    }
    return out.subarray(0, to);
  }

  /** The body ended. @throws GatewayError message.malformed when it ended within a group */
  final(): void {
    if (this.#group !== '') throw malformed('ends within a group of four characters');
  }

  /** Decodes lines of one width from `from` on. @returns where it stopped, in front of a line */
  #unfold(chunk: Buffer, from: number, out: Buffer, start: number): { readonly at: number; readonly to: number } {
    const kernel = this.#kernel;
    const nothing = { at: from, to: start };
    if (kernel === null || this.#ended || this.#group !== '' || chunk.length - from < UNFOLD_OCTETS_MIN) return nothing;
    const lineEnd = chunk.indexOf(LF, from);
    const crlf = lineEnd > from && chunk[lineEnd - 1] === CR;
    const width = lineEnd - from - (crlf ? 1 : 0);
    if (width < 16 || width > WIDTH_MAX || width % 4 !== 0) return nothing;
    const lineOctets = width + (crlf ? 2 : 1);
    let to = start;
    for (let at = from; ; ) {
      const lines = Math.floor(Math.min(chunk.length - at, UNFOLD_OCTETS_MAX) / lineOctets);
      if (lines === 0) return { at, to };
      chunk.copy(kernel.input, 0, at, at + lines * lineOctets);
      const read = kernel.unfold(lines, width, crlf);
      to += kernel.output.copy(out, to, 0, (read / lineOctets) * (width / 4) * 3);
      at += read;
      if (read < lines * lineOctets) return { at, to };
    }
  }

  /** @returns where the next octet goes */
  #plain(text: string, out: Buffer, to: number): number {
    const characters = this.#group + text.replace(/[\r\n\t ]+/g, '');
    if (characters === this.#group) return to;
    if (this.#ended) throw malformed('goes on after its padding');
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(characters)) throw malformed('has a character that is not base64');
    const rest = characters.length % 4;
    // with three of a group there, the second of two `=` may still be to come
    if (characters.endsWith('=')) {
      if (rest === 1 || rest === 2 || characters.at(-rest) === '=') throw malformed('has padding inside a group');
      this.#ended = rest === 0;
    }
    const whole = characters.length - rest;
    this.#group = characters.slice(whole);
    return to + out.write(characters.slice(0, whole), to, 'base64');
  }
}

function malformed(problem: string): Error {
  return gatewayError('message.malformed', `base64 ${problem}`);
}
