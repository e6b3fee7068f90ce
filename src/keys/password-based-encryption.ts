/**
 * The password computation of today's PKCS #12 files: PBES2 with PBKDF2 and AES-CBC (RFC 8018 §6.2).
 *
 * Refused with keys.unusable: other schemes, key derivations and ciphers, and what costs more than {@link RoundBudget}
 * allows.
 */
import { createDecipheriv, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import type { AlgorithmIdentifier } from 'pkijs';
import { PBES2Params, PBKDF2Params } from 'pkijs';
import { gatewayError } from '../errors.ts';
import type { RoundBudget } from './round-budget.ts';

const derive = promisify(pbkdf2);

const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
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
  const key = await budget.within(derive(password, salt, rounds, cipher.keyOctets, prf));
  try {
    const decipher = createDecipheriv(cipher.name, key, iv);
    const first = decipher.update(ciphertext);
    const octets = Buffer.concat([first, decipher.final()]);
    first.fill(0);
    return octets;
  } catch (error) {
    throw unusable('does not open with its password', error);
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

function unusable(problem: string, cause?: unknown): Error {
  return gatewayError('keys.unusable', problem, cause);
}
