/**
 * What one copy looks like on the wire (RFC 5321 §4.1.1.4, §4.5.2; RFC 5652 §6.1; RFC 2045 §6.8): header, empty line,
 * body, dot-stuffed, ended by CRLF.CRLF. Encrypted bodies are base64 of an EnvelopedData of definite length.
 *
 * Only octets that are CRLF-true leave: a bare CR or LF is refused with `defect` before anything of its chunk is
 * written, for a repair would change what was signed and passing it on would be smuggling (catalogue S3).
 */

import { octetsPassed } from '../buffer-reclaim.ts';
import { type EnvelopedDataParts, envelopedDataBytes, writeEnvelopedData } from '../cms/enveloped-data-writer.ts';
import { gatewayError } from '../errors.ts';
import { Base64Encoder } from '../mime/base64-encoder.ts';
import { DotStuffer } from './dot-stuffer.ts';
import type { ProvenContent } from './sealed-proof.ts';

/** Most octets given to the socket at once, but for a body chunk that is larger already. */
const CHUNK_BYTES = 65536;
const EMPTY_LINE = Buffer.from('\r\n');
/** RFC 2045 §6.8: characters of a line, without its CRLF. */
const BASE64_LINE = 76;

/**
 * Octets of base64 text for `bytes` octets: padded, folded at 76 characters, every line ended by CRLF (RFC 2045 §6.8).
 * @param bytes 0 or more; 0 gives 0
 */
export function base64Bytes(bytes: number): number {
  const characters = 4 * Math.ceil(bytes / 3);
  return characters + 2 * Math.ceil(characters / BASE64_LINE);
}

/**
 * Octets of the whole message as SIZE= counts them (RFC 1870 §5): with every CRLF, without dot-stuffing and final dot.
 * @param clearBodyBytes octets of a clear body; null where it is not known
 * @returns null when it is not known before the body is read
 */
export function wireBytes(header: string, content: ProvenContent, clearBodyBytes: number | null): number | null {
  const before = header.length + EMPTY_LINE.length;
  if (content.kind === 'enveloped') return before + base64Bytes(envelopedDataBytes(content.parts));
  return clearBodyBytes === null ? null : before + clearBodyBytes;
}

/** True when any octet of the copy is above 127: then the hop must offer 8BITMIME (RFC 6152 §3). */
export function isEightBit(header: string, content: ProvenContent): boolean {
  return (content.kind === 'clear' && content.eightBit) || /[\x80-\xff]/.test(header);
}

/**
 * The octets after the 354, final dot included, in chunks of about 64 KiB; a small message is one chunk.
 * @param header CRLF-ended fields, latin1 text of octets
 * @param body opens the stored body; called when the first octet is asked for
 * @throws GatewayError `defect` on a bare CR or LF, cms.malformed when the ciphertext has another length than recorded,
 *   and what `body` throws. Then the final dot was not given.
 */
export async function* wireOctets(
  header: string,
  content: ProvenContent,
  body: () => AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const stuffer = new DotStuffer();
  let held: Buffer[] = [stuffer.update(Buffer.from(header, 'latin1')), stuffer.update(EMPTY_LINE)];
  let heldBytes = held.reduce((sum, piece) => sum + piece.length, 0);
  const pieces = content.kind === 'enveloped' ? base64Text(content.parts, body()) : body();
  for await (const piece of pieces) {
    // base64 text has no dot and only our own line ends: it needs no scan
    const octets = content.kind === 'enveloped' ? piece : stuffer.update(piece);
    held.push(octets);
    heldBytes += octets.length;
    octetsPassed(octets.length);
    if (heldBytes < CHUNK_BYTES) continue;
    yield joined(held, heldBytes);
    held = [];
    heldBytes = 0;
  }
  const end = content.kind === 'enveloped' ? Buffer.from('.\r\n') : stuffer.final();
  held.push(end);
  yield joined(held, heldBytes + end.length);
}

function joined(pieces: readonly Buffer[], bytes: number): Buffer {
  const [first] = pieces;
  return pieces.length === 1 && first !== undefined ? first : Buffer.concat(pieces, bytes);
}

/** Base64 of the EnvelopedData; ends with CRLF. */
async function* base64Text(parts: EnvelopedDataParts, ciphertext: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const encoder = new Base64Encoder();
  let bytes = 0;
  for await (const chunk of writeEnvelopedData(parts, ciphertext)) {
    const text = encoder.update(chunk);
    bytes += text.length;
    if (text.length > 0) yield text;
  }
  const rest = encoder.final();
  bytes += rest.length;
  const expected = base64Bytes(envelopedDataBytes(parts));
  if (bytes !== expected)
    throw gatewayError('defect', `base64 text of ${bytes} octets where ${expected} were announced`);
  yield rest;
}
