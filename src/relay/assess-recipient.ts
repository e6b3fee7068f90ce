/**
 * What one recipient gets, and why: the only place where it is found out. The relay asks at RCPT and again when the
 * header is known; `explain` asks the same functions, so what is explained is what is done.
 */
import { setImmediate } from 'node:timers/promises';
import type { Address } from '../address.ts';
import type { CryptoProfile } from '../cms/profile.ts';
import type { Candidate } from '../directory/directory.ts';
import { gatewayError } from '../errors.ts';
import { certificateFacts, chooseCertificate } from '../policy/choose-certificate.ts';
import { type ContentProtection, decideRecipient } from '../policy/decide-recipient.ts';
import {
  needsCertificate,
  originOfCollection,
  type ResolvedSettings,
  resolveSettings,
} from '../policy/resolve-settings.ts';
import { findRecipientFault, findSignerFault } from '../smime/profile-fitness.ts';
import { isUndecided, isUnsettled, type Trust, type TrustQuestion, type TrustVerdict } from '../trust/trust.ts';
import type { Certificate } from '../x509/certificate.ts';
import { pathFailure } from '../x509/path-failure.ts';
import type { Assessment, JudgedCandidate, SignerFacts } from './assessment.ts';
import type { Snapshot } from './snapshot.ts';

/** Everything about a recipient that does not depend on the message: gathered once, at RCPT. */
export type RecipientFacts = Pick<
  Assessment,
  'to' | 'internal' | 'settings' | 'profile' | 'answer' | 'judged' | 'chosen' | 'certificate' | 'collectionOrigin'
>;

/**
 * Gathers the facts: settings, certificates published, a verdict for each, the choice.
 * @param at the moment the certificates must be valid at
 */
export async function gatherFacts(snapshot: Snapshot, to: Address, at: Date): Promise<RecipientFacts> {
  const settings = resolveSettings(snapshot.rules, to);
  const internal = snapshot.rules.ours.includes(to.domain);
  const profile = profileOf(snapshot, settings);
  if (!needsCertificate(settings)) {
    const unasked = { answer: null, judged: [], chosen: null, certificate: { kind: 'not-asked' } as const };
    return { to, internal, settings, profile, ...unasked, collectionOrigin: null };
  }
  const answer = await snapshot.directory.find(to);
  const { judged, chosen } = await judgeCandidates(snapshot.trust, answer.candidates, {
    to,
    profile,
    collections: settings.trust.value,
    at,
  });
  const certificate = certificateFacts({
    found: chosen !== null,
    unusable: judged.filter(({ verdict }) => verdict === null || !isUndecided(verdict)).flatMap(describeProblem),
    undecided: judged.filter(({ verdict }) => verdict !== null && isUndecided(verdict)).flatMap(describeProblem),
    failures: answer.failures.map(({ source, reason }) => `${source}: ${reason}`),
  });
  const name = chosen?.verdict?.ok === true ? chosen.verdict.collection : null;
  const collectionOrigin = name === null ? null : originOfCollection(snapshot.rules, settings, name);
  return { to, internal, settings, profile, answer, judged, chosen, certificate, collectionOrigin };
}

/** Decides with the facts and with what is known of the message by now. */
export function concludeAssessment(
  facts: RecipientFacts,
  from: Address | null,
  anySigner: SignerFacts,
  content: ContentProtection,
): Assessment {
  const signer = signerUnder(anySigner, facts.profile);
  const decision = decideRecipient({
    settings: facts.settings,
    certificate: facts.certificate,
    signing: signer.signing,
    content,
    nullSender: from === null,
  });
  const verdict = facts.chosen?.verdict ?? null;
  const revocation = verdict?.ok === true ? verdict.revocation : 'not checked';
  return { ...facts, from, signer, content, decision, revocation };
}

async function judgeCandidates(
  trust: Trust,
  candidates: readonly Candidate[],
  terms: Terms,
): Promise<{ judged: readonly JudgedCandidate[]; chosen: JudgedCandidate | null }> {
  const verdicts: (TrustVerdict | null)[] = [];
  for (const candidate of candidates) {
    // each may cost a hundred signature checks: whoever writes one directory entry must not hold up all mail (C22)
    if (verdicts.length > 0) await setImmediate();
    verdicts.push(judgeCandidate(trust, candidate, terms));
  }
  await decideUndecided(trust, candidates, verdicts, terms);
  const eligible = candidates.flatMap((candidate, index) => {
    const { certificate, rank } = candidate;
    return certificate !== null && verdicts[index]?.ok === true ? [{ certificate, rank, index }] : [];
  });
  const choice = chooseCertificate(eligible);
  const losses = new Map(choice.lost.map(({ entry, reason }) => [entry.index, reason]));
  const judged = candidates.map((candidate, index) => ({
    candidate,
    verdict: verdicts[index] ?? null,
    lost: losses.get(index) ?? null,
  }));
  return { judged, chosen: choice.chosen === null ? null : (judged[choice.chosen.index] ?? null) };
}

/**
 * Waits for what is not known about revocation, unless another certificate will do meanwhile. All at once, so that the
 * wait is that of one.
 */
async function decideUndecided(
  trust: Trust,
  candidates: readonly Candidate[],
  verdicts: (TrustVerdict | null)[],
  terms: Terms,
): Promise<void> {
  if (verdicts.some((verdict) => verdict?.ok === true && !isUnsettled(verdict))) return;
  await Promise.all(
    candidates.map(async (candidate, index) => {
      const verdict = verdicts[index] ?? null;
      const { certificate } = candidate;
      if (certificate === null || verdict === null || !isUnsettled(verdict)) return;
      await trust.prepare(questionOf(certificate, candidate, terms));
      verdicts[index] = judgeCandidate(trust, candidate, terms);
    }),
  );
}

/** What is the same for every certificate of one recipient. */
interface Terms {
  readonly to: Address;
  readonly profile: CryptoProfile;
  /** Chosen by a rule; null: none did. */
  readonly collections: readonly string[] | null;
  readonly at: Date;
}

function questionOf(
  certificate: Certificate,
  { companions }: Candidate,
  { to, collections, at }: Terms,
): TrustQuestion {
  return { certificate, purpose: 'encrypt', address: to, at, extraIntermediates: companions, collections };
}

function judgeCandidate(trust: Trust, candidate: Candidate, terms: Terms): TrustVerdict | null {
  const { certificate } = candidate;
  if (certificate === null) return null;
  const verdict = trust.judge(questionOf(certificate, candidate, terms));
  const fault = verdict.ok ? findRecipientFault(certificate, terms.profile) : null;
  if (fault === null) return verdict;
  const failure = pathFailure('key-kind', certificate, `${certificate.subjectName}: ${fault}`);
  return { ok: false, failure, attempts: [failure] };
}

/** @throws GatewayError defect: the configuration names only profiles that it has */
function profileOf({ profiles }: Snapshot, { profile }: ResolvedSettings): CryptoProfile {
  const found = profiles[profile.value];
  if (found === undefined) throw gatewayError('defect', `no profile ${profile.value}`);
  return found;
}

/** A key that the profile does not sign with is no identity for this recipient. */
function signerUnder(signer: SignerFacts, profile: CryptoProfile): SignerFacts {
  if (signer.signing.kind !== 'yes' || signer.certificate === null) return signer;
  const fault = findSignerFault(signer.certificate, profile);
  if (fault === null) return signer;
  const problem = `the certificate of ${signer.signing.address.text} does not fit the profile: ${fault}`;
  return { ...signer, signing: { kind: 'no', reason: 'identity-unfit' }, problem };
}

function describeProblem({ candidate, verdict }: JudgedCandidate): string[] {
  if (verdict === null) return [candidate.problem ?? 'malformed'];
  return verdict.ok ? [] : [verdict.failure.text];
}
