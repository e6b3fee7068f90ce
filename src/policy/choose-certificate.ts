/**
 * Which of a recipient's usable certificates is encrypted to: one, and always the same one, whatever the order in
 * which they were found. Each of the others loses for a reason that `explain` can say.
 *
 * Order: the better source; a certificate made for encryption only before one that also signs (RFC 8550 §4.4.2: key
 * usage); the newest notBefore; the longest notAfter; the lowest SHA-256, so that no two are equal. A renewal with
 * the same key is thereby one candidate: its newest certificate.
 */
import type { Certificate } from '../x509/certificate.ts';
import type { CertificateFacts } from './decide-recipient.ts';

/** A certificate that passed every check, from the source at this position. */
export interface EligibleCertificate {
  readonly certificate: Certificate;
  /** Position of the source in the configuration; 0 is best. */
  readonly rank: number;
}

/** Why a usable certificate was not the one. */
export type LossReason = 'same-certificate' | 'worse-source' | 'dual-use' | 'older' | 'shorter' | 'tie-break';

/** For people, by reason. */
export const LOSS_TEXTS: Readonly<Record<LossReason, string>> = Object.freeze({
  'same-certificate': 'the same certificate, found again',
  'worse-source': 'usable, from a source further down the list',
  'dual-use': 'usable, but one for encryption only is preferred',
  older: 'usable, but there is a newer one',
  shorter: 'usable, but another is valid for longer',
  'tie-break': 'usable, and equal to the one taken: the lower SHA-256 wins',
});

/** The one and the others. */
export interface CertificateChoice<T extends EligibleCertificate> {
  /** null when nothing was eligible. */
  readonly chosen: T | null;
  /** Every other entry, in the order given. */
  readonly lost: readonly { readonly entry: T; readonly reason: LossReason }[];
}

/** Chooses. The result does not depend on the order of `eligible`. */
export function chooseCertificate<T extends EligibleCertificate>(eligible: readonly T[]): CertificateChoice<T> {
  const [first, ...rest] = eligible;
  if (first === undefined) return { chosen: null, lost: [] };
  const chosen = rest.reduce((best, entry) => (compare(entry, best).order < 0 ? entry : best), first);
  const lost = eligible
    .filter((entry) => entry !== chosen)
    .map((entry) => ({ entry, reason: compare(entry, chosen).reason }));
  return { chosen, lost };
}

/** What the search came to. */
export interface CertificateSearch {
  /** True when {@link chooseCertificate} found one. */
  readonly found: boolean;
  /** One line for each candidate that is published and cannot be used. */
  readonly unusable: readonly string[];
  /** One line for each candidate whose check could not be finished: no verdict, neither for it nor against it. */
  readonly undecided: readonly string[];
  /** One line for each source that could not answer. */
  readonly failures: readonly string[];
}

/**
 * The facts for {@link decideRecipient}. A usable certificate is enough, also where another source is down; but without
 * one a single failure makes the whole answer unsure, for the certificate may stand where nobody could look, and so does
 * a candidate that could not be checked. Where both happened the source is told of, since that is what can be mended.
 */
export function certificateFacts(search: CertificateSearch): CertificateFacts {
  if (search.found) return { kind: 'usable' };
  if (search.failures.length > 0) return { kind: 'failed', reason: search.failures.join('; ') };
  if (search.undecided.length > 0) return { kind: 'undecided', reason: search.undecided.join('; ') };
  if (search.unusable.length > 0) return { kind: 'unusable', reasons: search.unusable };
  return { kind: 'none' };
}

/** Negative order: `a` is better. The reason is why the worse one loses. */
function compare(a: EligibleCertificate, b: EligibleCertificate): { order: number; reason: LossReason } {
  const steps: readonly (readonly [number, LossReason])[] = [
    [a.rank - b.rank, a.certificate.sha256 === b.certificate.sha256 ? 'same-certificate' : 'worse-source'],
    [Number(alsoSigns(a.certificate)) - Number(alsoSigns(b.certificate)), 'dual-use'],
    [b.certificate.notBefore.getTime() - a.certificate.notBefore.getTime(), 'older'],
    [b.certificate.notAfter.getTime() - a.certificate.notAfter.getTime(), 'shorter'],
    [compareText(a.certificate.sha256, b.certificate.sha256), 'tie-break'],
  ];
  const [order, reason] = steps.find(([difference]) => difference !== 0) ?? [0, 'same-certificate'];
  return { order, reason };
}

/** No keyUsage extension allows every use (RFC 5280 §4.2.1.3). */
function alsoSigns(certificate: Certificate): boolean {
  const usage = certificate.keyUsage;
  return usage === null || usage.has('digitalSignature') || usage.has('nonRepudiation');
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
