/**
 * Circuit breaker for each host that is asked for revocation (catalogue L10): after a failure it is left alone for a
 * while, then met by one probe. It refuses nothing for good.
 */
import { RestList } from './rest-list.ts';

const HOSTS_MAX = 2_000;

export class FetchBreaker {
  /** Hosts that failed, the moment of the last failure or probe; absent: all is well. */
  private readonly rests: RestList;

  /**
   * @param pauseMs how long a host that failed is left alone
   * @param now milliseconds since 1970
   */
  constructor(pauseMs: number, now: () => number) {
    this.rests = new RestList(HOSTS_MAX, pauseMs, now);
  }

  /** @returns false: do not ask now */
  admit(host: string): boolean {
    if (this.rests.isResting(host)) return false;
    // this one is the probe; the next may come when it has had its time
    if (this.rests.has(host)) this.rests.rest(host);
    return true;
  }

  answered(host: string): void {
    this.rests.end(host);
  }

  failed(host: string): void {
    this.rests.rest(host);
  }
}
