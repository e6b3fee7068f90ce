/**
 * A certificate revocation list as read (RFC 5280 §5): who says it, when, of which certificates, and whose keys were
 * found to have signed it. Read is not believed: `crl-rules.ts` says what it may be used for.
 */
import type { CrlScope, DistributionPoint } from './crl-distribution-points.ts';
import type { RevokedEntries } from './crl-entries.ts';

export interface RevocationList {
  /** Whole DER of the Name. */
  readonly issuer: Buffer;
  readonly issuerName: string;
  readonly thisUpdate: Date;
  /** null: it does not say, which RFC 5280 §5.1.2.5 forbids. */
  readonly nextUpdate: Date | null;
  /** cRLNumber; null where there is none. */
  readonly number: bigint | null;
  /** BaseCRLNumber of a delta CRL; null for a complete one. */
  readonly base: bigint | null;
  readonly authorityKeyIdentifier: Buffer | null;
  /** null: all certificates of the issuer, all reasons. */
  readonly scope: CrlScope | null;
  /** Octets of the issuingDistributionPoint, by which a delta CRL and its base must agree. */
  readonly scopeOctets: Buffer | null;
  /** freshestCRL: where deltas are. */
  readonly freshest: readonly DistributionPoint[];
  /** Why nothing may be concluded from it, such as a critical extension that is not known; null when that is not so. */
  readonly fault: string | null;
  readonly entries: RevokedEntries;
  /** SubjectPublicKeyInfo of each key whose signature it was found to have, and of all that were tried. */
  readonly signedBy: readonly Buffer[];
  readonly tried: readonly Buffer[];
  /** Octets of the whole list. */
  readonly octets: number;
}
