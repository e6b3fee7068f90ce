/**
 * Key encapsulation of KEMRecipientInfo (RFC 9629) with ML-KEM (RFC 9936, FIPS 203): identifiers and sizes.
 *
 * The KDF is HKDF with SHA-256 and no salt (RFC 9936 §2.2). ML-KEM-512 goes with AES-128 wrap at least, the others with
 * AES-256 wrap (§2.2.1): a weaker wrap would void what the KEM gives.
 */
import { derOid, derSequence } from '../../asn1/der-writer.ts';

export type KemName = 'ml-kem-512' | 'ml-kem-768' | 'ml-kem-1024';

export interface KemFacts {
  /** Of the KEM and of its keys. */
  readonly oid: string;
  /** AlgorithmIdentifier, whole DER, parameters absent. */
  readonly identifier: Buffer;
  readonly ciphertextOctets: number;
  /** Least octets of the key-encryption key. */
  readonly wrapKeyOctetsMin: number;
}

export const KEMS: Readonly<Record<KemName, KemFacts>> = {
  'ml-kem-512': kem('2.16.840.1.101.3.4.4.1', 768, 16),
  'ml-kem-768': kem('2.16.840.1.101.3.4.4.2', 1088, 32),
  'ml-kem-1024': kem('2.16.840.1.101.3.4.4.3', 1568, 32),
};

/** id-ori-kem: OtherRecipientInfo that is a KEMRecipientInfo (RFC 9629 §3). */
export const ORI_KEM_OID = '1.2.840.113549.1.9.16.13.3';
/** id-alg-hkdf-with-sha256 (RFC 8619), parameters absent. */
export const HKDF_SHA256_OID = '1.2.840.113549.1.9.16.3.28';
export const HKDF_SHA256 = derSequence(derOid(HKDF_SHA256_OID));

/** The KEM of this OID, or null. */
export function findKem(oid: string): KemName | null {
  const names = Object.keys(KEMS) as KemName[];
  return names.find((name) => KEMS[name].oid === oid) ?? null;
}

function kem(oid: string, ciphertextOctets: number, wrapKeyOctetsMin: number): KemFacts {
  return { oid, identifier: derSequence(derOid(oid)), ciphertextOctets, wrapKeyOctetsMin };
}
