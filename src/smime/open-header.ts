/**
 * The header of an entity at the front of octets that came from anywhere (RFC 5322 §2.2): a file may have LF line ends,
 * as programs write them on Unix, or both kinds. The header is read with CRLF; the body stays as it is.
 *
 * Refused with message.malformed: no empty line, what header-block.ts refuses. With message.limits: over 1 MB.
 */
import { gatewayError } from '../errors.ts';
import { HEADER_OCTETS_MAX, type HeaderBlock, parseHeaderBlock } from '../mime/header-block.ts';

export interface OpenedHeader {
  readonly header: HeaderBlock;
  /** Where the body begins. */
  readonly bodyAt: number;
}

const LF = 0x0a;
const CR = 0x0d;

/** A header, and the body that follows it in the same stream. */
export interface TakenHeader extends OpenedHeader {
  readonly body: AsyncIterable<Buffer>;
}

/**
 * Takes the header off a stream that is read once.
 * @param octets attacker-chosen
 * @throws GatewayError message.malformed, message.limits
 */
export async function takeOpenHeader(octets: AsyncIterable<Buffer>): Promise<TakenHeader> {
  const chunks = octets[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  let searched = 0;
  for (;;) {
    const found = emptyLineIn(held, searched);
    if (found !== null) {
      const header = headerOf(held.subarray(0, found.headerEnd));
      return { header, bodyAt: found.bodyAt, body: remaining(held.subarray(found.bodyAt), chunks) };
    }
    if (held.length > HEADER_OCTETS_MAX)
      throw gatewayError('message.limits', `header over ${HEADER_OCTETS_MAX} octets`);
    searched = Math.max(0, held.length - 3);
    const { done, value } = await chunks.next();
    if (done === true) {
      throw gatewayError('message.malformed', 'no header: a message or MIME entity begins with one and an empty line');
    }
    held = held.length === 0 ? value : Buffer.concat([held, value]);
  }
}

/**
 * The header at the front of octets that can be read again: these are not read further.
 * @param octets attacker-chosen
 * @throws GatewayError message.malformed, message.limits
 */
export async function readOpenHeader(octets: AsyncIterable<Buffer>): Promise<OpenedHeader> {
  const { header, bodyAt, body } = await takeOpenHeader(octets);
  await body[Symbol.asyncIterator]().return?.();
  return { header, bodyAt };
}

async function* remaining(first: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  try {
    if (first.length > 0) yield first;
    for (;;) {
      const { done, value } = await chunks.next();
      if (done === true) return;
      yield value;
    }
  } finally {
    await chunks.return?.();
  }
}

/** The header of a part that is wholly there; one without an empty line is all header. */
export function splitEntity(entity: Buffer): OpenedHeader {
  const found = emptyLineIn(entity, 0);
  if (found === null) return { header: headerOf(entity), bodyAt: entity.length };
  return { header: headerOf(entity.subarray(0, found.headerEnd)), bodyAt: found.bodyAt };
}

/** The first line without content: at the very front, or behind a line end. */
function emptyLineIn(octets: Buffer, from: number): { headerEnd: number; bodyAt: number } | null {
  if (from === 0) {
    if (octets[0] === LF) return { headerEnd: 0, bodyAt: 1 };
    if (octets[0] === CR && octets[1] === LF) return { headerEnd: 0, bodyAt: 2 };
  }
  for (let at = octets.indexOf(LF, from); at !== -1; at = octets.indexOf(LF, at + 1)) {
    if (octets[at + 1] === LF) return { headerEnd: at + 1, bodyAt: at + 2 };
    if (octets[at + 1] === CR && octets[at + 2] === LF) return { headerEnd: at + 1, bodyAt: at + 3 };
  }
  return null;
}

function headerOf(octets: Buffer): HeaderBlock {
  if (octets.length === 0) return parseHeaderBlock(octets);
  const text = octets.toString('latin1').replace(/\r?\n/g, '\r\n');
  return parseHeaderBlock(Buffer.from(text.endsWith('\n') ? text : `${text}\r\n`, 'latin1'));
}
