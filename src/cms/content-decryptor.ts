/**
 * Decrypts one content (RFC 5652 §6.3, RFC 5083, RFC 5084). What it returns before {@link ContentDecryptor.final} is
 * unproven: only readers hold one, and they release nothing of pass one.
 *
 * Everything that goes wrong with key, padding or tag is one failure, `cannot-decrypt`, without a word of which
 * (standards 2.6).
 */
import { type Cipher, createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { type ChosenCipher, contentKeyOf } from './content-cipher-reader.ts';
import { Rc2Decipher } from './rc2.ts';
import { ReaderStop } from './reader-failure.ts';

const NOTHING = Buffer.alloc(0);

/** What node:crypto's Decipher and ours have in common. */
interface BlockDecipher {
  update(chunk: Buffer): Buffer;
  final(): Buffer;
  setAuthTag?(tag: Buffer): unknown;
  setAAD?(octets: Buffer): unknown;
}

/** One pass over one ciphertext. */
export class ContentDecryptor {
  private readonly cipher: ChosenCipher;
  private readonly decipher: BlockDecipher;
  /** The last octets, which may be a tag that follows the ciphertext. */
  private held: Buffer = NOTHING;

  /** @param key as long as the cipher asks @param aad DER of the authenticated attributes; null when there are none */
  constructor(cipher: ChosenCipher, key: Buffer, aad: Buffer | null) {
    this.cipher = cipher;
    const contentKey = contentKeyOf(cipher, key);
    this.decipher = startDecipher(cipher, contentKey);
    if (contentKey !== key) contentKey.fill(0);
    if (aad !== null) this.decipher.setAAD?.(aad);
  }

  /** @returns plaintext, unproven; may be empty */
  update(chunk: Buffer): Buffer {
    if (!this.cipher.tagAppended) return this.decipher.update(chunk);
    const joined = Buffer.concat([this.held, chunk]);
    const end = Math.max(0, joined.length - 16);
    this.held = Buffer.from(joined.subarray(end));
    return this.decipher.update(joined.subarray(0, end));
  }

  /**
   * Ends the content and proves what can be proven of it.
   * @param tag of AuthEnvelopedData; null for other forms
   * @throws ReaderStop cannot-decrypt
   */
  final(tag: Buffer | null): Buffer {
    const found = this.cipher.tagAppended ? this.held : tag;
    try {
      if (this.cipher.tagOctets.length > 0) {
        if (found === null || !this.cipher.tagOctets.includes(found.length)) throw new Error('tag length');
        this.decipher.setAuthTag?.(found);
      }
      return this.decipher.final();
    } catch {
      throw new ReaderStop('cannot-decrypt', 'the content does not decrypt');
    }
  }
}

function startDecipher(cipher: ChosenCipher, key: Buffer): BlockDecipher {
  const { nodeName } = cipher.facts;
  if (cipher.name === 'rc2-cbc') return new Rc2Decipher(key, cipher.iv, cipher.keyOctets * 8);
  // single DES is triple DES with one key three times, which OpenSSL 3 still has
  if (cipher.name === 'des-cbc') return createDecipheriv('des-ede3-cbc', Buffer.concat([key, key, key]), cipher.iv);
  // where the message leaves the length open, final() looks at it
  const [tagOctets, other] = cipher.tagOctets;
  const options = tagOctets !== undefined && other === undefined ? { authTagLength: tagOctets } : {};
  // the types ask for a name they know; the options mean the same to every cipher
  return createDecipheriv(nodeName as 'aes-256-gcm', key, cipher.iv, options);
}

/**
 * Notices a ciphertext that was not the same in both passes: a GMAC under a key that comes from the content key, at a
 * tenth of the cost of a digest. For ciphers that have no tag of their own.
 */
export class CiphertextMark {
  private readonly mac: Cipher & { setAAD(octets: Buffer): unknown; getAuthTag(): Buffer };

  constructor(contentKey: Buffer) {
    const key = createHmac('sha256', contentKey).update('ciphertext mark').digest();
    this.mac = createCipheriv('aes-128-gcm', key.subarray(0, 16), Buffer.alloc(12));
    key.fill(0);
  }

  add(chunk: Buffer): void {
    this.mac.setAAD(chunk);
  }

  value(): Buffer {
    this.mac.final();
    return this.mac.getAuthTag();
  }
}
