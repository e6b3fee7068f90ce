/** Content types of CMS (RFC 5652 §4, RFC 5083 §2, RFC 3274 §1.1). Algorithms stand in `algorithms/`. */
import { derOid } from '../asn1/der-writer.ts';

/** Dotted, for readers. */
export const CONTENT_TYPE_OID = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  authEnvelopedData: '1.2.840.113549.1.9.16.1.23',
  compressedData: '1.2.840.113549.1.9.16.1.9',
} as const;

/** Whole DER of the OID. */
export const CONTENT_TYPE = {
  data: derOid(CONTENT_TYPE_OID.data),
  signedData: derOid(CONTENT_TYPE_OID.signedData),
  envelopedData: derOid(CONTENT_TYPE_OID.envelopedData),
  authEnvelopedData: derOid(CONTENT_TYPE_OID.authEnvelopedData),
  compressedData: derOid(CONTENT_TYPE_OID.compressedData),
} as const;
