/**
 * The sealed frames of a message file: AES-256-GCM under two keys that exist for this file alone (HKDF-SHA256, RFC 5869,
 * from the spool key with the file's salt and the message id).
 *
 *     frame = head (16: kind, flags, body index 2, counter 4, octets 4, zero 4) | [nonce 12, updates only] | ciphertext | tag 16
 *
 * Body chunks and the record have nonces made of kind, end mark, body index and counter; each exists once in a file and
 * a file is written once, so none repeats. Updates may be written again at the same place after a torn append: they
 * have a key of their own and random nonces. Associated data: the identity of the file (format version, key id,
 * message id, salt), the frame head, and besides
 * - of a body chunk: the binding of the body (catalogue C19). The last chunk of a body bears the end mark.
 * - of the record: where it stands.
 * - of an update: where it stands, and the tag of the frame before it: no update can be taken out, moved or played again.
 */
import { createCipheriv, createDecipheriv, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { formatHeader, type MailFileHeader } from './mail-file-header.ts';

export const FRAME_HEAD_OCTETS = 16;
export const TAG_OCTETS = 16;
/** Plaintext octets of every body chunk but the last. */
export const CHUNK_OCTETS = 64 * 1024;
/** A record holds RecipientInfos of some thousand recipients at most; an update their replies. Stops absurd allocations. */
export const SEALED_JSON_OCTETS_MAX = 64 * 1024 * 1024;
/** Body indexes are 16 bits in a frame head. */
export const BODIES_MAX = 0xffff;

export type FrameKind = 'body' | 'record' | 'update';
/** First octet of every update frame. */
export const UPDATE_KIND = 3;
const KIND_OCTETS: Readonly<Record<FrameKind, number>> = { body: 1, record: 2, update: UPDATE_KIND };
const NONCE_OCTETS = 12;
const KEY_OCTETS = 32;
const FLAG_END = 1;

export interface FrameHead {
  readonly kind: FrameKind;
  readonly end: boolean;
  readonly bodyIndex: number;
  readonly counter: number;
  /** Octets of plaintext, which are as many of ciphertext. */
  readonly octets: number;
}

/** Octets of the whole frame that has this head. */
export function frameOctets(head: FrameHead): number {
  return FRAME_HEAD_OCTETS + (head.kind === 'update' ? NONCE_OCTETS : 0) + head.octets + TAG_OCTETS;
}

/** @param octets at least 16, not trusted. null: no frame begins like this */
export function parseFrameHead(octets: Buffer): FrameHead | null {
  const kind = (['body', 'record', 'update'] as const).find((name) => KIND_OCTETS[name] === octets[0]);
  const flags = octets[1] ?? 0xff;
  if (kind === undefined || flags > FLAG_END || octets.readUInt32BE(12) !== 0) return null;
  const head = {
    kind,
    end: flags === FLAG_END,
    bodyIndex: octets.readUInt16BE(2),
    counter: octets.readUInt32BE(4),
    octets: octets.readUInt32BE(8),
  };
  return head.octets > (kind === 'body' ? CHUNK_OCTETS : SEALED_JSON_OCTETS_MAX) ? null : head;
}

/** Seals and opens the frames of one file. Holds its keys. */
export class MailFileFrames {
  readonly #identity: Buffer;
  readonly #fileKey: Buffer;
  readonly #updateKey: Buffer;

  constructor(spoolKey: KeyObject, header: MailFileHeader) {
    // the record offset is not known when the first chunk is sealed; the record binds it
    this.#identity = formatHeader({ ...header, recordOffset: 0 });
    const info = `sealgate mail file 1\0${header.id}`;
    const keys = Buffer.from(hkdfSync('sha256', spoolKey, header.salt, info, 2 * KEY_OCTETS));
    this.#fileKey = keys.subarray(0, KEY_OCTETS);
    this.#updateKey = keys.subarray(KEY_OCTETS);
  }

  sealChunk(chunk: { bodyIndex: number; counter: number; end: boolean }, binding: Buffer, plain: Buffer): Buffer[] {
    const head = formatFrameHead({ ...chunk, kind: 'body', octets: plain.length });
    return this.#seal(this.#fileKey, head, frameNonce(head), [binding], plain);
  }

  /** @param frame a whole frame, not trusted. null: not authentic for this file, place and binding */
  openChunk(frame: Buffer, binding: Buffer): Buffer | null {
    return this.#open(this.#fileKey, frame, 0, [binding]);
  }

  sealRecord(recordOffset: number, plain: Buffer): Buffer[] {
    const head = formatFrameHead({ kind: 'record', end: false, bodyIndex: 0, counter: 0, octets: plain.length });
    return this.#seal(this.#fileKey, head, frameNonce(head), [offsetOctets(recordOffset)], plain);
  }

  openRecord(recordOffset: number, frame: Buffer): Buffer | null {
    return this.#open(this.#fileKey, frame, 0, [offsetOctets(recordOffset)]);
  }

  sealUpdate(offset: number, previousTag: Buffer, plain: Buffer): Buffer[] {
    const head = formatFrameHead({ kind: 'update', end: false, bodyIndex: 0, counter: 0, octets: plain.length });
    const nonce = randomBytes(NONCE_OCTETS);
    const [, ...sealed] = this.#seal(this.#updateKey, head, nonce, [offsetOctets(offset), previousTag], plain);
    return [head, nonce, ...sealed];
  }

  openUpdate(offset: number, previousTag: Buffer, frame: Buffer): Buffer | null {
    return this.#open(this.#updateKey, frame, NONCE_OCTETS, [offsetOctets(offset), previousTag]);
  }

  #seal(key: Buffer, head: Buffer, nonce: Buffer, bound: readonly Buffer[], plain: Buffer): Buffer[] {
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_OCTETS });
    cipher.setAAD(Buffer.concat([this.#identity, head, ...bound]));
    const sealed = cipher.update(plain);
    cipher.final();
    return [head, sealed, cipher.getAuthTag()];
  }

  #open(key: Buffer, frame: Buffer, storedNonceOctets: number, bound: readonly Buffer[]): Buffer | null {
    const head = frame.subarray(0, FRAME_HEAD_OCTETS);
    const sealedAt = FRAME_HEAD_OCTETS + storedNonceOctets;
    if (frame.length < sealedAt + TAG_OCTETS) return null;
    const nonce = storedNonceOctets === 0 ? frameNonce(head) : frame.subarray(FRAME_HEAD_OCTETS, sealedAt);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_OCTETS });
    decipher.setAAD(Buffer.concat([this.#identity, head, ...bound]));
    decipher.setAuthTag(frame.subarray(frame.length - TAG_OCTETS));
    const plain = decipher.update(frame.subarray(sealedAt, frame.length - TAG_OCTETS));
    try {
      decipher.final();
    } catch {
      return null;
    }
    return plain;
  }
}

/** The tag that ends a frame; the next update is chained to it. */
export function frameTag(frame: Buffer): Buffer {
  return Buffer.from(frame.subarray(frame.length - TAG_OCTETS));
}

function formatFrameHead(head: FrameHead): Buffer {
  const octets = Buffer.alloc(FRAME_HEAD_OCTETS);
  octets[0] = KIND_OCTETS[head.kind];
  octets[1] = head.end ? FLAG_END : 0;
  octets.writeUInt16BE(head.bodyIndex, 2);
  octets.writeUInt32BE(head.counter, 4);
  octets.writeUInt32BE(head.octets, 8);
  return octets;
}

/** Kind, end mark, body index and counter: the first 8 octets of the head. */
function frameNonce(head: Buffer): Buffer {
  const nonce = Buffer.alloc(NONCE_OCTETS);
  head.copy(nonce, 0, 0, 8);
  return nonce;
}

function offsetOctets(offset: number): Buffer {
  const octets = Buffer.alloc(8);
  octets.writeBigUInt64BE(BigInt(offset));
  return octets;
}
