/**
 * What the header of an entity says its body is (RFC 2045 §5, §6), for those who may change it: its one type and its one
 * transfer encoding, whether it holds parts, whether it may be touched.
 *
 * Refused with message.malformed is what two mail programs could read in two ways (catalogue M3).
 */
import { gatewayError } from '../errors.ts';
import { type ContentType, parseContentType, parseTransferEncoding } from './content-type.ts';
import type { HeaderBlock } from './header-block.ts';

/** The one Content-Type. @param inDigest whether the entity is a part of multipart/digest @throws GatewayError message.malformed */
export function loadType(header: HeaderBlock, inDigest: boolean): ContentType {
  const values = header.all('content-type');
  if (values.length > 1) throw gatewayError('message.malformed', 'two Content-Type fields in one entity');
  const type = parseContentType(values[0] ?? (inDigest ? 'message/rfc822' : 'text/plain'));
  if (type.ambiguous) throw gatewayError('message.malformed', 'Content-Type can be read in two ways');
  return type;
}

/** The one transfer encoding. @throws GatewayError message.malformed */
export function loadMechanism(header: HeaderBlock): string {
  const values = header.all('content-transfer-encoding').map(parseTransferEncoding);
  const first = values[0] ?? { mechanism: '7bit', ambiguous: false };
  if (values.some((value) => value.ambiguous || value.mechanism !== first.mechanism)) {
    throw gatewayError('message.malformed', 'Content-Transfer-Encoding can be read in two ways');
  }
  return first.mechanism;
}

/** A multipart whose parts may be changed. */
export function isWalkable(type: ContentType): boolean {
  return (
    type.mediaType.startsWith('multipart/') &&
    type.mediaType !== 'multipart/signed' &&
    type.mediaType !== 'multipart/encrypted' &&
    (type.parameters.get('boundary') ?? '') !== ''
  );
}

/** No leaf: re-encoding it as a whole is forbidden (RFC 2046 §5.1, §5.2; RFC 1847). */
export function isUntouchable(type: ContentType): boolean {
  return type.mediaType.startsWith('multipart/') || type.mediaType.startsWith('message/');
}
