/** RSA of the second implementation, by BigInt (RFC 8017): slow, without any blinding, for tests alone. */
import { randomBytes } from 'node:crypto';
import type { CHash } from '@noble/hashes/utils.js';
import { at, decode } from './asn1.ts';

interface Numbers {
  readonly modulus: bigint;
  readonly exponent: bigint;
  readonly octets: number;
}

/** @param octets RSAPublicKey */
export function rsaPublic(octets: Buffer): Numbers {
  const fields = decode(octets);
  return numbers(at(fields, 0).content, at(fields, 1).content);
}

/** @param octets RSAPrivateKey */
export function rsaPrivate(octets: Buffer): Numbers {
  const fields = decode(octets);
  return numbers(at(fields, 1).content, at(fields, 3).content);
}

function numbers(modulus: Buffer, exponent: Buffer): Numbers {
  const n = big(modulus);
  return { modulus: n, exponent: big(exponent), octets: Math.ceil(n.toString(2).length / 8) };
}

function big(octets: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(octets).toString('hex') || '0'}`);
}

/** RSAEP, RSADP, RSASP1 and RSAVP1 are one: x^e mod n. */
export function power({ modulus, exponent, octets }: Numbers, input: Uint8Array): Buffer {
  let result = 1n;
  let base = big(input) % modulus;
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = (result * base) % modulus;
    base = (base * base) % modulus;
  }
  return Buffer.from(result.toString(16).padStart(octets * 2, '0'), 'hex');
}

export function mgf1(hash: CHash, seed: Uint8Array, octets: number): Buffer {
  const blocks: Uint8Array[] = [];
  for (let counter = 0; blocks.length * hash.outputLen < octets; counter++) {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    blocks.push(hash(Buffer.concat([seed, count])));
  }
  return Buffer.concat(blocks).subarray(0, octets);
}

function xor(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.from(a.map((octet, i) => octet ^ (b[i] ?? 0)));
}

/** EME-PKCS1-v1_5. */
export function padPkcs1(message: Uint8Array, octets: number): Buffer {
  const filler = randomBytes(octets - message.length - 3).map((octet) => octet || 1);
  return Buffer.concat([Buffer.of(0, 2), filler, Buffer.of(0), message]);
}

export function unpadPkcs1(block: Buffer): Buffer {
  const end = block.indexOf(0, 2);
  if (block[0] !== 0 || block[1] !== 2 || end < 10) throw new Error('no PKCS #1 v1.5 block');
  return block.subarray(end + 1);
}

/** EME-OAEP with an empty label. */
export function padOaep(message: Uint8Array, octets: number, hash: CHash, maskHash: CHash): Buffer {
  const size = hash.outputLen;
  const zeros = Buffer.alloc(octets - message.length - 2 * size - 2);
  const block = Buffer.concat([hash(new Uint8Array()), zeros, Buffer.of(1), message]);
  const seed = randomBytes(size);
  const maskedBlock = xor(block, mgf1(maskHash, seed, block.length));
  return Buffer.concat([Buffer.of(0), xor(seed, mgf1(maskHash, maskedBlock, size)), maskedBlock]);
}

export function unpadOaep(encoded: Buffer, hash: CHash, maskHash: CHash): Buffer {
  const size = hash.outputLen;
  const maskedBlock = encoded.subarray(1 + size);
  const seed = xor(encoded.subarray(1, 1 + size), mgf1(maskHash, maskedBlock, size));
  const block = xor(maskedBlock, mgf1(maskHash, seed, maskedBlock.length));
  const start = block.indexOf(1, size);
  const zeros = block.subarray(size, start).every((octet) => octet === 0);
  if (encoded[0] !== 0 || !block.subarray(0, size).equals(hash(new Uint8Array())) || start < 0 || !zeros) {
    throw new Error('no OAEP block');
  }
  return block.subarray(start + 1);
}

/** EMSA-PSS-VERIFY. @param bits of the modulus, less one */
export function isPss(encoded: Buffer, digest: Uint8Array, hash: CHash, saltOctets: number, bits: number): boolean {
  const size = hash.outputLen;
  const octets = Math.ceil(bits / 8);
  const block = encoded.subarray(encoded.length - octets);
  const masked = block.subarray(0, octets - size - 1);
  const proof = block.subarray(octets - size - 1, octets - 1);
  const data = xor(masked, mgf1(hash, proof, masked.length));
  data[0] = (data[0] ?? 0) & (0xff >> (8 * octets - bits));
  const salt = data.subarray(data.length - saltOctets);
  const start = data.length - saltOctets - 1;
  const expected = hash(Buffer.concat([Buffer.alloc(8), digest, salt]));
  return (
    block.at(-1) === 0xbc &&
    data[start] === 1 &&
    data.subarray(0, start).every((octet) => octet === 0) &&
    proof.equals(expected)
  );
}

/** EMSA-PSS-ENCODE. */
export function encodePss(digest: Uint8Array, hash: CHash, saltOctets: number, bits: number): Buffer {
  const size = hash.outputLen;
  const octets = Math.ceil(bits / 8);
  const salt = randomBytes(saltOctets);
  const proof = hash(Buffer.concat([Buffer.alloc(8), digest, salt]));
  const data = Buffer.concat([Buffer.alloc(octets - saltOctets - size - 2), Buffer.of(1), salt]);
  const masked = xor(data, mgf1(hash, proof, data.length));
  masked[0] = (masked[0] ?? 0) & (0xff >> (8 * octets - bits));
  return Buffer.concat([masked, proof, Buffer.of(0xbc)]);
}

/** EMSA-PKCS1-v1_5. @param info DigestInfo */
export function encodePkcs1(info: Uint8Array, octets: number): Buffer {
  return Buffer.concat([Buffer.of(0, 1), Buffer.alloc(octets - info.length - 3, 0xff), Buffer.of(0), info]);
}
