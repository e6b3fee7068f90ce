/**
 * ContentInfo round any CMS object (RFC 5652 §3): which type it is, and the way in and out of it on a stream.
 * Refused with cms.malformed: what is no ContentInfo.
 */

import { BerReader } from '../asn1/ber-reader.ts';
import type { BerStream } from '../asn1/ber-stream.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import type { Reading } from '../asn1/pieces.ts';
import { expect } from './ber-field-reader.ts';
import { type CmsFailure, failureOf, ReaderStop } from './reader-failure.ts';
import { READER_LIMITS } from './reader-limits.ts';
import { type ReopenableSource, readThrough } from './reopenable-source.ts';

/** Content types (RFC 5652, RFC 5083, RFC 3274). */
export const CONTENT_TYPE_OIDS = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  digestedData: '1.2.840.113549.1.7.5',
  encryptedData: '1.2.840.113549.1.7.6',
  authenticatedData: '1.2.840.113549.1.9.16.1.2',
  compressedData: '1.2.840.113549.1.9.16.1.9',
  authEnvelopedData: '1.2.840.113549.1.9.16.1.23',
} as const;

export type ContentTypeName = keyof typeof CONTENT_TYPE_OIDS;

/** The name of a content type, or null. */
export function contentTypeName(oid: string): ContentTypeName | null {
  const names = Object.keys(CONTENT_TYPE_OIDS) as ContentTypeName[];
  return names.find((name) => CONTENT_TYPE_OIDS[name] === oid) ?? null;
}

/**
 * Which type of CMS object a source holds, by its first octets alone: smime-type and file names may lie (RFC 8551 §3.10).
 * @param source attacker-chosen octets
 */
export async function recogniseContent(
  source: ReopenableSource,
): Promise<{ ok: true; type: ContentTypeName | null; oid: string } | { ok: false; failure: CmsFailure }> {
  try {
    const oid = await readThrough(source, readFirstOid);
    return { ok: true, oid, type: contentTypeName(oid) };
  } catch (thrown) {
    return { ok: false, failure: failureOf(thrown) };
  }
}

function* readFirstOid(stream: BerStream): Reading<string> {
  yield* stream.enter(TAG.sequence);
  return yield* readOid(stream);
}

/** An OBJECT IDENTIFIER, the next value of the stream. */
export function* readOid(stream: BerStream): Reading<string> {
  return parseOid(expect(BerReader.over(yield* stream.read(TAG.oid, READER_LIMITS.fieldOctets)), TAG.oid));
}

/**
 * Goes into ContentInfo and into the SEQUENCE of its content.
 * @throws ReaderStop wrong-content-type
 */
export function* enterContent(stream: BerStream, wanted: readonly ContentTypeName[]): Reading<ContentTypeName> {
  yield* stream.enter(TAG.sequence);
  const oid = yield* readOid(stream);
  const type = contentTypeName(oid);
  if (type === null || !wanted.includes(type)) {
    throw new ReaderStop('wrong-content-type', `content type ${type ?? oid}, not ${wanted.join(' or ')}`);
  }
  yield* stream.enter(0xa0);
  yield* stream.enter(TAG.sequence);
  return type;
}

/** Goes out of what {@link enterContent} entered, to the end of the source. */
export function* leaveContent(stream: BerStream, trailingOctets: boolean): Reading<void> {
  yield* stream.leave();
  yield* stream.leave();
  yield* stream.leave();
  yield* stream.finish(trailingOctets);
}
