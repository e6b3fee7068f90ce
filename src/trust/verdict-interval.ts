/**
 * For how long a verdict is the same: an acceptance while its whole path is valid and its evidence of revocation current, a
 * refusal for a minute at most, and not past a moment at which a certificate that may take part begins or ends. What is
 * unknown, stale or waits for a delta CRL is asked again after a minute, so that the network is asked again too.
 *
 * An acceptance that rests on evidence is made again after an hour: the shelves renew what is in use, and see it only then.
 */
import type { Certificate } from '../x509/certificate.ts';
import type { CertificationPath, PathResult } from '../x509/path.ts';
import type { VerdictInterval } from './verdict-cache.ts';
import type { VerdictFooting } from './verdict-footing.ts';

/** A refusal, or what is not settled. */
export const REFUSAL_MS = 60_000;
const WITH_EVIDENCE_MS = 60 * 60_000;
const DAY_MS = 24 * 60 * 60_000;

/**
 * @param at when it was judged
 * @param candidates lists of certificates that may have been part of a path
 * @param footing null: revocation was not looked at
 */
export function verdictInterval(
  result: PathResult,
  at: Date,
  candidates: readonly (readonly Certificate[])[],
  footing: VerdictFooting | null,
): VerdictInterval {
  const { from, until } = result.ok ? acceptance(result.path, at) : refusal(at, candidates);
  return { from: Math.max(from, footing?.from ?? from), until: Math.min(until, footing?.until ?? until) };
}

function acceptance({ validFrom, validUntil, revocation }: CertificationPath, at: Date): VerdictInterval {
  const again = at.getTime() + REFUSAL_MS;
  const ends = revocation.map(({ status, nextUpdate }) => {
    if (status === 'not-checked') return at.getTime() + WITH_EVIDENCE_MS;
    if (nextUpdate === null || nextUpdate < at) return again;
    return Math.min(nextUpdate.getTime(), at.getTime() + WITH_EVIDENCE_MS);
  });
  return { from: validFrom.getTime(), until: Math.min(validUntil.getTime(), ...ends) };
}

function refusal(at: Date, candidates: readonly (readonly Certificate[])[]): VerdictInterval {
  const now = at.getTime();
  // its text names the day
  let until = Math.min(now + REFUSAL_MS, now - (now % DAY_MS) + DAY_MS - 1);
  for (const list of candidates) {
    for (const { notBefore, notAfter } of list) {
      const [begins, ends] = [notBefore.getTime(), notAfter.getTime()];
      if (begins > now && begins - 1 < until) until = begins - 1;
      if (ends >= now && ends < until) until = ends;
    }
  }
  return { from: now, until };
}
