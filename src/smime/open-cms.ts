/**
 * Finds the CMS object in what a message, a file or a pipe brought (RFC 8551 §3.2, §3.5; RFC 7468 §9): the base64 body of
 * an entity, the two parts of a multipart/signed, PEM, or plain DER. Nothing is decided by file names, nothing is
 * re-encoded: the signed part is the octets as they came, between places of the source (RFC 1847 §2.1).
 *
 * Refused with message.malformed: an entity that is no S/MIME at its root, what two programs could read in two ways
 * (catalogue M3), a multipart/signed that has not exactly two parts, base64 that is none.
 */
import type { ReopenableSource } from '../cms/reopenable-source.ts';
import type { SeenContent } from '../cms/verification.ts';
import { gatewayError } from '../errors.ts';
import { parseContentType } from '../mime/content-type.ts';
import type { HeaderBlock } from '../mime/header-block.ts';
import { LineEnds } from '../mime/line-ends.ts';
import { decodedBody } from './open-body.ts';
import { readOpenHeader } from './open-header.ts';
import { openPem } from './open-pem.ts';
import { splitMultipartSigned } from './open-signed.ts';
import { derivedFrom, lending, partOf, type RangedSource } from './ranged-source.ts';

export type CmsForm = 'smime' | 'der' | 'pem';

/** A CMS object and what stands round it. */
export interface FoundCms {
  /** The object, BER. Its octets are attacker-chosen and its errors of decoding are message.malformed. */
  readonly object: ReopenableSource;
  /** The signed part of multipart/signed, from its first header octet on; null for anything else. */
  readonly content: ReopenableSource | null;
  /** What the pass that found `content` saw of it; null without one. */
  readonly seen: SeenContent | null;
  /** Of the message; null where there is none. */
  readonly header: HeaderBlock | null;
}

const CMS_TYPES = new Set([
  'application/pkcs7-mime',
  'application/x-pkcs7-mime',
  'application/pkcs7-signature',
  'application/x-pkcs7-signature',
  // QUIRK: gateways and old programs name nothing better (RFC 8551 §3.10)
  'application/octet-stream',
]);

/**
 * @param source attacker-chosen octets
 * @throws GatewayError message.malformed, message.limits; what the source throws
 */
export async function findCms(source: RangedSource, form: CmsForm): Promise<FoundCms> {
  if (form === 'der') return { object: lending(source), content: null, seen: null, header: null };
  if (form === 'pem') return { object: await openPem(source), content: null, seen: null, header: null };
  const { header, bodyAt } = await readOpenHeader(source);
  const types = header.all('content-type');
  const type = parseContentType(types[0] ?? '');
  if (types.length > 1 || type.ambiguous) {
    throw gatewayError('message.malformed', 'Content-Type can be read in two ways');
  }
  if (type.mediaType === 'multipart/signed') {
    const parts = await splitMultipartSigned(source, bodyAt, type);
    return { ...parts, header };
  }
  if (!CMS_TYPES.has(type.mediaType)) throw gatewayError('message.malformed', `${type.mediaType} is not S/MIME`);
  return { object: decodedBody(partOf(source, bodyAt), header), content: null, seen: null, header };
}

/** The same content with CRLF line ends throughout: how it was signed, before something on the way changed them. */
export function withLineEnds(content: ReopenableSource): ReopenableSource {
  return derivedFrom(content, async function* (octets) {
    const lineEnds = new LineEnds();
    for await (const chunk of octets) yield lineEnds.update(chunk);
  });
}

/** Does the content hold a bare LF? */
export async function hasBareLineEnds(content: ReopenableSource): Promise<boolean> {
  const lineEnds = new LineEnds();
  for await (const chunk of content.open()) {
    lineEnds.update(chunk);
    if (lineEnds.repaired) return true;
  }
  return false;
}
