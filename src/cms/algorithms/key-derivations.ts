/**
 * From a shared secret to a key-encryption key: the ANSI X9.63 KDF (SEC 1 §3.6.1) and HKDF (RFC 5869) with the DER that
 * each standard feeds them (RFC 5753 §7.2, RFC 8418 §2.2, RFC 9629 §5).
 *
 * Everything fed to a KDF is DER and made here, so that writers and readers cannot differ.
 */
import { createHash, hkdfSync } from 'node:crypto';
import { derContext, derInteger, derOctetString, derSequence } from '../../asn1/der-writer.ts';
import type { HashName } from './digests.ts';
import { KEY_WRAPS, type KeyWrap } from './key-wraps.ts';

/** Key derivation of a key agreement. SHA-1 and SHA-224 are for reading only (catalogue C9 speaks of signatures, RFC 5753 §7.1.4). */
export interface KeyDerivation {
  readonly kind: 'x963' | 'hkdf';
  readonly hash: HashName | 'sha1' | 'sha224';
}

/**
 * ECC-CMS-SharedInfo (RFC 5753 §7.2), the info of both KDFs in key agreement.
 * @param keyInfo the key-wrap AlgorithmIdentifier, whole DER, as it stands in the message
 * @param ukm user keying material, null when absent
 */
export function sharedInfo(keyInfo: Buffer, keyOctets: number, ukm: Buffer | null): Buffer {
  const bits = Buffer.alloc(4);
  bits.writeUInt32BE(keyOctets * 8);
  const entity = ukm === null ? [] : [derContext(0, derOctetString(ukm))];
  return derSequence(keyInfo, ...entity, derContext(2, derOctetString(bits)));
}

/**
 * CMSORIforKEMOtherInfo (RFC 9629 §5), the info of the KDF after a KEM.
 * @param wrap the key-wrap AlgorithmIdentifier, whole DER
 */
export function kemOtherInfo(wrap: Buffer, keyOctets: number, ukm: Buffer | null): Buffer {
  const material = ukm === null ? [] : [derContext(0, derOctetString(ukm))];
  return derSequence(wrap, derInteger(keyOctets), ...material);
}

/** The info for the usual case, made once: our wrap, no ukm. */
const PLAIN_INFO = new Map<KeyWrap, Buffer>(
  (Object.keys(KEY_WRAPS) as KeyWrap[]).map((wrap) => {
    const { identifier, keyOctets } = KEY_WRAPS[wrap];
    return [wrap, sharedInfo(identifier, keyOctets, null)];
  }),
);

/** {@link sharedInfo} of one of our wraps without ukm. */
export function plainSharedInfo(wrap: KeyWrap): Buffer {
  const { identifier, keyOctets } = KEY_WRAPS[wrap];
  return PLAIN_INFO.get(wrap) ?? sharedInfo(identifier, keyOctets, null);
}

/**
 * Derives a key.
 * @param secret the shared secret Z; stays the caller's, who wipes it
 * @param salt of HKDF: the ukm, or empty (RFC 8418 §2.2); X9.63 has none
 * @returns to be wiped by the caller
 */
export function deriveKey(
  derivation: KeyDerivation,
  secret: Buffer,
  info: Buffer,
  octets: number,
  salt: Buffer = EMPTY,
): Buffer {
  if (derivation.kind === 'hkdf') return Buffer.from(hkdfSync(derivation.hash, secret, salt, info, octets));
  return x963(derivation.hash, secret, info, octets);
}

const EMPTY = Buffer.alloc(0);

function x963(hash: string, secret: Buffer, info: Buffer, octets: number): Buffer {
  const blocks: Buffer[] = [];
  let made = 0;
  for (let count = 1; made < octets; count++) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(count);
    const block = createHash(hash).update(secret).update(counter).update(info).digest();
    blocks.push(block);
    made += block.length;
  }
  const [only] = blocks;
  return blocks.length === 1 && only !== undefined ? only.subarray(0, octets) : Buffer.concat(blocks, octets);
}
