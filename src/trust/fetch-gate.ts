/**
 * Whose turn it is to fetch: so many at once altogether and so many from one owner of names, the rest in the order they
 * came. Certificates may name as many locations as they like, and slow ones: they wait for each other, not all for them.
 *
 * Refused: more than {@link WAITING_MAX} in the queue.
 */
import { isIP } from 'node:net';
import { FetchRefusal } from './fetch-refusal.ts';

const AT_ONCE_MAX = 64;
const AT_ONCE_FROM_ONE_MAX = 6;
const WAITING_MAX = 2_000;

interface Waiting {
  readonly owner: string;
  readonly start: () => void;
}

export class FetchGate {
  private readonly underWay = new Map<string, number>();
  private total = 0;
  private waiting: Waiting[] = [];

  /**
   * @param host name or address without port, attacker-chosen
   * @param signal ends the waiting
   * @returns to be called when the fetch is over
   * @throws FetchRefusal busy
   */
  async enter(host: string, signal: AbortSignal): Promise<() => void> {
    const owner = ownerOf(host);
    if (!this.mayStart(owner)) await this.turn(owner, signal);
    else this.count(owner, 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.count(owner, -1);
      this.startNext();
    };
  }

  private turn(owner: string, signal: AbortSignal): Promise<void> {
    if (this.waiting.length >= WAITING_MAX) throw new FetchRefusal('busy', `${WAITING_MAX} fetches are waiting`);
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        this.waiting = this.waiting.filter((one) => one !== waiting);
        reject(new FetchRefusal('busy', 'its turn did not come in time'));
      };
      const start = (): void => {
        signal.removeEventListener('abort', giveUp);
        this.count(owner, 1);
        resolve();
      };
      const waiting = { owner, start };
      this.waiting.push(waiting);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  private mayStart(owner: string): boolean {
    return this.total < AT_ONCE_MAX && (this.underWay.get(owner) ?? 0) < AT_ONCE_FROM_ONE_MAX;
  }

  private startNext(): void {
    const next = this.waiting.find(({ owner }) => this.mayStart(owner));
    if (next === undefined) return;
    this.waiting = this.waiting.filter((one) => one !== next);
    next.start();
  }

  private count(owner: string, change: 1 | -1): void {
    this.total += change;
    const now = (this.underWay.get(owner) ?? 0) + change;
    if (now === 0) this.underWay.delete(owner);
    else this.underWay.set(owner, now);
  }
}

/** The last two labels of a name: who has a zone has as many names in it as he wants. */
function ownerOf(host: string): string {
  const bare = host.toLowerCase().replace(/^\[|\]$/g, '');
  return isIP(bare) !== 0 ? bare : bare.split('.').filter(Boolean).slice(-2).join('.');
}
