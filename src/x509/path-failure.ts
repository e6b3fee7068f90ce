/**
 * Why a path was not accepted: one value for each cause, with both sides of the comparison and how useful it is to
 * know. Of all the ways that were tried, an administrator is told the most useful failure (the habit of webpki).
 * Nothing is decided here.
 */
import type { Certificate } from './certificate.ts';
import type { PathFailure, PathFailureCode } from './path.ts';

/**
 * Higher is told first. A gone budget ends the search, so it is the answer. A fault of a certificate that would
 * otherwise do beats a signature that does not fit (look-alikes), and that beats having found nothing.
 */
const RANK: Readonly<Record<PathFailureCode, number>> = {
  budget: 100,
  'control-characters': 95,
  'address-mismatch': 90,
  expired: 80,
  'not-yet-valid': 80,
  'ca-as-end-entity': 75,
  'key-kind': 70,
  'key-usage': 70,
  'extended-key-usage': 70,
  revoked: 85,
  'revocation-unknown': 68,
  'name-constraints': 66,
  policy: 66,
  'critical-extension': 65,
  'constraint-unsupported': 65,
  'weak-key': 60,
  'signature-algorithm': 60,
  'path-length': 55,
  'not-a-ca': 50,
  malformed: 45,
  'bad-signature': 30,
  'no-path': 10,
};

/** @param text one sentence with both sides; names of certificates come from subjectName, already escaped */
export function pathFailure(code: PathFailureCode, certificate: Certificate, text: string): PathFailure {
  return { code, text, certificate, rank: RANK[code] };
}

/** The failure to tell: the highest rank, the first of equals. null when there is none. */
export function mostUseful(failures: readonly PathFailure[]): PathFailure | null {
  let best: PathFailure | null = null;
  for (const failure of failures) if (best === null || failure.rank > best.rank) best = failure;
  return best;
}

/** `2026-11-24`, the way dates stand in failure texts. @throws RangeError on an invalid Date, which is a defect */
export function dateText(date: Date): string {
  return date.toISOString().slice(0, 10);
}
