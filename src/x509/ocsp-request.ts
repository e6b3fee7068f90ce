/**
 * An OCSP request for one certificate (RFC 6960 §4.1, RFC 5019 §2.1.1 for its form, RFC 9654 for the nonce). Nothing is
 * refused here; the nonce is an argument.
 */
import { createHash } from 'node:crypto';
import { DerReader } from '../asn1/der-reader.ts';
import { parseWholeBitString } from '../asn1/der-values.ts';
import { der, derContext, derNull, derOctetString, derOid, derSequence, TAG } from '../asn1/der-writer.ts';
import type { Certificate } from './certificate.ts';

export const ID_PKIX_OCSP_NONCE = '1.3.6.1.5.5.7.48.1.2';
const ID_PKIX_OCSP_BASIC = '1.3.6.1.5.5.7.48.1.1';
const ID_PKIX_OCSP_RESPONSE = '1.3.6.1.5.5.7.48.1.4';

/** Digests of a CertID. SHA-1 names the issuer here and protects nothing: the signature does. */
export const CERT_ID_DIGESTS: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const DIGEST_OIDS = { sha1: '1.3.14.3.2.26', sha256: '2.16.840.1.101.3.4.2.1' } as const;

/** issuerNameHash and issuerKeyHash of a CertID. */
export interface IssuerHashes {
  readonly name: Buffer;
  readonly key: Buffer;
}

/** @param digest name of the digest for node:crypto */
export function issuerHashes(certificate: Certificate, issuer: Certificate, digest: string): IssuerHashes {
  return {
    name: createHash(digest).update(certificate.issuer).digest(),
    key: createHash(digest).update(publicKeyOctets(issuer.spki)).digest(),
  };
}

/** Content of subjectPublicKey without tag, length and unused bits (RFC 6960 §4.1.1). */
export function publicKeyOctets(spki: Buffer): Buffer {
  const reader = DerReader.over(spki).enter(TAG.sequence);
  reader.skip();
  return parseWholeBitString(reader.read(TAG.bitString));
}

/**
 * @param digest SHA-1 is what all responders know; SHA-256 what RFC 8954's successors prefer
 * @param nonce 1 to 128 octets, 32 by RFC 9654 §2.1; null for none
 */
export function formatOcspRequest(
  certificate: Certificate,
  issuer: Certificate,
  digest: 'sha1' | 'sha256',
  nonce: Buffer | null,
): Buffer {
  const hashes = issuerHashes(certificate, issuer, digest);
  const certId = derSequence(
    derSequence(derOid(DIGEST_OIDS[digest]), derNull()),
    derOctetString(hashes.name),
    derOctetString(hashes.key),
    der(TAG.integer, certificate.serial),
  );
  const accepted = extension(ID_PKIX_OCSP_RESPONSE, derSequence(derOid(ID_PKIX_OCSP_BASIC)));
  const extensions = nonce === null ? [accepted] : [extension(ID_PKIX_OCSP_NONCE, derOctetString(nonce)), accepted];
  return derSequence(derSequence(derSequence(derSequence(certId)), derContext(2, derSequence(...extensions))));
}

function extension(oid: string, value: Buffer): Buffer {
  return derSequence(derOid(oid), derOctetString(value));
}
