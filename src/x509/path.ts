/**
 * The result of path validation (RFC 5280 §6): a path, or the most useful of the failures with both sides of the
 * comparison that failed. Pure values; `path-validator.ts` makes them.
 */
import type { Address } from '../address.ts';
import type { Certificate } from './certificate.ts';

/** What the end entity is to do. `encrypt`: be encrypted to; `sign`: have signed; `any`: no end-entity use is asked. */
export type Purpose = 'encrypt' | 'sign' | 'any';

export interface PathRequest {
  readonly leaf: Certificate;
  /** Trust anchors; a self-signed certificate is here only for its name, key and constraints. */
  readonly anchors: readonly Certificate[];
  /** Untrusted candidates for the middle of the path. */
  readonly intermediates: readonly Certificate[];
  readonly at: Date;
  readonly purpose: Purpose;
  /** The mailbox the leaf must belong to; null asks none. */
  readonly address: Address | null;
}

/** Proof that RFC 5280 §6 accepted. Leaf first, anchor last. Made only by the validator. */
export interface CertificationPath {
  readonly certificates: readonly [Certificate, ...Certificate[]];
  /** The earliest notAfter of the path, the anchor's included: an expired anchor vouches for nobody here. */
  readonly validUntil: Date;
  /** The latest notBefore of the path. */
  readonly validFrom: Date;
}

export type PathFailureCode =
  | 'expired'
  | 'not-yet-valid'
  | 'no-path'
  | 'bad-signature'
  | 'signature-algorithm'
  | 'weak-key'
  | 'not-a-ca'
  | 'path-length'
  | 'key-usage'
  | 'extended-key-usage'
  | 'address-mismatch'
  | 'control-characters'
  | 'critical-extension'
  | 'constraint-unsupported'
  | 'ca-as-end-entity'
  | 'key-kind'
  | 'budget'
  | 'malformed';

export interface PathFailure {
  readonly code: PathFailureCode;
  /** One sentence for an administrator, with both sides: `expired 2026-11-03 (checked at 2026-11-24)`. */
  readonly text: string;
  /** The certificate it is about. */
  readonly certificate: Certificate;
  /** Higher is more useful to know; the highest of all tried paths is reported. */
  readonly rank: number;
}

export type PathResult =
  | { readonly ok: true; readonly path: CertificationPath }
  | { readonly ok: false; readonly failure: PathFailure; readonly attempts: readonly PathFailure[] };
