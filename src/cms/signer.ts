/**
 * Who can sign (RFC 5652 §5.3), and where random octets come from. `cms/` declares both, `keys/` implements them:
 * private key octets never cross this line.
 */
import type { KeyObject } from 'node:crypto';
import type { Certificate } from '../x509/certificate.ts';
import type { AgreementCurve } from './algorithms/key-agreements.ts';
import type { SignatureAlgorithm } from './algorithms/signatures.ts';

export type { SignatureAlgorithm } from './algorithms/signatures.ts';

export interface Signer {
  readonly certificate: Certificate;
  /** Intermediates to include, root left out (RFC 8551 §2.3). */
  readonly chain: readonly Certificate[];
  /** The anchor of the chain, for profiles that include it; absent where it is not known. */
  readonly root?: Certificate | null;
  readonly algorithm: SignatureAlgorithm;
  /**
   * Signs the DER of the signed attributes, off the event loop.
   * @returns the signature value as it stands in SignerInfo (for ECDSA: DER SEQUENCE of r and s)
   * @throws GatewayError keys.unusable
   */
  sign(signedAttributes: Buffer): Promise<Buffer>;
}

/** A fresh key pair for one key agreement. */
export interface AgreementKeyPair {
  /** SEC1 uncompressed point; of X25519 and X448 the raw key (RFC 7748 §5). */
  readonly publicPoint: Buffer;
  /** To the shared secret Z, once. @param peerPoint in the same form @throws Error when the point is not on the curve */
  derive(peerPoint: Buffer): Buffer;
}

/**
 * Where random octets come from; an argument, because `cms/` and `smime/` are pure. Production passes the system's
 * generator; tests pass a counter and get the same bytes each time.
 */
export interface Entropy {
  bytes(length: number): Buffer;
  ecdhKeyPair(curve: AgreementCurve): AgreementKeyPair;
  /**
   * A fresh shared secret for this ML-KEM key (RFC 9629 §2). Its randomness cannot be given from outside.
   * @throws GatewayError cms.unsupported where the running Node has no KEM
   */
  encapsulate(key: KeyObject): { readonly ciphertext: Buffer; readonly sharedSecret: Buffer };
}
