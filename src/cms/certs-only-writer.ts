/**
 * A certs-only SignedData (RFC 8551 §3.8, RFC 5652 §5.1), the content of .p7b files: certificates and no signer.
 * Nothing is refused, nothing is proven by being in it.
 */
import { derContext, derInteger, derOid, derSequence, derSetOf } from '../asn1/der-writer.ts';

/** @param certificates whole DER of each @returns whole DER of a ContentInfo */
export function writeCertsOnly(certificates: readonly Buffer[]): Buffer {
  const signedData = derSequence(
    derInteger(1),
    derSetOf([]),
    derSequence(derOid('1.2.840.113549.1.7.1')),
    derSetOf(certificates, 0xa0),
    derSetOf([]),
  );
  return derSequence(derOid('1.2.840.113549.1.7.2'), derContext(0, signedData));
}
