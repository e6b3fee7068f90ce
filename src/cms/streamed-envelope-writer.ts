/**
 * EnvelopedData and AuthEnvelopedData (RFC 5652 §6.1, RFC 5083) written while the content comes in, for a writer that
 * stores nothing. A ciphertext that fits what is held goes out in DER, as enveloped-data-writer.ts writes it; a longer one
 * with indefinite lengths (BER, X.690 §8.1.3.6) in segments of 64 KiB.
 */
import { derHeader, derInteger, derOctetString, TAG } from '../asn1/der-writer.ts';
import { CONTENT_TYPE } from './algorithm-identifiers.ts';
import type { ContentEncryptor } from './content-encryptor.ts';
import { envelopedDataPieces, SEGMENT_OCTETS, writeEnvelopedData } from './enveloped-data-writer.ts';
import { readRecipientInfos } from './recipient-identifiers.ts';

/** Ciphertext held back for the sake of definite lengths. */
const HELD_OCTETS_MAX = 1024 * 1024;

const INDEFINITE_SEQUENCE = Buffer.of(TAG.sequence, 0x80);
const INDEFINITE_CONTEXT = Buffer.of(0xa0, 0x80);
const END = Buffer.of(0, 0);

/**
 * ContentInfo, whole.
 * @param encryptor fresh; wiped at the end, however that comes
 * @param recipientInfos RecipientInfos SET, whole DER
 * @param content in pieces of any size; 64 KiB are best
 */
export async function* streamEnvelopedData(
  encryptor: ContentEncryptor,
  recipientInfos: Buffer,
  content: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const ciphertext = encrypted(encryptor, content);
  const held: Buffer[] = [];
  let octets = 0;
  try {
    for (;;) {
      const { done, value } = await ciphertext.next();
      if (done === true) break;
      held.push(value);
      octets += value.length;
      if (octets > HELD_OCTETS_MAX) {
        yield* indefinite(encryptor, recipientInfos, held, ciphertext);
        return;
      }
    }
    const parts = {
      recipientInfos,
      contentEncryption: encryptor.algorithm,
      ciphertextBytes: octets,
      tag: encryptor.tag(),
    };
    yield* writeEnvelopedData(parts, replayed(held));
  } finally {
    encryptor.destroy();
    await ciphertext.return();
  }
}

/**
 * {@link streamEnvelopedData} at once, for content that is all there and far below a megabyte: the same octets.
 * @param content in pieces
 * @returns ContentInfo, whole, in pieces
 */
export function envelopedDataOf(
  encryptor: ContentEncryptor,
  recipientInfos: Buffer,
  content: readonly Buffer[],
): Buffer[] {
  try {
    const ciphertext = encryptor.updateAll(content);
    const rest = encryptor.final();
    if (rest.length > 0) ciphertext.push(rest);
    let ciphertextBytes = 0;
    for (const piece of ciphertext) ciphertextBytes += piece.length;
    const contentEncryption = encryptor.algorithm;
    return envelopedDataPieces(
      { recipientInfos, contentEncryption, ciphertextBytes, tag: encryptor.tag() },
      ciphertext,
    );
  } finally {
    encryptor.destroy();
  }
}

async function* indefinite(
  encryptor: ContentEncryptor,
  recipientInfos: Buffer,
  held: readonly Buffer[],
  more: AsyncGenerator<Buffer, void, undefined>,
): AsyncGenerator<Buffer, void, undefined> {
  const authenticated = encryptor.envelope === 'authEnveloped';
  const version = authenticated ? 0 : readRecipientInfos(recipientInfos).version;
  const type = authenticated ? CONTENT_TYPE.authEnvelopedData : CONTENT_TYPE.envelopedData;
  yield Buffer.concat([
    ...[INDEFINITE_SEQUENCE, type, INDEFINITE_CONTEXT, INDEFINITE_SEQUENCE, derInteger(version), recipientInfos],
    ...[INDEFINITE_SEQUENCE, CONTENT_TYPE.data, encryptor.algorithm, INDEFINITE_CONTEXT],
  ]);
  for (const part of held) yield* segments(part);
  for await (const part of more) yield* segments(part);
  const tag = encryptor.tag();
  const closing = [END, END, ...(tag === null ? [] : [derOctetString(tag)]), END, END, END];
  yield Buffer.concat(closing);
}

/** OCTET STRINGs of at most a segment. */
export function* segments(octets: Buffer): Generator<Buffer, void, undefined> {
  for (let at = 0; at < octets.length; at += SEGMENT_OCTETS) {
    const part = octets.subarray(at, at + SEGMENT_OCTETS);
    yield derHeader(TAG.octetString, part.length);
    yield part;
  }
}

/** What fits a segment is encrypted in one go, in however many pieces it comes. */
async function* encrypted(
  encryptor: ContentEncryptor,
  content: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  let early: Buffer[] = [];
  let octets = 0;
  for await (const chunk of content) {
    octets += chunk.length;
    early.push(chunk);
    if (octets <= SEGMENT_OCTETS) continue;
    for (const piece of early) {
      const part = encryptor.update(piece);
      if (part.length > 0) yield part;
    }
    early = [];
  }
  const only = early.length > 0 ? encryptor.update(Buffer.concat(early)) : NOTHING;
  const last = encryptor.final();
  const rest = only.length === 0 ? last : last.length === 0 ? only : Buffer.concat([only, last]);
  if (rest.length > 0) yield rest;
}

const NOTHING = Buffer.alloc(0);

async function* replayed(parts: readonly Buffer[]): AsyncGenerator<Buffer, void, undefined> {
  yield* parts;
}
