/**
 * Is this public key fit to be relied upon at all (catalogue C7)? Asked for every key of a path, the anchor's
 * included, before anything is computed with it.
 *
 * Refused: RSA below 2048 or above 8192 bits, even modulus, exponent even, below 3 or from 2^32; RSA keys with the
 * ROCA fingerprint (CVE-2017-15361); EC without a named curve or with one below 256 bits; every other algorithm.
 */
import type { Certificate, PublicKeyFacts } from './certificate.ts';
import { parseRsaSpki } from './public-key-reader.ts';

const RSA_BITS_MIN = 2048;
/** Go's limit: larger keys exist to make verifiers slow. */
const RSA_BITS_MAX = 8192;
const EXPONENT_LIMIT = 1n << 32n;
const CURVES: ReadonlySet<string> = new Set([
  'P-256',
  'P-384',
  'P-521',
  'brainpoolP256r1',
  'brainpoolP384r1',
  'brainpoolP512r1',
]);

/** What is wrong with a key: `kind` is unsupported altogether, `weak` is what C7 lists. null: nothing. */
export type KeyWeakness = { readonly kind: 'weak' | 'unsupported'; readonly text: string } | null;

const known = new WeakMap<PublicKeyFacts, { readonly weakness: KeyWeakness }>();

/**
 * Found out once for each key, for an authority's is asked about with every path below it.
 * @param certificate attacker-chosen, parsed
 */
export function findKeyWeakness(certificate: Certificate): KeyWeakness {
  let found = known.get(certificate.key);
  if (found === undefined) {
    found = { weakness: weaknessOf(certificate) };
    known.set(certificate.key, found);
  }
  return found.weakness;
}

function weaknessOf(certificate: Certificate): KeyWeakness {
  const { key } = certificate;
  switch (key.kind) {
    case 'rsa':
    case 'rsa-pss':
      return rsaWeakness(key, certificate.spki);
    case 'ec':
      if (key.curve !== null && CURVES.has(key.curve)) return null;
      return { kind: 'weak', text: `EC curve ${key.curve ?? 'given by explicit parameters'} is not accepted` };
    case 'other':
      return { kind: 'unsupported', text: `key algorithm ${key.oid} is not supported` };
    default:
      return null;
  }
}

function rsaWeakness(key: PublicKeyFacts, spki: Buffer): KeyWeakness {
  const weak = (text: string): KeyWeakness => ({ kind: 'weak', text });
  if (key.bits < RSA_BITS_MIN) return weak(`RSA of ${key.bits} bits, at least ${RSA_BITS_MIN} are needed`);
  if (key.bits > RSA_BITS_MAX) return weak(`RSA of ${key.bits} bits, at most ${RSA_BITS_MAX} are accepted`);
  const exponent = key.exponent ?? 0n;
  if (exponent < 3n || exponent % 2n === 0n) return weak(`RSA exponent ${exponent} is not odd and at least 3`);
  if (exponent >= EXPONENT_LIMIT) return weak('RSA exponent of more than 32 bits');
  const { modulus } = parseRsaSpki(spki);
  if (((modulus[modulus.length - 1] ?? 0) & 1) === 0) return weak('RSA modulus is even');
  if (hasRocaFingerprint(modulus)) return weak('RSA modulus has the ROCA fingerprint (CVE-2017-15361)');
  return null;
}

/** The odd primes to 167, as in the published test. */
const ROCA_PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/** For each prime the powers of 65537: the flawed generator's primes, and so their product, are among them. */
const ROCA_RESIDUES: readonly (readonly [number, ReadonlySet<number>])[] = ROCA_PRIMES.map((prime) => {
  const powers = new Set<number>();
  for (let power = 1; !powers.has(power); power = (power * 65537) % prime) powers.add(power);
  return [prime, powers];
});

function hasRocaFingerprint(modulus: Buffer): boolean {
  // leaves at the first prime for almost every key: about one in 2^27 sound keys passes all of them
  return ROCA_RESIDUES.every(([prime, residues]) => {
    let rest = 0;
    for (const octet of modulus) rest = (rest * 256 + octet) % prime;
    return residues.has(rest);
  });
}
