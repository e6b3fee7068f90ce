/**
 * When each certificate was first read in this process (catalogue C26 asks how new a key is).
 *
 * Bounded: a directory that serves ever new certificates pushes out the oldest memories, never grows the process.
 */

/** About 100 bytes each. */
const REMEMBERED_MAX = 200_000;

/** One for the whole directory: the same certificate in two sources has been seen since the first of them. */
export class FirstSeen {
  readonly #seen = new Map<string, Date>();
  readonly #clock: () => number;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  /** @param name {@link Certificate.sha256}, or another stable name of what was read */
  of(name: string): Date {
    const known = this.#seen.get(name);
    if (known !== undefined) return known;
    if (this.#seen.size >= REMEMBERED_MAX) {
      const oldest = this.#seen.keys().next();
      if (!oldest.done) this.#seen.delete(oldest.value);
    }
    const now = new Date(this.#clock());
    this.#seen.set(name, now);
    return now;
  }
}
