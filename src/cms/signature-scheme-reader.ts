/**
 * signatureAlgorithm of a SignerInfo to what node:crypto verifies with (RFC 5754, RFC 4056, RFC 5753, RFC 8419,
 * RFC 9688, RFC 9814, RFC 9882). Wider than what is written: plain rsaEncryption and other key OIDs take their hash from
 * digestAlgorithm, as old programs write them.
 *
 * MD5 and SHA-1 are known so that they can be called weak. Refused as unsupported: RSASSA-PSS with an MGF1 hash of its
 * own, SHAKE inside RSA and ECDSA, all that is not in the table.
 */
import { constants } from 'node:crypto';
import { BerReader } from '../asn1/ber-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import { SLH_DSA_SETS, slhDsaOid } from '../x509/certificate-oids.ts';
import { DIGESTS, type DigestName, findDigest } from './algorithms/digests.ts';
import { MGF1_OID, ML_DSA_OIDS, RSASSA_PSS_OID } from './algorithms/signatures.ts';
import {
  type AlgorithmIdentifier,
  enterWhole,
  parseAlgorithm,
  readSmallInteger,
  withoutParameters,
} from './ber-field-reader.ts';
import { ReaderStop } from './reader-failure.ts';

export type SchemeFamily = 'rsa' | 'rsa-pss' | 'ecdsa' | 'dsa' | 'ed25519' | 'ed448' | 'ml-dsa' | 'slh-dsa';

export interface SignatureScheme {
  readonly family: SchemeFamily;
  /** The hash inside the signature; null where the algorithm has its own. */
  readonly hash: DigestName | null;
  /** Least octets of the digest of content and attributes (RFC 9882 §3.3, RFC 9814 §4). */
  readonly digestOctetsMin: number;
  /** Beside the key, for node:crypto. */
  readonly options: { readonly padding?: number; readonly saltLength?: number };
}

const SIG = '2.16.840.1.101.3.4.3';
const RSA = { padding: constants.RSA_PKCS1_PADDING };

/** OID to family and hash; null: the hash of digestAlgorithm. */
const HASHED: Readonly<Record<string, readonly [SchemeFamily, DigestName | null]>> = {
  '1.2.840.113549.1.1.1': ['rsa', null],
  '1.2.840.113549.1.1.4': ['rsa', 'md5'],
  '1.2.840.113549.1.1.5': ['rsa', 'sha1'],
  '1.3.14.3.2.29': ['rsa', 'sha1'],
  '1.2.840.113549.1.1.14': ['rsa', 'sha224'],
  '1.2.840.113549.1.1.11': ['rsa', 'sha256'],
  '1.2.840.113549.1.1.12': ['rsa', 'sha384'],
  '1.2.840.113549.1.1.13': ['rsa', 'sha512'],
  '1.2.840.113549.1.1.16': ['rsa', 'sha512-256'],
  [`${SIG}.14`]: ['rsa', 'sha3-256'],
  [`${SIG}.15`]: ['rsa', 'sha3-384'],
  [`${SIG}.16`]: ['rsa', 'sha3-512'],
  '1.2.840.10045.2.1': ['ecdsa', null],
  '1.2.840.10045.4.1': ['ecdsa', 'sha1'],
  '1.2.840.10045.4.3.1': ['ecdsa', 'sha224'],
  '1.2.840.10045.4.3.2': ['ecdsa', 'sha256'],
  '1.2.840.10045.4.3.3': ['ecdsa', 'sha384'],
  '1.2.840.10045.4.3.4': ['ecdsa', 'sha512'],
  [`${SIG}.10`]: ['ecdsa', 'sha3-256'],
  [`${SIG}.11`]: ['ecdsa', 'sha3-384'],
  [`${SIG}.12`]: ['ecdsa', 'sha3-512'],
  '1.2.840.10040.4.1': ['dsa', null],
  '1.2.840.10040.4.3': ['dsa', 'sha1'],
  [`${SIG}.1`]: ['dsa', 'sha224'],
  [`${SIG}.2`]: ['dsa', 'sha256'],
};

/** Algorithms with a hash of their own, and the least digest that goes with each. */
const PURE: Readonly<Record<string, readonly [SchemeFamily, number]>> = {
  '1.3.101.112': ['ed25519', 32],
  '1.3.101.113': ['ed448', 64],
  [ML_DSA_OIDS['ml-dsa-44']]: ['ml-dsa', 32],
  [ML_DSA_OIDS['ml-dsa-65']]: ['ml-dsa', 48],
  [ML_DSA_OIDS['ml-dsa-87']]: ['ml-dsa', 64],
  ...Object.fromEntries(
    SLH_DSA_SETS.map((name) => [slhDsaOid(name), ['slh-dsa', name.includes('-128') ? 32 : 64] as const]),
  ),
};

/**
 * @param algorithm attacker-chosen
 * @param digest of digestAlgorithm
 * @throws ReaderStop unsupported or malformed, GatewayError asn1.malformed
 */
export function readSignatureScheme(algorithm: AlgorithmIdentifier, digest: DigestName): SignatureScheme {
  if (algorithm.oid === RSASSA_PSS_OID) return readPss(algorithm);
  const hashed = HASHED[algorithm.oid];
  if (hashed !== undefined) {
    const [family, hash] = hashed;
    if (family === 'rsa' && !withoutParameters(algorithm)) throw new ReaderStop('malformed', 'parameters with RSA');
    return { family, hash: hash ?? digest, digestOctetsMin: 0, options: family === 'rsa' ? RSA : {} };
  }
  const pure = PURE[algorithm.oid];
  if (pure === undefined) throw new ReaderStop('unsupported', `signature algorithm ${algorithm.oid}`);
  if (algorithm.parameters !== null) throw new ReaderStop('malformed', `parameters with ${pure[0]}`);
  return { family: pure[0], hash: null, digestOctetsMin: pure[1], options: {} };
}

/** RSASSA-PSS-params (RFC 4055 §3.1) with their SHA-1 defaults, which are then called weak. */
function readPss({ parameters }: AlgorithmIdentifier): SignatureScheme {
  if (parameters === null) throw new ReaderStop('malformed', 'RSASSA-PSS without parameters');
  const fields = enterWhole(parameters, TAG.sequence);
  const hash = readDigest(optional(fields, 0xa0));
  const generator = optional(fields, 0xa1);
  const mask = generator === null ? null : parseAlgorithm(generator);
  if (mask !== null && mask.oid !== MGF1_OID) throw new ReaderStop('unsupported', `mask generation ${mask.oid}`);
  const maskHash = readDigest(mask === null ? null : mask.parameters);
  const salt = optional(fields, 0xa2);
  const saltLength = salt === null ? 20 : onlyInteger(salt);
  const trailer = optional(fields, 0xa3);
  if (trailer !== null && onlyInteger(trailer) !== 1) {
    throw new ReaderStop('unsupported', 'RSASSA-PSS with another trailer');
  }
  if (!fields.atEnd) throw new ReaderStop('malformed', 'RSASSA-PSS-params with a field too many');
  if (maskHash !== hash) throw new ReaderStop('unsupported', `RSASSA-PSS with ${hash} and MGF1 of ${maskHash}`);
  if (saltLength > 512) throw new ReaderStop('malformed', `salt of ${saltLength} octets`);
  return {
    family: 'rsa-pss',
    hash,
    digestOctetsMin: 0,
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength },
  };
}

function readDigest(whole: Buffer | null): DigestName {
  if (whole === null) return 'sha1';
  const algorithm = parseAlgorithm(whole);
  const { oid } = algorithm;
  const name = findDigest(oid);
  if (name === null || DIGESTS[name].nodeName.startsWith('shake')) {
    throw new ReaderStop('unsupported', `digest ${oid} inside RSASSA-PSS`);
  }
  if (!withoutParameters(algorithm)) throw new ReaderStop('malformed', `parameters with ${name} inside RSASSA-PSS`);
  return name;
}

function onlyInteger(octets: Buffer): number {
  const fields = BerReader.over(octets);
  const value = readSmallInteger(fields);
  if (!fields.atEnd) throw new ReaderStop('malformed', 'RSASSA-PSS-params with a second value in a field');
  return value;
}

/** The value inside `[n] EXPLICIT`, or null. */
function optional(fields: BerReader, tag: number): Buffer | null {
  return fields.peekTag() === tag ? fields.readElement().content : null;
}
