/**
 * The DER constants of the CMS writers: content types, AlgorithmIdentifiers and what is written from them
 * (RFC 5652 §4, RFC 5754 §2 and §3, RFC 3370 §4.2.1, RFC 5753 §7.1.4, RFC 3565 §4.1).
 *
 * Parameters are as the programs in use write them: NULL with the RSA algorithms, absent with SHA-2, ECDSA and AES key
 * wrap. Only what we write is here; readers have their own, wider, tables.
 */
import { derNull, derOctetString, derOid, derSequence } from '../asn1/der-writer.ts';
import type { SignatureAlgorithm } from './signer.ts';

/** id-data, id-signedData, id-envelopedData: whole DER of the OID. */
export const CONTENT_TYPE = {
  data: derOid('1.2.840.113549.1.7.1'),
  signedData: derOid('1.2.840.113549.1.7.2'),
  envelopedData: derOid('1.2.840.113549.1.7.3'),
} as const;

/** AlgorithmIdentifier of SHA-256, parameters absent (RFC 5754 §2). */
export const SHA256 = derSequence(derOid('2.16.840.1.101.3.4.2.1'));

/** rsaEncryption with NULL: RSAES-PKCS1-v1_5 key transport (RFC 3370 §4.2.1). */
export const RSA_ENCRYPTION = derSequence(derOid('1.2.840.113549.1.1.1'), derNull());

/** AES-256 key wrap, parameters absent (RFC 3565 §2.3.2). */
export const AES256_WRAP = derSequence(derOid('2.16.840.1.101.3.4.1.45'));

/** signatureAlgorithm of SignerInfo (RFC 5754 §3.2, §3.3). */
export const SIGNATURE_ALGORITHM: Readonly<Record<SignatureAlgorithm, Buffer>> = {
  'rsa-pkcs1-sha256': derSequence(derOid('1.2.840.113549.1.1.11'), derNull()),
  'ecdsa-p256-sha256': derSequence(derOid('1.2.840.10045.4.3.2')),
};

/** dhSinglePass-stdDH-sha256kdf and -sha384kdf OIDs (RFC 5753 §7.1.4). */
export const STANDARD_DH = {
  sha256: derOid('1.3.132.1.11.1'),
  sha384: derOid('1.3.132.1.11.2'),
} as const;

/** id-ecPublicKey with parameters absent, as originatorKey wants it (RFC 5753 §3.1.1). */
export const EC_PUBLIC_KEY = derSequence(derOid('1.2.840.10045.2.1'));

const AES256_CBC_OID = derOid('2.16.840.1.101.3.4.1.42');

/** contentEncryptionAlgorithm AES-256-CBC (RFC 3565 §4.1). @param iv 16 octets */
export function aes256Cbc(iv: Buffer): Buffer {
  return derSequence(AES256_CBC_OID, derOctetString(iv));
}

/**
 * SMIMECapabilities (RFC 8551 §2.5.2), best first within each kind.
 *
 * They speak for whatever program opens mail to the signer: so no authEnveloped-data cipher is offered, which Outlook
 * cannot open.
 */
export const SMIME_CAPABILITIES = derSequence(
  derSequence(AES256_CBC_OID),
  derSequence(derOid('2.16.840.1.101.3.4.1.2')), // AES-128-CBC
  SIGNATURE_ALGORITHM['rsa-pkcs1-sha256'],
  SIGNATURE_ALGORITHM['ecdsa-p256-sha256'],
  RSA_ENCRYPTION,
  derSequence(STANDARD_DH.sha256, AES256_WRAP),
);
