/**
 * From an entity to the objects that the command line writes (RFC 8551 §3.3, §3.5, §3.6), for content of any length: what
 * is held goes through in one call chain, the rest as a stream. Both ways write the same octets, given the same entropy
 * and time, up to the megabyte where streams change to indefinite lengths.
 */
import { startDigest } from '../cms/algorithms/digests.ts';
import type { ContentEncryptor } from '../cms/content-encryptor.ts';
import { envelopedDataOf, streamEnvelopedData } from '../cms/streamed-envelope-writer.ts';
import type { SigningUnit } from './signing-unit.ts';

/** Pieces that are all there and short, or a stream, to be read once. */
export type OutgoingContent = readonly Buffer[] | AsyncIterable<Buffer>;

/** Whether content is all there. */
export function isHeld(content: OutgoingContent): content is readonly Buffer[] {
  return Array.isArray(content);
}

/**
 * multipart/signed round an entity.
 * @param lead goes before the first delimiter: header fields and their empty line
 * @throws GatewayError keys.unusable, and what the entity throws
 */
export async function signedContent(
  unit: SigningUnit,
  entity: OutgoingContent,
  lead: Buffer,
  signingTime: Date,
): Promise<OutgoingContent> {
  if (!isHeld(entity)) return signedStream(unit, entity, lead, signingTime);
  const [only] = entity;
  const whole = entity.length === 1 && only !== undefined ? only : Buffer.concat(entity);
  const pieces = await unit.enclose(whole, signingTime);
  pieces.unshift(lead);
  return pieces;
}

/**
 * EnvelopedData or AuthEnvelopedData round a content, whole.
 * @param encryptor fresh; wiped at the end, however that comes
 * @param recipientInfos RecipientInfos SET, whole DER
 */
export function envelopedContent(
  encryptor: ContentEncryptor,
  recipientInfos: Buffer,
  content: OutgoingContent,
): OutgoingContent {
  return isHeld(content)
    ? envelopedDataOf(encryptor, recipientInfos, content)
    : streamEnvelopedData(encryptor, recipientInfos, content);
}

async function* signedStream(
  unit: SigningUnit,
  entity: AsyncIterable<Buffer>,
  lead: Buffer,
  signingTime: Date,
): AsyncGenerator<Buffer, void, undefined> {
  yield Buffer.concat([lead, unit.frame.opening]);
  const hash = startDigest(unit.digest);
  for await (const block of entity) {
    hash.update(block);
    yield block;
  }
  const { closing } = await unit.sign(hash.digest(), signingTime, null);
  if (closing !== null) yield closing;
}
