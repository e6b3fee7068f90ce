/**
 * Content encryption algorithms (RFC 3565, RFC 5084, RFC 8103, RFC 3370 §5): identifiers, sizes, and which of the two
 * content types each belongs to.
 *
 * A cipher belongs to exactly one content type: AEAD inside EnvelopedData and anything else inside AuthEnvelopedData are
 * attacks, not variants (catalogue C13). `legacy` ones are for reading by explicit policy and are never written (C9).
 */
import { derInteger, derOctetString, derOid, derSequence } from '../../asn1/der-writer.ts';
import { boundAlgorithm } from './content-key-derivation.ts';

export type ContentCipher =
  | 'aes-128-cbc'
  | 'aes-192-cbc'
  | 'aes-256-cbc'
  | 'aes-128-gcm'
  | 'aes-192-gcm'
  | 'aes-256-gcm'
  | 'chacha20-poly1305';

export type LegacyContentCipher = 'des-ede3-cbc' | 'rc2-cbc' | 'des-cbc';

/** The CMS content type that carries the ciphertext. */
export type EnvelopeKind = 'enveloped' | 'authEnveloped';

export interface ContentCipherFacts {
  readonly oid: string;
  readonly envelope: EnvelopeKind;
  /** Name that node:crypto knows it by. */
  readonly nodeName: string;
  /** 0 for RC2, whose length follows from the encrypted key. */
  readonly keyOctets: number;
  /** IV of CBC, nonce of AEAD. */
  readonly ivOctets: number;
  /** Octets that padding fills up to; 1 for AEAD. */
  readonly blockOctets: number;
  readonly legacy: boolean;
}

/** Tag length of every AEAD cipher that is written. */
export const TAG_OCTETS = 16;

const AES_ARC = '2.16.840.1.101.3.4.1';

export const CONTENT_CIPHERS: Readonly<Record<ContentCipher | LegacyContentCipher, ContentCipherFacts>> = {
  'aes-128-cbc': cbc(`${AES_ARC}.2`, 'aes-128-cbc', 16),
  'aes-192-cbc': cbc(`${AES_ARC}.22`, 'aes-192-cbc', 24),
  'aes-256-cbc': cbc(`${AES_ARC}.42`, 'aes-256-cbc', 32),
  'aes-128-gcm': aead(`${AES_ARC}.6`, 'aes-128-gcm', 16),
  'aes-192-gcm': aead(`${AES_ARC}.26`, 'aes-192-gcm', 24),
  'aes-256-gcm': aead(`${AES_ARC}.46`, 'aes-256-gcm', 32),
  'chacha20-poly1305': aead('1.2.840.113549.1.9.16.3.18', 'chacha20-poly1305', 32),
  'des-ede3-cbc': legacy('1.2.840.113549.3.7', 'des-ede3-cbc', 24),
  'rc2-cbc': legacy('1.2.840.113549.3.2', 'rc2-cbc', 0),
  'des-cbc': legacy('1.3.14.3.2.7', 'des-cbc', 8),
};

const BY_OID: ReadonlyMap<string, ContentCipher | LegacyContentCipher> = new Map(
  (Object.keys(CONTENT_CIPHERS) as (ContentCipher | LegacyContentCipher)[]).map((name) => [
    CONTENT_CIPHERS[name].oid,
    name,
  ]),
);

/** The cipher of this OID, or null. */
export function findContentCipher(oid: string): ContentCipher | LegacyContentCipher | null {
  return BY_OID.get(oid) ?? null;
}

const OIDS: ReadonlyMap<string, Buffer> = new Map(
  Object.entries(CONTENT_CIPHERS).map(([name, { oid }]) => [name, derOid(oid)]),
);

/**
 * contentEncryptionAlgorithm as we write it, whole DER. CBC: the IV. GCM: nonce and ICVlen, which is always written,
 * because its default is 12 and OpenSSL 3.0 reads no parameters without it. ChaCha20-Poly1305: the nonce (RFC 8103 §3).
 * @param iv as long as {@link ContentCipherFacts.ivOctets}
 */
export function contentEncryptionAlgorithm(cipher: ContentCipher, iv: Buffer): Buffer {
  const oid = OIDS.get(cipher) ?? derOid(CONTENT_CIPHERS[cipher].oid);
  if (!cipher.endsWith('-gcm')) return derSequence(oid, derOctetString(iv));
  return derSequence(oid, derSequence(derOctetString(iv), derInteger(TAG_OCTETS)));
}

/** What our algorithm identifiers look like: whole DER, and where in it the IV or nonce stands. */
const WRITTEN: readonly { readonly cipher: ContentCipher; readonly der: Buffer; readonly ivAt: number }[] = (
  Object.keys(CONTENT_CIPHERS) as (ContentCipher | LegacyContentCipher)[]
)
  .filter((cipher): cipher is ContentCipher => !CONTENT_CIPHERS[cipher].legacy)
  .flatMap((cipher) => {
    const iv = Buffer.alloc(CONTENT_CIPHERS[cipher].ivOctets, 0xa5);
    const plain = contentEncryptionAlgorithm(cipher, iv);
    return [plain, boundAlgorithm(plain)].map((der) => ({ cipher, der, ivAt: der.indexOf(iv) }));
  });

/**
 * The cipher of an algorithm identifier that {@link contentEncryptionAlgorithm} wrote, alone or inside CEK-HKDF; null for
 * every other octet string.
 * An exact match leaves no room for another cipher that only its parser would notice.
 */
export function recogniseContentEncryption(algorithm: Buffer): ContentCipher | null {
  const found = WRITTEN.find(({ cipher, der, ivAt }) => {
    const ivEnd = ivAt + CONTENT_CIPHERS[cipher].ivOctets;
    return (
      der.length === algorithm.length &&
      der.subarray(0, ivAt).equals(algorithm.subarray(0, ivAt)) &&
      der.subarray(ivEnd).equals(algorithm.subarray(ivEnd))
    );
  });
  return found?.cipher ?? null;
}

function cbc(oid: string, nodeName: string, keyOctets: number): ContentCipherFacts {
  return { oid, envelope: 'enveloped', nodeName, keyOctets, ivOctets: 16, blockOctets: 16, legacy: false };
}

function aead(oid: string, nodeName: string, keyOctets: number): ContentCipherFacts {
  return { oid, envelope: 'authEnveloped', nodeName, keyOctets, ivOctets: 12, blockOctets: 1, legacy: false };
}

function legacy(oid: string, nodeName: string, keyOctets: number): ContentCipherFacts {
  return { oid, envelope: 'enveloped', nodeName, keyOctets, ivOctets: 8, blockOctets: 8, legacy: true };
}
