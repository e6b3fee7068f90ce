/** The trusted CA collections and the verdicts given from them. What the rest of the house sees of `trust/`. */
import type { Address } from '../address.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { CertificationPath, PathFailure, Purpose } from '../x509/path.ts';
import type { RevocationOptions } from './revocation-options.ts';

export interface TrustOptions {
  /** Absolute path of the default collection: a file or a folder of SST, PEM, DER, PKCS #7. */
  readonly default: string;
  /** Further collections, such as a partner's private root; asked before the default. Absent: none. */
  readonly named?: readonly NamedCollection[];
  /** Absent or null: revocation is not checked, and every verdict says so. */
  readonly revocation?: RevocationOptions | null;
}

export interface NamedCollection {
  readonly name: string;
  /** Absolute path, as that of the default. */
  readonly from: string;
  /**
   * Domains it may vouch for (catalogue C29): A-labels, `*.domain` for those below. null: everybody, but it is asked only
   * where a question names it.
   */
  readonly onlyFor: readonly string[] | null;
}

export interface Trust {
  /**
   * Is this certificate good for this purpose and mailbox now? Served from the verdict cache where the same question
   * (certificate, collection version, purpose, address) was answered and no date of it has passed (catalogue C29).
   */
  judge(question: TrustQuestion): TrustVerdict;
  /**
   * Gets what the judgement of this question misses about revocation, and issuers that are missing where they may be
   * fetched, for as long as one may wait for it. To be awaited where {@link isUnsettled}, before asking again. Never rejects.
   */
  prepare(question: TrustQuestion): Promise<void>;
  /**
   * Certificates between `leaf` and its anchor for inclusion in signatures; the root is left out. Empty if no path.
   * @param companions certificates that stood beside the leaf and may be part of the path
   */
  chainOf(leaf: Certificate, at: Date, companions: readonly Certificate[]): readonly Certificate[];
  /** The anchor of that path; null if there is none. */
  anchorOf(leaf: Certificate, at: Date, companions: readonly Certificate[]): Certificate | null;
  readonly collections: readonly CollectionFacts[];
  /** null where revocation is not checked. */
  readonly revocation: RevocationCounters | null;
  readonly verdicts: VerdictCounters;
  /** Ends what runs in the background. */
  close(): Promise<void>;
}

export interface TrustQuestion {
  readonly certificate: Certificate;
  readonly purpose: Purpose;
  readonly address: Address | null;
  readonly at: Date;
  /** Further intermediates that came with the certificate (a P7B, an LDAP entry). */
  readonly extraIntermediates: readonly Certificate[];
  /**
   * Names of the only collections that may vouch, in the order they are asked; each still for its own domains only. null
   * or absent: those that list their domains, then the default one. A name that is not known vouches for nobody.
   */
  readonly collections?: readonly string[] | null;
  /** Asked by hand only (RFC 5280 §6.1.1); a question with any of these is never answered from the cache. */
  readonly policies?: readonly string[] | null;
  readonly requireExplicitPolicy?: boolean;
  readonly inhibitPolicyMapping?: boolean;
  readonly inhibitAnyPolicy?: boolean;
}

export type TrustVerdict =
  | {
      readonly ok: true;
      readonly path: CertificationPath;
      readonly collection: string;
      /** `not checked`, or what is known and from which evidence: `not revoked (CRL of 2026-11-24 02:00 UTC)`. */
      readonly revocation: string;
      /** What else was tried before. */
      readonly attempts?: readonly PathFailure[];
      /** Certificates of the path that were fetched, for nobody had brought them. Absent: none. */
      readonly fetched?: readonly FetchedIssuer[];
    }
  | {
      readonly ok: false;
      readonly failure: PathFailure;
      readonly attempts: readonly PathFailure[];
      /** Locations that may bring an issuer that is missing, and were not asked or not reached. Absent: none. */
      readonly unfetched?: readonly string[];
      /** Name of a collection that was to be asked and holds nothing. Absent: none. */
      readonly empty?: string;
    };

export interface FetchedIssuer {
  readonly certificate: Certificate;
  /** Location, attacker-chosen. */
  readonly from: string;
}

/** Is something not known that {@link Trust.prepare} may bring: about revocation, or who issued it? */
export function isUnsettled(verdict: TrustVerdict): boolean {
  if (!verdict.ok) return verdict.failure.code === 'revocation-unknown' || verdict.unfetched !== undefined;
  return verdict.path.revocation.some(({ status }) => status === 'unknown');
}

/**
 * A path search that ran out of budget has found nothing out (C4), nor has one that could not learn whether something is
 * revoked or get an issuer: that is no verdict against the certificate, and asking later may bring one. Nor is it one that
 * a collection is empty: whoever emptied it is perhaps filling it.
 */
export function isUndecided(verdict: TrustVerdict): boolean {
  if (verdict.ok) return false;
  const { code } = verdict.failure;
  const isWithout = verdict.unfetched !== undefined || verdict.empty !== undefined;
  return code === 'budget' || code === 'revocation-unknown' || isWithout;
}

export interface CollectionFacts {
  readonly name: string;
  /** Changes whenever the content does: SHA-256 over the sorted certificate hashes, hex. */
  readonly version: string;
  readonly anchors: number;
  readonly intermediates: number;
  readonly earliestExpiry: Date | null;
  /** SHA-256 of the certificate that expires first. */
  readonly earliest: string | null;
  /** Its SHA-1 thumbprint, by which Windows and Exchange name it. */
  readonly earliestThumbprint: string | null;
  /** Domains it may vouch for; null: all, and but for the default one only where a question names it. */
  readonly onlyFor: readonly string[] | null;
}

/** Since this Trust was opened. */
export interface VerdictCounters {
  /** Given from the cache. */
  readonly cached: number;
  /** By a validation. */
  readonly made: number;
}

/** Since the start. `lists` and `responses`: at hand now. */
export interface RevocationCounters {
  readonly lists: number;
  readonly responses: number;
  readonly unknownAccepted: number;
  readonly revoked: number;
}
