/**
 * Slows down password guessing: every failed attempt of an IP address doubles the wait before its next one. An attempt
 * counts as failed until it is found right, so that neither hanging up early nor many connections at once buys tries
 * (S11). Once it is found right, those that came after it wait that much less: a server that logs in on ten connections
 * at once is no guesser.
 *
 * Password hashes of all clients run at most two at a time: they are made to be expensive, and the thread pool that
 * computes them also serves files and signatures.
 */
import { LoginWait, waitAfter } from './login-wait.ts';

/** Failures older than this are forgotten. */
const MEMORY_MS = 15 * 60_000;
/** The oldest address is forgotten first; a flood of addresses must not fill the memory. */
const ADDRESSES_MAX = 10_000;
const HASHES_AT_ONCE = 2;

interface Failures {
  /** Attempts that failed, and those under way. */
  count: number;
  /** When the latest attempt came. */
  last: number;
  /** Of the attempts under way, in the order they came. */
  readonly waits: Set<LoginWait>;
}

/** One for all listeners. */
export class LoginThrottle {
  /** By IP address; the one that was silent for longest comes first. */
  readonly #failures = new Map<string, Failures>();
  readonly #clock: () => number;
  #running = 0;
  readonly #queue: (() => void)[] = [];

  /** @param clock milliseconds */
  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /**
   * Runs one attempt after the wait that its address has earned.
   * @param verify resolves to whether the login is right
   */
  async attempt(ip: string, verify: () => Promise<boolean>): Promise<boolean> {
    const failures = this.#failuresOf(ip);
    const wait = new LoginWait(failures.count, this.#clock);
    failures.count += 1;
    failures.waits.add(wait);
    try {
      await wait.end;
      const right = await this.#inTurn(verify);
      if (right) this.#forgive(ip, failures, wait);
      return right;
    } finally {
      failures.waits.delete(wait);
    }
  }

  /** Milliseconds that the next attempt of this address would wait. */
  waitOf(ip: string): number {
    const failures = this.#failures.get(ip);
    if (failures === undefined || this.#clock() - failures.last > MEMORY_MS) return 0;
    return waitAfter(failures.count);
  }

  #failuresOf(ip: string): Failures {
    const now = this.#clock();
    const known = this.#failures.get(ip);
    const failures: Failures =
      known === undefined || now - known.last > MEMORY_MS ? { count: 0, last: now, waits: new Set() } : known;
    failures.last = now;
    this.#failures.delete(ip);
    this.#failures.set(ip, failures);
    if (this.#failures.size > ADDRESSES_MAX) {
      for (const oldest of this.#failures.keys()) {
        this.#failures.delete(oldest);
        break;
      }
    }
    return failures;
  }

  /** Takes back the attempt just counted, not the failures before it: one good account must not cover for guessing. */
  #forgive(ip: string, failures: Failures, right: LoginWait): void {
    failures.count -= 1;
    if (failures.count <= 0 && this.#failures.get(ip) === failures) this.#failures.delete(ip);
    let later = false;
    for (const wait of failures.waits) {
      if (later) wait.shorten();
      if (wait === right) later = true;
    }
  }

  async #inTurn(verify: () => Promise<boolean>): Promise<boolean> {
    if (this.#running >= HASHES_AT_ONCE) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#running += 1;
    try {
      return await verify();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
