/** Messages and forms that the tests of the sealer share. */
import assert from 'node:assert/strict';
import { PROFILES } from '../../src/cms/profile.ts';
import { type ErrorCode, GatewayError } from '../../src/errors.ts';
import { Base64Encoder } from '../../src/mime/base64-encoder.ts';
import type { BodyForm } from '../../src/smime/seal.ts';
import { rsaRecipient } from './sealed-message.ts';

const profile = PROFILES['default'];
assert.ok(profile);
export const AS_IT_CAME: BodyForm = { kind: 'as-it-came' };
export const SIGNED: BodyForm = { kind: 'signed' };
export const ENCRYPTED: BodyForm = { kind: 'enveloped', signed: false, profile };
export const SIGNED_ENCRYPTED: BodyForm = { kind: 'enveloped', signed: true, profile };
export const RSA = [[rsaRecipient.certificate]];

export const HEAD = 'From: anna@example.org\r\nSubject: private\r\nMIME-Version: 1.0\r\n';
export const MIXED =
  `${HEAD}Content-Type: multipart/mixed; boundary=a\r\nContent-Language: de\r\n\r\n--a\r\n` +
  'Content-Type: text/plain; charset=utf-8\r\n\r\nGr\u00fc\u00dfe \r\nFrom me\r\n--a\r\nContent-Type: image/x\r\n' +
  'Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--a--\r\n';
export const octets = (text: string): Buffer => Buffer.from(text, 'utf8');

/** A message of about this many octets: text, then a long base64 leaf. */
export function large(size: number): Buffer {
  const encoder = new Base64Encoder();
  const data = Buffer.alloc(Math.ceil(size * 0.72), 'sealgate');
  return Buffer.concat([
    octets(`${HEAD}Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n\r\nGr\u00fc\u00dfe\r\n--a\r\n`),
    octets('Content-Type: application/x\r\nContent-Transfer-Encoding: base64\r\n\r\n'),
    encoder.update(data),
    encoder.final(),
    octets('\r\n--a--\r\n'),
  ]);
}

export async function refuses(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  await assert.rejects(work, (error) => error instanceof GatewayError && error.code === code);
}
