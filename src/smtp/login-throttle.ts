/**
 * Slows down password guessing: every failed attempt of an IP address doubles the wait before its next one, counted
 * before the password is looked at, so that neither hanging up early nor many connections at once buys tries (S11).
 *
 * Password hashes of all clients run at most two at a time: they are made to be expensive, and the thread pool that
 * computes them also serves files and signatures.
 */
import { setTimeout as wait } from 'node:timers/promises';

const FIRST_WAIT_MS = 250;
const WAIT_MS_MAX = 8000;
/** Failures older than this are forgotten. */
const MEMORY_MS = 15 * 60_000;
/** The oldest address is forgotten first; a flood of addresses must not fill the memory. */
const ADDRESSES_MAX = 10_000;
const HASHES_AT_ONCE = 2;

interface Failures {
  count: number;
  last: number;
}

/** One for all listeners. */
export class LoginThrottle {
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
    const delay = this.waitOf(ip);
    this.#count(ip);
    if (delay > 0) await wait(delay, undefined, { ref: false });
    const right = await this.#inTurn(verify);
    if (right) this.#forgive(ip);
    return right;
  }

  /** Milliseconds that the next attempt of this address would wait. */
  waitOf(ip: string): number {
    const failures = this.#failures.get(ip);
    if (failures === undefined || this.#clock() - failures.last > MEMORY_MS) return 0;
    return Math.min(FIRST_WAIT_MS * 2 ** (failures.count - 1), WAIT_MS_MAX);
  }

  #count(ip: string): void {
    const now = this.#clock();
    const known = this.#failures.get(ip);
    const fresh = known === undefined || now - known.last > MEMORY_MS ? { count: 0, last: now } : known;
    this.#failures.delete(ip);
    this.#failures.set(ip, { count: Math.min(fresh.count + 1, 32), last: now });
    if (this.#failures.size <= ADDRESSES_MAX) return;
    for (const oldest of this.#failures.keys()) {
      this.#failures.delete(oldest);
      break;
    }
  }

  /** Takes back the attempt just counted, not the failures before it: one good account must not cover for guessing. */
  #forgive(ip: string): void {
    const failures = this.#failures.get(ip);
    if (failures === undefined) return;
    failures.count -= 1;
    if (failures.count <= 0) this.#failures.delete(ip);
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
