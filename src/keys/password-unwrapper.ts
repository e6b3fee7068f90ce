/**
 * `Unwrapper` over secrets that both sides share: passwords (RFC 5652 §6.2.4, RFC 3211), key-encryption keys
 * (RFC 5652 §6.2.3), and the key of EncryptedData (RFC 5652 §8).
 *
 * PBKDF2 rounds are capped (catalogue C23) and run on the thread pool. What does not unwrap says nothing of why.
 */
import { createDecipheriv, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { BerReader } from '../asn1/ber-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import { findKeyWrap, KEY_WRAPS, unwrapKey } from '../cms/algorithms/key-wraps.ts';
import {
  type AlgorithmIdentifier,
  enterWhole,
  parseAlgorithm,
  readAlgorithm,
  readOctets,
  readSmallInteger,
} from '../cms/ber-field-reader.ts';
import { ENCRYPTED_DATA_KEY } from '../cms/enveloped-data-reader.ts';
import { PBKDF2_OID, PWRI_KEK_OID } from '../cms/password-recipient-info.ts';
import { READER_LIMITS } from '../cms/reader-limits.ts';
import type { RecipientInfo, Unwrapper } from '../cms/unwrapper.ts';
import { gatewayError } from '../errors.ts';

const derive = promisify(pbkdf2);

const PRFS: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};

/** Ciphers of the double encryption: name, octets of the key, octets of a block. */
const KEK_CIPHERS: Readonly<Record<string, readonly [string, number, number]>> = {
  '2.16.840.1.101.3.4.1.2': ['aes-128-cbc', 16, 16],
  '2.16.840.1.101.3.4.1.22': ['aes-192-cbc', 24, 16],
  '2.16.840.1.101.3.4.1.42': ['aes-256-cbc', 32, 16],
  '1.2.840.113549.3.7': ['des-ede3-cbc', 24, 8],
};

/** Opens what was encrypted with a password. @param password UTF-8 octets */
export function passwordUnwrapper(password: Buffer): Unwrapper {
  return {
    holds: (info) => info.kind === 'password',
    unwrap: (info, octets) => unwrapByPassword(info, password, octets),
  };
}

/** Opens what was encrypted with a key-encryption key of this name. */
export function keyEncryptionKeyUnwrapper(keyIdentifier: Buffer, key: Buffer): Unwrapper {
  return {
    holds: (info) => info.kind === 'key-encryption-key' && info.keyIdentifier.equals(keyIdentifier),
    unwrap: async (info, octets) => {
      if (info.kind !== 'key-encryption-key') return null;
      const wrap = findKeyWrap(info.algorithm.oid);
      if (wrap === null) throw gatewayError('cms.unsupported', `key wrap ${info.algorithm.oid}`);
      if (KEY_WRAPS[wrap].keyOctets !== key.length) return null;
      try {
        const unwrapped = unwrapKey(wrap, key, info.encryptedKey);
        return unwrapped.length === octets ? unwrapped : null;
      } catch {
        return null;
      }
    },
  };
}

/** Opens EncryptedData, whose key was agreed in another way. */
export function contentKeyUnwrapper(key: Buffer): Unwrapper {
  return {
    holds: (info) => info === ENCRYPTED_DATA_KEY,
    unwrap: async (_info, octets) => (key.length === octets ? Buffer.from(key) : null),
  };
}

async function unwrapByPassword(info: RecipientInfo, password: Buffer, octets: number): Promise<Buffer | null> {
  if (info.kind !== 'password') return null;
  if (info.algorithm.oid !== PWRI_KEK_OID || info.algorithm.parameters === null) {
    throw gatewayError('cms.unsupported', `password key encryption ${info.algorithm.oid}`);
  }
  const inner = parseAlgorithm(info.algorithm.parameters);
  const cipher = KEK_CIPHERS[inner.oid];
  if (cipher === undefined) throw gatewayError('cms.unsupported', `cipher ${inner.oid} under a password`);
  if (info.derivation === null) throw gatewayError('cms.unsupported', 'password recipient without key derivation');
  const [name, keyOctets, blockOctets] = cipher;
  const iv = inner.parameters === null ? null : readOctets(BerReader.over(inner.parameters));
  const { length } = info.encryptedKey;
  if (iv?.length !== blockOctets || length < 2 * blockOctets || length % blockOctets !== 0) return null;
  const key = await deriveFromPassword(info.derivation, password, keyOctets);
  const block = decryptTwice(name, key, iv, info.encryptedKey);
  key.fill(0);
  return keyOfBlock(block, octets);
}

async function deriveFromPassword(derivation: AlgorithmIdentifier, password: Buffer, octets: number): Promise<Buffer> {
  if (derivation.oid !== PBKDF2_OID || derivation.parameters === null) {
    throw gatewayError('cms.unsupported', `key derivation ${derivation.oid}`);
  }
  const fields = enterWhole(derivation.parameters, TAG.sequence);
  const salt = readOctets(fields);
  const rounds = readSmallInteger(fields);
  if (rounds < 1 || rounds > READER_LIMITS.passwordRounds) {
    throw gatewayError('cms.limits', `more than ${READER_LIMITS.passwordRounds} rounds of key derivation`);
  }
  if (fields.peekTag() === TAG.integer && readSmallInteger(fields) !== octets) {
    throw gatewayError('cms.malformed', 'derived key of another length than the cipher');
  }
  const prf = fields.atEnd ? 'sha1' : PRFS[readAlgorithm(fields).oid];
  if (prf === undefined) throw gatewayError('cms.unsupported', 'pseudo-random function of PBKDF2');
  return derive(password, salt, rounds, octets, prf);
}

/** The two layers of RFC 3211 §2.3.2: the last block gives the IV that the outer layer began with. */
function decryptTwice(name: string, key: Buffer, iv: Buffer, encrypted: Buffer): Buffer {
  const block = iv.length;
  const decrypt = (start: Buffer, octets: Buffer): Buffer => {
    const decipher = createDecipheriv(name, key, start).setAutoPadding(false);
    return Buffer.concat([decipher.update(octets), decipher.final()]);
  };
  const last = encrypted.subarray(-block);
  const lastInner = decrypt(encrypted.subarray(-2 * block, -block), last);
  const inner = Buffer.concat([decrypt(lastInner, encrypted.subarray(0, -block)), lastInner]);
  return decrypt(iv, inner);
}

/** Length, the complement of three key octets, the key, padding. */
function keyOfBlock(block: Buffer, octets: number): Buffer | null {
  let bad = (block[0] ?? 0) ^ octets;
  for (let i = 0; i < 3; i++) bad |= (block[1 + i] ?? 0) ^ (block[4 + i] ?? 0) ^ 0xff;
  return bad === 0 && block.length >= 4 + octets ? Buffer.from(block.subarray(4, 4 + octets)) : null;
}
