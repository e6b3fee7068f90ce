/**
 * The header of an entity at the front of octets that came from anywhere (RFC 5322 §2.2): a file may have LF line ends,
 * as programs write them on Unix, or both kinds. The header is read with CRLF; the body stays as it is.
 *
 * Refused with message.malformed: no empty line, what header-block.ts refuses. With message.limits: over 1 MB.
 */
import { gatewayError } from '../errors.ts';
import { findPlainHeader, HEADER_OCTETS_MAX, type HeaderBlock, parseHeaderBlock } from '../mime/header-block.ts';
import type { RangedSource } from './ranged-source.ts';

export interface OpenedHeader {
  readonly header: HeaderBlock;
  /** Where the body begins. */
  readonly bodyAt: number;
}

const LF = 0x0a;
const CR = 0x0d;
const EMPTY_CRLF_LINE = Buffer.from('\n\r\n');
const EMPTY_LF_LINE = Buffer.from('\n\n');
const NOTHING = Buffer.alloc(0);

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
  const gatherer = new HeaderGatherer();
  for (;;) {
    const { done, value } = await chunks.next();
    if (done === true) throw gatherer.missing();
    const found = gatherer.add(value);
    if (found !== null) return { ...found, body: remaining(found.rest, chunks) };
  }
}

/** Finds the header in a stream that is pushed. */
export class HeaderGatherer {
  #held: Buffer = NOTHING;

  /**
   * Takes the next octets, until there is a header.
   * @param chunk attacker-chosen; what is found may be views of it, nothing else is kept
   * @returns null while the header has not ended; `rest` is what of the body came with it
   * @throws GatewayError message.malformed, message.limits
   */
  add(chunk: Buffer): (OpenedHeader & { readonly rest: Buffer }) | null {
    const searched = Math.max(0, this.#held.length - 3);
    const held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const found = emptyLineIn(held, searched);
    if (found !== null) {
      const header = headerOf(held.subarray(0, found.headerEnd));
      return { header, bodyAt: found.bodyAt, rest: held.subarray(found.bodyAt) };
    }
    if (held.length > HEADER_OCTETS_MAX) {
      throw gatewayError('message.limits', `header over ${HEADER_OCTETS_MAX} octets`);
    }
    this.#held = held === chunk ? Buffer.from(chunk) : held;
    return null;
  }

  /** The error of a stream that ended before. */
  missing(): Error {
    return gatewayError('message.malformed', 'no header: a message or MIME entity begins with one and an empty line');
  }
}

/**
 * The header at the front of a source.
 * @throws GatewayError message.malformed, message.limits; what the source throws
 */
export async function readOpenHeader(source: RangedSource): Promise<OpenedHeader> {
  const { readInto } = source;
  if (readInto === undefined) {
    const { header, bodyAt, body } = await takeOpenHeader(source.open());
    await body[Symbol.asyncIterator]().return?.();
    return { header, bodyAt };
  }
  const gatherer = new HeaderGatherer();
  // its own, because the fields that are found are views of it
  const memory = Buffer.allocUnsafeSlow(HEADER_PIECE_OCTETS);
  for (let at = 0; ; ) {
    const octets = readInto.call(source, memory, at);
    if (octets === 0) throw gatherer.missing();
    at += octets;
    const found = gatherer.add(memory.subarray(0, octets));
    if (found !== null) return found;
  }
}

/** More than most headers of what is encrypted, and cheaper to have than a whole piece of a body. */
const HEADER_PIECE_OCTETS = 8192;

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
  // two searches instead of one a line
  const crlf = octets.indexOf(EMPTY_CRLF_LINE, from);
  const lf = (crlf === -1 ? octets : octets.subarray(0, crlf + 1)).indexOf(EMPTY_LF_LINE, from);
  if (lf !== -1) return { headerEnd: lf + 1, bodyAt: lf + 2 };
  return crlf === -1 ? null : { headerEnd: crlf + 1, bodyAt: crlf + 3 };
}

function headerOf(octets: Buffer): HeaderBlock {
  const plain = findPlainHeader(octets);
  if (plain !== null) return plain;
  const text = octets.toString('latin1').replace(/\r?\n/g, '\r\n');
  return parseHeaderBlock(Buffer.from(text === '' || text.endsWith('\n') ? text : `${text}\r\n`, 'latin1'));
}
