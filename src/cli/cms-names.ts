/** Names of the algorithms and types that a CMS object names by OID; an OID that has none stays what it is. */
import { findContentCipher } from '../cms/algorithms/content-ciphers.ts';
import { findDigest } from '../cms/algorithms/digests.ts';
import { findKem } from '../cms/algorithms/key-encapsulations.ts';
import { RSA_ENCRYPTION_OID, RSAES_OAEP_OID } from '../cms/algorithms/key-transports.ts';
import { findKeyWrap } from '../cms/algorithms/key-wraps.ts';
import { findSignatureAlgorithm, RSASSA_PSS_OID } from '../cms/algorithms/signatures.ts';
import type { CertificateIdentifier } from '../cms/ber-field-reader.ts';
import { contentTypeName } from '../cms/content-info-reader.ts';

const OTHERS: Readonly<Record<string, string>> = {
  [RSA_ENCRYPTION_OID]: 'rsa-pkcs1',
  [RSAES_OAEP_OID]: 'rsa-oaep',
  [RSASSA_PSS_OID]: 'rsa-pss',
  '1.3.132.1.11.0': 'ecdh-x963-sha224',
  '1.3.132.1.11.1': 'ecdh-x963-sha256',
  '1.3.132.1.11.2': 'ecdh-x963-sha384',
  '1.3.132.1.11.3': 'ecdh-x963-sha512',
  '1.3.133.16.840.63.0.2': 'ecdh-x963-sha1',
  '1.2.840.113549.1.9.16.3.19': 'ecdh-hkdf-sha256',
  '1.2.840.113549.1.9.16.3.20': 'ecdh-hkdf-sha384',
  '1.2.840.113549.1.9.16.3.21': 'ecdh-hkdf-sha512',
  '1.2.840.113549.1.9.16.3.28': 'hkdf-sha256',
  '1.2.840.113549.1.9.16.3.31': 'cek-hkdf-sha256',
  '1.2.840.113549.1.9.16.3.8': 'zlib',
  '1.2.840.113549.1.9.16.3.9': 'pwri-kek',
};

export function algorithmName(oid: string): string {
  return (
    findContentCipher(oid) ??
    findDigest(oid) ??
    findKem(oid) ??
    findKeyWrap(oid) ??
    OTHERS[oid] ??
    findSignatureAlgorithm(oid) ??
    oid
  );
}

export function typeName(oid: string): string {
  return contentTypeName(oid) ?? oid;
}

/** How a signer or a recipient is named: hex of the serial number, or of the key identifier. */
export function identifierText(identifier: CertificateIdentifier): string {
  return identifier.kind === 'key-identifier'
    ? `key identifier ${identifier.keyIdentifier.toString('hex')}`
    : `serial ${identifier.serial.toString('hex')}`;
}
