/**
 * Opens CompressedData (RFC 3274) from a source that is read twice: pass one inflates everything within the limits and
 * proves structure and checksum; only its success has `release`. Constant memory.
 *
 * Refused: other algorithms than zlib; more octets out than the caller or {@link READER_LIMITS.compressionRatio} allows
 * (catalogue M7), as soon as they are reached; octets behind the end of the zlib stream.
 */
import { Readable } from 'node:stream';
import { createInflate } from 'node:zlib';
import type { BerStream } from '../asn1/ber-stream.ts';
import { TAG } from '../asn1/der-writer.ts';
import { finishReading, flowOf, type Reading } from '../asn1/pieces.ts';
import { parseAlgorithm } from './ber-field-reader.ts';
import { ZLIB_OID } from './compressed-data-writer.ts';
import { enterContent, leaveContent, readOid } from './content-info-reader.ts';
import { Inspection, type Inspector } from './proving-pass.ts';
import { type CmsFailure, failureOf, ReaderStop } from './reader-failure.ts';
import { READER_LIMITS } from './reader-limits.ts';
import { type ReaderPolicy, STRICT_POLICY } from './reader-policy.ts';
import { keptStreamOf, type ReopenableSource } from './reopenable-source.ts';

/** Below this many octets the ratio is not looked at: short runs compress well honestly. */
const RATIO_FREE_OCTETS = 1024 * 1024;

export interface InflatingOptions<T> {
  /** Most octets that may come out: the limit of a message. */
  readonly octetsMax: number;
  readonly policy?: ReaderPolicy;
  readonly inspect?: () => Inspector<T>;
}

export interface OpenedCompression<T = undefined> {
  readonly ok: true;
  /** OID of what is inside. */
  readonly contentType: string;
  /** Octets of the content. */
  readonly octets: number;
  readonly inspected: T;
  /** Pass two. The limits hold here too, so a source that changed cannot grow. */
  release(): AsyncIterable<Buffer>;
}

export type CompressionResult<T = undefined> =
  | OpenedCompression<T>
  | { readonly ok: false; readonly failure: CmsFailure };

/** @param source attacker-chosen octets @throws what the source throws */
export async function openCompressedData<T = undefined>(
  source: ReopenableSource,
  options: InflatingOptions<T>,
): Promise<CompressionResult<T>> {
  const facts = { contentType: '', octets: 0 };
  try {
    const inspection = new Inspection(options.inspect?.() ?? null);
    for await (const part of inflated(source, options, facts)) inspection.show(part);
    const inspected = inspection.result();
    const release = (): AsyncIterable<Buffer> => inflated(source, options, { contentType: '', octets: 0 });
    return { ok: true, contentType: facts.contentType, octets: facts.octets, inspected, release };
  } catch (thrown) {
    return { ok: false, failure: failureOf(thrown) };
  }
}

async function* inflated(
  source: ReopenableSource,
  options: { readonly octetsMax: number; readonly policy?: ReaderPolicy },
  facts: { contentType: string; octets: number },
): AsyncGenerator<Buffer, void, undefined> {
  // what is inflated is read ahead, so pieces are kept
  const stream = keptStreamOf(source);
  try {
    facts.contentType = await finishReading(enterCompressed(stream));
    for await (const part of inflate(flowOf(compressedOctets(stream)), options.octetsMax)) {
      facts.octets += part.length;
      yield part;
    }
    await finishReading(leaveCompressed(stream, (options.policy ?? STRICT_POLICY).trailingOctets));
  } finally {
    await stream.close();
  }
}

function* enterCompressed(stream: BerStream): Reading<string> {
  yield* enterContent(stream, ['compressedData']);
  yield* stream.read(TAG.integer, READER_LIMITS.fieldOctets);
  const { oid } = parseAlgorithm(yield* stream.read(TAG.sequence, READER_LIMITS.fieldOctets));
  if (oid !== ZLIB_OID) throw new ReaderStop('unsupported', `compression algorithm ${oid}`);
  yield* stream.enter(TAG.sequence);
  const contentType = yield* readOid(stream);
  yield* stream.enter(0xa0);
  return contentType;
}

function* compressedOctets(stream: BerStream): Reading<void, Buffer> {
  yield* stream.openString(TAG.octetString);
  for (let part = yield* stream.nextOctets(); part !== null; part = yield* stream.nextOctets()) yield part;
}

function* leaveCompressed(stream: BerStream, trailingOctets: boolean): Reading<void> {
  yield* stream.leave();
  yield* stream.leave();
  yield* leaveContent(stream, trailingOctets);
}

async function* inflate(parts: AsyncIterable<Buffer>, octetsMax: number): AsyncGenerator<Buffer, void, undefined> {
  const zlib = createInflate({ chunkSize: 64 * 1024 });
  const fed = { octets: 0 };
  const input = Readable.from(counted(parts, fed));
  // an error of the input is to be seen as it is, not as a broken zlib stream
  input.on('error', (error) => zlib.destroy(error));
  input.pipe(zlib);
  let made = 0;
  try {
    for await (const part of zlib as AsyncIterable<Buffer>) {
      made += part.length;
      if (made > octetsMax) throw new ReaderStop('limit', `more than ${octetsMax} octets decompressed`);
      if (made > RATIO_FREE_OCTETS && made > fed.octets * READER_LIMITS.compressionRatio) {
        throw new ReaderStop('limit', `compressed more than ${READER_LIMITS.compressionRatio} to 1`);
      }
      yield part;
    }
  } catch (thrown) {
    if (isZlibError(thrown)) throw new ReaderStop('malformed', 'not a zlib stream');
    throw thrown;
  } finally {
    input.destroy();
    zlib.destroy();
  }
  if (zlib.bytesWritten !== fed.octets) throw new ReaderStop('malformed', 'octets behind the zlib stream');
}

async function* counted(
  parts: AsyncIterable<Buffer>,
  fed: { octets: number },
): AsyncGenerator<Buffer, void, undefined> {
  for await (const part of parts) {
    fed.octets += part.length;
    yield part;
  }
}

function isZlibError(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && String(thrown.code).startsWith('Z_');
}
