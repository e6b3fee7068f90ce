/**
 * CEK-HKDF (RFC 9709): the content is encrypted under a key that comes from the content key and from the cipher's own
 * AlgorithmIdentifier. Whoever changes the algorithm in the message, such as from an AEAD cipher to CBC, to learn what a
 * reader makes of the ciphertext then, changes the key too.
 *
 * Only programs that know it can read it, so it is written by explicit setting alone.
 */
import { hkdfSync } from 'node:crypto';
import { derOid, derSequence } from '../../asn1/der-writer.ts';

/** How the key that the cipher gets comes from the content key. `direct`: it is the content key itself. */
export type ContentDerivation = 'direct' | 'hkdf-sha256';

/** id-alg-cek-hkdf-sha256 (RFC 9709 §2). */
export const CEK_HKDF_OID = '1.2.840.113549.1.9.16.3.31';

const OID = derOid(CEK_HKDF_OID);
const SALT = Buffer.from('The Cryptographic Message Syntax', 'latin1');

/** contentEncryptionAlgorithm of RFC 9709 §3. @param inner AlgorithmIdentifier of the cipher, whole DER */
export function boundAlgorithm(inner: Buffer): Buffer {
  return derSequence(OID, inner);
}

/**
 * The key for the cipher (RFC 9709 §4).
 * @param contentKey what the RecipientInfos hold; stays the caller's
 * @param inner AlgorithmIdentifier of the cipher: as written, or the octets received
 * @returns as long as `contentKey`; to be wiped by the caller
 */
export function deriveContentKey(contentKey: Buffer, inner: Buffer): Buffer {
  return Buffer.from(hkdfSync('sha256', contentKey, SALT, inner, contentKey.length));
}
