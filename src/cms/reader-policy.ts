/**
 * What readers accept beyond the strict rules, each by its own flag and each off by default (RFC 8551 §2.7, §6;
 * catalogue C9, C13, C15). Policy only ever adds a tolerance; no flag makes an invalid signature valid by itself.
 */

export interface ReaderPolicy {
  /** Signatures over MD5 and SHA-1, DSA, and RSA keys under 2048 bits: for archives and old test messages. */
  readonly weakSignatures: boolean;
  /** Content encrypted with 3DES, RC2 or DES. */
  readonly oldCiphers: boolean;
  /** AEAD tags of 12 to 15 octets, as long as the message itself says. */
  readonly shortTags: boolean;
  /** AES-GCM inside EnvelopedData, as PKI.js wrote it. The result is still not called authenticated. */
  readonly aeadInEnvelopedData: boolean;
  /** Signatures without signed attributes (RFC 5652 §5.3 allows them for id-data). */
  readonly signaturesWithoutAttributes: boolean;
  /** EdDSA with another digest than RFC 8419 §2.3 demands. */
  readonly anyDigestWithEdDsa: boolean;
  /** Octets after the object. */
  readonly trailingOctets: boolean;
}

/** Everything off: what new mail has to meet. */
export const STRICT_POLICY: ReaderPolicy = {
  weakSignatures: false,
  oldCiphers: false,
  shortTags: false,
  aeadInEnvelopedData: false,
  signaturesWithoutAttributes: false,
  anyDigestWithEdDsa: false,
  trailingOctets: false,
};
