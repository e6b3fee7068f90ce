/**
 * Circuit breaker of one look-up source: after a failure it is not asked for a while, then by one probe (catalogue L10).
 *
 * Mail that needs the source is deferred at once instead of after a deadline each, and a server that comes back is not
 * met by the whole backlog. It refuses nothing for good: the first look-up after the period is the probe.
 */

/** Permission for one look-up; handed back with its outcome. */
export interface Ticket {
  readonly period: number;
}

export class Breaker {
  readonly #failFastMs: number;
  readonly #clock: () => number;
  #period = 0;
  #closed = true;
  #retryAt = 0;
  #probing = false;

  /** @param clock milliseconds since 1970 */
  constructor(failFastMs: number, clock: () => number) {
    this.#failFastMs = failFastMs;
    this.#clock = clock;
  }

  /** null: do not ask now. */
  admit(): Ticket | null {
    if (this.#closed) return { period: this.#period };
    if (this.#probing || this.#clock() < this.#retryAt) return null;
    this.#probing = true;
    return { period: this.#period };
  }

  /** False: the source has failed since, and this look-up should not try again. */
  isCurrent(ticket: Ticket): boolean {
    return ticket.period === this.#period;
  }

  /**
   * The source answered. Tickets from before the last failure prove nothing about now.
   * @returns true when this ended an outage
   */
  answered(ticket: Ticket): boolean {
    if (ticket.period !== this.#period || this.#closed) return false;
    this.#closed = true;
    this.#probing = false;
    return true;
  }

  /**
   * The source failed.
   * @returns true when this began an outage or a probe found it still there; false for the other look-ups of the same crash
   */
  failed(ticket: Ticket): boolean {
    if (ticket.period !== this.#period) return false;
    this.#period += 1;
    this.#closed = false;
    this.#probing = false;
    this.#retryAt = this.#clock() + this.#failFastMs;
    return true;
  }
}
