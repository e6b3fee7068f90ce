/**
 * The key derivation of PKCS #12 itself (RFC 7292 Appendix B.2): keys and IVs of the old ciphers, and keys of the MAC.
 *
 * Refused with keys.unusable: digests that are not known. SHA-1 is, for every file before 2021 has it; nothing new is
 * protected with it here.
 */
import { hash } from 'node:crypto';
import { gatewayError } from '../errors.ts';
import type { RoundBudget } from './round-budget.ts';

/** What the octets are for (RFC 7292 Appendix B.3). */
export const DERIVATION_ID = { key: 1, iv: 2, mac: 3 } as const;

interface Digest {
  readonly name: string;
  readonly octets: number;
  readonly blockOctets: number;
}

const SHA1: Digest = { name: 'sha1', octets: 20, blockOctets: 64 };

/** Digests of the MAC. */
const MAC_DIGESTS: Readonly<Record<string, Digest>> = {
  '1.3.14.3.2.26': SHA1,
  '2.16.840.1.101.3.4.2.1': { name: 'sha256', octets: 32, blockOctets: 64 },
  '2.16.840.1.101.3.4.2.2': { name: 'sha384', octets: 48, blockOctets: 128 },
  '2.16.840.1.101.3.4.2.3': { name: 'sha512', octets: 64, blockOctets: 128 },
};

/** What all derivations of one file have in common. */
export interface Derivation {
  /** BMPString with two zero octets after it, or empty. */
  readonly password: Buffer;
  readonly salt: Buffer;
  readonly rounds: number;
}

/** How a MAC is computed: digest name and its key. */
export interface MacKey {
  readonly digest: string;
  readonly key: Buffer;
}

/**
 * The HMAC key of a file.
 * @param oid digest algorithm of the MAC
 * @throws GatewayError keys.unusable
 */
export async function deriveMacKey(oid: string, derivation: Derivation, budget: RoundBudget): Promise<MacKey> {
  const digest = MAC_DIGESTS[oid];
  if (digest === undefined) {
    throw gatewayError('keys.unusable', `has a MAC by ${oid}, which is not supported: export it with a SHA-256 MAC`);
  }
  return { digest: digest.name, key: await derive(digest, DERIVATION_ID.mac, derivation, digest.octets, budget) };
}

/** Key or IV of an old cipher, by SHA-1. @returns to be wiped by the caller */
export function deriveWithSha1(
  id: number,
  derivation: Derivation,
  octets: number,
  budget: RoundBudget,
): Promise<Buffer> {
  return derive(SHA1, id, derivation, octets, budget);
}

/** Appendix B.2 steps 1 to 9. */
async function derive(
  digest: Digest,
  id: number,
  { password, salt, rounds }: Derivation,
  octets: number,
  budget: RoundBudget,
): Promise<Buffer> {
  budget.spend(rounds);
  const diversifier = Buffer.alloc(digest.blockOctets, id);
  const input = Buffer.concat([repeated(salt, digest.blockOctets), repeated(password, digest.blockOctets)]);
  const made: Buffer[] = [];
  for (let length = 0; length < octets; length += digest.octets) {
    if (length > 0) budget.spend(rounds);
    let block: Buffer = Buffer.concat([diversifier, input]);
    for (let round = 0; round < rounds; round++) {
      block = hash(digest.name, block, 'buffer');
      if (budget.breathes(round)) await budget.breathe();
    }
    made.push(block);
    addToBlocks(input, block, digest.blockOctets);
  }
  input.fill(0);
  return Buffer.concat(made, octets);
}

/** Step 6 B and C: each block of the input becomes (block + repeated digest + 1) mod 2^(8 x its length). */
function addToBlocks(input: Buffer, digest: Buffer, blockOctets: number): void {
  for (let start = 0; start < input.length; start += blockOctets) {
    let carry = 1;
    for (let i = blockOctets - 1; i >= 0; i--) {
      carry += (input[start + i] ?? 0) + (digest[i % digest.length] ?? 0);
      input[start + i] = carry & 0xff;
      carry >>= 8;
    }
  }
}

/** The octets over and over, cut at the next multiple of the block length. */
function repeated(octets: Buffer, blockOctets: number): Buffer {
  const length = blockOctets * Math.ceil(octets.length / blockOctets);
  return octets.length === 0 ? Buffer.alloc(0) : Buffer.alloc(length, octets);
}
