/**
 * The entries of a CRL (RFC 5280 §5.1.2.6, §5.3): what one says, how one is asked for, and how many lie in memory: in columns
 * of typed arrays, about 35 octets an entry with its place in the index, nothing for the garbage collector to walk. Serials are
 * kept whole, because a hash alone would let one certificate be revoked in place of another.
 */
/** CRLReason (RFC 5280 §5.3.1). */
export const CRL_REASONS: readonly string[] = [
  'unspecified',
  'keyCompromise',
  'cACompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  '(7)',
  'removeFromCRL',
  'privilegeWithdrawn',
  'aACompromise',
];
export const REMOVE_FROM_CRL = 8;

export interface RevokedEntry {
  readonly revokedAt: Date;
  /** Index into {@link CRL_REASONS}. */
  readonly reason: number;
}

/** The entry of a certificate in one CRL. Immutable. */
export interface RevokedEntries {
  readonly count: number;
  /** Octets held. */
  readonly octets: number;
  /**
   * @param serial content octets of the INTEGER, as they stand in the certificate
   * @param issuer Name of the issuer of the certificate
   */
  find(serial: Buffer, issuer: Buffer): RevokedEntry | null;
  /** What it is made of, not copied: to be handed to another thread. */
  readonly parts: EntryIndexParts;
}

/** Entries of a segment, as a power of two: a segment is allocated and trimmed in well under a millisecond. */
export const SEGMENT_BITS = 15;

/** Some consecutive entries, in columns. */
export interface EntrySegment {
  /** All serials one after the other; `ends` says where each ends. */
  readonly serials: Uint8Array<ArrayBuffer>;
  readonly ends: Uint32Array<ArrayBuffer>;
  /** Seconds since 1970. */
  readonly dates: Uint32Array<ArrayBuffer>;
  readonly reasons: Uint8Array<ArrayBuffer>;
  /** Number of the issuer; null: all are of the issuer of the CRL. */
  readonly issuers: Uint16Array<ArrayBuffer> | null;
}

/** An index in plain values and typed arrays, each of which has its memory for itself. */
export interface EntryIndexParts {
  readonly count: number;
  readonly segments: readonly EntrySegment[];
  /** By the key of their names (`name.ts`). */
  readonly issuerNumbers: ReadonlyMap<string, number>;
  /** Characters of these keys. */
  readonly issuerText: number;
  /** Where each bucket begins in `pairs`, and the end of the last: 2^n + 1 of them. */
  readonly starts: Uint32Array<ArrayBuffer>;
  /** Hash and entry, one after the other. */
  readonly pairs: Uint32Array<ArrayBuffer>;
}
