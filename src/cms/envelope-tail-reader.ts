/**
 * What follows the ciphertext (RFC 5652 §6.1, RFC 5083 §2.1): attributes, tag, the ends of everything.
 *
 * Refused: authenticated attributes that are not a SET of attributes in DER, or whose contentType says another type;
 * octets left over. Unprotected attributes are passed over: nothing in them is proven.
 */

import { BerReader } from '../asn1/ber-reader.ts';
import type { BerStream } from '../asn1/ber-stream.ts';
import { checkDer } from '../asn1/der-check.ts';
import { DerReader } from '../asn1/der-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import type { Reading } from '../asn1/pieces.ts';
import { enterWhole, readOctets } from './ber-field-reader.ts';
import type { EnvelopeForm } from './content-cipher-reader.ts';
import { CONTENT_TYPE_OIDS, leaveContent } from './content-info-reader.ts';
import { ReaderStop } from './reader-failure.ts';
import { checkLimit, READER_LIMITS } from './reader-limits.ts';
import type { ReaderPolicy } from './reader-policy.ts';

export interface EnvelopeTail {
  /** Of AuthEnvelopedData; else null. */
  readonly tag: Buffer | null;
  /** DER that the tag also covers, tag octet 0x31 (RFC 5083 §2.2); null without authenticated attributes. */
  readonly aad: Buffer | null;
}

const CONTENT_TYPE_ATTRIBUTE = '1.2.840.113549.1.9.3';

/** Reads from behind the ciphertext to the end of the source. */
export function* readEnvelopeTail(
  stream: BerStream,
  form: EnvelopeForm,
  contentType: string,
  policy: ReaderPolicy,
): Reading<EnvelopeTail> {
  yield* stream.leave();
  let aad: Buffer | null = null;
  let tag: Buffer | null = null;
  if (form === 'authEnveloped') {
    if ((yield* stream.peekTag()) === 0xa1) {
      aad = parseAuthenticatedAttributes(yield* stream.readWhole(READER_LIMITS.attributesOctets), contentType);
    } else if (contentType !== CONTENT_TYPE_OIDS.data) {
      throw new ReaderStop('malformed', `content type ${contentType} without authenticated attributes`);
    }
    tag = readOctets(BerReader.over(yield* stream.readWhole(READER_LIMITS.fieldOctets)));
    if ((yield* stream.peekTag()) === 0xa2) yield* stream.skip();
  } else if ((yield* stream.peekTag()) === 0xa1) yield* stream.skip();
  yield* leaveContent(stream, policy.trailingOctets);
  return { tag, aad };
}

function parseAuthenticatedAttributes(whole: Buffer, contentType: string): Buffer {
  const set = Buffer.from(whole);
  set[0] = TAG.set;
  checkDer(set);
  const attributes = DerReader.over(set).enter(TAG.set);
  let types = 0;
  for (let count = 1; !attributes.atEnd; count++) {
    checkLimit(count, READER_LIMITS.attributes, 'authenticated attributes');
    const fields = enterWhole(attributes.readWhole(TAG.sequence), TAG.sequence);
    if (parseOid(fields.readElement().content) !== CONTENT_TYPE_ATTRIBUTE) continue;
    types++;
    const said = parseOid(fields.enter(TAG.set).readElement().content);
    if (said !== contentType) throw new ReaderStop('malformed', `attribute says content type ${said}`);
  }
  if (types > 1) throw new ReaderStop('malformed', 'contentType attribute more than once');
  return set;
}
