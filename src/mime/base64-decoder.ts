/**
 * Streaming decoder of base64 in a body (RFC 2045 §6.8), cut anywhere, lines of any width ended by CRLF or LF.
 *
 * Lines of one width, which is how programs write them, go through the WebAssembly kernel of base64-unfold-module.ts, in
 * whose memory text and octets stand, so that nothing is copied; anything else, and a machine without the kernel, takes a
 * plain path. The output does not depend on which. Stricter than RFC 2045, which passes over foreign characters: two
 * programs would read two contents. So message.malformed is what is neither base64 nor white space, padding anywhere but
 * at the end, and a last group that is not full.
 */
import { gatewayError } from '../errors.ts';
import {
  borrowUnfoldModule,
  returnUnfoldModule,
  UNFOLD_INPUT_OCTETS,
  type UnfoldModule,
} from './base64-unfold-module.ts';

/** Text that is taken at a time. */
export const BASE64_ROOM_OCTETS = 65_536;
const LF = 0x0a;
const CR = 0x0d;
/** Wider lines gain nothing; and what is held of a line must fit behind the room. */
const WIDTH_MAX = 1024;
/** Less text than this is not worth a call of the kernel. */
const UNFOLD_OCTETS_MIN = 256;
/** Where lines are of many widths or short, calls would cost more than the text: each stretch is so many times the last. */
const STRETCH_GROWTH = 4;
const NOTHING = Buffer.alloc(0);

/** Lines as the text began; `octets` counts the line end. */
interface LineForm {
  readonly width: number;
  readonly octets: number;
}

/**
 * Text goes in by {@link room} and {@link take}, without a copy, or by {@link update}. It holds memory that others can
 * use: {@link close} gives it back.
 */
export class Base64Decoder {
  readonly #kernel: UnfoldModule | null;
  readonly #borrowed: boolean;
  #input: Buffer;
  #output: Buffer;
  /** Octets at the front of the input that are not a whole line yet: at most a line. */
  #held = 0;
  /** Characters that do not make a group of four yet: at most 3. */
  #group = '';
  /** Padding came: only white space may follow. */
  #ended = false;

  /** @param kernel null for the plain path; by default what this machine has */
  constructor(kernel?: UnfoldModule | null) {
    this.#borrowed = kernel === undefined;
    this.#kernel = kernel === undefined ? borrowUnfoldModule() : kernel;
    this.#input = this.#kernel?.input ?? Buffer.allocUnsafeSlow(UNFOLD_INPUT_OCTETS);
    this.#output = this.#kernel?.output ?? Buffer.allocUnsafeSlow(UNFOLD_INPUT_OCTETS);
  }

  /** Where the next characters may be read to: {@link BASE64_ROOM_OCTETS}. Others at every {@link take}. */
  get room(): Buffer {
    return this.#input.subarray(this.#held, this.#held + BASE64_ROOM_OCTETS);
  }

  /**
   * Takes characters from the front of {@link room}.
   * @param octets how many stand there; attacker-chosen
   * @returns octets decoded so far, void at the next call; the caller may write over them
   * @throws GatewayError message.malformed
   */
  take(octets: number): Buffer {
    const end = this.#held + octets;
    let at = 0;
    let to = 0;
    let stretch = UNFOLD_OCTETS_MIN;
    this.#held = 0;
    while (at < end) {
      const form = this.#formAt(at, end);
      if (form !== null) {
        const lines = Math.floor((end - at) / form.octets);
        const read = this.#kernel?.unfold(at, lines, to, form.width, form.octets > form.width + 1) ?? 0;
        at += read;
        to += (read / form.octets) * (form.width / 4) * 3;
        // all that were whole: what is left may become a line
        if (read === lines * form.octets) {
          this.#hold(at, end);
          break;
        }
      }
      // to the end of a line, so that the kernel may go on behind it
      const lineEnd = this.#kernel === null ? -1 : this.#input.indexOf(LF, at + stretch);
      const stop = lineEnd === -1 ? end : Math.min(end, lineEnd + 1);
      to = this.#plain(this.#input.toString('latin1', at, stop), to);
      at = stop;
      stretch *= STRETCH_GROWTH;
    }
    return this.#output.subarray(0, to);
  }

  /** Takes the next characters. @param chunk attacker-chosen @returns octets decoded so far; the caller's @throws as take */
  update(chunk: Buffer): Buffer {
    const parts: Buffer[] = [];
    for (let at = 0; at < chunk.length; ) {
      const octets = chunk.copy(this.room, 0, at);
      at += octets;
      const part = this.take(octets);
      if (part.length > 0) parts.push(Buffer.from(part));
    }
    const [only = NOTHING] = parts;
    return parts.length > 1 ? Buffer.concat(parts) : only;
  }

  /**
   * The body ended.
   * @returns the last octets, as {@link take} does; may be empty
   * @throws GatewayError message.malformed also when it ended within a group
   */
  final(): Buffer {
    const to = this.#plain(this.#input.toString('latin1', 0, this.#held), 0);
    this.#held = 0;
    if (this.#group !== '') throw malformed('ends within a group of four characters');
    return this.#output.subarray(0, to);
  }

  /** Gives the memory back, which void makes all that {@link take} and {@link final} gave. For any state, and twice. */
  close(): void {
    if (this.#borrowed && this.#kernel !== null && this.#input.length > 0) returnUnfoldModule(this.#kernel);
    this.#input = NOTHING;
    this.#output = NOTHING;
  }

  /** The form of the lines from `at` on, which is their first's, where the kernel can take them. */
  #formAt(at: number, end: number): LineForm | null {
    if (this.#kernel === null || this.#ended || this.#group !== '' || end - at < UNFOLD_OCTETS_MIN) return null;
    const lineEnd = this.#input.indexOf(LF, at);
    if (lineEnd === -1 || lineEnd >= end) return null;
    const crlf = lineEnd > at && this.#input[lineEnd - 1] === CR;
    const width = lineEnd - at - (crlf ? 1 : 0);
    if (width < 16 || width > WIDTH_MAX || width % 4 !== 0) return null;
    return { width, octets: lineEnd + 1 - at };
  }

  #hold(at: number, end: number): void {
    if (end > at) this.#input.copyWithin(0, at, end);
    this.#held = end - at;
  }

  /** @returns where the next octet goes */
  #plain(text: string, to: number): number {
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
    return to + this.#output.write(characters.slice(0, whole), to, 'base64');
  }
}

function malformed(problem: string): Error {
  return gatewayError('message.malformed', `base64 ${problem}`);
}
