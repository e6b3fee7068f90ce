/**
 * Circuit breaker for each host that is asked for revocation (catalogue L10): after a failure it is left alone for a
 * while, then met by one probe. It refuses nothing for good.
 */
import { LRUCache } from 'lru-cache';

const HOSTS_MAX = 2_000;

export class FetchBreaker {
  private readonly pauseMs: number;
  /** Host to the moment from which one probe is let through; absent: all is well. */
  private readonly closedUntil = new LRUCache<string, number>({ max: HOSTS_MAX });

  /** @param pauseMs how long a host that failed is left alone */
  constructor(pauseMs: number) {
    this.pauseMs = pauseMs;
  }

  /** @param now milliseconds since 1970 @returns false: do not ask now */
  admit(host: string, now: number): boolean {
    const until = this.closedUntil.get(host);
    if (until === undefined) return true;
    if (now < until) return false;
    // this one is the probe; the next may come when it has had its time
    this.closedUntil.set(host, now + this.pauseMs);
    return true;
  }

  answered(host: string): void {
    this.closedUntil.delete(host);
  }

  failed(host: string, now: number): void {
    this.closedUntil.set(host, now + this.pauseMs);
  }
}
