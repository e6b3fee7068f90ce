/** The wait before one login attempt is looked at; it grows with the failures before it, to a limit. */

const FIRST_WAIT_MS = 250;
const WAIT_MS_MAX = 8000;

/** Milliseconds to wait after so many failures. */
export function waitAfter(failures: number): number {
  return failures <= 0 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), WAIT_MS_MAX);
}

export class LoginWait {
  /** Resolves when it has been long enough. Does not keep a process alive. */
  readonly end: Promise<void>;
  readonly #clock: () => number;
  readonly #since: number;
  #failures: number;
  #timer: NodeJS.Timeout | null = null;
  #wake: () => void = () => undefined;

  /**
   * @param failures attempts before this one that failed or are under way
   * @param clock milliseconds
   */
  constructor(failures: number, clock: () => number) {
    this.#failures = failures;
    this.#clock = clock;
    this.#since = clock();
    this.end = new Promise((resolve) => {
      this.#wake = resolve;
    });
    this.#arm();
  }

  /** One of those before it was no failure. */
  shorten(): void {
    this.#failures -= 1;
    this.#arm();
  }

  #arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const left = waitAfter(this.#failures) - (this.#clock() - this.#since);
    if (left <= 0) this.#wake();
    else this.#timer = setTimeout(this.#wake, left).unref();
  }
}
