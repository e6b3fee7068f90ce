/**
 * Brings octets into pieces of at most 64 KiB, the size at which digest and cipher run best; smaller updates cost up to
 * three times as much. A large chunk is handed on as a view, for a copy costs more than an uneven piece; small ones are
 * joined. It gives nothing before more than 64 KiB are there: what fits that can be sealed in one go.
 */
export const BLOCK_OCTETS = 65_536;
/** A chunk of fewer octets is joined with others. */
const VIEW_OCTETS_MIN = 32_768;

export class BlockGatherer {
  #chunks: Buffer[] = [];
  #octets = 0;
  /** More than a block came. */
  #flows = false;

  /** Takes the next octets. @returns pieces that may go on */
  add(chunks: readonly Buffer[]): Buffer[] {
    const ready: Buffer[] = [];
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      if (this.#flows) this.#pass(chunk, ready);
      else this.#hold(chunk, ready);
    }
    return ready;
  }

  /** What is left, at most one block; may be empty. */
  rest(): Buffer {
    const [only] = this.#chunks;
    const all = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks, this.#octets);
    this.#chunks = [];
    this.#octets = 0;
    return all;
  }

  #hold(chunk: Buffer, ready: Buffer[]): void {
    if (this.#octets + chunk.length <= BLOCK_OCTETS) {
      this.#keep(chunk);
      return;
    }
    this.#flows = true;
    const held = this.#chunks;
    this.#chunks = [];
    this.#octets = 0;
    for (const early of [...held, chunk]) this.#pass(early, ready);
  }

  #pass(chunk: Buffer, ready: Buffer[]): void {
    for (let at = 0; at < chunk.length; at += BLOCK_OCTETS) {
      const piece = chunk.subarray(at, at + BLOCK_OCTETS);
      const large = piece.length >= VIEW_OCTETS_MIN;
      if (this.#octets > 0 && (large || this.#octets + piece.length > BLOCK_OCTETS)) ready.push(this.rest());
      if (large) ready.push(piece);
      else this.#keep(piece);
    }
  }

  #keep(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#octets += chunk.length;
    // many tiny chunks would cost more than what they hold
    if (this.#chunks.length >= 4096) this.#chunks = [Buffer.concat(this.#chunks)];
  }
}
