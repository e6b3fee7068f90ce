/**
 * The header fields that say what a sealed body is (RFC 8551 §3.2, §3.2.1, §3.5): media type with smime-type, and the
 * 8.3 names that mail programs which know no smime-type go by. Also which fields of a message belong to its entity.
 */
import type { HeaderBlock } from '../mime/header-block.ts';

const MIME_VERSION = 'MIME-Version: 1.0\r\n';

/** Fields of a message whose body is base64 of EnvelopedData. */
export const ENVELOPED_FIELDS: Buffer = cmsFields('application/pkcs7-mime; smime-type=enveloped-data', 'smime.p7m');

/** The same of AuthEnvelopedData (RFC 8551 §3.2.2 spells it so). */
export const AUTH_ENVELOPED_FIELDS: Buffer = cmsFields(
  'application/pkcs7-mime; smime-type=authEnveloped-data',
  'smime.p7m',
);

/** Fields of a message whose body is base64 of SignedData with its content inside. */
export const OPAQUE_FIELDS: Buffer = cmsFields('application/pkcs7-mime; smime-type=signed-data', 'smime.p7m');

/** Fields of the second part of multipart/signed, as text; MIME-Version belongs to messages only. */
export const SIGNATURE_FIELDS: string = partFields('application/pkcs7-signature', 'smime.p7s');

/**
 * Header fields of a message that is multipart/signed (RFC 8551 §3.5.3.2).
 * @param boundary token characters only
 * @param micalg name of the digest
 */
export function multipartSignedFields(boundary: string, micalg: string): Buffer {
  return Buffer.from(MIME_VERSION + multipartSignedField(boundary, micalg), 'latin1');
}

/** The same as an inner entity, which has no MIME-Version, with the empty line. */
export function multipartSignedHeader(boundary: string, micalg: string): Buffer {
  return Buffer.from(`${multipartSignedField(boundary, micalg)}\r\n`, 'latin1');
}

/** The Content-* fields: what is protected with the body. Everything else stays outside. */
export function entityFields(header: HeaderBlock): HeaderBlock {
  return header.without((field) => !field.name.startsWith('content-'));
}

/** MIME-Version and the Content-* fields as they came. */
export function fieldsAsTheyCame(header: HeaderBlock): Buffer {
  return header.without((field) => field.name !== 'mime-version' && !field.name.startsWith('content-')).raw;
}

function cmsFields(type: string, name: string): Buffer {
  return Buffer.from(MIME_VERSION + partFields(type, name), 'latin1');
}

function partFields(type: string, name: string): string {
  return (
    `Content-Type: ${type};\r\n name="${name}"\r\n` +
    'Content-Transfer-Encoding: base64\r\n' +
    `Content-Disposition: attachment; filename="${name}"\r\n`
  );
}

function multipartSignedField(boundary: string, micalg: string): string {
  return (
    'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n' +
    ` micalg=${micalg}; boundary="${boundary}"\r\n`
  );
}
