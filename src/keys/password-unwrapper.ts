/**
 * `Unwrapper` over secrets that both sides share: passwords (RFC 5652 §6.2.4, RFC 3211), key-encryption keys
 * (RFC 5652 §6.2.3), and the key of EncryptedData (RFC 5652 §8).
 *
 * PBKDF2 rounds are capped (catalogue C23) and run on the thread pool. What does not unwrap says nothing of why.
 */
import { createDecipheriv, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { findKeyWrap, KEY_WRAPS, unwrapKey } from '../cms/algorithms/key-wraps.ts';
import { ENCRYPTED_DATA_KEY } from '../cms/enveloped-data-reader.ts';
import { readPasswordParameters } from '../cms/password-parameters-reader.ts';
import type { RecipientInfo, Unwrapper } from '../cms/unwrapper.ts';
import { gatewayError } from '../errors.ts';

const derive = promisify(pbkdf2);

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
  const { cipher, keyOctets, iv, salt, rounds, hash } = readPasswordParameters(info);
  const { length } = info.encryptedKey;
  if (length < 2 * iv.length || length % iv.length !== 0) return null;
  const key = await derive(password, salt, rounds, keyOctets, hash);
  const block = decryptTwice(cipher, key, iv, info.encryptedKey);
  key.fill(0);
  return keyOfBlock(block, octets);
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
