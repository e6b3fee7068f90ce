/**
 * Encrypts one content and hands its key to any number of groups of recipients (RFC 5652 §6.3, RFC 3565, RFC 5084,
 * RFC 8103, RFC 9709).
 *
 * A fresh key and IV or nonce for each object. CBC pads (PKCS #7), so the ciphertext is 1 to 16 octets longer than the
 * content; AEAD adds a tag of 16 octets, which stands apart. The content key lives from construction to
 * {@link ContentEncryptor.destroy}, which wipes it.
 */
import { type Cipher, type CipherGCM, type CipherGCMTypes, createCipheriv } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { derSetOf } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import {
  CONTENT_CIPHERS,
  contentEncryptionAlgorithm,
  type EnvelopeKind,
  TAG_OCTETS,
} from './algorithms/content-ciphers.ts';
import { boundAlgorithm, deriveContentKey } from './algorithms/content-key-derivation.ts';
import { passwordRecipientInfo } from './password-recipient-info.ts';
import type { CryptoProfile } from './profile.ts';
import { RECIPIENTS_MAX } from './recipient-identifiers.ts';
import { encryptContentKey } from './recipient-info.ts';
import type { Entropy } from './signer.ts';

/** A group of at most so many is encrypted to in one go. */
export const RECIPIENTS_A_TURN = 16;

/** A copy of more costs more than another call of the cipher or of a sink. */
export const JOINED_OCTETS_MAX = 16 * 1024;

/** Joins short pieces with their neighbours; long ones stay as they are. @returns none that is empty */
export function joinShort(pieces: readonly Buffer[]): Buffer[] {
  const joined: Buffer[] = [];
  let run: Buffer[] = [];
  let octets = 0;
  const flush = (): void => {
    const [only] = run;
    if (only !== undefined) joined.push(run.length === 1 ? only : Buffer.concat(run, octets));
    run = [];
    octets = 0;
  };
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    if (octets + piece.length > JOINED_OCTETS_MAX) flush();
    run.push(piece);
    octets += piece.length;
  }
  flush();
  return joined;
}

/** One content on its way into ciphertext. Not for reuse: a key never encrypts two contents. */
export class ContentEncryptor {
  /** The content type that the ciphertext belongs into. */
  readonly envelope: EnvelopeKind;
  /** contentEncryptionAlgorithm, whole DER. */
  readonly algorithm: Buffer;
  private readonly profile: CryptoProfile;
  private readonly entropy: Entropy;
  private readonly cipher: Cipher | CipherGCM;
  private key: Buffer | null;
  private finished = false;
  private madeTag: Buffer | null = null;

  /** @throws GatewayError cms.unsupported for a cipher that nothing is written with, crypto.failed */
  constructor(profile: CryptoProfile, entropy: Entropy) {
    const facts = Object.hasOwn(CONTENT_CIPHERS, profile.content) ? CONTENT_CIPHERS[profile.content] : undefined;
    if (facts === undefined || facts.legacy) {
      throw gatewayError('cms.unsupported', `content cipher ${String(profile.content)} of profile ${profile.name}`);
    }
    const { keyOctets, ivOctets, nodeName, envelope } = facts;
    const key = entropy.bytes(keyOctets);
    const iv = entropy.bytes(ivOctets);
    if (key.length !== keyOctets || iv.length !== ivOctets) throw gatewayError('crypto.failed', 'too little entropy');
    this.profile = profile;
    this.entropy = entropy;
    this.key = key;
    this.envelope = envelope;
    const algorithm = contentEncryptionAlgorithm(profile.content, iv);
    const bound = profile.contentDerivation === 'hkdf-sha256';
    const cipherKey = bound ? deriveContentKey(key, algorithm) : key;
    this.cipher =
      envelope === 'authEnveloped'
        ? createCipheriv(nodeName as CipherGCMTypes, cipherKey, iv, { authTagLength: TAG_OCTETS })
        : createCipheriv(nodeName, cipherKey, iv);
    if (bound) cipherKey.fill(0);
    this.algorithm = bound ? boundAlgorithm(algorithm) : algorithm;
  }

  /** Encrypts the next octets. @returns ciphertext so far not returned; may be empty. The caller owns it. */
  update(chunk: Buffer): Buffer {
    if (this.key === null || this.finished) throw gatewayError('crypto.failed', 'encryption was ended already');
    return this.cipher.update(chunk);
  }

  /**
   * Encrypts pieces that follow each other; those of a short message in one go.
   * @returns ciphertext in pieces, none of them empty
   */
  updateAll(pieces: readonly Buffer[]): Buffer[] {
    return joinShort(pieces)
      .map((piece) => this.update(piece))
      .filter(({ length }) => length > 0);
  }

  /** Ends the content. @returns the last octets of ciphertext: 16 of CBC, none of AEAD */
  final(): Buffer {
    if (this.key === null || this.finished) throw gatewayError('crypto.failed', 'encryption was ended already');
    this.finished = true;
    const rest = this.cipher.final();
    if (this.envelope === 'authEnveloped') {
      // AEAD ciphers of node:crypto have it; their type is that of the constructor's first overload
      this.madeTag = (this.cipher as CipherGCM).getAuthTag();
      if (this.madeTag.length !== TAG_OCTETS) throw gatewayError('crypto.failed', 'tag of a wrong size');
    }
    return rest;
  }

  /** The authentication tag; null with a cipher that has none. @throws GatewayError crypto.failed before {@link final} */
  tag(): Buffer | null {
    if (!this.finished) throw gatewayError('crypto.failed', 'the tag is known only at the end');
    return this.madeTag;
  }

  /**
   * Encrypts the content key to one group of recipients; once a group, any time before {@link destroy}.
   * One RecipientInfo for each entry: what is named is exactly what the caller recorded as expected.
   * @param certificates at most 5000, already found valid by the caller; none only beside `others`
   * @param others RecipientInfos made already, whole DER
   * @returns RecipientInfos SET, whole DER
   * @throws GatewayError cms.unsupported for a key that cannot be encrypted to, crypto.failed
   */
  recipientInfos(certificates: readonly Certificate[], others: readonly Buffer[] = []): Buffer {
    if (this.key === null) throw gatewayError('crypto.failed', 'content key was wiped already');
    checkCount(certificates.length + others.length);
    return derSetOf([...others, ...certificates.map((certificate) => this.recipientInfo(certificate))]);
  }

  /**
   * The same for a large group, between whose recipients other work has its turn: a thousand key agreements on P-256 take
   * a fifth of a second, on P-521 two.
   */
  async recipientInfosInTurns(certificates: readonly Certificate[]): Promise<Buffer> {
    checkCount(certificates.length);
    const infos: Buffer[] = [];
    for (const certificate of certificates) {
      infos.push(this.recipientInfo(certificate));
      if (infos.length % RECIPIENTS_A_TURN === 0) await setImmediate();
    }
    return derSetOf(infos);
  }

  private recipientInfo(certificate: Certificate): Buffer {
    if (this.key === null) throw gatewayError('crypto.failed', 'content key was wiped already');
    return encryptContentKey(certificate, this.key, this.entropy, this.profile);
  }

  /**
   * Encrypts the content key under a password, for {@link recipientInfos}.
   * @param password UTF-8 octets; stays the caller's
   * @param rounds of PBKDF2
   */
  passwordRecipient(password: Buffer, rounds?: number): Promise<Buffer> {
    if (this.key === null) throw gatewayError('crypto.failed', 'content key was wiped already');
    return passwordRecipientInfo(password, this.key, this.entropy, rounds);
  }

  /** Wipes the content key. Harmless when repeated. The key schedule inside the cipher goes with the object. */
  destroy(): void {
    this.key?.fill(0);
    this.key = null;
  }
}

function checkCount(count: number): void {
  if (count === 0) throw gatewayError('crypto.failed', 'encryption for nobody');
  if (count > RECIPIENTS_MAX) throw gatewayError('crypto.failed', `more than ${RECIPIENTS_MAX} recipients`);
}
