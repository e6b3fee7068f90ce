/**
 * Judges once more with certificates of issuers that were fetched, where no path was found with what is at hand: from the
 * end entity upwards, one step after the other. Says what may still be fetched; fetches nothing itself.
 *
 * Only where an issuer is missing, or one at hand is out of date or of another key: what is wrong with a certificate itself
 * nobody above it can mend.
 */
import type { Certificate } from '../x509/certificate.ts';
import { sameName } from '../x509/name.ts';
import type { CertificationPath, PathFailure } from '../x509/path.ts';
import type { IntermediateShelf } from './intermediate-shelf.ts';
import type { FetchedIssuer, TrustQuestion, TrustVerdict } from './trust.ts';

/** Further judgements; each may cost as much as a path search may. The second is for what the first was stopped by. */
const JUDGEMENTS_MAX = 2;
/** As many steps upwards in one go. */
const STEPS_MAX = 4;
/** Certificates that are followed in one step. */
const ENDS_MAX = 8;

export interface CompletedVerdict {
  readonly verdict: TrustVerdict;
  /** Locations that may bring an issuer that is missing. */
  readonly wanting: readonly string[];
}

/** @param judge as {@link Trust.judge}, with the certificates of the question alone */
export function judgeCompleted(
  question: TrustQuestion,
  judge: (question: TrustQuestion) => TrustVerdict,
  shelf: IntermediateShelf,
): CompletedVerdict {
  let company = question.extraIntermediates;
  for (let further = 0; ; further++) {
    const verdict = judge({ ...question, extraIntermediates: company });
    // an issuer that is missing may be one that was taken out: nobody is asked for it
    if (verdict.ok || verdict.empty !== undefined || isDecided(verdict.failure)) return { verdict, wanting: [] };
    const ends = endsOf(verdict.attempts);
    const fresh = further === JUDGEMENTS_MAX ? [] : issuersAbove(ends, company, shelf);
    if (fresh.length === 0) {
      const candidates = ends.map((end) => shelf.candidatesFor(end));
      const wanting = [...new Set(candidates.flatMap((one) => one.wanting))];
      const unfetched = [...wanting, ...candidates.flatMap(({ unreached }) => unreached)];
      return { verdict: unfetched.length === 0 ? verdict : { ...verdict, unfetched }, wanting };
    }
    company = [...company, ...fresh];
  }
}

/** What is at hand above these, step by step, that is not among the company. */
function issuersAbove(
  ends: readonly Certificate[],
  company: readonly Certificate[],
  shelf: IntermediateShelf,
): readonly Certificate[] {
  const known = new Set(company.map(({ sha256 }) => sha256));
  const all: Certificate[] = [];
  let level = ends;
  for (let step = 0; step < STEPS_MAX; step++) {
    const next: Certificate[] = [];
    for (const one of level.flatMap((certificate) => shelf.candidatesFor(certificate).found)) {
      if (known.has(one.sha256)) continue;
      known.add(one.sha256);
      next.push(one);
    }
    all.push(...next);
    level = next.slice(0, ENDS_MAX);
  }
  return all;
}

/**
 * The certificates of a path that were fetched, for nobody had brought them.
 * @param isBrought of the SHA-256 of a certificate
 */
export function fetchedIssuers(
  { certificates }: CertificationPath,
  isBrought: (sha256: string) => boolean,
  shelf: IntermediateShelf,
): readonly FetchedIssuer[] {
  return certificates.slice(1, -1).flatMap((certificate) => {
    const from = isBrought(certificate.sha256) ? null : shelf.originOf(certificate);
    return from === null ? [] : [{ certificate, from }];
  });
}

/** No other path would change it: the question was found out, or may be by other means. */
function isDecided({ code }: PathFailure): boolean {
  return code === 'revoked' || code === 'revocation-unknown' || code === 'budget';
}

/** Certificates whose issuer was missing or did not do. */
function endsOf(attempts: readonly PathFailure[]): readonly Certificate[] {
  const ends = new Map<string, Certificate>();
  for (const { code, chain } of attempts) {
    // what is wrong with the end entity itself has no chain
    const end = code === 'no-path' ? chain?.at(-1) : isOfIssuer(code) ? chain?.at(-2) : undefined;
    if (end !== undefined && !sameName(end.subject, end.issuer)) ends.set(end.sha256, end);
  }
  return [...ends.values()].slice(0, ENDS_MAX);
}

/** Failures that another certificate of the same issuer may not have. */
function isOfIssuer(code: PathFailure['code']): boolean {
  return code === 'bad-signature' || code === 'expired' || code === 'not-yet-valid';
}
