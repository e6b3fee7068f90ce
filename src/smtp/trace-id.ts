/**
 * Names of transactions: 80 random bits in base32, lower case, so that they are read aloud and found by grep.
 * Random, not counted: a trace id is shown in Received fields and must not tell how much mail passes.
 */
import { randomFillSync } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const ID_LETTERS = 16;
// one call into the system's generator for many ids
const pool = Buffer.alloc(ID_LETTERS * 256);
let used = pool.length;

/** A new trace id: 16 letters and digits. */
export function makeTraceId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  let id = '';
  for (const octet of pool.subarray(used, used + ID_LETTERS)) id += ALPHABET[octet & 31];
  used += ID_LETTERS;
  return id;
}
