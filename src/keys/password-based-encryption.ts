/**
 * The two password computations of PKCS #12: PBES2 with PBKDF2 and AES-CBC (RFC 8018 §6.2) and the MAC key of
 * RFC 7292 Appendix B.2.
 *
 * Refused with keys.unusable: other schemes, key derivations and ciphers (the old RC2 and triple-DES ones are known by
 * name), and more rounds than {@link ROUNDS_MAX} over a whole file (catalogue C23: a file must not keep the start busy
 * for hours).
 */
import { createDecipheriv, createHash, pbkdf2 } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { AlgorithmIdentifier } from 'pkijs';
import { PBES2Params, PBKDF2Params } from 'pkijs';
import { gatewayError } from '../errors.ts';

const derive = promisify(pbkdf2);

/** Most rounds of all key derivations of one file together. OpenSSL and Windows write 2,000 each. */
export const ROUNDS_MAX = 10_000_000;
/** Rounds between two chances for other work. */
const ROUNDS_AT_A_TIME = 50_000;

/** Counts the rounds of one file. */
export class RoundBudget {
  private left = ROUNDS_MAX;

  /** @param rounds attacker-chosen; 0 also stands for a number too large to be read */
  spend(rounds: number): void {
    if (!Number.isSafeInteger(rounds) || rounds < 1 || rounds > this.left) {
      throw unusable(`asks for more than ${ROUNDS_MAX} rounds of key derivation: export it again with fewer`);
    }
    this.left -= rounds;
  }
}

const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
const OLD_SCHEMES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.12.1.1': 'RC4-128',
  '1.2.840.113549.1.12.1.2': 'RC4-40',
  '1.2.840.113549.1.12.1.3': '3DES',
  '1.2.840.113549.1.12.1.4': '3DES with two keys',
  '1.2.840.113549.1.12.1.5': 'RC2-128',
  '1.2.840.113549.1.12.1.6': 'RC2-40',
};
const PRFS: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};
const CIPHERS: Readonly<Record<string, { readonly name: string; readonly keyOctets: number }>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyOctets: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyOctets: 24 },
  '2.16.840.1.101.3.4.1.42': { name: 'aes-256-cbc', keyOctets: 32 },
};

/** Name of an old scheme, as old tools and older Windows write it; null for all others. */
export function oldSchemeName(algorithm: AlgorithmIdentifier): string | null {
  return OLD_SCHEMES[algorithm.algorithmId] ?? null;
}

/**
 * Decrypts one PBES2 ciphertext.
 * @param password UTF-8
 * @returns the octets, to be wiped by the caller
 * @throws GatewayError keys.unusable
 */
export async function decryptWithPassword(
  algorithm: AlgorithmIdentifier,
  ciphertext: Buffer,
  password: Buffer,
  budget: RoundBudget,
): Promise<Buffer> {
  const { cipher, iv, salt, rounds, prf } = parsePbes2(algorithm);
  budget.spend(rounds);
  const key = await derive(password, salt, rounds, cipher.keyOctets, prf);
  try {
    const decipher = createDecipheriv(cipher.name, key, iv);
    const first = decipher.update(ciphertext);
    const octets = Buffer.concat([first, decipher.final()]);
    first.fill(0);
    return octets;
  } catch (error) {
    throw unusable('does not open with its password: check the .password file beside it', error);
  } finally {
    key.fill(0);
  }
}

function parsePbes2(algorithm: AlgorithmIdentifier): {
  cipher: { readonly name: string; readonly keyOctets: number };
  iv: Buffer;
  salt: Buffer;
  rounds: number;
  prf: string;
} {
  const id = algorithm.algorithmId;
  if (id !== PBES2) throw unusable(`is encrypted with ${id}, which is not supported: export it with AES-256`);
  const { keyDerivationFunc, encryptionScheme } = new PBES2Params({ schema: algorithm.algorithmParams });
  if (keyDerivationFunc.algorithmId !== PBKDF2) {
    throw unusable(`derives its key by ${keyDerivationFunc.algorithmId}, which is not supported: export it again`);
  }
  const parameters = new PBKDF2Params({ schema: keyDerivationFunc.algorithmParams });
  const prf = parameters.prf === undefined ? 'sha1' : PRFS[parameters.prf.algorithmId];
  const cipher = CIPHERS[encryptionScheme.algorithmId];
  if (prf === undefined || cipher === undefined) {
    throw unusable(`is encrypted with ${encryptionScheme.algorithmId}, which is not supported: export it with AES-256`);
  }
  return {
    cipher,
    iv: Buffer.from(encryptionScheme.algorithmParams.getValue()),
    salt: Buffer.from(parameters.salt.getValue()),
    rounds: parameters.iterationCount,
    prf,
  };
}

/** Digests of the MAC and their block lengths. */
const MAC_DIGESTS: Readonly<Record<string, { readonly name: string; readonly blockOctets: number }>> = {
  '1.3.14.3.2.26': { name: 'sha1', blockOctets: 64 },
  '2.16.840.1.101.3.4.2.1': { name: 'sha256', blockOctets: 64 },
  '2.16.840.1.101.3.4.2.2': { name: 'sha384', blockOctets: 128 },
  '2.16.840.1.101.3.4.2.3': { name: 'sha512', blockOctets: 128 },
};

/** How a MAC is computed: digest name and its key. */
export interface MacKey {
  readonly digest: string;
  readonly key: Buffer;
}

/**
 * The HMAC key of a PKCS #12 file (RFC 7292 Appendix B.2, ID 3).
 * @param oid digest algorithm of the MAC
 * @param password as BMPString with two zero octets after it, or empty
 * @throws GatewayError keys.unusable
 */
export async function deriveMacKey(
  oid: string,
  password: Buffer,
  salt: Buffer,
  rounds: number,
  budget: RoundBudget,
): Promise<MacKey> {
  const digest = MAC_DIGESTS[oid];
  if (digest === undefined) throw unusable(`has a MAC by ${oid}, which is not supported: export it with a SHA-256 MAC`);
  budget.spend(rounds);
  const { name, blockOctets } = digest;
  const input = [Buffer.alloc(blockOctets, 3), repeated(salt, blockOctets), repeated(password, blockOctets)];
  let key: Buffer = Buffer.concat(input);
  for (let round = 0; round < rounds; round++) {
    key = createHash(name).update(key).digest();
    if (round % ROUNDS_AT_A_TIME === ROUNDS_AT_A_TIME - 1) await setImmediate();
  }
  return { digest: name, key };
}

/** The octets over and over, cut at the next multiple of the block length. */
function repeated(octets: Buffer, blockOctets: number): Buffer {
  const length = blockOctets * Math.ceil(octets.length / blockOctets);
  return octets.length === 0 ? Buffer.alloc(0) : Buffer.alloc(length, octets);
}

function unusable(problem: string, cause?: unknown): Error {
  return gatewayError('keys.unusable', problem, cause);
}
