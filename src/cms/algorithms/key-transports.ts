/**
 * RSA key transport: RSAES-PKCS1-v1_5 (RFC 3370 §4.2.1) and RSAES-OAEP (RFC 3560, RFC 8017 §7.1) with any hash and any
 * MGF1 hash.
 *
 * The encoding is ours, because all randomness comes from outside and because node:crypto cannot be told an MGF1 hash
 * of its own. OAEP parameters are always written with both hashes tagged and without the label, which is empty; SHA-1,
 * their default, is read but never written.
 */
import { createHash, hash as digestOf } from 'node:crypto';
import { derContext, derNull, derOid, derSequence } from '../../asn1/der-writer.ts';
import type { HashName } from './digests.ts';
import { DIGESTS } from './digests.ts';
import { hashWithNull, maskGeneration } from './signatures.ts';

export const RSA_ENCRYPTION_OID = '1.2.840.113549.1.1.1';
export const RSAES_OAEP_OID = '1.2.840.113549.1.1.7';

/** rsaEncryption with NULL. */
export const RSA_ENCRYPTION = derSequence(derOid(RSA_ENCRYPTION_OID), derNull());

/** keyEncryptionAlgorithm of RSAES-OAEP, whole DER. */
export function oaepAlgorithm(hash: HashName, maskHash: HashName): Buffer {
  const parameters = derSequence(derContext(0, hashWithNull(hash)), derContext(1, maskGeneration(maskHash)));
  return derSequence(derOid(RSAES_OAEP_OID), parameters);
}

/** Most octets that OAEP with this hash carries in a modulus of so many octets. */
export function oaepCapacity(hash: HashName, modulusOctets: number): number {
  return modulusOctets - 2 * DIGESTS[hash].octets - 2;
}

/**
 * EME-OAEP encoding with an empty label (RFC 8017 §7.1.1 step 2).
 * @param message at most {@link oaepCapacity} octets
 * @param seed random, as long as the hash
 * @returns one block of `modulusOctets`, to be wiped by the caller
 */
export function oaepEncode(
  message: Buffer,
  seed: Buffer,
  hash: HashName,
  maskHash: HashName,
  modulusOctets: number,
): Buffer {
  const hashOctets = DIGESTS[hash].octets;
  const encoded = Buffer.alloc(modulusOctets);
  const block = encoded.subarray(1 + hashOctets);
  emptyLabelHash(hash).copy(block);
  block[block.length - message.length - 1] = 1;
  message.copy(block, block.length - message.length);
  xorMask(block, seed, maskHash);
  const maskedSeed = encoded.subarray(1, 1 + hashOctets);
  seed.copy(maskedSeed);
  xorMask(maskedSeed, block, maskHash);
  return encoded;
}

/** XORs the MGF1 mask of `seed` over `target` (RFC 8017 §B.2.1). For writers and readers of OAEP. */
export function xorMask(target: Buffer, seed: Buffer, hash: HashName | 'sha1'): void {
  const input = Buffer.concat([seed, Buffer.alloc(4)]);
  for (let at = 0, count = 0; at < target.length; count++) {
    input.writeUInt32BE(count, seed.length);
    const mask = digestOf(hash, input, 'buffer');
    const end = Math.min(mask.length, target.length - at);
    for (let i = 0; i < end; i++) target[at + i] = (target[at + i] ?? 0) ^ (mask[i] ?? 0);
    at += end;
  }
  input.fill(0);
}

const labelHashes = new Map<HashName, Buffer>();

function emptyLabelHash(hash: HashName): Buffer {
  const known = labelHashes.get(hash) ?? createHash(hash).digest();
  labelHashes.set(hash, known);
  return known;
}
