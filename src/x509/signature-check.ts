/**
 * Was this certificate (CRL, OCSP response) signed with that key (RFC 5280 §6.1.3 (a)(1), RFC 4055, RFC 5758, RFC 8410)?
 *
 * Always node:crypto over the octets received; no padding is taken apart here (catalogue C8). Refused by name: MD5,
 * SHA-1 and every algorithm not in the table (catalogue C9), parameters other than the standard asks for, RSASSA-PSS
 * with differing or weak digests.
 */
import { constants, createVerify, type KeyObject, type Verify, type VerifyKeyObjectInput, verify } from 'node:crypto';
import { DerReader } from '../asn1/der-reader.ts';
import { parseSmallInteger } from '../asn1/der-values.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { GatewayError } from '../errors.ts';
import type { Certificate, PublicKeyFacts } from './certificate.ts';
import { SLH_DSA_SETS, type SlhDsaSet, slhDsaOid } from './certificate-oids.ts';

type Digest = 'sha256' | 'sha384' | 'sha512';

/** How a certificate says it was signed. `saltLength` is of RSASSA-PSS only. */
interface Scheme {
  readonly family: 'rsa' | 'pss' | 'ecdsa' | 'ed25519' | 'ed448' | 'ml-dsa-44' | 'ml-dsa-65' | 'ml-dsa-87' | SlhDsaSet;
  readonly digest: Digest | null;
  readonly saltLength: number;
}

/** What was signed, and how it says so: a certificate, a CRL or an OCSP response. */
export type Signed = Pick<Certificate, 'signatureAlgorithm' | 'tbs' | 'signature'>;
type Algorithm = Certificate['signatureAlgorithm'];

const RSASSA_PSS = '1.2.840.113549.1.1.10';
const MGF1 = '1.2.840.113549.1.1.8';
const DER_NULL = Buffer.of(TAG.null, 0);

const SCHEMES: Readonly<Record<string, Scheme>> = {
  '1.2.840.113549.1.1.11': { family: 'rsa', digest: 'sha256', saltLength: 0 },
  '1.2.840.113549.1.1.12': { family: 'rsa', digest: 'sha384', saltLength: 0 },
  '1.2.840.113549.1.1.13': { family: 'rsa', digest: 'sha512', saltLength: 0 },
  '1.2.840.10045.4.3.2': { family: 'ecdsa', digest: 'sha256', saltLength: 0 },
  '1.2.840.10045.4.3.3': { family: 'ecdsa', digest: 'sha384', saltLength: 0 },
  '1.2.840.10045.4.3.4': { family: 'ecdsa', digest: 'sha512', saltLength: 0 },
  '1.3.101.112': { family: 'ed25519', digest: null, saltLength: 0 },
  '1.3.101.113': { family: 'ed448', digest: null, saltLength: 0 },
  // RFC 9881: pure, empty context; where the running Node lacks it, the key cannot be made and nothing verifies
  '2.16.840.1.101.3.4.3.17': { family: 'ml-dsa-44', digest: null, saltLength: 0 },
  '2.16.840.1.101.3.4.3.18': { family: 'ml-dsa-65', digest: null, saltLength: 0 },
  '2.16.840.1.101.3.4.3.19': { family: 'ml-dsa-87', digest: null, saltLength: 0 },
  // RFC 9909: likewise
  ...Object.fromEntries(
    SLH_DSA_SETS.map((family) => [slhDsaOid(family), { family, digest: null, saltLength: 0 } as const]),
  ),
};

const REFUSED_NAMES: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.2': 'MD2 with RSA',
  '1.2.840.113549.1.1.4': 'MD5 with RSA',
  '1.2.840.113549.1.1.5': 'SHA-1 with RSA',
  '1.2.840.10045.4.1': 'SHA-1 with ECDSA',
  '1.2.840.10040.4.3': 'SHA-1 with DSA',
};

const DIGESTS: Readonly<Record<string, Digest>> = {
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/**
 * Why the signature algorithm is not accepted; null when it is.
 * @param signed attacker-chosen, parsed
 */
export function findAlgorithmFault({ signatureAlgorithm }: Pick<Signed, 'signatureAlgorithm'>): string | null {
  const { oid } = signatureAlgorithm;
  if (schemeOf(signatureAlgorithm) !== null) return null;
  if (oid in REFUSED_NAMES) return `signed by ${REFUSED_NAMES[oid]}, which is broken`;
  if (oid === RSASSA_PSS) return 'signed by RSASSA-PSS with parameters that are not accepted';
  return `signature algorithm ${oid} or its parameters are not supported`;
}

/**
 * Keys with which these octets were found to be signed. That never changes, so the signature of an authority is computed
 * once a process and not once a correspondent. Only what verified is kept, and no longer than both objects live.
 */
const verified = new WeakMap<Signed, WeakSet<PublicKeyFacts>>();

/**
 * Does the signature verify with `key`? False also when the key is of another kind, cannot be used, or the algorithm is
 * not accepted.
 */
export function verifyCertificateSignature(signed: Signed, key: PublicKeyFacts): boolean {
  const known = verified.get(signed);
  if (known?.has(key) === true) return true;
  if (!computesTrue(signed, key)) return false;
  if (known === undefined) verified.set(signed, new WeakSet([key]));
  else known.add(key);
  return true;
}

function computesTrue(signed: Signed, key: PublicKeyFacts): boolean {
  const scheme = schemeOf(signed.signatureAlgorithm);
  if (scheme === null || !fits(scheme, key.kind)) return false;
  try {
    return verify(scheme.digest, signed.tbs, inputOf(key.keyObject(), scheme), signed.signature);
  } catch {
    // a key or signature that OpenSSL cannot even load does not verify
    return false;
  }
}

/** A verification over octets that come in pieces. */
export interface SignatureVerification {
  update(octets: Buffer): void;
  /** Ends it. */
  verify(signature: Buffer): boolean;
}

/** Has the algorithm no digest of its own, so that it cannot take its octets in pieces? */
export function needsWholeOctets(signatureAlgorithm: Algorithm): boolean {
  return schemeOf(signatureAlgorithm)?.digest === null;
}

/**
 * For what is too large to be held, such as a CRL.
 * @returns null when the algorithm is not accepted or needs all octets at once, or the key is of another kind
 */
export function startSignatureVerification(
  signatureAlgorithm: Algorithm,
  key: PublicKeyFacts,
): SignatureVerification | null {
  const scheme = schemeOf(signatureAlgorithm);
  if (scheme === null || scheme.digest === null || !fits(scheme, key.kind)) return null;
  const running: Verify = createVerify(scheme.digest);
  return {
    update: (octets) => void running.update(octets),
    verify: (signature) => {
      try {
        return running.verify(inputOf(key.keyObject(), scheme), signature);
      } catch {
        return false;
      }
    },
  };
}

/** A key without options is a tenth quicker; of kind rsa, which `fits` asks for, its padding is that of PKCS #1 v1.5. */
function inputOf(key: KeyObject, { family, saltLength }: Scheme): KeyObject | VerifyKeyObjectInput {
  return family === 'pss' ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength } : key;
}

function fits(scheme: Scheme, kind: PublicKeyFacts['kind']): boolean {
  switch (scheme.family) {
    case 'rsa':
      return kind === 'rsa';
    case 'pss':
      return kind === 'rsa' || kind === 'rsa-pss';
    case 'ecdsa':
      return kind === 'ec';
    default:
      return kind === scheme.family;
  }
}

function schemeOf({ oid, parameters }: Algorithm): Scheme | null {
  if (oid === RSASSA_PSS) return parameters === null ? null : parsePss(parameters);
  const scheme = SCHEMES[oid] ?? null;
  if (scheme === null || parameters === null) return scheme;
  // RFC 4055 §5: NULL, or absent, for RSA; RFC 5758 §3.2 and RFC 8410 §3: absent for the others
  return scheme.family === 'rsa' && parameters.equals(DER_NULL) ? scheme : null;
}

/** RSASSA-PSS-params (RFC 4055 §3.1): the SHA-1 defaults are refused, and both digests must be the same (§3.1). */
function parsePss(parameters: Buffer): Scheme | null {
  try {
    const reader = DerReader.over(parameters).enter(TAG.sequence);
    const hash = reader.enterOptional(0xa0);
    const mask = reader.enterOptional(0xa1);
    if (hash === null || mask === null) return null;
    const digest = parseDigest(hash.enter(TAG.sequence));
    const generator = mask.enter(TAG.sequence);
    if (parseOid(generator.read(TAG.oid)) !== MGF1) return null;
    if (digest === null || parseDigest(generator.enter(TAG.sequence)) !== digest) return null;
    const salt = reader.enterOptional(0xa2);
    const saltLength = salt === null ? 20 : parseSmallInteger(salt.read(TAG.integer));
    const trailer = reader.enterOptional(0xa3);
    if (trailer !== null && parseSmallInteger(trailer.read(TAG.integer)) !== 1) return null;
    reader.finish();
    return { family: 'pss', digest, saltLength };
  } catch (thrown) {
    if (thrown instanceof GatewayError) return null;
    throw thrown;
  }
}

function parseDigest(reader: DerReader): Digest | null {
  return DIGESTS[parseOid(reader.read(TAG.oid))] ?? null;
}
