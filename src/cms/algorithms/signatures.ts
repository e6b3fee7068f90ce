/**
 * Signature algorithms of SignerInfo (RFC 5754 §3, RFC 4056, RFC 5753, RFC 8419, RFC 9882, RFC 9814): identifiers, the digest
 * that goes with each, and what node:crypto needs to compute one.
 *
 * Parameters as the programs in use write them: NULL with RSASSA-PKCS1-v1_5, always present with RSASSA-PSS (hash, MGF1
 * over the same hash, salt as long as the hash), absent with all others. Readers accept more; they start from here.
 */
import { constants } from 'node:crypto';
import { derContext, derInteger, derNull, derOid, derSequence } from '../../asn1/der-writer.ts';
import { SLH_DSA_SETS, type SlhDsaSet, slhDsaOid } from '../../x509/certificate-oids.ts';
import { DIGESTS, type DigestName, type HashName } from './digests.ts';

export type SignatureAlgorithm =
  | 'rsa-pkcs1-sha256'
  | 'rsa-pkcs1-sha384'
  | 'rsa-pkcs1-sha512'
  | 'rsa-pss-sha256'
  | 'rsa-pss-sha384'
  | 'rsa-pss-sha512'
  | 'ecdsa-sha256'
  | 'ecdsa-sha384'
  | 'ecdsa-sha512'
  | 'ed25519'
  | 'ed448'
  | 'ml-dsa-44'
  | 'ml-dsa-65'
  | 'ml-dsa-87'
  | SlhDsaSet;

export type SignatureFamily = 'rsa-pkcs1' | 'rsa-pss' | 'ecdsa' | 'ed25519' | 'ed448' | 'ml-dsa' | 'slh-dsa';

export interface SignatureFacts {
  readonly oid: string;
  /** signatureAlgorithm as we write it, whole DER. */
  readonly identifier: Buffer;
  readonly family: SignatureFamily;
  /** The hash inside the signature; null where the algorithm has its own (then node:crypto is given null). */
  readonly hash: HashName | null;
  /** digestAlgorithm of content and attributes: the same as `hash` (RFC 8933 §3), or what the RFC names. */
  readonly digest: DigestName;
  /** Beside the key, for sign() and verify() of node:crypto. */
  readonly options: { readonly padding?: number; readonly saltLength?: number };
}

export const RSASSA_PSS_OID = '1.2.840.113549.1.1.10';
export const MGF1_OID = '1.2.840.113549.1.1.8';
/** Pure ML-DSA (RFC 9882 §2), also the OIDs of its keys (RFC 9881 §2). */
export const ML_DSA_OIDS = {
  'ml-dsa-44': '2.16.840.1.101.3.4.3.17',
  'ml-dsa-65': '2.16.840.1.101.3.4.3.18',
  'ml-dsa-87': '2.16.840.1.101.3.4.3.19',
} as const;

export const SIGNATURES: Readonly<Record<SignatureAlgorithm, SignatureFacts>> = {
  'rsa-pkcs1-sha256': rsa('1.2.840.113549.1.1.11', 'sha256'),
  'rsa-pkcs1-sha384': rsa('1.2.840.113549.1.1.12', 'sha384'),
  'rsa-pkcs1-sha512': rsa('1.2.840.113549.1.1.13', 'sha512'),
  'rsa-pss-sha256': pss('sha256'),
  'rsa-pss-sha384': pss('sha384'),
  'rsa-pss-sha512': pss('sha512'),
  'ecdsa-sha256': plain('1.2.840.10045.4.3.2', 'ecdsa', 'sha256', 'sha256'),
  'ecdsa-sha384': plain('1.2.840.10045.4.3.3', 'ecdsa', 'sha384', 'sha384'),
  'ecdsa-sha512': plain('1.2.840.10045.4.3.4', 'ecdsa', 'sha512', 'sha512'),
  // RFC 8419 §2.3, §3.1: with signed attributes the digests are fixed
  ed25519: plain('1.3.101.112', 'ed25519', null, 'sha512'),
  ed448: plain('1.3.101.113', 'ed448', null, 'shake256-512'),
  // RFC 9882 §3.3: SHA-512 suits every strength
  'ml-dsa-44': plain(ML_DSA_OIDS['ml-dsa-44'], 'ml-dsa', null, 'sha512'),
  'ml-dsa-65': plain(ML_DSA_OIDS['ml-dsa-65'], 'ml-dsa', null, 'sha512'),
  'ml-dsa-87': plain(ML_DSA_OIDS['ml-dsa-87'], 'ml-dsa', null, 'sha512'),
  ...slhDsaSignatures(),
};

/**
 * The algorithm of this OID, or null. RSASSA-PSS is not found here: its hash stands in its parameters.
 */
export function findSignatureAlgorithm(oid: string): SignatureAlgorithm | null {
  return BY_OID.get(oid) ?? null;
}

const BY_OID: ReadonlyMap<string, SignatureAlgorithm> = new Map(
  (Object.keys(SIGNATURES) as SignatureAlgorithm[])
    .filter((name) => SIGNATURES[name].family !== 'rsa-pss')
    .map((name) => [SIGNATURES[name].oid, name]),
);

/** Hash AlgorithmIdentifier with NULL, as RSASSA-PSS and RSAES-OAEP parameters hold it (RFC 4055 §2.1). */
export function hashWithNull(hash: HashName): Buffer {
  return derSequence(derOid(DIGESTS[hash].oid), derNull());
}

/** MGF1 over this hash (RFC 4055 §2.2). */
export function maskGeneration(hash: HashName): Buffer {
  return derSequence(derOid(MGF1_OID), hashWithNull(hash));
}

function rsa(oid: string, hash: HashName): SignatureFacts {
  const identifier = derSequence(derOid(oid), derNull());
  const options = { padding: constants.RSA_PKCS1_PADDING };
  return { oid, identifier, family: 'rsa-pkcs1', hash, digest: hash, options };
}

function pss(hash: HashName): SignatureFacts {
  const saltLength = DIGESTS[hash].octets;
  const parameters = derSequence(
    derContext(0, hashWithNull(hash)),
    derContext(1, maskGeneration(hash)),
    derContext(2, derInteger(saltLength)),
  );
  const identifier = derSequence(derOid(RSASSA_PSS_OID), parameters);
  const options = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
  return { oid: RSASSA_PSS_OID, identifier, family: 'rsa-pss', hash, digest: hash, options };
}

/** RFC 9814 §4: the digest is of the family and the strength of the set; thus Bouncy Castle maps them too. */
function slhDsaSignatures(): Record<SlhDsaSet, SignatureFacts> {
  const facts = SLH_DSA_SETS.map((name) => {
    const short = name.includes('-128');
    const digest = name.includes('-sha2-') ? (short ? 'sha256' : 'sha512') : short ? 'shake128' : 'shake256';
    return [name, plain(slhDsaOid(name), 'slh-dsa', null, digest)] as const;
  });
  // every set is there: the array has them all
  return Object.fromEntries(facts) as Record<SlhDsaSet, SignatureFacts>;
}

function plain(oid: string, family: SignatureFamily, hash: HashName | null, digest: DigestName): SignatureFacts {
  return { oid, identifier: derSequence(derOid(oid)), family, hash, digest, options: {} };
}
