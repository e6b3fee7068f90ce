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
  /** user-initial-policy-set (RFC 5280 §6.1.1 (c)), dotted OIDs; null or absent is any-policy. */
  readonly policies?: readonly string[] | null;
  /** initial-explicit-policy: the path must be valid for one of `policies`. Absent is false, as below. */
  readonly requireExplicitPolicy?: boolean;
  /** initial-policy-mapping-inhibit. */
  readonly inhibitPolicyMapping?: boolean;
  /** initial-any-policy-inhibit. */
  readonly inhibitAnyPolicy?: boolean;
  /** Asked of every certificate below the anchor once all else about a path holds; absent: revocation is not looked at. */
  readonly revocation?: RevocationJudge;
}

/**
 * Says whether one certificate of a path is revoked (RFC 5280 §6.3, RFC 6960), from evidence it already has: pure, no
 * clock, no socket. Called from the anchor down, so the issuer was judged before.
 */
export type RevocationJudge = (question: RevocationQuestion) => RevocationFinding;

export interface RevocationQuestion {
  readonly certificate: Certificate;
  /** Its signature on `certificate` was verified. */
  readonly issuer: Certificate;
  /** The whole path, leaf first, anchor last. */
  readonly path: readonly [Certificate, ...Certificate[]];
  readonly at: Date;
}

export interface RevocationFinding {
  readonly status: 'good' | 'revoked' | 'unknown' | 'not-checked';
  /** Does the path fail by it? `unknown` may be accepted by policy, `revoked` never is. */
  readonly accepted: boolean;
  /** One sentence for an administrator: source, times, and what was missing. */
  readonly text: string;
  /** Of the evidence; null where there is none. The finding is stale after `nextUpdate`. */
  readonly thisUpdate: Date | null;
  readonly nextUpdate: Date | null;
}

/** Proof that RFC 5280 §6 accepted. Leaf first, anchor last. Made only by the validator. */
export interface CertificationPath {
  readonly certificates: readonly [Certificate, ...Certificate[]];
  /** The earliest notAfter of the path, the anchor's included: an expired anchor vouches for nobody here. */
  readonly validUntil: Date;
  /** The latest notBefore of the path. */
  readonly validFrom: Date;
  /** user-constrained-policy-set (RFC 9618 §5.5), sorted; `2.5.29.32.0` stands for any policy. */
  readonly policies: readonly string[];
  /** One for each certificate but the anchor, leaf first; empty where nobody was asked. */
  readonly revocation: readonly RevocationFinding[];
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
  | 'name-constraints'
  | 'policy'
  | 'revoked'
  | 'revocation-unknown'
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
  /** How far the search had come, leaf first; absent for what is wrong with the leaf whoever issued it. */
  readonly chain?: readonly Certificate[];
}

/** `attempts`: what else was tried, in order; the first few of many. */
export type PathResult =
  | { readonly ok: true; readonly path: CertificationPath; readonly attempts: readonly PathFailure[] }
  | { readonly ok: false; readonly failure: PathFailure; readonly attempts: readonly PathFailure[] };
