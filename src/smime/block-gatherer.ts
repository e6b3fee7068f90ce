/**
 * Gathers octets into blocks of 64 KiB, the size at which digest and cipher run best; smaller updates cost up to three
 * times as much. It gives nothing before more than one block is there: what fits one block can be sealed in one go.
 */
export const BLOCK_OCTETS = 65_536;

export class BlockGatherer {
  #chunks: Buffer[] = [];
  #octets = 0;

  /** Takes the next octets. @returns full blocks; at least one octet stays behind them */
  add(chunks: readonly Buffer[]): Buffer[] {
    for (const chunk of chunks) {
      if (chunk.length === 0) continue;
      this.#chunks.push(chunk);
      this.#octets += chunk.length;
      // many tiny chunks would cost more than what they hold
      if (this.#chunks.length >= 4096) this.#chunks = [Buffer.concat(this.#chunks)];
    }
    if (this.#octets <= BLOCK_OCTETS) return [];
    const all = this.#join();
    const blocks: Buffer[] = [];
    let at = 0;
    for (; all.length - at > BLOCK_OCTETS; at += BLOCK_OCTETS) blocks.push(all.subarray(at, at + BLOCK_OCTETS));
    this.#chunks = [all.subarray(at)];
    this.#octets = all.length - at;
    return blocks;
  }

  /** What is left, at most one block. */
  rest(): Buffer {
    const all = this.#join();
    this.#chunks = [];
    this.#octets = 0;
    return all;
  }

  #join(): Buffer {
    const only = this.#chunks[0];
    return this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks, this.#octets);
  }
}
