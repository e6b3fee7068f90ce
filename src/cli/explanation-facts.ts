/** An assessment as facts with stable names, for `explain --json`. Dates are ISO 8601, names of settings as in the file. */
import { ERROR_TABLE } from '../errors.ts';
import type { Origin } from '../policy/rules.ts';
import type { Assessment, JudgedCandidate } from '../relay/assessment.ts';
import type { FetchedIssuer } from '../trust/trust.ts';
import { formatOutcome, reasonAgainst } from './explanation-text.ts';

export function explanationFacts(assessment: Assessment) {
  const { decision, settings, signer, answer, certificate } = assessment;
  return {
    from: assessment.from?.text ?? null,
    to: assessment.to.text,
    route: assessment.internal ? 'internal' : 'outside',
    outcome:
      decision.kind === 'treat'
        ? { kind: 'treat', sign: decision.sign, encrypt: decision.encrypt }
        : refusal(assessment),
    summary: formatOutcome(assessment),
    why: decision.why,
    settings: {
      sign: setting(settings.sign),
      encrypt: setting(settings.encrypt),
      'without-certificate': setting(settings.withoutCertificate),
      unusable: setting(settings.unusable),
      profile: setting(settings.profile),
      trust: setting(settings.trust),
    },
    signer: {
      kind: signer.signing.kind,
      address: signer.signing.kind === 'yes' ? signer.signing.address.text : null,
      reason: signer.signing.kind === 'no' ? signer.signing.reason : null,
      problem: signer.problem,
      certificate: signer.certificate?.sha256 ?? null,
      validUntil: signer.validUntil?.toISOString() ?? null,
      assumed: signer.assumed,
    },
    content: assessment.content,
    certificate: certificate.kind,
    collectionOrigin: assessment.collectionOrigin,
    certificates: assessment.judged.map((entry) => candidateFacts(entry, entry === assessment.chosen)),
    failures: answer?.failures ?? [],
    revocation: assessment.revocation,
  };
}

function refusal({ decision }: Assessment) {
  if (decision.kind !== 'refuse') return null;
  const { reply, enhanced, publicText } = ERROR_TABLE[decision.error];
  return { kind: 'refuse', code: decision.error, reply, enhanced, text: publicText };
}

function setting({ value, origin }: { readonly value: string | readonly string[] | null; readonly origin: Origin }) {
  return { value, path: origin.path, file: origin.file, line: origin.line };
}

function candidateFacts(entry: JudgedCandidate, taken: boolean) {
  const { candidate, verdict, lost } = entry;
  return {
    sha256: candidate.certificate?.sha256 ?? null,
    subject: candidate.certificate?.subjectText ?? null,
    source: candidate.source,
    rank: candidate.rank,
    seenAt: candidate.seenAt.toISOString(),
    taken,
    reason: taken ? null : reasonAgainst(entry),
    code: verdict !== null && !verdict.ok ? verdict.failure.code : lost,
    collection: verdict?.ok === true ? verdict.collection : null,
    path: verdict?.ok === true ? verdict.path.certificates.map((certificate) => certificate.subjectText) : null,
    fetched: verdict?.ok === true ? (verdict.fetched ?? []).map(fetchedFacts) : [],
    unfetched: verdict?.ok === false ? (verdict.unfetched ?? []) : [],
    validUntil: verdict?.ok === true ? verdict.path.validUntil.toISOString() : null,
  };
}

function fetchedFacts({ certificate, from }: FetchedIssuer) {
  return { sha256: certificate.sha256, subject: certificate.subjectText, from };
}
