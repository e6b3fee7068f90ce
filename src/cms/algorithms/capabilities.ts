/**
 * Entries of SMIMECapabilities (RFC 8551 §2.5.2) by name, as the exact DER that receivers compare (RFC 8551, RFC 3560,
 * RFC 5753, RFC 8418, RFC 9936).
 *
 * DEVIATION RFC 3560 §5: OAEP parameters are written with the tags that its ASN.1 module demands; the printed octets
 * lack them.
 */
import { derOid, derSequence } from '../../asn1/der-writer.ts';
import { CONTENT_CIPHERS, type ContentCipher } from './content-ciphers.ts';
import { AGREEMENT_SCHEMES } from './key-agreements.ts';
import { KEMS } from './key-encapsulations.ts';
import { oaepAlgorithm, RSA_ENCRYPTION } from './key-transports.ts';
import { KEY_WRAPS } from './key-wraps.ts';
import { SIGNATURES } from './signatures.ts';

export const CAPABILITIES = {
  'aes-256-gcm': cipher('aes-256-gcm'),
  'aes-128-gcm': cipher('aes-128-gcm'),
  'aes-256-cbc': cipher('aes-256-cbc'),
  'aes-128-cbc': cipher('aes-128-cbc'),
  'rsa-pkcs1-sha256': SIGNATURES['rsa-pkcs1-sha256'].identifier,
  'rsa-pss-sha256': SIGNATURES['rsa-pss-sha256'].identifier,
  'ecdsa-sha256': SIGNATURES['ecdsa-sha256'].identifier,
  'ecdsa-sha384': SIGNATURES['ecdsa-sha384'].identifier,
  ed25519: SIGNATURES['ed25519'].identifier,
  'ml-dsa-65': SIGNATURES['ml-dsa-65'].identifier,
  'rsa-encryption': RSA_ENCRYPTION,
  'rsa-oaep-sha256': oaepAlgorithm('sha256', 'sha256'),
  'ecdh-x963-sha256': agreement('x963-sha256'),
  'ecdh-hkdf-sha256': agreement('hkdf-sha256'),
  'ml-kem-768': KEMS['ml-kem-768'].identifier,
  'ml-kem-1024': KEMS['ml-kem-1024'].identifier,
  zlib: derSequence(derOid('1.2.840.113549.1.9.16.3.8')),
} as const satisfies Readonly<Record<string, Buffer>>;

export type CapabilityName = keyof typeof CAPABILITIES;

/** SMIMECapabilities, whole DER. @param names best first within each kind */
export function smimeCapabilities(names: readonly CapabilityName[]): Buffer {
  return derSequence(...names.map((name) => CAPABILITIES[name]));
}

function cipher(name: ContentCipher): Buffer {
  return derSequence(derOid(CONTENT_CIPHERS[name].oid));
}

/** The scheme with AES-256 wrap as its parameter. */
function agreement(scheme: keyof typeof AGREEMENT_SCHEMES): Buffer {
  return derSequence(derOid(AGREEMENT_SCHEMES[scheme].oid), KEY_WRAPS['aes-256-wrap'].identifier);
}
