/**
 * Reads the header section off the front of a message as it arrives (RFC 5322 §2.1): chunks go in until the empty
 * line, then the block and the first octets of the body come out.
 *
 * What it refuses is what header-block.ts refuses; the limits hold while reading, so a 20 MB header is refused after
 * its first megabyte. A message that begins with the empty line has a header of no fields. A message without an
 * empty line is all header and has no body (RFC 5322 §3.5): `end` gives it.
 */
import { gatewayError } from '../errors.ts';
import { HEADER_OCTETS_MAX, type HeaderBlock, parseHeaderBlock } from './header-block.ts';

export { parseHeaderBlock } from './header-block.ts';

/** A header section that is complete, and the octets behind its empty line. */
export interface HeaderRead {
  readonly header: HeaderBlock;
  /** Body octets that came with the last chunk; may be empty. */
  readonly rest: Buffer;
}

const EMPTY_LINE = Buffer.from('\r\n\r\n');
const CRLF = Buffer.from('\r\n');
const NOTHING = Buffer.alloc(0);

export class HeaderReader {
  /** Chunks so far; joined once at the end, so that many small chunks cost no more than few. */
  #chunks: Buffer[] = [];
  #octets = 0;
  /** The last three octets so far: an empty line may straddle chunks. */
  #tail: Buffer = NOTHING;

  /**
   * Takes the next chunk.
   * @param chunk attacker-chosen, any length
   * @returns null while the empty line has not come yet; nothing may be written after it came
   * @throws GatewayError message.limits, message.malformed
   */
  write(chunk: Buffer): HeaderRead | null {
    const end = this.#findEnd(chunk);
    const octets = end === null ? this.#octets + chunk.length : end.header;
    if (octets > HEADER_OCTETS_MAX) throw gatewayError('message.limits', `header over ${HEADER_OCTETS_MAX} octets`);
    if (end === null) {
      this.#chunks.push(chunk);
      this.#octets = octets;
      this.#tail = Buffer.concat([this.#tail, chunk.subarray(-3)]).subarray(-3);
      if (this.#chunks.length >= 1024) this.#chunks = [Buffer.concat(this.#chunks)];
      return null;
    }
    // a copy, for the header lives longer than its chunk; of this chunk only what belongs to it
    const last = chunk.subarray(0, Math.max(0, end.header - this.#octets));
    const header = parseHeaderBlock(Buffer.concat([...this.#chunks, last]).subarray(0, end.header));
    this.#chunks = [];
    return { header, rest: chunk.subarray(end.body) };
  }

  /**
   * The message ended before an empty line: everything was header.
   * @throws GatewayError message.malformed when the last line has no CRLF
   */
  end(): HeaderBlock {
    return parseHeaderBlock(Buffer.concat(this.#chunks));
  }

  /** Octets of header (from the first chunk on), and where in this chunk the body begins. */
  #findEnd(chunk: Buffer): { readonly header: number; readonly body: number } | null {
    const joined = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    const lead = joined.length - chunk.length;
    if (this.#octets === lead && joined.length >= 2 && joined[0] === CRLF[0] && joined[1] === CRLF[1]) {
      return { header: 0, body: 2 - lead };
    }
    const at = joined.indexOf(EMPTY_LINE);
    if (at === -1) return null;
    return { header: this.#octets - lead + at + 2, body: at + 4 - lead };
  }
}
