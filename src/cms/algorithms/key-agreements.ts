/**
 * Key agreement of KeyAgreeRecipientInfo: curves and schemes (RFC 5753 §7.1, RFC 8418 §2, RFC 5639).
 *
 * One-pass ephemeral-static only: MQV and static-static are not known. Cofactor schemes equal the standard ones on every
 * curve of the table, whose cofactor is 1, and are read only, as is the SHA-1 derivation.
 */
import type { KeyDerivation } from './key-derivations.ts';

/** Curves of recipients' keys. */
export type AgreementCurve =
  | 'P-256'
  | 'P-384'
  | 'P-521'
  | 'brainpoolP256r1'
  | 'brainpoolP384r1'
  | 'brainpoolP512r1'
  | 'X25519'
  | 'X448';

export interface CurveFacts {
  /** OID of the named curve; for X25519 and X448 of the key algorithm. */
  readonly oid: string;
  /** Name that node:crypto knows it by. */
  readonly nodeName: string;
  /** Octets of the public key on the wire: uncompressed point, or the raw key of RFC 7748. */
  readonly pointOctets: number;
  /** Montgomery curves have raw keys and no point format (RFC 8418). */
  readonly montgomery: boolean;
}

export const AGREEMENT_CURVES: Readonly<Record<AgreementCurve, CurveFacts>> = {
  'P-256': weierstrass('1.2.840.10045.3.1.7', 'prime256v1', 32),
  'P-384': weierstrass('1.3.132.0.34', 'secp384r1', 48),
  'P-521': weierstrass('1.3.132.0.35', 'secp521r1', 66),
  brainpoolP256r1: weierstrass('1.3.36.3.3.2.8.1.1.7', 'brainpoolP256r1', 32),
  brainpoolP384r1: weierstrass('1.3.36.3.3.2.8.1.1.11', 'brainpoolP384r1', 48),
  brainpoolP512r1: weierstrass('1.3.36.3.3.2.8.1.1.13', 'brainpoolP512r1', 64),
  X25519: { oid: '1.3.101.110', nodeName: 'x25519', pointOctets: 32, montgomery: true },
  X448: { oid: '1.3.101.111', nodeName: 'x448', pointOctets: 56, montgomery: true },
};

/** keyEncryptionAlgorithm schemes that are written. */
export type AgreementScheme =
  | 'x963-sha256'
  | 'x963-sha384'
  | 'x963-sha512'
  | 'hkdf-sha256'
  | 'hkdf-sha384'
  | 'hkdf-sha512';

export interface SchemeFacts {
  readonly oid: string;
  readonly derivation: KeyDerivation;
}

export const AGREEMENT_SCHEMES: Readonly<Record<AgreementScheme, SchemeFacts>> = {
  'x963-sha256': { oid: '1.3.132.1.11.1', derivation: { kind: 'x963', hash: 'sha256' } },
  'x963-sha384': { oid: '1.3.132.1.11.2', derivation: { kind: 'x963', hash: 'sha384' } },
  'x963-sha512': { oid: '1.3.132.1.11.3', derivation: { kind: 'x963', hash: 'sha512' } },
  'hkdf-sha256': { oid: '1.2.840.113549.1.9.16.3.19', derivation: { kind: 'hkdf', hash: 'sha256' } },
  'hkdf-sha384': { oid: '1.2.840.113549.1.9.16.3.20', derivation: { kind: 'hkdf', hash: 'sha384' } },
  'hkdf-sha512': { oid: '1.2.840.113549.1.9.16.3.21', derivation: { kind: 'hkdf', hash: 'sha512' } },
};

/** Schemes that are read but never written. */
const READ_ONLY: readonly SchemeFacts[] = [
  { oid: '1.3.133.16.840.63.0.2', derivation: { kind: 'x963', hash: 'sha1' } },
  { oid: '1.3.133.16.840.63.0.3', derivation: { kind: 'x963', hash: 'sha1' } },
  { oid: '1.3.132.1.11.0', derivation: { kind: 'x963', hash: 'sha224' } },
  { oid: '1.3.132.1.14.0', derivation: { kind: 'x963', hash: 'sha224' } },
  { oid: '1.3.132.1.14.1', derivation: { kind: 'x963', hash: 'sha256' } },
  { oid: '1.3.132.1.14.2', derivation: { kind: 'x963', hash: 'sha384' } },
  { oid: '1.3.132.1.14.3', derivation: { kind: 'x963', hash: 'sha512' } },
];

const BY_OID: ReadonlyMap<string, KeyDerivation> = new Map(
  [...Object.values(AGREEMENT_SCHEMES), ...READ_ONLY].map(({ oid, derivation }) => [oid, derivation]),
);

/** The key derivation of a keyEncryptionAlgorithm, or null. */
export function findAgreementDerivation(oid: string): KeyDerivation | null {
  return BY_OID.get(oid) ?? null;
}

function weierstrass(oid: string, nodeName: string, fieldOctets: number): CurveFacts {
  return { oid, nodeName, pointOctets: 1 + 2 * fieldOctets, montgomery: false };
}
