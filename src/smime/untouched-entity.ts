/**
 * An entity that was signed before it came to us (RFC 1847 §2.1): nothing of it may change, so it is only watched
 * whether it is 7-bit data. Same shape as mime's CanonicalEntity.
 */
import type { HeaderBlock } from '../mime/header-block.ts';
import { SevenBitScan } from '../mime/seven-bit-scan.ts';

export class UntouchedEntity {
  readonly #scan = new SevenBitScan();
  #lead: Buffer | null;

  /** @param contentFields the Content-* fields of the message */
  constructor(contentFields: HeaderBlock) {
    this.#lead = Buffer.concat([contentFields.raw, Buffer.from('\r\n')]);
    this.#scan.update(this.#lead);
  }

  get untouchedEightBit(): boolean {
    return this.#scan.violated;
  }

  write(chunk: Buffer): Buffer[] {
    this.#scan.update(chunk);
    return this.#withLead([chunk]);
  }

  end(): Buffer[] {
    this.#scan.end();
    return this.#withLead([]);
  }

  /** The whole body at once. */
  whole(body: Buffer): Buffer[] {
    this.#scan.update(body);
    this.#scan.end();
    return this.#withLead([body]);
  }

  #withLead(chunks: Buffer[]): Buffer[] {
    if (this.#lead === null) return chunks;
    const all = [this.#lead, ...chunks];
    this.#lead = null;
    return all;
  }
}
