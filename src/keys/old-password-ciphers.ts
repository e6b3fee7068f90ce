/**
 * The ciphers of old PKCS #12 files (RFC 7292 Appendix C): triple DES and RC2, keyed by SHA-1, as Windows before 2019 and
 * OpenSSL before 3.0 export them. Read only, and told of: what RC2-40 protects is open to anybody who has the file.
 *
 * Refused with keys.unusable: RC4, which nobody writes.
 */
import { createDecipheriv } from 'node:crypto';
import { Rc2Decipher } from '../cms/rc2.ts';
import { gatewayError } from '../errors.ts';
import { DERIVATION_ID, type Derivation, deriveWithSha1 } from './pkcs12-derivation.ts';
import type { RoundBudget } from './round-budget.ts';

/** One scheme of RFC 7292 Appendix C. */
export interface OldCipher {
  readonly name: string;
  readonly keyOctets: number;
  /** Null where it is known by name only. */
  readonly open: ((key: Buffer, iv: Buffer) => Decipher) | null;
}

interface Decipher {
  update(octets: Buffer): Buffer;
  final(): Buffer;
}

const IV_OCTETS = 8;

const OLD_CIPHERS: Readonly<Record<string, OldCipher>> = {
  '1.2.840.113549.1.12.1.1': { name: 'RC4-128', keyOctets: 16, open: null },
  '1.2.840.113549.1.12.1.2': { name: 'RC4-40', keyOctets: 5, open: null },
  '1.2.840.113549.1.12.1.3': {
    name: '3DES',
    keyOctets: 24,
    open: (key, iv) => createDecipheriv('des-ede3-cbc', key, iv),
  },
  '1.2.840.113549.1.12.1.4': {
    name: '3DES with two keys',
    keyOctets: 16,
    // node:crypto knows the form with three keys: the first is the third
    open: (key, iv) => createDecipheriv('des-ede3-cbc', Buffer.concat([key, key.subarray(0, 8)]), iv),
  },
  '1.2.840.113549.1.12.1.5': { name: 'RC2-128', keyOctets: 16, open: (key, iv) => new Rc2Decipher(key, iv, 128) },
  '1.2.840.113549.1.12.1.6': { name: 'RC2-40', keyOctets: 5, open: (key, iv) => new Rc2Decipher(key, iv, 40) },
};

/** The old cipher of this OID; null for all others. */
export function findOldCipher(oid: string): OldCipher | null {
  return OLD_CIPHERS[oid] ?? null;
}

/**
 * Decrypts one ciphertext.
 * @returns the octets, to be wiped by the caller
 * @throws GatewayError keys.unusable
 */
export async function decryptOld(
  cipher: OldCipher,
  derivation: Derivation,
  ciphertext: Buffer,
  budget: RoundBudget,
): Promise<Buffer> {
  if (cipher.open === null) throw gatewayError('keys.unusable', `is encrypted with ${cipher.name}, which is not read`);
  const key = await deriveWithSha1(DERIVATION_ID.key, derivation, cipher.keyOctets, budget);
  const iv = await deriveWithSha1(DERIVATION_ID.iv, derivation, IV_OCTETS, budget);
  try {
    const decipher = cipher.open(key, iv);
    const first = decipher.update(ciphertext);
    const octets = Buffer.concat([first, decipher.final()]);
    first.fill(0);
    return octets;
  } catch (error) {
    throw gatewayError('keys.unusable', 'does not open with its password', error);
  } finally {
    key.fill(0);
  }
}
