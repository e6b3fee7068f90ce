/**
 * Who can sign (RFC 5652 §5.3). `cms/` declares it, `keys/` implements it: private key octets never cross this line.
 */
import type { Certificate } from '../x509/certificate.ts';

export type SignatureAlgorithm = 'rsa-pkcs1-sha256' | 'ecdsa-p256-sha256';

export interface Signer {
  readonly certificate: Certificate;
  /** Intermediates to include, root left out (RFC 8551 §2.3). */
  readonly chain: readonly Certificate[];
  readonly algorithm: SignatureAlgorithm;
  /**
   * Signs the DER of the signed attributes, off the event loop.
   * @returns the signature value as it stands in SignerInfo (for ECDSA: DER SEQUENCE of r and s)
   * @throws GatewayError keys.unusable
   */
  sign(signedAttributes: Buffer): Promise<Buffer>;
}

/**
 * Where random octets come from; an argument, because `cms/` and `smime/` are pure. Production passes the system's
 * generator; tests pass a counter and get the same bytes each time.
 */
export interface Entropy {
  bytes(length: number): Buffer;
  /** A fresh key pair for ECDH on this curve: SEC1 uncompressed public point, and derive(peerPoint) to the shared secret Z. */
  ecdhKeyPair(curve: 'P-256' | 'P-384'): { readonly publicPoint: Buffer; derive(peerPoint: Buffer): Buffer };
}
