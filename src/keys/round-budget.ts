/**
 * What one PKCS #12 file may cost: rounds of key derivation and seconds, over all its parts together (catalogue C23: a file
 * must not keep the start busy for hours). Long derivations give other work its turn.
 *
 * Refused with keys.unusable: what asks for more.
 */
import { setImmediate, setTimeout } from 'node:timers/promises';
import { gatewayError } from '../errors.ts';

/** Most rounds of all key derivations of one file together. OpenSSL and Windows write 2,000 each. */
const ROUNDS_MAX = 10_000_000;
/** Longest that all of them may take. */
const DERIVATION_MS_MAX = 10_000;
/** Rounds between two chances for other work: some 10 ms, for a gateway that reloads relays at the same time. */
const ROUNDS_AT_A_TIME = 2000;

/** Of one file. */
export class RoundBudget {
  private left = ROUNDS_MAX;
  private readonly end: number;

  /** @param milliseconds from now on */
  constructor(milliseconds: number = DERIVATION_MS_MAX) {
    this.end = performance.now() + milliseconds;
  }

  /** @param rounds attacker-chosen; 0 also stands for a number too large to be read */
  spend(rounds: number): void {
    if (!Number.isSafeInteger(rounds) || rounds < 1 || rounds > this.left) {
      throw refused(`asks for more than ${ROUNDS_MAX} rounds of key derivation: export it again with fewer`);
    }
    this.left -= rounds;
  }

  /** True after every so many rounds, when {@link breathe} is due: awaiting it each time would cost more than the round. */
  breathes(round: number): boolean {
    return round % ROUNDS_AT_A_TIME === ROUNDS_AT_A_TIME - 1;
  }

  /** Lets other work have its turn. @throws GatewayError keys.unusable when the time is up */
  async breathe(): Promise<void> {
    await setImmediate();
    if (performance.now() > this.end) throw tooSlow();
  }

  /** Waits for a derivation on the thread pool, which ends by itself, but no longer than is left. */
  async within<T>(work: Promise<T>): Promise<T> {
    const stop = new AbortController();
    const late = setTimeout(Math.max(0, this.end - performance.now()), null, { signal: stop.signal, ref: false });
    try {
      return await Promise.race([work, late.then(() => Promise.reject(tooSlow()))]);
    } finally {
      stop.abort();
      late.catch(() => {});
    }
  }
}

function tooSlow(): Error {
  return refused(`takes more than ${DERIVATION_MS_MAX / 1000} s to open: export it again with fewer rounds`);
}

function refused(problem: string): Error {
  return gatewayError('keys.unusable', problem);
}
