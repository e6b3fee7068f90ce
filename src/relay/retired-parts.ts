/**
 * What a reload or a change replaced, kept open until nobody can still hold it: a transaction that took the old snapshot
 * may still ask its directory and its trust.
 */

/** A session lasts no longer than this. */
const KEPT_MS = 20 * 60_000;
/**
 * Each holds its whole index and watches its folders. A transaction that outlives so many changes is told 451 where
 * something closed would have to be asked: closed is not "none".
 */
const KEPT_MAX = 3;

/** Ends one part; must not reject. */
type Close = () => Promise<void>;

export class RetiredParts {
  readonly #parts = new Map<Close, NodeJS.Timeout>();

  /** Closes it later; the oldest at once where there are too many. */
  retire(close: Close): void {
    const timer = setTimeout(() => this.#end(close), KEPT_MS);
    timer.unref();
    this.#parts.set(close, timer);
    for (const oldest of [...this.#parts.keys()].slice(0, -KEPT_MAX)) this.#end(oldest);
  }

  /** Closes all of them now. */
  async close(): Promise<void> {
    for (const [close, timer] of this.#parts) {
      clearTimeout(timer);
      await close();
    }
    this.#parts.clear();
  }

  #end(close: Close): void {
    clearTimeout(this.#parts.get(close));
    this.#parts.delete(close);
    void close();
  }
}
