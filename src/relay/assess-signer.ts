/**
 * Whether this message is signed, and as whom (promise 8): the right to sign, judged by `policy`, and a certificate of
 * ours that is valid at this moment.
 */
import type { Address } from '../address.ts';
import type { Submitter } from '../envelope.ts';
import type { Identity } from '../keys/identities.ts';
import type { HeaderBlock } from '../mime/header-block.ts';
import { IDENTITY_UNDECIDED } from '../policy/decide-recipient.ts';
import { judgeSigningRight, SIGNING_REFUSALS, type SigningRefusal } from '../policy/signing-right.ts';
import { isUndecided, isUnsettled, type TrustQuestion } from '../trust/trust.ts';
import type { SignerFacts } from './assessment.ts';
import type { Snapshot } from './snapshot.ts';

/** Who would sign, and with what. */
export interface SignerAssessment {
  readonly facts: SignerFacts;
  /** Set exactly when `facts.signing` is `yes`. */
  readonly identity: Identity | null;
}

/**
 * Before the header is known: From is taken to be MAIL FROM. Refuses only what no header can mend.
 * @param submitter null takes the client to vouch (for `explain`)
 */
export async function assumeSigner(
  snapshot: Snapshot,
  from: Address | null,
  submitter: Submitter | null,
  at: Date,
): Promise<SignerAssessment> {
  if (from === null) return refused('null-sender', SIGNING_REFUSALS['null-sender'], true);
  if (!snapshot.rules.ours.includes(from.domain)) return refused('not-ours', SIGNING_REFUSALS['not-ours'], true);
  const refusal = submitter === null ? null : clientRefusal(submitter, from);
  if (refusal !== null) return refused(refusal, SIGNING_REFUSALS[refusal], true);
  return assessIdentity(snapshot, from, at, true);
}

/** With the header: every condition of promise 8. */
export async function assessSigner(
  snapshot: Snapshot,
  header: HeaderBlock,
  from: Address | null,
  submitter: Submitter,
  at: Date,
): Promise<SignerAssessment> {
  const right = judgeSigningRight({ header, envelopeFrom: from, submitter, ours: snapshot.rules.ours });
  if (!right.ok) return refused(right.reason, SIGNING_REFUSALS[right.reason], false);
  return assessIdentity(snapshot, right.address, at, false);
}

/** What the client alone already settles. */
function clientRefusal(submitter: Submitter, from: Address): SigningRefusal | null {
  if (submitter.vouches.kind === 'never') return 'not-vouched';
  if (submitter.vouches.kind === 'own-address' && !submitter.loginAddresses.includes(from.key)) {
    return 'login-does-not-own';
  }
  return null;
}

async function assessIdentity(
  snapshot: Snapshot,
  address: Address,
  at: Date,
  assumed: boolean,
): Promise<SignerAssessment> {
  const identity = snapshot.identities.find(address);
  if (identity === null) return refused('no-identity', `there is no identity for ${address.text}`, assumed);
  const { certificate, companions: extraIntermediates } = identity;
  const question: TrustQuestion = { certificate, purpose: 'sign', address, at, extraIntermediates };
  let verdict = snapshot.trust.judge(question);
  if (isUnsettled(verdict)) {
    await snapshot.trust.prepare(question);
    verdict = snapshot.trust.judge(question);
  }
  if (!verdict.ok) {
    const reason = isUndecided(verdict) ? IDENTITY_UNDECIDED : 'identity-invalid';
    const problem = `the certificate of ${address.text} is not valid: ${verdict.failure.text}`;
    return {
      facts: { ...refused(reason, problem, assumed).facts, certificate: identity.certificate },
      identity: null,
    };
  }
  return {
    facts: {
      signing: { kind: 'yes', address },
      certificate: identity.certificate,
      validUntil: verdict.path.validUntil,
      problem: null,
      assumed,
    },
    identity,
  };
}

function refused(reason: string, problem: string, assumed: boolean): SignerAssessment {
  return {
    facts: { signing: { kind: 'no', reason }, certificate: null, validUntil: null, problem, assumed },
    identity: null,
  };
}
