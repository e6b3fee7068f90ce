/**
 * RC2 in CBC mode (RFC 2268), decryption only: for mail and PKCS #12 files of the nineties, by explicit policy. OpenSSL
 * has it in its legacy provider only, which the running process does not load.
 *
 * Not made for speed, nor against timing: what it protected is open to anyone with 40 bits of patience.
 */

const BLOCK = 8;

/** The PITABLE of RFC 2268 §2. */
const PI = Buffer.from(
  'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82' +
    '54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb6266fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7' +
    '08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ecc2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731' +
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a90d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad',
  'hex',
);

/** Key expansion (RFC 2268 §2). @param effectiveBits 8 to 1024 */
function expandKey(key: Buffer, effectiveBits: number): Uint16Array {
  const table = Buffer.alloc(128);
  key.copy(table);
  for (let i = key.length; i < 128; i++) table[i] = at(PI, (at(table, i - 1) + at(table, i - key.length)) & 0xff);
  const octets = (effectiveBits + 7) >> 3;
  const mask = 0xff >> (8 * octets - effectiveBits);
  table[128 - octets] = at(PI, at(table, 128 - octets) & mask);
  for (let i = 127 - octets; i >= 0; i--) table[i] = at(PI, at(table, i + 1) ^ at(table, i + octets));
  return Uint16Array.from({ length: 64 }, (_, i) => table.readUInt16LE(2 * i));
}

/** Decrypts CBC chunk by chunk and takes the padding off (RFC 5652 §6.3). */
export class Rc2Decipher {
  private readonly words: Uint16Array;
  private previous: Buffer;
  private pending: Buffer = Buffer.alloc(0);

  /** @param key 1 to 128 octets @param iv 8 octets */
  constructor(key: Buffer, iv: Buffer, effectiveBits: number) {
    this.words = expandKey(key, effectiveBits);
    this.previous = Buffer.from(iv);
  }

  /** @returns the octets before the last block, which may be padding */
  update(chunk: Buffer): Buffer {
    const input = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    const whole = Math.max(0, Math.ceil(input.length / BLOCK) - 1) * BLOCK;
    const output = Buffer.alloc(whole);
    for (let at = 0; at < whole; at += BLOCK) this.decryptBlock(input.subarray(at, at + BLOCK), output, at);
    this.pending = Buffer.from(input.subarray(whole));
    return output;
  }

  /** @throws Error when there is no whole last block or its padding is wrong */
  final(): Buffer {
    if (this.pending.length !== BLOCK) throw new Error('wrong final block length');
    const last = Buffer.alloc(BLOCK);
    this.decryptBlock(this.pending, last, 0);
    const padding = last[BLOCK - 1] ?? 0;
    if (padding < 1 || padding > BLOCK || !last.subarray(BLOCK - padding).every((octet) => octet === padding)) {
      throw new Error('bad decrypt');
    }
    return last.subarray(0, BLOCK - padding);
  }

  private decryptBlock(block: Buffer, output: Buffer, offset: number): void {
    const r = [block.readUInt16LE(0), block.readUInt16LE(2), block.readUInt16LE(4), block.readUInt16LE(6)];
    let j = 63;
    for (let round = 15; round >= 0; round--) {
      for (let i = 3; i >= 0; i--) {
        const shift = [1, 2, 3, 5][i] ?? 0;
        const word = at(r, i);
        const rotated = ((word >> shift) | (word << (16 - shift))) & 0xffff;
        const [a, b, c] = [at(r, (i + 3) & 3), at(r, (i + 2) & 3), at(r, (i + 1) & 3)];
        r[i] = (rotated - at(this.words, j--) - (a & b) - (~a & c & 0xffff)) & 0xffff;
      }
      // a mashing round follows mixing rounds 5 and 11, so going back it precedes them
      if (round === 11 || round === 5) {
        for (let i = 3; i >= 0; i--) r[i] = (at(r, i) - at(this.words, at(r, (i + 3) & 3) & 63)) & 0xffff;
      }
    }
    for (let i = 0; i < 4; i++) output.writeUInt16LE(at(r, i) ^ this.previous.readUInt16LE(2 * i), offset + 2 * i);
    this.previous = Buffer.from(block);
  }
}

function at(list: ArrayLike<number>, index: number): number {
  return list[index] ?? 0;
}
