/**
 * `Signer` over a private key in this process's memory (RFC 5652 §5.4): SHA-256 with RSASSA-PKCS1-v1_5 or ECDSA P-256.
 *
 * OpenSSL computes on the thread pool, so signatures run in parallel and off the event loop. The key stays a KeyObject:
 * making one anew for each signature costs as much as the signature.
 */
import { type KeyObject, sign } from 'node:crypto';
import type { SignatureAlgorithm, Signer } from '../cms/signer.ts';
import { gatewayError } from '../errors.ts';
import { signatureFailed } from '../log/keys-events.ts';
import type { Certificate } from '../x509/certificate.ts';

/** Made once an identity and chain; safe to use for many messages at the same time. */
export class KeySigner implements Signer {
  readonly certificate: Certificate;
  readonly chain: readonly Certificate[];
  readonly algorithm: SignatureAlgorithm;
  private readonly key: KeyObject;
  private readonly file: string;

  /**
   * @param key belongs to `certificate` and was judged fit by the loader
   * @param file where it came from, for the log
   */
  constructor(certificate: Certificate, chain: readonly Certificate[], key: KeyObject, file: string) {
    this.certificate = certificate;
    this.chain = chain;
    this.algorithm = certificate.key.kind === 'ec' ? 'ecdsa-p256-sha256' : 'rsa-pkcs1-sha256';
    this.key = key;
    this.file = file;
  }

  sign(signedAttributes: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      sign('sha256', signedAttributes, this.key, (error, signature) => {
        if (error === null || error === undefined) {
          resolve(signature);
          return;
        }
        signatureFailed(this.certificate.sha256, this.file, error.message);
        reject(gatewayError('keys.unusable', `certificate ${this.certificate.sha256} of ${this.file}`, error));
      });
    });
  }
}
