/**
 * The words of revocation checking (RFC 5280 §6.3, RFC 6960): what evidence there is, how strict to be, and the answer.
 * Pure values; `revocation-check.ts` gives the answer, `trust/` has the evidence.
 */
import type { Certificate } from './certificate.ts';
import type { RevocationList } from './crl.ts';
import type { OcspResponse } from './ocsp-response.ts';

/** What is at hand. Everything in it may be attacker-chosen; nothing of it is believed without a signature. */
export interface RevocationEvidence {
  /**
   * CRLs by this issuer.
   * @param uris where the certificate says its CRLs are; a list that was fetched from elsewhere is left out
   */
  listsOf(issuer: Buffer, uris: readonly string[]): readonly RevocationList[];
  responsesAbout(certificate: Certificate, issuer: Certificate): readonly HeldResponse[];
  /** Certificates of this subject whose keys may sign CRLs, beside those of the path. */
  signersOf(subject: Buffer): readonly Certificate[];
  /** Authorities through which such a signer may lead to the anchor. */
  readonly intermediates: readonly Certificate[];
}

export interface HeldResponse {
  readonly response: OcspResponse;
  /** The nonce of our request; null where none was sent, or the response is older than this process. */
  readonly nonce: Buffer | null;
}

export interface RevocationTolerance {
  /** How far clocks may be apart, in milliseconds (catalogue C21: five minutes). */
  readonly skewMs: number;
  /** How long evidence counts after its nextUpdate, for sources that cannot be reached. */
  readonly stalenessMs: number;
}

export const CLOCK_SKEW_MS = 5 * 60_000;

export interface RevocationRequest {
  readonly certificate: Certificate;
  /** Its signature on `certificate` was verified. */
  readonly issuer: Certificate;
  /** The whole path, leaf first, anchor last; those above `certificate` were judged before. */
  readonly path: readonly [Certificate, ...Certificate[]];
  readonly at: Date;
  readonly evidence: RevocationEvidence;
  readonly tolerance: RevocationTolerance;
}

export type RevocationStatus =
  | { readonly kind: 'good'; readonly used: UsedEvidence }
  | { readonly kind: 'revoked'; readonly revokedAt: Date; readonly reason: string; readonly used: UsedEvidence }
  /** One reason for each piece of evidence that did not do; empty: there is none at all. */
  | { readonly kind: 'unknown'; readonly why: readonly string[] };

/** What an answer rests on. */
export interface UsedEvidence {
  /** `CRL of 2026-11-24 02:00 UTC`. */
  readonly text: string;
  readonly thisUpdate: Date;
  /** When it has to be asked again; of several, the earliest. */
  readonly nextUpdate: Date;
  /** Past its nextUpdate, and accepted within the tolerance. */
  readonly stale: boolean;
}

/** `2026-11-24 02:00 UTC` */
export function momentText(moment: Date): string {
  return `${moment.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
