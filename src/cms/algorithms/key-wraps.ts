/**
 * AES key wrap (RFC 3394) as CMS uses it (RFC 3565 §2.3.2): the key-encryption key is as long as the content key
 * (RFC 8551 §2.3), parameters are absent. A wrapped key that does not unwrap throws; its caller gives one outcome.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { derOid, derSequence } from '../../asn1/der-writer.ts';

export type KeyWrap = 'aes-128-wrap' | 'aes-192-wrap' | 'aes-256-wrap';

export interface KeyWrapFacts {
  readonly oid: string;
  /** AlgorithmIdentifier, whole DER; also what goes into a key derivation. */
  readonly identifier: Buffer;
  readonly keyOctets: number;
}

export const KEY_WRAPS: Readonly<Record<KeyWrap, KeyWrapFacts>> = {
  'aes-128-wrap': keyWrap('2.16.840.1.101.3.4.1.5', 16),
  'aes-192-wrap': keyWrap('2.16.840.1.101.3.4.1.25', 24),
  'aes-256-wrap': keyWrap('2.16.840.1.101.3.4.1.45', 32),
};

/** RFC 3394: one block of 8 octets more than the key. */
export const WRAP_EXPANSION_OCTETS = 8;

const WRAP_IV = Buffer.alloc(8, 0xa6);

/** The key wrap of this OID, or null. */
export function findKeyWrap(oid: string): KeyWrap | null {
  const names = Object.keys(KEY_WRAPS) as KeyWrap[];
  return names.find((name) => KEY_WRAPS[name].oid === oid) ?? null;
}

/** The wrap whose key has the size of this content key, or null. */
export function keyWrapFor(contentKeyOctets: number): KeyWrap | null {
  const names = Object.keys(KEY_WRAPS) as KeyWrap[];
  return names.find((name) => KEY_WRAPS[name].keyOctets === contentKeyOctets) ?? null;
}

/** @param key of the size that the wrap has @returns 8 octets more than `contentKey` */
export function wrapKey(wrap: KeyWrap, key: Buffer, contentKey: Buffer): Buffer {
  const cipher = createCipheriv(nodeName(wrap), key, WRAP_IV);
  return Buffer.concat([cipher.update(contentKey), cipher.final()]);
}

/** @param wrapped attacker-chosen @throws Error of node:crypto when it is not the wrap of anything under this key */
export function unwrapKey(wrap: KeyWrap, key: Buffer, wrapped: Buffer): Buffer {
  const decipher = createDecipheriv(nodeName(wrap), key, WRAP_IV);
  return Buffer.concat([decipher.update(wrapped), decipher.final()]);
}

function nodeName(wrap: KeyWrap): string {
  return `id-aes${KEY_WRAPS[wrap].keyOctets * 8}-wrap`;
}

function keyWrap(oid: string, keyOctets: number): KeyWrapFacts {
  return { oid, identifier: derSequence(derOid(oid)), keyOctets };
}
