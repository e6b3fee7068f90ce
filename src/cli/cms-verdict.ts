/** What `sealgate cms verify` says of a signature: one value with stable names, and the same in words. */
import type { SignedResult } from '../cms/verification.ts';
import type { SignedReason, SignerVerdict } from '../cms/verification-verdict.ts';
import { certificateFacts } from './cert-command.ts';
import { algorithmName, identifierText } from './cms-names.ts';

export interface CmsVerdict {
  readonly valid: boolean;
  /** Null when valid. */
  readonly reason: string | null;
  readonly detail: string | null;
  /** True when the content stands beside the signature; null when it was not read so far. */
  readonly detached: boolean | null;
  /** OID. */
  readonly contentType: string | null;
  /** Valid only with the line ends of the content changed back to CRLF. */
  readonly repaired: boolean;
  readonly signers: readonly SignerFacts[];
}

export interface SignerFacts {
  readonly valid: boolean;
  readonly reason: string | null;
  readonly detail: string;
  readonly certificate: ReturnType<typeof certificateFacts> | null;
  readonly identifier: string;
  /** Is the mathematics right, whatever else is wrong? */
  readonly signatureVerified: boolean;
  readonly digestAlgorithm: string;
  readonly signatureAlgorithm: string;
  /** What the signer says; nobody vouches for it. */
  readonly signingTime: string | null;
}

export function verdictOf(result: SignedResult, repaired: boolean): CmsVerdict {
  if (!result.ok) {
    const { reason, detail } = result.failure;
    return { valid: false, reason, detail, detached: null, contentType: null, repaired, signers: [] };
  }
  const { detached, contentType } = result;
  const why = result.valid ? { reason: null, detail: null } : { reason: result.reason, detail: detailOf(result) };
  return { valid: result.valid, ...why, detached, contentType, repaired, signers: result.signers.map(signerFacts) };
}

/** Reasons that nothing more was said of, in words. */
const WORDS: Readonly<Partial<Record<SignedReason, string>>> = {
  unsigned: 'nobody signed it',
  'content-twice': 'the content is inside, and beside it too',
  'content-missing': 'the signature is of a content that is not here',
  'content-type': 'the content is of another type than data',
};

function detailOf({ reason, detail }: { readonly reason: SignedReason; readonly detail: string }): string {
  return detail === reason ? (WORDS[reason] ?? detail) : detail;
}

export function formatVerdict(verdict: CmsVerdict): string[] {
  const head = verdict.valid ? 'valid' : `not valid: ${verdict.reason ?? ''}: ${verdict.detail ?? ''}`;
  const repaired = verdict.repaired ? ['line ends of the content were changed back to CRLF'] : [];
  return [head, ...repaired, ...verdict.signers.map(formatSigner)];
}

function formatSigner(signer: SignerFacts): string {
  const { certificate } = signer;
  const addresses = certificate === null ? [] : [...certificate.addresses, ...certificate.subjectAddresses];
  const who = certificate === null ? signer.identifier : [certificate.subject, ...addresses].join(', ');
  const said = signer.signingTime === null ? '' : `, says it signed at ${signer.signingTime}`;
  const judged = signer.valid ? 'valid' : `not valid: ${signer.reason ?? ''}: ${signer.detail}`;
  return `signer ${who}: ${judged} (${signer.signatureAlgorithm}, ${signer.digestAlgorithm}${said})`;
}

function signerFacts(signer: SignerVerdict): SignerFacts {
  return {
    valid: signer.valid,
    reason: signer.reason,
    detail: signer.detail,
    certificate: signer.certificate === null ? null : certificateFacts(signer.certificate),
    identifier: identifierText(signer.identifier),
    signatureVerified: signer.signatureVerified,
    digestAlgorithm: signer.digestAlgorithm,
    signatureAlgorithm: algorithmName(signer.signatureAlgorithm),
    signingTime: timeText(signer.attributes?.signingTime ?? null),
  };
}

function timeText(time: Date | null): string | null {
  return time === null || Number.isNaN(time.getTime()) ? null : time.toISOString();
}
