/**
 * Fetching what a certificate points at, over HTTP and LDAP (catalogue C20; RFC 5280 §4.2.1.13, §4.2.2.1, RFC 6960
 * appendix A). The location is attacker-chosen within what an authority signs, and the answer is anybody's: this only
 * limits what asking can do.
 *
 * Refused: schemes other than http, https, ldap, ldaps; names and passwords in the location; addresses and ports the
 * guard forbids (asked again at every redirect, and at the moment of connecting); answers larger than asked for;
 * everything after the deadline, whatever does not come back by itself.
 */
import { isLdapLocation } from '../ldap/ldap-location.ts';
import type { AddressGuard } from './fetch-address.ts';
import { FetchAnswer } from './fetch-answer.ts';
import { FetchBreaker } from './fetch-breaker.ts';
import { FetchGate } from './fetch-gate.ts';
import { HttpFetch } from './fetch-http.ts';
import { LdapFetch, type LdapFetchOptions } from './fetch-ldap.ts';
import { FetchPace } from './fetch-pace.ts';
import { FetchRefusal } from './fetch-refusal.ts';
import type { FetchOutcome, FetchRequest, TakeOctets } from './fetch-request.ts';

/** A host that failed is left alone for this long. */
const PAUSE_MS = 20_000;

export interface Fetcher {
  /** Never rejects, and answers soon after the deadline at the latest. */
  fetch(request: FetchRequest): Promise<FetchOutcome>;
}

export interface OpenFetcher extends Fetcher {
  /** Ends what is under way. */
  close(): void;
}

/** For who must not go out. */
export const noFetcher: Fetcher = {
  fetch: async () => ({ ok: false, kind: 'busy', reason: 'nothing is fetched' }),
};

const NO_DIRECTORY: LdapFetchOptions = { server: null, authorities: [] };

/** Fetches in this thread; a gateway does so in one of its own, `fetch-thread.ts`. @param now milliseconds since 1970 */
export function openFetcher(
  guard: AddressGuard,
  now: () => number,
  ldap: LdapFetchOptions = NO_DIRECTORY,
): OpenFetcher {
  return new GuardedFetcher(guard, now, ldap);
}

class GuardedFetcher implements OpenFetcher {
  private readonly gate = new FetchGate();
  private readonly http: HttpFetch;
  private readonly ldap: LdapFetch;

  constructor(guard: AddressGuard, now: () => number, ldap: LdapFetchOptions) {
    const breaker = new FetchBreaker(PAUSE_MS, now);
    this.http = new HttpFetch(guard, breaker);
    this.ldap = new LdapFetch(guard, breaker, ldap);
  }

  async fetch(request: FetchRequest): Promise<FetchOutcome> {
    const gaveUp = new AbortController();
    const late = new FetchRefusal('failed', `no whole answer within ${request.timeoutMs} ms`);
    const timer = setTimeout(() => gaveUp.abort(late), request.timeoutMs);
    const over = new Promise<never>((_, reject) => {
      // a turn that never came has its own reason, told a moment earlier
      gaveUp.signal.addEventListener('abort', () => setImmediate(reject, late), { once: true });
    });
    try {
      return await Promise.race([this.inTurn(request, gaveUp.signal), over]);
    } catch (thrown) {
      const reason = gaveUp.signal.aborted && !(thrown instanceof FetchRefusal) ? late : thrown;
      return { ok: false, kind: reason instanceof FetchRefusal ? reason.kind : 'failed', reason: reasonOf(reason) };
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.http.close();
  }

  private async inTurn(request: FetchRequest, signal: AbortSignal): Promise<FetchOutcome> {
    const way = isLdapLocation(request.url) ? this.ldap : this.http;
    const leave = await this.gate.enter(way.hostOf(request.url), signal);
    try {
      // not before its turn: who waits holds no file open
      const answer = await FetchAnswer.open(request.into);
      try {
        const facts = await way.fetch(request, this.taking(answer, signal), signal);
        return { ok: true, ...facts, octets: answer.octets };
      } finally {
        await answer.close();
        // who asked was told before, and has cleared away what there was
        if (signal.aborted) await answer.discard();
      }
    } finally {
      leave();
    }
  }

  private taking(answer: FetchAnswer, signal: AbortSignal): TakeOctets {
    const pace = new FetchPace();
    return async (octets) => {
      signal.throwIfAborted();
      await answer.take(octets);
      await pace.passed(octets.length);
    };
  }
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause instanceof Error ? `: ${thrown.cause.message}` : '';
  return `${thrown.message}${cause}`.slice(0, 300);
}
