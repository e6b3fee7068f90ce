/**
 * A message or MIME entity from a file to the octets that are signed or encrypted (RFC 8551 §3.1), as a stream: line ends
 * become CRLF, leaves become canonical (mime/canonical-entity.ts), what came signed stays untouched. The Content-* fields
 * go inside, all other fields stay with the caller.
 */
import { gatewayError } from '../errors.ts';
import { CanonicalEntity } from '../mime/canonical-entity.ts';
import type { HeaderBlock } from '../mime/header-block.ts';
import { LineEnds } from '../mime/line-ends.ts';
import { BlockGatherer } from './block-gatherer.ts';
import { entityFields } from './content-fields.ts';
import { takeOpenHeader } from './open-header.ts';
import { recogniseProtection } from './recognise.ts';
import { UntouchedEntity } from './untouched-entity.ts';

export interface OpenedEntity {
  /** Fields that stay outside: all but MIME-Version and Content-*. */
  readonly outer: Buffer;
  /**
   * The entity in blocks of 64 KiB; to be read once.
   * @param sevenBit refuse what is not 7-bit data and may not be re-encoded (message.not-convertible, told at the end)
   * @throws GatewayError message.malformed, message.limits, message.partial, message.not-convertible
   */
  octets(sevenBit: boolean): AsyncGenerator<Buffer, void, undefined>;
}

/** @param octets attacker-chosen @throws GatewayError message.malformed, message.limits */
export async function openEntity(octets: AsyncIterable<Buffer>): Promise<OpenedEntity> {
  const { header, body } = await takeOpenHeader(octets);
  const protection = recogniseProtection(header);
  if (protection === 'ambiguous') throw gatewayError('message.malformed', 'Content-Type can be read in two ways');
  return {
    outer: header.without(({ name }) => name === 'mime-version' || name.startsWith('content-')).raw,
    octets: (sevenBit) => canonical(header, body, protection === 'signed', sevenBit),
  };
}

async function* canonical(
  header: HeaderBlock,
  body: AsyncIterable<Buffer>,
  signed: boolean,
  sevenBit: boolean,
): AsyncGenerator<Buffer, void, undefined> {
  const fields = entityFields(header);
  const entity = signed ? new UntouchedEntity(fields) : new CanonicalEntity(fields);
  const lineEnds = new LineEnds();
  const blocks = new BlockGatherer();
  for await (const chunk of body) yield* blocks.add(entity.write(lineEnds.update(chunk)));
  yield* blocks.add(entity.end());
  const last = blocks.rest();
  if (last.length > 0) yield last;
  if (sevenBit && entity.untouchedEightBit) {
    throw gatewayError('message.not-convertible', 'holds 8-bit data that may not be re-encoded');
  }
}
