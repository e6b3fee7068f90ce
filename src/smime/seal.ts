/**
 * The message level of sealing (RFC 8551 §3): one pass over an entity makes every form its groups of recipients need.
 * This file holds the types; `sealer.ts` does the work.
 */
import type { EnvelopeKind } from '../cms/algorithms/content-ciphers.ts';
import type { CryptoProfile } from '../cms/profile.ts';
import type { Entropy, Signer } from '../cms/signer.ts';
import type { HeaderBlock } from '../mime/header-block.ts';
import type { Certificate } from '../x509/certificate.ts';

/**
 * One form of the body. Groups whose form is equal share it: the same ciphertext with different RecipientInfos.
 * - `as-it-came`: the octets of the body, untouched, under the header fields as they came.
 * - `signed`: multipart/signed with our signature (or opaque, where 8-bit may not be touched and the message is small).
 * - `enveloped`: EnvelopedData, or AuthEnvelopedData where the profile's cipher is AEAD, over the entity as it came (`signed` false) or over our multipart/signed (`signed` true).
 */
export type BodyForm =
  | { readonly kind: 'as-it-came' }
  | {
      readonly kind: 'signed';
      /** `default` when left out. */
      readonly profile?: CryptoProfile;
    }
  | { readonly kind: 'enveloped'; readonly signed: boolean; readonly profile: CryptoProfile };

/** What the caller asks of one pass. */
export interface SealRequest {
  /** The whole header of the message as received (vouch header and Bcc already removed by the caller). */
  readonly header: HeaderBlock;
  readonly forms: readonly FormRequest[];
  /** Signs every form that signs and names no other; null when there is none. One signature serves all of one style. */
  readonly signer: Signer | null;
  /** Goes into signingTime. */
  readonly signingTime: Date;
  readonly entropy: Entropy;
  /** True when the entity came signed already (RFC 1847): then it is not canonicalised, never re-encoded. */
  readonly leaveUntouched: boolean;
}

export interface FormRequest {
  readonly form: BodyForm;
  /** One list a group that shares this form: the certificates its copy is encrypted to. Empty unless `enveloped`. */
  readonly groups: readonly (readonly Certificate[])[];
  /** Signs this form instead of {@link SealRequest.signer}. */
  readonly signer?: Signer | null;
  /** Receives the stored octets in order; awaiting it is the back-pressure. */
  write(chunk: Buffer): Promise<void>;
}

/** What is known of one form once all octets went through. */
export type FormResult =
  | {
      readonly kind: 'clear';
      /** Header fields that replace MIME-Version and every Content-* field of the message; CRLF-ended lines. */
      readonly contentFields: Buffer;
      /** True when a body octet above 127 was written: the next hop must offer 8BITMIME. */
      readonly eightBit: boolean;
    }
  | {
      readonly kind: 'enveloped';
      readonly contentFields: Buffer;
      readonly envelope: EnvelopeKind;
      /** Authentication tag of AuthEnvelopedData; null else. */
      readonly tag: Buffer | null;
      /** contentEncryptionAlgorithm, whole DER. */
      readonly contentEncryption: Buffer;
      /** RecipientInfos SET, whole DER, one for each entry of `groups` in order. */
      readonly recipientInfos: readonly Buffer[];
      /** For each entry of `groups` the identifiers (DER, as cms/recipient-identifiers gives them) that its RecipientInfos name. */
      readonly recipientIdentifiers: readonly (readonly Buffer[])[];
      /** Octets of ciphertext written. */
      readonly ciphertextBytes: number;
    };

/** A pass under way. */
export interface Sealing {
  /** Body octets after the blank line, CRLF-true, in any chunking. Resolves when the sinks took them. @throws GatewayError */
  write(chunk: Buffer): Promise<void>;
  /** End of the message: the signature is made here. Results in the order of `forms`. @throws GatewayError */
  end(): Promise<readonly FormResult[]>;
  /** Wipes the content keys of a pass that will not be ended. Never throws; harmless after `end`. */
  abort(): void;
}
