/**
 * Lets one look at content that is not proven yet who releases nothing (the reader of what is inside): a signature inside
 * an encryption is then checked in the pass that proves the encryption (performance: three passes become two).
 */

/**
 * Looks at unproven content. What it finds or throws is handed on only when the content is proven. It must not pass the
 * content on: that is what `release` is for.
 */
export interface Inspector<T> {
  /** @param unproven attacker-chosen; void when this returns */
  write(unproven: Buffer): void;
  /** The content ended, and is proven. */
  end(): T;
}

/** Shows content to an inspector and keeps what it throws for later. Without an inspector it does nothing. */
export class Inspection<T> {
  private readonly inspector: Inspector<T> | null;
  private failed: { readonly thrown: unknown } | null = null;

  constructor(inspector: Inspector<T> | null) {
    this.inspector = inspector;
  }

  show(unproven: Buffer): void {
    if (this.inspector === null || this.failed !== null) return;
    try {
      this.inspector.write(unproven);
    } catch (thrown) {
      this.failed = { thrown };
    }
  }

  /** To be called only when the content is proven. @throws what the inspector threw */
  result(): T {
    if (this.failed !== null) throw this.failed.thrown;
    // without an inspector T is undefined
    return this.inspector === null ? (undefined as T) : this.inspector.end();
  }
}
