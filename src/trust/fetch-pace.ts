/**
 * How fast an answer is taken: never faster than a good line to a server far away brings it. Beside us, a server could send
 * gigabytes a second, and every octet costs this machine time that mail needs.
 */
import { setTimeout as delay } from 'node:timers/promises';

const OCTETS_PER_SECOND = 32 * 1024 * 1024;
/** Shorter waits are saved up: a timer is not finer than a millisecond. */
const WAIT_MS_MIN = 4;

/** Of one answer. */
export class FetchPace {
  private readonly begunAt = performance.now();
  private octets = 0;

  /** Waits as long as these octets came too early. */
  async passed(octets: number): Promise<void> {
    this.octets += octets;
    const ahead = (this.octets / OCTETS_PER_SECOND) * 1_000 - (performance.now() - this.begunAt);
    if (ahead >= WAIT_MS_MIN) await delay(ahead);
  }
}
