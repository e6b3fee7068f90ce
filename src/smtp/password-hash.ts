/**
 * Passwords of submitting clients, kept as `scrypt$N$r$p$salt$hash` (RFC 7914; salt and hash base64url).
 *
 * Verifying costs the same for every stored password, compares in constant time, and bounds memory, so that a
 * configured hash cannot exhaust the process. Refused: anything not of that form, and parameters too weak or too dear.
 */
import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

export interface PasswordHash {
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

const HASH_OCTETS = 32;
const SALT_OCTETS_MIN = 8;
/** OWASP's least for r=8 is 2^14 with p=5; below 2^12 nothing is a password hash. */
const N_MIN = 1 << 12;
/** 128 * N * r octets are needed at once. */
const MEMORY_OCTETS_MAX = 256 * 1024 * 1024;
const P_MAX = 16;
const DEFAULTS = { N: 1 << 15, r: 8, p: 1 } as const;

/**
 * Parses the stored form.
 * @param text from the configuration
 * @returns null when it is malformed or outside the limits
 */
export function parsePasswordHash(text: string): PasswordHash | null {
  const match = /^scrypt\$(\d{1,9})\$(\d{1,3})\$(\d{1,3})\$([A-Za-z0-9_-]+)\$([A-Za-z0-9_-]+)$/.exec(text);
  if (match === null) return null;
  const [N, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const salt = Buffer.from(match[4] ?? '', 'base64url');
  const hash = Buffer.from(match[5] ?? '', 'base64url');
  if (N < N_MIN || !Number.isInteger(Math.log2(N)) || r < 1 || p < 1 || p > P_MAX) return null;
  if (128 * N * r > MEMORY_OCTETS_MAX || salt.length < SALT_OCTETS_MIN || hash.length !== HASH_OCTETS) return null;
  return { N, r, p, salt, hash };
}

/**
 * Makes the stored form of a password.
 * @param salt at least 8 random octets, used once
 */
export async function hashPassword(password: string, salt: Buffer): Promise<string> {
  const hash = await derive(password, salt, DEFAULTS);
  const { N, r, p } = DEFAULTS;
  return `scrypt$${N}$${r}$${p}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

/**
 * True when the password is the one that was hashed.
 * @param password attacker-chosen
 * @param stored `scrypt$N$r$p$salt$hash`; a malformed one fits no password
 */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const expected = parsePasswordHash(stored);
  if (expected === null) return false;
  return timingSafeEqual(await derive(password, expected.salt, expected), expected.hash);
}

/**
 * A stored form that fits no password and costs as much to try as `like`: an unknown name must take as long as a
 * wrong password.
 */
export function decoyOf(like: string): string {
  const { N, r, p } = parsePasswordHash(like) ?? DEFAULTS;
  const salt = Buffer.alloc(16).toString('base64url');
  return `scrypt$${N}$${r}$${p}$${salt}$${Buffer.alloc(HASH_OCTETS).toString('base64url')}`;
}

function derive(password: string, salt: Buffer, cost: { N: number; r: number; p: number }): Promise<Buffer> {
  // node refuses when 128*N*r reaches maxmem exactly
  const options: ScryptOptions = { N: cost.N, r: cost.r, p: cost.p, maxmem: MEMORY_OCTETS_MAX + 64 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    scrypt(Buffer.from(password, 'utf8'), salt, HASH_OCTETS, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
