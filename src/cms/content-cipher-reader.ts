/**
 * contentEncryptionAlgorithm to what decrypts (RFC 3565, RFC 5084, RFC 8103, RFC 9709, RFC 2268 §6).
 *
 * A cipher is taken only in the content type it belongs to (catalogue C13). Refused: old ciphers and AEAD in
 * EnvelopedData unless the policy says so, IVs and nonces of another length than the standard's, tag lengths outside
 * 12 to 16, and below 16 without policy.
 */
import { BerReader } from '../asn1/ber-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import {
  CONTENT_CIPHERS,
  type ContentCipherFacts,
  findContentCipher,
  TAG_OCTETS,
} from './algorithms/content-ciphers.ts';
import { CEK_HKDF_OID, deriveContentKey } from './algorithms/content-key-derivation.ts';
import {
  type AlgorithmIdentifier,
  enterWhole,
  parseAlgorithm,
  readOctets,
  readSmallInteger,
} from './ber-field-reader.ts';
import { ReaderStop } from './reader-failure.ts';
import type { ReaderPolicy } from './reader-policy.ts';

/** Where the ciphertext stands. */
export type EnvelopeForm = 'enveloped' | 'authEnveloped' | 'encrypted';

/** A content cipher with its parameters. */
export interface ChosenCipher {
  /** Such as `aes-256-gcm`. */
  readonly name: string;
  readonly facts: ContentCipherFacts;
  /** Octets of the content-encryption key. */
  readonly keyOctets: number;
  readonly iv: Buffer;
  /** Tag lengths that are accepted; empty for a cipher without a tag. */
  readonly tagOctets: readonly number[];
  /** QUIRK PKI.js: the tag follows the ciphertext in the same string. */
  readonly tagAppended: boolean;
  /** Whole AlgorithmIdentifier that the key is bound to (RFC 9709); null for the plain case. */
  readonly boundTo: Buffer | null;
}

/** @throws ReaderStop, GatewayError asn1.malformed or cms.malformed */
export function chooseCipher(algorithm: AlgorithmIdentifier, form: EnvelopeForm, policy: ReaderPolicy): ChosenCipher {
  if (algorithm.oid !== CEK_HKDF_OID) return chooseInner(algorithm, form, policy, null);
  if (algorithm.parameters === null) throw new ReaderStop('malformed', 'CEK-HKDF without its inner algorithm');
  return chooseInner(parseAlgorithm(algorithm.parameters), form, policy, algorithm.parameters);
}

/** The key that the cipher itself is given. Wipes nothing. */
export function contentKeyOf(cipher: ChosenCipher, key: Buffer): Buffer {
  return cipher.boundTo === null ? key : deriveContentKey(key, cipher.boundTo);
}

function chooseInner(
  algorithm: AlgorithmIdentifier,
  form: EnvelopeForm,
  policy: ReaderPolicy,
  boundTo: Buffer | null,
): ChosenCipher {
  const name = findContentCipher(algorithm.oid);
  if (name === null) throw new ReaderStop('unsupported', `content cipher ${algorithm.oid}`);
  const facts = CONTENT_CIPHERS[name];
  if (algorithm.parameters === null) throw new ReaderStop('malformed', `${name} without parameters`);
  if (facts.envelope === 'authEnveloped') return chooseAead(name, facts, algorithm.parameters, form, policy, boundTo);
  if (form === 'authEnveloped') throw new ReaderStop('malformed', `${name} has no tag and stands in AuthEnvelopedData`);
  if (facts.legacy && !policy.oldCiphers) throw new ReaderStop('refused-by-policy', `content cipher ${name}`);
  const { iv, keyOctets } =
    name === 'rc2-cbc'
      ? parseRc2(algorithm.parameters)
      : { iv: parseIv(algorithm.parameters), keyOctets: facts.keyOctets };
  if (iv.length !== facts.ivOctets) throw new ReaderStop('malformed', `IV of ${iv.length} octets with ${name}`);
  return { name, facts, keyOctets, iv, tagOctets: [], tagAppended: false, boundTo };
}

function chooseAead(
  name: string,
  facts: ContentCipherFacts,
  parameters: Buffer,
  form: EnvelopeForm,
  policy: ReaderPolicy,
  boundTo: Buffer | null,
): ChosenCipher {
  const tagAppended = form !== 'authEnveloped';
  if (tagAppended && !policy.aeadInEnvelopedData) {
    throw new ReaderStop('refused-by-policy', `${name} outside AuthEnvelopedData`);
  }
  const { nonce, tagLength } = parseAeadParameters(parameters);
  if (nonce.length !== facts.ivOctets)
    throw new ReaderStop('malformed', `nonce of ${nonce.length} octets with ${name}`);
  const tagOctets = acceptedTags(tagLength, policy);
  return { name, facts, keyOctets: facts.keyOctets, iv: nonce, tagOctets, tagAppended, boundTo };
}

/**
 * Absent means 12 by RFC 5084 §3.2, but RFC 8551 §3.4's own sample leaves it out and has 16; and ChaCha20-Poly1305 has
 * no such field and always 16. So 16 is accepted then, all of it being verified, and 12 only by policy.
 */
function acceptedTags(tagLength: number | null, policy: ReaderPolicy): readonly number[] {
  if (tagLength === null) return policy.shortTags ? [TAG_OCTETS, 12] : [TAG_OCTETS];
  if (tagLength < 12 || tagLength > TAG_OCTETS) throw new ReaderStop('malformed', `tag of ${tagLength} octets`);
  if (tagLength < TAG_OCTETS && !policy.shortTags) {
    throw new ReaderStop('refused-by-policy', `tag of ${tagLength} octets`);
  }
  return [tagLength];
}

function parseAeadParameters(parameters: Buffer): { nonce: Buffer; tagLength: number | null } {
  if (parameters[0] !== TAG.sequence) return { nonce: parseIv(parameters), tagLength: null };
  const fields = enterWhole(parameters, TAG.sequence);
  const nonce = readOctets(fields);
  const tagLength = fields.atEnd ? null : readSmallInteger(fields);
  if (!fields.atEnd) throw new ReaderStop('malformed', 'GCMParameters with a field too many');
  return { nonce, tagLength };
}

function parseIv(parameters: Buffer): Buffer {
  if (parameters[0] !== TAG.octetString) throw new ReaderStop('malformed', 'IV is not an OCTET STRING');
  const outer = BerReader.over(parameters);
  const iv = readOctets(outer);
  if (!outer.atEnd) throw new ReaderStop('malformed', 'octets after the IV');
  return iv;
}

/** Effective key bits by RC2Version (RFC 2268 §6). */
const RC2_VERSIONS: Readonly<Record<number, number>> = { 160: 40, 120: 64, 58: 128 };

function parseRc2(parameters: Buffer): { iv: Buffer; keyOctets: number } {
  // the old form of the parameters is the IV alone and means 32 bits
  if (parameters[0] !== TAG.sequence) return { iv: parseIv(parameters), keyOctets: 4 };
  const fields = enterWhole(parameters, TAG.sequence);
  const version = readSmallInteger(fields);
  const bits = RC2_VERSIONS[version] ?? version;
  if (bits % 8 !== 0 || bits < 40 || bits > 1024) throw new ReaderStop('unsupported', `RC2 of version ${version}`);
  return { iv: readOctets(fields), keyOctets: bits / 8 };
}
