/**
 * Which certificates could have issued this one: by name, key identifiers as a hint (RFC 4158 §3.5.12). The signature
 * decides later; nothing is refused here.
 */
import type { Certificate } from './certificate.ts';
import { nameKey } from './name.ts';

export type CandidateIndex = ReadonlyMap<string, readonly Certificate[]>;

const indexes = new WeakMap<readonly Certificate[], CandidateIndex>();

/** Certificates by subject. Kept for frozen arrays, such as those of a trust collection: they cannot change. */
export function candidateIndex(certificates: readonly Certificate[]): CandidateIndex {
  const known = indexes.get(certificates);
  if (known !== undefined) return known;
  const index = new Map<string, Certificate[]>();
  for (const certificate of certificates) {
    const key = nameKey(certificate.subject);
    const same = index.get(key);
    if (same === undefined) index.set(key, [certificate]);
    else same.push(certificate);
  }
  if (Object.isFrozen(certificates)) indexes.set(certificates, index);
  return index;
}

/** Candidates of the issuer's name; those whose key identifier fits come first, those whose does not come last. */
export function issuersOf(certificate: Certificate, index: CandidateIndex): readonly Certificate[] {
  const candidates = index.get(nameKey(certificate.issuer)) ?? [];
  const wanted = certificate.authorityKeyIdentifier;
  if (candidates.length < 2 || wanted === null) return candidates;
  const order = ({ subjectKeyIdentifier: found }: Certificate): number =>
    found === null ? 1 : found.equals(wanted) ? 0 : 2;
  return [...candidates].sort((a, b) => order(a) - order(b));
}
