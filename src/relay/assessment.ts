/**
 * What is known and decided about one sender and one recipient: the value behind `sealgate explain`, the message log
 * and the treatment of the mail itself. There is one way to come by it, `assess-recipient.ts`, so that what is
 * explained is what is done. Everything in it is for administrators; a peer sees only the reply of the error code.
 */
import type { Address } from '../address.ts';
import type { CryptoProfile } from '../cms/profile.ts';
import type { Candidate, DirectoryAnswer } from '../directory/directory.ts';
import type { LossReason } from '../policy/choose-certificate.ts';
import type { CertificateFacts, ContentProtection, Decision, SigningFacts } from '../policy/decide-recipient.ts';
import type { ResolvedSettings } from '../policy/resolve-settings.ts';
import type { Origin } from '../policy/rules.ts';
import type { TrustVerdict } from '../trust/trust.ts';
import type { Certificate } from '../x509/certificate.ts';

/**
 * One sender, one recipient: facts, decision and reasons. Values of certificates and sources in it are
 * attacker-chosen text.
 */
export interface Assessment {
  /** MAIL FROM; null is the null sender. */
  readonly from: Address | null;
  readonly to: Address;
  /** True when the recipient is in a domain of ours: the mail goes by the internal route. */
  readonly internal: boolean;
  readonly settings: ResolvedSettings;
  /** What `settings.profile` names. */
  readonly profile: CryptoProfile;
  /** What the sources said; null when nobody was asked, because the settings never encrypt. */
  readonly answer: DirectoryAnswer | null;
  /** Every candidate of the answer in its order, each with its verdict. */
  readonly judged: readonly JudgedCandidate[];
  /** The one encrypted to, an element of `judged`; null when none is usable. */
  readonly chosen: JudgedCandidate | null;
  /** Where it was written that the collection of the chosen one is asked; null when there is none. */
  readonly collectionOrigin: Origin | null;
  /** What {@link decideRecipient} was told about certificates. */
  readonly certificate: CertificateFacts;
  readonly signer: SignerFacts;
  /** Protection that the body had already; `none` where no message was given. */
  readonly content: ContentProtection;
  readonly decision: Decision;
  /** Of the chosen certificate; `not checked` is said too, so that nobody takes silence for a check. */
  readonly revocation: string;
}

/** One published certificate and what became of it. */
export interface JudgedCandidate {
  readonly candidate: Candidate;
  /** Verdict for encryption to the recipient; null when the bytes published are no certificate (`candidate.problem`). */
  readonly verdict: TrustVerdict | null;
  /** Why a usable certificate was not taken; null for the chosen one and for unusable ones. */
  readonly lost: LossReason | null;
}

/** Who would sign. */
export interface SignerFacts {
  /** What {@link decideRecipient} was told. */
  readonly signing: SigningFacts;
  /** The certificate of ours for the author, also when it is not valid now; null when we hold none. */
  readonly certificate: Certificate | null;
  /** End of the validity of its path; null when there is no certificate or no valid path. */
  readonly validUntil: Date | null;
  /** For people, when `signing` is `no`: the sentence behind its reason, with dates where dates matter. */
  readonly problem: string | null;
  /**
   * True when no message was given: From was then taken to be the sender, and the client to vouch for it, for neither
   * can be known before (promise 8).
   */
  readonly assumed: boolean;
}

/** What `explain` asks. `gateway.ts` makes one from the parts of the house; nothing listens and no queue is opened. */
export interface Assessor {
  /**
   * @param from null asks for the null sender
   * @param message a whole message as a file holds it; null assumes an ordinary one by `from`
   * @throws GatewayError when the message cannot be read
   */
  assess(from: Address | null, to: Address, message: Buffer | null): Promise<Assessment>;
  close(): Promise<void>;
}
