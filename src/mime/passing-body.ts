/**
 * A body, preamble or epilogue whose octets go out as they came, while it is watched whether they are 7-bit data.
 */
import { SevenBitScan } from './seven-bit-scan.ts';

/** What canonical-entity.ts does with one stretch of content between delimiters. */
export interface Body {
  /**
   * Takes the next content; pushes what can go out.
   * @param plain true where this content is the whole stretch and known to be 7-bit data that no relay changes
   */
  write(content: Buffer, out: Buffer[], plain: boolean): void;
  /** The stretch ended. @param delimited true when a delimiter follows, false at the end of the entity */
  end(out: Buffer[], delimited: boolean): void;
}

export class PassingBody implements Body {
  readonly #scan = new SevenBitScan();
  readonly #violated: () => void;

  /** @param violated called once, as soon as something is not 7-bit data */
  constructor(violated: () => void) {
    this.#violated = violated;
  }

  write(content: Buffer, out: Buffer[], plain: boolean): void {
    out.push(content);
    if (plain || this.#scan.violated) return;
    this.#scan.update(content);
    if (this.#scan.violated) this.#violated();
  }

  end(): void {
    if (!this.#scan.violated && this.#scan.end()) this.#violated();
  }
}
