/**
 * Encrypts one content and hands its key to any number of groups of recipients (RFC 5652 §6.3, RFC 3565).
 *
 * AES-256-CBC with a fresh key and IV for each object; PKCS #7 padding, so the ciphertext is 1 to 16 octets longer than
 * the content. The content key lives from construction to {@link ContentEncryptor.destroy}, which wipes it.
 * DEVIATION RFC 8551 §2.7.1.2: without known capabilities AES-256-CBC is used, not AES-128-CBC; it is what Outlook and
 * NSS write today.
 */
import { type Cipher, createCipheriv } from 'node:crypto';
import { derSetOf } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { aes256Cbc } from './algorithm-identifiers.ts';
import type { CryptoProfile } from './profile.ts';
import { RECIPIENTS_MAX } from './recipient-identifiers.ts';
import { encryptContentKey } from './recipient-info.ts';
import type { Entropy } from './signer.ts';

const KEY_OCTETS = 32;
const IV_OCTETS = 16;

/** One content on its way into ciphertext. Not for reuse: a key never encrypts two contents. */
export class ContentEncryptor {
  /** contentEncryptionAlgorithm, whole DER. */
  readonly algorithm: Buffer;
  private readonly entropy: Entropy;
  private readonly cipher: Cipher;
  private key: Buffer | null;
  private finished = false;

  /** @throws GatewayError cms.unsupported for a profile with another content cipher */
  constructor(profile: CryptoProfile, entropy: Entropy) {
    if (profile.content !== 'aes-256-cbc') {
      throw gatewayError('cms.unsupported', `content cipher ${String(profile.content)} of profile ${profile.name}`);
    }
    const key = entropy.bytes(KEY_OCTETS);
    const iv = entropy.bytes(IV_OCTETS);
    if (key.length !== KEY_OCTETS || iv.length !== IV_OCTETS) throw gatewayError('crypto.failed', 'too little entropy');
    this.entropy = entropy;
    this.key = key;
    this.cipher = createCipheriv('aes-256-cbc', key, iv);
    this.algorithm = aes256Cbc(iv);
  }

  /** Encrypts the next octets. @returns ciphertext so far not returned; may be empty. The caller owns it. */
  update(chunk: Buffer): Buffer {
    if (this.key === null || this.finished) throw gatewayError('crypto.failed', 'encryption was ended already');
    return this.cipher.update(chunk);
  }

  /** Ends the content. @returns the last 16 octets of ciphertext */
  final(): Buffer {
    if (this.key === null || this.finished) throw gatewayError('crypto.failed', 'encryption was ended already');
    this.finished = true;
    return this.cipher.final();
  }

  /**
   * Encrypts the content key to one group of recipients; once a group, any time before {@link destroy}.
   * One RecipientInfo for each entry: what is named is exactly what the caller recorded as expected.
   * @param certificates 1 to 5000, already found valid by the caller
   * @returns RecipientInfos SET, whole DER
   * @throws GatewayError cms.unsupported for a key that cannot be encrypted to, crypto.failed
   */
  recipientInfos(certificates: readonly Certificate[]): Buffer {
    if (this.key === null) throw gatewayError('crypto.failed', 'content key was wiped already');
    if (certificates.length === 0) throw gatewayError('crypto.failed', 'encryption for nobody');
    if (certificates.length > RECIPIENTS_MAX) {
      throw gatewayError('crypto.failed', `more than ${RECIPIENTS_MAX} recipients`);
    }
    const infos: Buffer[] = [];
    for (const certificate of certificates) infos.push(encryptContentKey(certificate, this.key, this.entropy));
    return derSetOf(infos);
  }

  /** Wipes the content key. Harmless when repeated. The key schedule inside the cipher goes with the object. */
  destroy(): void {
    this.key?.fill(0);
    this.key = null;
  }
}
