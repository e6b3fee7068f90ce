/**
 * `Signer` over a private key in this process's memory (RFC 5652 §5.4), for every algorithm of `cms/`.
 *
 * OpenSSL computes on the thread pool, so signatures run in parallel and off the event loop. The key stays a KeyObject:
 * making one anew for each signature costs as much as the signature.
 */
import { type KeyObject, sign } from 'node:crypto';
import { SIGNATURES } from '../cms/algorithms/signatures.ts';
import type { SignatureAlgorithm, Signer } from '../cms/signer.ts';
import { gatewayError } from '../errors.ts';
import { signatureFailed } from '../log/keys-events.ts';
import type { Certificate } from '../x509/certificate.ts';

/** What to sign with and what to include. */
export interface KeySignerOptions {
  readonly certificate: Certificate;
  readonly chain: readonly Certificate[];
  readonly root: Certificate | null;
  readonly algorithm: SignatureAlgorithm;
  /** Belongs to `certificate` and was judged fit by the loader. */
  readonly key: KeyObject;
  /** Where it came from, for the log. */
  readonly file: string;
}

/** Made once an identity, chain and algorithm; safe to use for many messages at the same time. */
export class KeySigner implements Signer {
  readonly certificate: Certificate;
  readonly chain: readonly Certificate[];
  readonly root: Certificate | null;
  readonly algorithm: SignatureAlgorithm;
  private readonly key: { readonly key: KeyObject };
  private readonly hash: string | null;
  private readonly file: string;

  constructor(options: KeySignerOptions) {
    const { hash, options: padding } = SIGNATURES[options.algorithm];
    this.certificate = options.certificate;
    this.chain = options.chain;
    this.root = options.root;
    this.algorithm = options.algorithm;
    this.key = { key: options.key, ...padding };
    this.hash = hash;
    this.file = options.file;
  }

  sign(signedAttributes: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      sign(this.hash, signedAttributes, this.key, (error, signature) => {
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
