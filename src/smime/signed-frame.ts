/**
 * What stands around the signed entity in a multipart/signed (RFC 1847 §2.1, RFC 8551 §3.5.3): the octets before it,
 * known at once, and the octets after it, known when the signature is.
 *
 * The boundary is 192 bits of entropy, so that no content holds it.
 */
import type { Entropy } from '../cms/signer.ts';
import { foldBase64 } from '../mime/base64-encoder.ts';
import { multipartSignedFields, multipartSignedHeader, SIGNATURE_FIELDS } from './content-fields.ts';

const BOUNDARY_ENTROPY_OCTETS = 24;

export class SignedFrame {
  readonly #boundary: string;
  readonly #micalg: string;
  #messageFields: Buffer | null = null;
  #innerHeader: Buffer | null = null;
  #opening: Buffer | null = null;

  /** @param micalg name of the digest (RFC 8551 §3.5.3.2) */
  constructor(entropy: Entropy, micalg = 'sha-256') {
    this.#boundary = `sealgate-${entropy.bytes(BOUNDARY_ENTROPY_OCTETS).toString('hex')}`;
    this.#micalg = micalg;
  }

  /** Header fields of a message of this form. */
  get messageFields(): Buffer {
    this.#messageFields ??= multipartSignedFields(this.#boundary, this.#micalg);
    return this.#messageFields;
  }

  /** Header and empty line of the same as an inner entity. */
  get innerHeader(): Buffer {
    this.#innerHeader ??= multipartSignedHeader(this.#boundary, this.#micalg);
    return this.#innerHeader;
  }

  /** The first delimiter. */
  get opening(): Buffer {
    this.#opening ??= Buffer.from(`--${this.#boundary}\r\n`, 'latin1');
    return this.#opening;
  }

  /** The second delimiter with its CRLF, the signature part and the end. @param signedData ContentInfo, detached */
  closing(signedData: Buffer): Buffer {
    return foldBase64([signedData], {
      before: `\r\n--${this.#boundary}\r\n${SIGNATURE_FIELDS}\r\n`,
      behind: `--${this.#boundary}--\r\n`,
    });
  }
}
