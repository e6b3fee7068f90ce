/**
 * Who can open (RFC 5652 §6.2): a RecipientInfo as it was read, and the one who may hold its key. `cms/` declares it,
 * `keys/` implements it: private key octets never cross this line.
 */
import type { AlgorithmIdentifier, CertificateIdentifier } from './ber-field-reader.ts';

/** OriginatorIdentifierOrKey (RFC 5652 §6.2.2). */
export type Originator =
  | { readonly kind: 'certificate'; readonly identifier: CertificateIdentifier }
  | { readonly kind: 'key'; readonly algorithm: AlgorithmIdentifier; readonly publicKey: Buffer };

/** One recipient and its encrypted key, all of it attacker-chosen. A KeyAgreeRecipientInfo gives one for each key. */
export type RecipientInfo =
  | {
      readonly kind: 'key-transport';
      readonly recipient: CertificateIdentifier;
      readonly algorithm: AlgorithmIdentifier;
      readonly encryptedKey: Buffer;
    }
  | {
      readonly kind: 'key-agreement';
      readonly recipient: CertificateIdentifier;
      readonly originator: Originator;
      readonly ukm: Buffer | null;
      readonly algorithm: AlgorithmIdentifier;
      readonly encryptedKey: Buffer;
    }
  | {
      readonly kind: 'key-encryption-key';
      readonly keyIdentifier: Buffer;
      readonly algorithm: AlgorithmIdentifier;
      readonly encryptedKey: Buffer;
    }
  | {
      readonly kind: 'password';
      /** null: the key-encryption key was agreed in another way. */
      readonly derivation: AlgorithmIdentifier | null;
      readonly algorithm: AlgorithmIdentifier;
      readonly encryptedKey: Buffer;
    }
  | {
      readonly kind: 'key-encapsulation';
      readonly recipient: CertificateIdentifier;
      readonly algorithm: AlgorithmIdentifier;
      readonly ciphertext: Buffer;
      readonly derivation: AlgorithmIdentifier;
      readonly keyOctets: number;
      readonly ukm: Buffer | null;
      readonly wrap: AlgorithmIdentifier;
      readonly encryptedKey: Buffer;
    }
  /** A kind that is not known: passed over (RFC 5652 §6.2). */
  | { readonly kind: 'other'; readonly oid: string };

/** One who holds keys. Safe to use for many messages at the same time. */
export interface Unwrapper {
  /** Is the key of this recipient held here? Asked for every recipient of a message: answers from an index. */
  holds(info: RecipientInfo): boolean;

  /**
   * Decrypts the content key.
   * @param info one that {@link holds} said yes to
   * @param contentKeyOctets the length that the content cipher asks for
   * @returns exactly that many octets, the caller's to wipe; null when the key does not unwrap. RSAES-PKCS1-v1_5 never
   *   returns null: what is wrong with it shows, if at all, as content that does not decrypt (RFC 3218 §2.3.2)
   * @throws GatewayError cms.unsupported for an algorithm that is not read here, or not by the running Node; cms.malformed
   */
  unwrap(info: RecipientInfo, contentKeyOctets: number): Promise<Buffer | null>;
}

/** Asks each in turn. */
export function firstOf(unwrappers: readonly Unwrapper[]): Unwrapper {
  return {
    holds: (info) => unwrappers.some((unwrapper) => unwrapper.holds(info)),
    unwrap: async (info, contentKeyOctets) => {
      const holder = unwrappers.find((unwrapper) => unwrapper.holds(info));
      return holder === undefined ? null : holder.unwrap(info, contentKeyOctets);
    },
  };
}
