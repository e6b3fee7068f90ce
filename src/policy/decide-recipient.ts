/**
 * The decision about one recipient: pure, from settings and facts to a treatment or a refusal. It is taken at RCPT
 * and again when the header is known; the second time only knows more (design, "The path of one message", 2 and 3).
 *
 * What it holds to (promises 1 and 3; catalogue C19, C24, C28):
 * - `required` ends in the protection or in a refusal; nothing the sender controls gets round it;
 * - `if-possible` goes plain only on an authoritative "no certificate", or where the rule's `unusable` says so;
 * - what could not be found out is a temporary refusal (451), whatever the rule says about plain.
 */
import type { Address } from '../address.ts';
import type { ErrorCode } from '../errors.ts';
import type { ResolvedSettings } from './resolve-settings.ts';
import type { Level } from './rules.ts';

/** What is known of the recipient's certificates. */
export type CertificateFacts =
  | { readonly kind: 'usable' }
  /** Something is published and none of it may be encrypted to; one reason a candidate. */
  | { readonly kind: 'unusable'; readonly reasons: readonly string[] }
  /** Every source answered, and none publishes anything. */
  | { readonly kind: 'none' }
  /** A source could not answer, and no usable certificate was found elsewhere. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Every source answered, but whether a certificate found there is good could not be decided; none else is usable. */
  | { readonly kind: 'undecided'; readonly reason: string }
  /** Nobody looked, because no rule could make this recipient encrypt ({@link needsCertificate} is false). */
  | { readonly kind: 'not-asked' };

/** Whether we may and can sign as the author (promise 8). */
export type SigningFacts =
  | { readonly kind: 'yes'; readonly address: Address }
  /** Stable code, see `signing-right.ts`, or a reason of the identity itself. */
  | { readonly kind: 'no'; readonly reason: string }
  /** At RCPT, before the header came. */
  | { readonly kind: 'unknown' };

/** Reason of {@link SigningFacts}: whether our own certificate is valid could not be found out. */
export const IDENTITY_UNDECIDED = 'identity-undecided';

/** The protection the body already has, by its own media type: attacker-chosen. At RCPT it is `none`. */
export type ContentProtection = 'none' | 'signed' | 'encrypted';

/** All that the decision depends on. */
export interface DecisionInput {
  readonly settings: ResolvedSettings;
  readonly certificate: CertificateFacts;
  readonly signing: SigningFacts;
  readonly content: ContentProtection;
  /** MAIL FROM:<>: bounces and notifications. Never signed. */
  readonly nullSender: boolean;
}

/**
 * What happens to this recipient's copy, and why. A refusal carries the reasons of both axes; `error` says which one
 * refused.
 */
export type Decision =
  | { readonly kind: 'treat'; readonly sign: boolean; readonly encrypt: boolean; readonly why: DecisionReasons }
  | { readonly kind: 'refuse'; readonly error: ErrorCode; readonly why: DecisionReasons };

/** Stable names, for the trace and `explain --json`. */
export interface DecisionReasons {
  readonly sign: SignReason;
  readonly encrypt: EncryptReason;
}

/** Why the copy is or is not signed. */
export type SignReason =
  | 'never' // the settings say so
  | 'identity' // signed as the author
  | 'undecided' // the header is not known yet
  | 'no-right' // promise 8 is not met, or there is no valid identity
  | 'null-sender'
  | 'already-signed'
  | 'already-encrypted';

/** Why the copy is or is not encrypted. */
export type EncryptReason =
  | 'never'
  | 'certificate' // encrypted to the certificate chosen
  | 'no-certificate'
  | 'unusable-certificate'
  | 'unavailable' // a source did not answer
  | 'undecided' // a certificate could not be checked
  | 'not-asked' // defect: needed, and nobody looked
  | 'already-encrypted';

/** One axis: `do` says whether to, `refusal` forbids the whole. */
interface Verdict<Reason> {
  readonly do: boolean;
  readonly reason: Reason;
  readonly refusal: ErrorCode | null;
}

/** Decides. Where both axes refuse, the one about encryption is told. */
export function decideRecipient(input: DecisionInput): Decision {
  const encryption = decideEncryption(input);
  const signature = decideSignature(input);
  const why: DecisionReasons = { sign: signature.reason, encrypt: encryption.reason };
  const refusal = encryption.refusal ?? signature.refusal;
  if (refusal !== null) return { kind: 'refuse', error: refusal, why };
  return { kind: 'treat', sign: signature.do, encrypt: encryption.do, why };
}

function decideEncryption(input: DecisionInput): Verdict<EncryptReason> {
  const { settings, certificate, content, nullSender } = input;
  const required = settings.encrypt.value === 'required';
  if (content === 'encrypted') {
    // "looks encrypted" is never evidence that it is, or for whom (C24)
    return plainUnless(required ? 'policy.already-encrypted' : null, 'already-encrypted');
  }
  if (settings.encrypt.value === 'never') return plainUnless(null, 'never');
  switch (certificate.kind) {
    case 'usable':
      return { do: true, reason: 'certificate', refusal: null };
    case 'failed':
      return plainUnless('directory.unavailable', 'unavailable');
    case 'undecided':
      return plainUnless('trust.undecided', 'undecided');
    case 'not-asked':
      return plainUnless('defect', 'not-asked');
    case 'none':
      if (required) return plainUnless(nullSender ? 'policy.null-sender' : 'policy.no-certificate', 'no-certificate');
      return plainUnless(
        settings.withoutCertificate.value === 'plain' ? null : 'policy.no-certificate',
        'no-certificate',
      );
    case 'unusable':
      if (required) {
        return plainUnless(nullSender ? 'policy.null-sender' : 'policy.unusable-certificate', 'unusable-certificate');
      }
      return plainUnless(
        settings.unusable.value === 'plain' ? null : 'policy.unusable-certificate',
        'unusable-certificate',
      );
  }
}

function decideSignature(input: DecisionInput): Verdict<SignReason> {
  const level = input.settings.sign.value;
  if (level === 'never') return plainUnless(null, 'never');
  // a signature round foreign ciphertext would say "written by" of what nobody here has seen
  if (input.content === 'encrypted') return unsigned(level, 'already-encrypted');
  if (input.nullSender) return unsigned(level, 'null-sender');
  // A second signature would only break the first in some readers. But that there is a first one is only a label, which
  // anybody can write over anything: it never stands for one that is required (promises 1 and 8).
  if (input.content === 'signed' && level !== 'required') return plainUnless(null, 'already-signed');
  switch (input.signing.kind) {
    case 'yes':
      return { do: true, reason: 'identity', refusal: null };
    case 'no':
      // unsure is temporary, also where a signature is only wished for: tomorrow it may be possible
      if (input.signing.reason === IDENTITY_UNDECIDED) return plainUnless('trust.undecided', 'no-right');
      return unsigned(level, 'no-right');
    case 'unknown':
      return { do: true, reason: 'undecided', refusal: null };
  }
}

function unsigned(level: Level, reason: SignReason): Verdict<SignReason> {
  return plainUnless(level === 'required' ? 'policy.cannot-sign' : null, reason);
}

function plainUnless<Reason>(refusal: ErrorCode | null, reason: Reason): Verdict<Reason> {
  return { do: false, reason, refusal };
}
