/**
 * EnvelopedData (RFC 5652 §6.1) or AuthEnvelopedData (RFC 5083) round a stored ciphertext, streamed with definite lengths
 * at every size. AuthEnvelopedData has no authenticated attributes, because OpenSSL before mid-2026 got their tags wrong.
 *
 * encryptedContent is one primitive string up to 16 MiB, which every program reads, and 64 KiB segments above, for
 * Bouncy Castle holds a primitive string in memory. The same octets come out at every call: a retry sends what was sent.
 * Refused with cms.malformed: RecipientInfos that are not ours, and a ciphertext of another length than was said.
 */
import { derHeader, derInteger, derOctetString, TAG } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import { CONTENT_TYPE } from './algorithm-identifiers.ts';
import { readRecipientInfos } from './recipient-identifiers.ts';

/** What was decided and stored at the commit. */
export interface EnvelopedDataParts {
  /** RecipientInfos SET, whole DER. */
  readonly recipientInfos: Buffer;
  /** contentEncryptionAlgorithm, whole DER. */
  readonly contentEncryption: Buffer;
  /** Octets of the ciphertext, 0 to 2^48. */
  readonly ciphertextBytes: number;
  /** Authentication tag: makes it an AuthEnvelopedData. Absent or null with a cipher that has none. */
  readonly tag?: Buffer | null;
}

/** Largest encryptedContent written as one primitive string. */
export const PRIMITIVE_CIPHERTEXT_MAX = 16 * 1024 * 1024;
/** Octets in each segment of a larger one; the last has what is left. */
export const SEGMENT_OCTETS = 64 * 1024;

/** encryptedContent `[0] IMPLICIT OCTET STRING`, primitive and constructed. */
const PRIMITIVE = 0x80;
const CONSTRUCTED = 0xa0;
/** derHeader writes lengths of 6 octets at most. */
const CIPHERTEXT_MAX = 2 ** 48 - 2 ** 32;

const NOTHING = Buffer.alloc(0);
const FULL_SEGMENT_HEADER = derHeader(TAG.octetString, SEGMENT_OCTETS);

/**
 * Octets that {@link writeEnvelopedData} will yield: for SIZE= and for limits.
 * @throws GatewayError cms.malformed
 */
export function envelopedDataBytes(parts: EnvelopedDataParts): number {
  const plan = layOut(parts);
  return plan.head.length + plan.contentBytes + plan.tail.length;
}

/**
 * ContentInfo with the object: version by its recipients (RFC 5652 §6.1; AuthEnvelopedData always 0), no originatorInfo
 * and no attributes. Chunks of the ciphertext are handed on without copies.
 * @param ciphertext read once, to its end; when the consumer stops early it is closed
 * @throws GatewayError cms.malformed, before any octet past the promised length is yielded
 */
export async function* writeEnvelopedData(
  parts: EnvelopedDataParts,
  ciphertext: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const plan = layOut(parts);
  yield plan.head;
  let left = parts.ciphertextBytes;
  let leftInSegment = 0;
  for await (const chunk of ciphertext) {
    if (chunk.length > left) throw gatewayError('cms.malformed', 'ciphertext is longer than was recorded');
    if (!plan.segmented) {
      left -= chunk.length;
      yield chunk;
      continue;
    }
    for (let at = 0; at < chunk.length; ) {
      if (leftInSegment === 0) {
        leftInSegment = Math.min(left, SEGMENT_OCTETS);
        yield segmentHeader(leftInSegment);
      }
      const taken = Math.min(leftInSegment, chunk.length - at);
      yield taken === chunk.length ? chunk : chunk.subarray(at, at + taken);
      at += taken;
      left -= taken;
      leftInSegment -= taken;
    }
  }
  if (left !== 0) throw gatewayError('cms.malformed', `ciphertext is ${left} octets shorter than was recorded`);
  if (plan.tail.length > 0) yield plan.tail;
}

/**
 * {@link writeEnvelopedData} at once: the same octets.
 * @param ciphertext whole, in pieces, which are not copied
 * @returns ContentInfo in pieces
 * @throws GatewayError cms.malformed
 */
export function envelopedDataPieces(parts: EnvelopedDataParts, ciphertext: readonly Buffer[]): Buffer[] {
  const { segmented, head, tail } = layOut(parts);
  if (segmented) throw gatewayError('cms.malformed', 'ciphertext is too long to be written at once');
  let octets = 0;
  for (const piece of ciphertext) octets += piece.length;
  if (octets !== parts.ciphertextBytes) throw gatewayError('cms.malformed', `ciphertext has ${octets} octets`);
  return tail.length === 0 ? [head, ...ciphertext] : [head, ...ciphertext, tail];
}

interface Plan {
  readonly segmented: boolean;
  /** Everything before the first octet of encryptedContent's content. */
  readonly head: Buffer;
  /** Octets of encryptedContent's content, segment headers included. */
  readonly contentBytes: number;
  /** What follows it: the tag of AuthEnvelopedData, or nothing. */
  readonly tail: Buffer;
}

/** Everything but the tag ends where encryptedContent ends, so each length is what follows its header. */
function layOut(parts: EnvelopedDataParts): Plan {
  const { ciphertextBytes, contentEncryption } = parts;
  if (!Number.isSafeInteger(ciphertextBytes) || ciphertextBytes < 0 || ciphertextBytes > CIPHERTEXT_MAX) {
    throw gatewayError('cms.malformed', `ciphertext of ${ciphertextBytes} octets`);
  }
  const { version } = readRecipientInfos(parts.recipientInfos);
  const authenticated = parts.tag !== undefined && parts.tag !== null;
  const tail = authenticated ? derOctetString(parts.tag) : NOTHING;
  const segmented = ciphertextBytes > PRIMITIVE_CIPHERTEXT_MAX;
  const contentBytes = segmented ? segmentedBytes(ciphertextBytes) : ciphertextBytes;
  const string = derHeader(segmented ? CONSTRUCTED : PRIMITIVE, contentBytes);
  const contentInfo = CONTENT_TYPE.data.length + contentEncryption.length + string.length + contentBytes;
  const contentInfoHeader = derHeader(TAG.sequence, contentInfo);
  const number = derInteger(authenticated ? 0 : version);
  const object = number.length + parts.recipientInfos.length + contentInfoHeader.length + contentInfo + tail.length;
  const objectHeader = derHeader(TAG.sequence, object);
  const explicitHeader = derHeader(0xa0, objectHeader.length + object);
  const type = authenticated ? CONTENT_TYPE.authEnvelopedData : CONTENT_TYPE.envelopedData;
  const whole = type.length + explicitHeader.length + objectHeader.length + object;
  const outer = [derHeader(TAG.sequence, whole), type, explicitHeader, objectHeader, number, parts.recipientInfos];
  const head = Buffer.concat([...outer, contentInfoHeader, CONTENT_TYPE.data, contentEncryption, string]);
  return { segmented, head, contentBytes, tail };
}

function segmentedBytes(ciphertextBytes: number): number {
  const full = Math.floor(ciphertextBytes / SEGMENT_OCTETS);
  const rest = ciphertextBytes % SEGMENT_OCTETS;
  const restBytes = rest === 0 ? 0 : derHeader(TAG.octetString, rest).length + rest;
  return full * (FULL_SEGMENT_HEADER.length + SEGMENT_OCTETS) + restBytes;
}

function segmentHeader(octets: number): Buffer {
  return octets === SEGMENT_OCTETS ? FULL_SEGMENT_HEADER : derHeader(TAG.octetString, octets);
}
