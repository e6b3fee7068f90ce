/**
 * CompressedData (RFC 3274) of a content that is wholly there: zlib (RFC 1950), version 0, definite lengths, DER.
 *
 * Compression goes inside encryption only, and never where an attacker chooses part of the content and sees the size
 * (RFC 8551 §6): its caller answers for that.
 */
import { deflateSync } from 'node:zlib';
import { derContext, derInteger, derOctetString, derOid, derSequence } from '../asn1/der-writer.ts';
import { CONTENT_TYPE } from './algorithm-identifiers.ts';

/** id-alg-zlibCompress (RFC 3274 §2), parameters absent. */
export const ZLIB_OID = '1.2.840.113549.1.9.16.3.8';
const ZLIB = derSequence(derOid(ZLIB_OID));

/** ContentInfo with CompressedData of `content`, which is id-data. */
export function compressedData(content: Buffer): Buffer {
  const compressed = derContext(0, derOctetString(deflateSync(content)));
  return derSequence(
    CONTENT_TYPE.compressedData,
    derContext(0, derSequence(derInteger(0), ZLIB, derSequence(CONTENT_TYPE.data, compressed))),
  );
}
