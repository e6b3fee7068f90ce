/**
 * A message or MIME entity from a file to the octets that are signed or encrypted (RFC 8551 §3.1): line ends become CRLF,
 * leaves become canonical (mime/canonical-entity.ts), what came signed stays untouched. The Content-* fields go inside, all
 * other fields stay with the caller. What fits 64 KiB is made at once, longer entities are a stream.
 */
import { gatewayError } from '../errors.ts';
import { CanonicalEntity } from '../mime/canonical-entity.ts';
import type { HeaderBlock } from '../mime/header-block.ts';
import { LineEnds } from '../mime/line-ends.ts';
import { BLOCK_OCTETS, BlockGatherer } from './block-gatherer.ts';
import { entityFields } from './content-fields.ts';
import { HeaderGatherer, takeOpenHeader } from './open-header.ts';
import type { OutgoingContent } from './outgoing-content.ts';
import { recogniseProtection } from './recognise.ts';
import { UntouchedEntity } from './untouched-entity.ts';

export interface OpenedEntity {
  /** Fields that stay outside: all but MIME-Version and Content-*. */
  readonly outer: Buffer;
  /**
   * The entity; to be asked for and read once. A stream comes in blocks of 64 KiB, what is held in one piece.
   * @param sevenBit refuse what is not 7-bit data and may not be re-encoded (message.not-convertible; a stream tells at its end)
   * @throws GatewayError message.malformed, message.limits, message.partial, message.not-convertible
   */
  content(sevenBit: boolean): OutgoingContent;
}

/** @param octets attacker-chosen @throws GatewayError message.malformed, message.limits */
export async function openEntity(octets: AsyncIterable<Buffer>): Promise<OpenedEntity> {
  const chunks = octets[Symbol.asyncIterator]();
  const { held, ended } = await holdFirst(chunks);
  if (ended) return openHeldEntity(joined(held));
  const { header, body } = await takeOpenHeader(resumed(held, chunks));
  const signed = isSigned(header);
  return { outer: outerFields(header), content: (sevenBit) => canonical(header, body, signed, sevenBit) };
}

/**
 * The same for octets that are all there.
 * @param octets attacker-chosen; short, for all of it is made canonical at once
 * @throws GatewayError message.malformed, message.limits
 */
export function openHeldEntity(octets: Buffer): OpenedEntity {
  const gatherer = new HeaderGatherer();
  const found = gatherer.add(octets);
  if (found === null) throw gatherer.missing();
  return new HeldEntity(found.header, found.rest);
}

/** A class, because an object literal with a getter costs as much as a header's parsing. */
class HeldEntity implements OpenedEntity {
  readonly #header: HeaderBlock;
  readonly #body: Buffer;
  readonly #signed: boolean;

  constructor(header: HeaderBlock, body: Buffer) {
    this.#header = header;
    this.#body = body;
    this.#signed = isSigned(header);
  }

  get outer(): Buffer {
    return outerFields(this.#header);
  }

  content(sevenBit: boolean): OutgoingContent {
    return [canonicalAtOnce(this.#header, this.#body, this.#signed, sevenBit)];
  }
}

/** Whether it came signed. @throws GatewayError message.malformed */
function isSigned(header: HeaderBlock): boolean {
  const protection = recogniseProtection(header);
  if (protection === 'ambiguous') throw gatewayError('message.malformed', 'Content-Type can be read in two ways');
  return protection === 'signed';
}

function outerFields(header: HeaderBlock): Buffer {
  return header.without(({ name }) => name === 'mime-version' || name.startsWith('content-')).raw;
}

/** Reads until there is more than a block. @returns what was read, and whether it is all */
async function holdFirst(chunks: AsyncIterator<Buffer>): Promise<{ readonly held: Buffer[]; readonly ended: boolean }> {
  const held: Buffer[] = [];
  for (let octets = 0; octets <= BLOCK_OCTETS; ) {
    const { done, value } = await chunks.next();
    if (done === true) return { held, ended: true };
    held.push(value);
    octets += value.length;
  }
  return { held, ended: false };
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
}

/** The stream as if nothing had been read. No generator: that would cost every chunk a turn more. */
function resumed(first: readonly Buffer[], chunks: AsyncIterator<Buffer>): AsyncIterable<Buffer> {
  let given = 0;
  const next = (): Promise<IteratorResult<Buffer>> => {
    const value = first[given++];
    return value === undefined ? chunks.next() : Promise.resolve({ done: false, value });
  };
  const end = chunks.return?.bind(chunks);
  return { [Symbol.asyncIterator]: () => (end === undefined ? { next } : { next, return: end }) };
}

function canonicalAtOnce(header: HeaderBlock, body: Buffer, signed: boolean, sevenBit: boolean): Buffer {
  const fields = entityFields(header);
  const entity = signed ? new UntouchedEntity(fields) : new CanonicalEntity(fields);
  const pieces = entity.whole(new LineEnds().update(body));
  if (sevenBit && entity.untouchedEightBit) throw notConvertible();
  return Buffer.concat(pieces);
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
  if (sevenBit && entity.untouchedEightBit) throw notConvertible();
}

function notConvertible(): Error {
  return gatewayError('message.not-convertible', 'holds 8-bit data that may not be re-encoded');
}
