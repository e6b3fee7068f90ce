/**
 * Verdicts already given (catalogue C29): the same question gets the same answer without a signature check, as long
 * as no date has passed that could change it. What "the same question" is, is in the key: certificate, collection and
 * its version, purpose, mailbox. A verdict for one partner's root is never given for another's.
 *
 * Kept: an acceptance for the time its whole path is valid and its evidence of revocation current; a refusal for a minute at most, and not past a moment at
 * which a certificate becomes valid. Bounded by count. A clock set back is outside the interval, so it asks anew.
 */
import { LRUCache } from 'lru-cache';
import type { CertificationPath, PathResult } from '../x509/path.ts';

const REFUSAL_MS = 60_000;

interface Entry {
  readonly result: PathResult;
  /** Milliseconds since 1970, both inclusive. */
  readonly from: number;
  readonly until: number;
}

export class VerdictCache {
  private readonly entries: LRUCache<string, Entry>;

  /** @param entriesMax the least recently used go first */
  constructor(entriesMax: number) {
    this.entries = new LRUCache({ max: entriesMax });
  }

  /** The verdict given before, if it still holds at this moment. */
  find(key: string, at: Date): PathResult | null {
    const entry = this.entries.get(key);
    const holds = entry !== undefined && at.getTime() >= entry.from && at.getTime() <= entry.until;
    return holds ? entry.result : null;
  }

  /**
   * @param at when it was judged
   * @param nextStart the first moment after `at` at which a certificate that may take part becomes valid; null if none
   */
  keep(key: string, result: PathResult, at: Date, nextStart: Date | null): void {
    const from = result.ok ? acceptedFrom(result.path, at) : at.getTime();
    const until = result.ok
      ? acceptedUntil(result.path, at)
      : Math.min(at.getTime() + REFUSAL_MS, nextStart === null ? Number.POSITIVE_INFINITY : nextStart.getTime() - 1);
    this.entries.set(key, { result, from, until });
  }
}

/** What evidence said of now it did not say of long before; a clock that trembles is no other time. */
function acceptedFrom({ validFrom, revocation }: CertificationPath, at: Date): number {
  const from = validFrom.getTime();
  return revocation.length === 0 ? from : Math.max(from, at.getTime() - REFUSAL_MS);
}

/** Until the first of its dates. What is unknown or stale is asked again after a minute. */
function acceptedUntil({ validUntil, revocation }: CertificationPath, at: Date): number {
  const again = at.getTime() + REFUSAL_MS;
  const ends = revocation.map(({ status, nextUpdate }) => {
    if (status === 'not-checked') return Number.POSITIVE_INFINITY;
    return nextUpdate === null || nextUpdate < at ? again : nextUpdate.getTime();
  });
  return Math.min(validUntil.getTime(), ...ends);
}
