/**
 * Digest algorithms of CMS by the name we use for each (RFC 5754 §2, RFC 8419 §2.3, RFC 8702 §3.1, RFC 9688 §2).
 *
 * The one table for writers and readers. `writable` is what we sign with; `broken` ones are known so that they can be
 * refused by name (catalogue C9): nothing signed with them is valid. All else is decided by the callers.
 */
import { createHash, type Hash, hash as hashAtOnce } from 'node:crypto';
import { derInteger, derOid, derSequence } from '../../asn1/der-writer.ts';

export type DigestName =
  | 'sha256'
  | 'sha384'
  | 'sha512'
  | 'shake256-512'
  | 'md5'
  | 'sha1'
  | 'sha224'
  | 'sha512-256'
  | 'sha3-256'
  | 'sha3-384'
  | 'sha3-512'
  | 'shake128'
  | 'shake256';

/** SHA-2 as it stands inside signatures, MGF1 and key derivations. */
export type HashName = 'sha256' | 'sha384' | 'sha512';

export interface DigestFacts {
  readonly oid: string;
  /** AlgorithmIdentifier as we write it: parameters absent but for the length of SHAKE256 (RFC 8419 §2.3). */
  readonly identifier: Buffer;
  /** Octets of the digest. */
  readonly octets: number;
  /** Name that node:crypto knows it by. */
  readonly nodeName: string;
  /** Name in micalg (RFC 8551 §3.5.3.2). */
  readonly micalg: string;
  readonly broken: boolean;
}

const HASH_ARC = '2.16.840.1.101.3.4.2';

export const DIGESTS: Readonly<Record<DigestName, DigestFacts>> = {
  sha256: digest(`${HASH_ARC}.1`, 32, 'sha256', 'sha-256'),
  sha384: digest(`${HASH_ARC}.2`, 48, 'sha384', 'sha-384'),
  sha512: digest(`${HASH_ARC}.3`, 64, 'sha512', 'sha-512'),
  // id-shake256-len: its parameter is the length in bits, and Ed448 with signed attributes wants 512
  'shake256-512': {
    ...digest(`${HASH_ARC}.18`, 64, 'shake256', 'shake256'),
    identifier: derSequence(derOid(`${HASH_ARC}.18`), derInteger(512)),
  },
  md5: { ...digest('1.2.840.113549.2.5', 16, 'md5', 'md5'), broken: true },
  sha1: { ...digest('1.3.14.3.2.26', 20, 'sha1', 'sha-1'), broken: true },
  sha224: digest(`${HASH_ARC}.4`, 28, 'sha224', 'sha-224'),
  'sha512-256': digest(`${HASH_ARC}.6`, 32, 'sha512-256', 'sha-512-256'),
  'sha3-256': digest(`${HASH_ARC}.8`, 32, 'sha3-256', 'sha3-256'),
  'sha3-384': digest(`${HASH_ARC}.9`, 48, 'sha3-384', 'sha3-384'),
  'sha3-512': digest(`${HASH_ARC}.10`, 64, 'sha3-512', 'sha3-512'),
  shake128: digest(`${HASH_ARC}.11`, 32, 'shake128', 'shake128'),
  shake256: digest(`${HASH_ARC}.12`, 64, 'shake256', 'shake256'),
};

const BY_OID: ReadonlyMap<string, DigestName> = new Map(
  (Object.keys(DIGESTS) as DigestName[]).map((name) => [DIGESTS[name].oid, name]),
);

/** The digest of this OID, or null. id-shake256-len is taken to be of 512 bits: its reader checks the parameter. */
export function findDigest(oid: string): DigestName | null {
  return BY_OID.get(oid) ?? null;
}

/** A running digest. SHAKE is asked for its CMS length, which is not the default of OpenSSL. */
export function startDigest(name: DigestName): Hash {
  const { nodeName, octets } = DIGESTS[name];
  return nodeName.startsWith('shake') ? createHash(nodeName, { outputLength: octets }) : createHash(nodeName);
}

/** The digest of octets that are all there. */
export function digestOf(name: DigestName, octets: Buffer): Buffer {
  const { nodeName } = DIGESTS[name];
  return nodeName.startsWith('shake')
    ? startDigest(name).update(octets).digest()
    : hashAtOnce(nodeName, octets, 'buffer');
}

function digest(oid: string, octets: number, nodeName: string, micalg: string): DigestFacts {
  return { oid, identifier: derSequence(derOid(oid)), octets, nodeName, micalg, broken: false };
}
