/**
 * From revocation status to the judgement the path validator asks for: what unknown means is policy. Pure.
 * Refused: what is revoked, always; what is unknown, unless `whenUnknown` accepts it.
 */
import type { RevocationFinding, RevocationJudge, RevocationQuestion } from './path.ts';
import { momentText, type RevocationEvidence, type RevocationStatus, type RevocationTolerance } from './revocation.ts';
import { checkRevocation } from './revocation-check.ts';
import { findRevocationSources } from './revocation-sources.ts';

export interface RevocationPolicy {
  readonly whenUnknown: 'refuse' | 'accept';
  /** Of a certificate that names no source and of which nothing is at hand: nobody could check it. */
  readonly withoutSource: 'refuse' | 'accept';
  readonly tolerance: RevocationTolerance;
}

/** @param told is told every finding, for logs and for fetching what is missing */
export function revocationJudge(
  evidence: RevocationEvidence,
  policy: RevocationPolicy,
  told: (question: RevocationQuestion, finding: RevocationFinding) => void = () => {},
): RevocationJudge {
  return (question) => {
    const status = checkRevocation({ ...question, evidence, tolerance: policy.tolerance });
    const finding = findingOf(question, status, policy);
    told(question, finding);
    return finding;
  };
}

function findingOf(
  question: RevocationQuestion,
  status: RevocationStatus,
  policy: RevocationPolicy,
): RevocationFinding {
  if (status.kind === 'unknown') {
    const { crls, ocsp } = findRevocationSources(question.certificate);
    const nowhere = status.why.length === 0 && crls.length + ocsp.length === 0;
    if (nowhere) {
      const accepted = policy.withoutSource === 'accept';
      const text = `${accepted ? 'not checked' : 'may be revoked'}: it names neither a CRL nor an OCSP responder`;
      return { status: accepted ? 'not-checked' : 'unknown', accepted, text, thisUpdate: null, nextUpdate: null };
    }
    const why = status.why.length === 0 ? 'nothing from its sources is at hand' : status.why.join('; ');
    const accepted = policy.whenUnknown === 'accept';
    return { status: 'unknown', accepted, text: `may be revoked: ${why}`, thisUpdate: null, nextUpdate: null };
  }
  const { used } = status;
  const { thisUpdate, nextUpdate } = used;
  if (status.kind === 'good') {
    return { status: 'good', accepted: true, text: `not revoked (${used.text})`, thisUpdate, nextUpdate };
  }
  const text = `revoked ${momentText(status.revokedAt)}, ${status.reason} (${used.text})`;
  return { status: 'revoked', accepted: false, text, thisUpdate, nextUpdate };
}
