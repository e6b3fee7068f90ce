/**
 * What is left alone for a while after it failed. Bounded: the least recently touched are forgotten first, which costs
 * a question too many.
 *
 * A clock set back must not keep anything resting for longer than its pause, so what rests since a moment that has not
 * come yet rests no more.
 */
import { LRUCache } from 'lru-cache';

export class RestList {
  private readonly since: LRUCache<string, number>;
  private readonly pauseMs: number;
  private readonly now: () => number;

  /**
   * @param entriesMax most that are remembered
   * @param pauseMs how long each rests
   * @param now milliseconds since 1970
   */
  constructor(entriesMax: number, pauseMs: number, now: () => number) {
    this.since = new LRUCache({ max: entriesMax });
    this.pauseMs = pauseMs;
    this.now = now;
  }

  rest(key: string): void {
    this.since.set(key, this.now());
  }

  end(key: string): void {
    this.since.delete(key);
  }

  /** Did it fail the last time, however long ago? */
  has(key: string): boolean {
    return this.since.has(key);
  }

  isResting(key: string): boolean {
    const since = this.since.get(key);
    if (since === undefined) return false;
    const age = this.now() - since;
    return age >= 0 && age < this.pauseMs;
  }
}
