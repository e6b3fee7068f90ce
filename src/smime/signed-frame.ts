/**
 * What stands around the signed entity in a multipart/signed (RFC 1847 §2.1, RFC 8551 §3.5.3): the octets before it,
 * known at once, and the octets after it, known when the signature is.
 *
 * The boundary is 192 bits of entropy, so that no content holds it.
 */
import type { Entropy } from '../cms/signer.ts';
import { Base64Encoder } from '../mime/base64-encoder.ts';
import { multipartSignedField, multipartSignedFields, SIGNATURE_FIELDS } from './content-fields.ts';

const BOUNDARY_ENTROPY_OCTETS = 24;

export class SignedFrame {
  /** Header fields of a message of this form. */
  readonly messageFields: Buffer;
  /** Header and empty line of the same as an inner entity. */
  readonly innerHeader: Buffer;
  /** The first delimiter. */
  readonly opening: Buffer;
  readonly #boundary: string;

  /** @param micalg name of the digest (RFC 8551 §3.5.3.2) */
  constructor(entropy: Entropy, micalg = 'sha-256') {
    this.#boundary = `sealgate-${entropy.bytes(BOUNDARY_ENTROPY_OCTETS).toString('hex')}`;
    this.messageFields = multipartSignedFields(this.#boundary, micalg);
    this.innerHeader = Buffer.concat([multipartSignedField(this.#boundary, micalg), Buffer.from('\r\n')]);
    this.opening = Buffer.from(`--${this.#boundary}\r\n`, 'latin1');
  }

  /** The second delimiter with its CRLF, the signature part and the end. @param signedData ContentInfo, detached */
  closing(signedData: Buffer): Buffer {
    return Buffer.concat([
      Buffer.from(`\r\n--${this.#boundary}\r\n`, 'latin1'),
      SIGNATURE_FIELDS,
      Buffer.from('\r\n'),
      foldBase64(signedData),
      Buffer.from(`--${this.#boundary}--\r\n`, 'latin1'),
    ]);
  }
}

/** base64 lines of something small. */
export function foldBase64(data: Buffer): Buffer {
  const encoder = new Base64Encoder();
  return Buffer.concat([encoder.update(data), encoder.final()]);
}
