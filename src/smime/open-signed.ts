/**
 * Finds the two parts of a multipart/signed (RFC 1847 §2.1, RFC 2046 §5.1.1) as places of the source, in one pass that
 * keeps nothing but the signature part.
 *
 * The signed part is every octet from behind the first delimiter line to before the line end in front of the second.
 * Line ends may be LF or CRLF, each by itself: OpenSSL writes both into one message. A delimiter is the whole line.
 * Refused with message.malformed: another number of parts than two, no end, a boundary that cannot be used, a second part
 * that is no signature of S/MIME; with message.limits: a signature part over 2 MB.
 */
import type { ReopenableSource } from '../cms/reopenable-source.ts';
import { gatewayError } from '../errors.ts';
import { type ContentType, parseContentType } from '../mime/content-type.ts';
import { decodedBody } from './open-body.ts';
import { splitEntity } from './open-header.ts';
import { partOf, type RangedSource, rangedBuffer } from './ranged-source.ts';

/** The signature part, encoded. SLH-DSA signatures of many signers are smaller. */
export const SIGNATURE_PART_OCTETS_MAX = 2 * 1_048_576;
const SIGNATURE_TYPES = new Set(['application/pkcs7-signature', 'application/x-pkcs7-signature']);
const LF = 0x0a;
const CR = 0x0d;
/** Blanks that may follow a delimiter on its line. */
const PADDING_OCTETS_MAX = 256;

/**
 * @param bodyAt where the body of the multipart begins in `source`
 * @throws GatewayError message.malformed, message.limits
 */
export async function splitMultipartSigned(
  source: RangedSource,
  bodyAt: number,
  type: ContentType,
): Promise<{ object: ReopenableSource; content: ReopenableSource }> {
  const boundary = type.parameters.get('boundary') ?? '';
  if (boundary.length > 200 || !/^[ -~]*[!-~]$/.test(boundary)) throw malformed('its boundary cannot be used');
  const delimiters = await findDelimiters(source, bodyAt, boundary);
  const [first, second, last] = delimiters;
  if (first === undefined || second === undefined || last === undefined) throw malformed('it has not two parts');
  if (first.closes || second.closes || !last.closes) throw malformed('it has not exactly two parts');
  if (second.lineStart < first.lineEnd || last.lineStart < second.lineEnd) throw malformed('it has an empty part');
  const content = partOf(source, first.lineEnd, Math.max(first.lineEnd, second.contentEnd));
  return { content, object: await signatureOf(source, second.lineEnd, last.contentEnd) };
}

async function signatureOf(source: RangedSource, from: number, to: number): Promise<ReopenableSource> {
  if (to - from > SIGNATURE_PART_OCTETS_MAX) throw gatewayError('message.limits', 'signature part over 2 MB');
  const pieces: Buffer[] = [];
  for await (const chunk of source.open(from, Math.max(from, to))) pieces.push(chunk);
  const part = Buffer.concat(pieces);
  const { header, bodyAt } = splitEntity(part);
  const types = header.all('content-type');
  const type = parseContentType(types[0] ?? '');
  if (types.length !== 1 || type.ambiguous || !SIGNATURE_TYPES.has(type.mediaType)) {
    throw malformed(`its second part is ${type.mediaType}, no signature of S/MIME`);
  }
  return decodedBody(rangedBuffer(part.subarray(bodyAt)), header);
}

/** A delimiter line, as places of the source. */
interface Delimiter {
  /** Before the line end in front of the line. */
  readonly contentEnd: number;
  readonly lineStart: number;
  /** Behind the line's own end. */
  readonly lineEnd: number;
  readonly closes: boolean;
}

/** The first delimiters up to the one that closes, or four of them. */
async function findDelimiters(source: RangedSource, bodyAt: number, boundary: string): Promise<Delimiter[]> {
  const wanted = Buffer.from(`--${boundary}`, 'latin1');
  const reach = wanted.length + PADDING_OCTETS_MAX + 4;
  const found: Delimiter[] = [];
  // the two octets in front of a line are needed to judge it, so they stay in `held`
  let held: Buffer = Buffer.alloc(0);
  let heldAt = bodyAt;
  let searched = 0;
  for await (const chunk of ended(source.open(bodyAt))) {
    const last = chunk === null;
    if (chunk !== null) held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    for (;;) {
      const at = held.indexOf(wanted, searched);
      if (at === -1 || (!last && held.length - at < reach)) {
        searched = at === -1 ? Math.max(searched, held.length - wanted.length + 1) : at;
        break;
      }
      searched = at + 1;
      const delimiter = delimiterAt(held, at, wanted.length, heldAt, bodyAt);
      if (delimiter === null) continue;
      found.push(delimiter);
      if (delimiter.closes || found.length === 4) return found;
    }
    const keep = Math.max(0, searched - 2);
    held = held.subarray(keep);
    heldAt += keep;
    searched -= keep;
  }
  return found;
}

/** The line that begins at `at`, if it is a line, and nothing but the delimiter. */
function delimiterAt(held: Buffer, at: number, length: number, heldAt: number, bodyAt: number): Delimiter | null {
  const lineStart = heldAt + at;
  if (lineStart !== bodyAt && held[at - 1] !== LF) return null;
  let end = at + length;
  const closes = held[end] === 0x2d && held[end + 1] === 0x2d;
  if (closes) end += 2;
  for (let blanks = 0; held[end] === 0x20 || held[end] === 0x09; end++) if (++blanks > PADDING_OCTETS_MAX) return null;
  if (held[end] === CR && held[end + 1] === LF) end += 2;
  else if (held[end] === LF) end += 1;
  else if (end < held.length || !closes) return null;
  const front = lineStart === bodyAt ? 0 : held[at - 2] === CR && lineStart - bodyAt > 1 ? 2 : 1;
  return { contentEnd: lineStart - front, lineStart, lineEnd: heldAt + end, closes };
}

/** The chunks, then null. */
async function* ended(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer | null, void, undefined> {
  yield* chunks;
  yield null;
}

function malformed(problem: string): Error {
  return gatewayError('message.malformed', `multipart/signed: ${problem}`);
}
