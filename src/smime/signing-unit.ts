/**
 * One signature of a pass and the frame round the entity that it is made over (RFC 8551 §3.5.3). Forms that sign with
 * the same signer in the same style share it; forms that differ in either have one of their own.
 */
import { DIGESTS, type DigestName, digestOf } from '../cms/algorithms/digests.ts';
import { SIGNATURES } from '../cms/algorithms/signatures.ts';
import { type CryptoProfile, signingStyle } from '../cms/profile.ts';
import {
  type SignedDataParts,
  signedAttributes,
  signedDataDetached,
  signedDataOpaque,
} from '../cms/signed-data-writer.ts';
import type { Entropy, Signer } from '../cms/signer.ts';
import { foldBase64 } from '../mime/base64-encoder.ts';
import { SignedFrame } from './signed-frame.ts';

/** What the end of the pass brings for one unit. */
export interface Ending {
  /** Behind the signed entity; null when nothing was signed. */
  readonly closing: Buffer | null;
  /** base64 lines of SignedData that holds the entity; null unless that form is due. */
  readonly opaque: Buffer | null;
}

export class SigningUnit {
  readonly frame: SignedFrame;
  /** What the entity must be hashed with. */
  readonly digest: DigestName;
  readonly #signer: Signer;
  readonly #profile: CryptoProfile;

  constructor(signer: Signer, profile: CryptoProfile, entropy: Entropy) {
    this.#signer = signer;
    this.#profile = profile;
    this.digest = SIGNATURES[signer.algorithm].digest;
    this.frame = new SignedFrame(entropy, DIGESTS[this.digest].micalg);
  }

  serves(signer: Signer, profile: CryptoProfile): boolean {
    return signer === this.#signer && signingStyle(profile) === signingStyle(this.#profile);
  }

  /**
   * @param digest of the whole entity
   * @param opaqueContent the whole entity where SignedData is to hold it, else null
   */
  async sign(digest: Buffer, signingTime: Date, opaqueContent: Buffer | null): Promise<Ending> {
    const parts = await this.#signatureOver(digest, signingTime);
    return {
      closing: this.frame.closing(signedDataDetached(parts)),
      opaque: opaqueContent === null ? null : foldBase64([signedDataOpaque([parts], opaqueContent)]),
    };
  }

  /**
   * multipart/signed round an entity that is all there.
   * @returns in pieces, from the first delimiter to the end
   */
  async enclose(entity: Buffer, signingTime: Date): Promise<Buffer[]> {
    const digest = digestOf(this.digest, entity);
    const closing = this.frame.closing(signedDataDetached(await this.#signatureOver(digest, signingTime)));
    return [this.frame.opening, entity, closing];
  }

  async #signatureOver(digest: Buffer, signingTime: Date): Promise<SignedDataParts> {
    const signer = this.#signer;
    const profile = this.#profile;
    const attributes = signedAttributes({ digest, signer, signingTime, profile });
    return { signer, attributes, signature: await signer.sign(attributes), profile };
  }
}
