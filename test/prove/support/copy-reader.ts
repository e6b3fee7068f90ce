/**
 * Opens copies quickly, for proofs that have thousands of them: strict DER, the partner's private key, the part that
 * was signed. What is cut short anywhere throws. Signatures are not verified here; openssl does that for a sample.
 */
import { constants, createDecipheriv, createHash, createPublicKey, diffieHellman, privateDecrypt } from 'node:crypto';
import { DerReader } from '../../../src/asn1/der-reader.ts';
import { derBitString, derOid, derSequence, TAG } from '../../../src/asn1/der-writer.ts';
import type { MadeCertificate } from '../../support/certificate-builder.ts';

export interface ReadCopy {
  readonly encrypted: boolean;
  readonly signed: boolean;
  /** Of the innermost entity. */
  readonly body: Buffer;
}

/** @param partner one of those it is encrypted to; null when there is none with a certificate */
export function readCopy(message: Buffer, partner: MadeCertificate | null): ReadCopy {
  const outer = entityOf(message);
  const encrypted = /^Content-Type: application\/pkcs7-mime/im.test(outer.header);
  if (encrypted && partner === null) throw new Error('encrypted to nobody we know');
  const inner = encrypted && partner !== null ? entityOf(decryptContent(decodeBase64(outer.body), partner)) : outer;
  const boundary = /^Content-Type: multipart\/signed;[\s\S]*?boundary="?([^\s";]+)/im.exec(inner.header)?.[1];
  if (boundary === undefined) return { encrypted, signed: false, body: inner.body };
  return { encrypted, signed: true, body: entityOf(signedPart(inner.body, boundary)).body };
}

function entityOf(octets: Buffer): { header: string; body: Buffer } {
  const border = octets.indexOf('\r\n\r\n');
  if (border < 0) throw new Error('an entity without an empty line');
  return { header: octets.toString('latin1', 0, border + 2), body: octets.subarray(border + 4) };
}

function decodeBase64(body: Buffer): Buffer {
  if (!body.subarray(-2).equals(Buffer.from('\r\n'))) throw new Error('base64 does not end with its line');
  return Buffer.from(body.toString('latin1'), 'base64');
}

function signedPart(body: Buffer, boundary: string): Buffer {
  const opening = Buffer.from(`--${boundary}\r\n`);
  const middle = Buffer.from(`\r\n--${boundary}\r\n`);
  const closing = Buffer.from(`\r\n--${boundary}--\r\n`);
  const end = body.indexOf(middle);
  if (!body.subarray(0, opening.length).equals(opening) || end < 0) throw new Error('no signed part');
  if (!body.subarray(-closing.length).equals(closing)) throw new Error('the signature is cut short');
  return body.subarray(opening.length, end);
}

/** EnvelopedData of one primitive string, as messages below 16 MiB have. */
function decryptContent(cms: Buffer, partner: MadeCertificate): Buffer {
  const all = DerReader.over(cms);
  const outer = all.enter(TAG.sequence);
  all.finish();
  outer.skip();
  const enveloped = outer.enter(0xa0).enter(TAG.sequence);
  outer.finish();
  enveloped.skip();
  const infos = enveloped.enter(TAG.set);
  const content = enveloped.enter(TAG.sequence);
  enveloped.finish();
  content.skip();
  const algorithm = content.enter(TAG.sequence);
  algorithm.skip();
  const iv = algorithm.read(TAG.octetString);
  const ciphertext = content.read(0x80);
  content.finish();
  const cipher = createDecipheriv('aes-256-cbc', findKey(infos, partner), iv);
  return Buffer.concat([cipher.update(ciphertext), cipher.final()]);
}

function findKey(infos: DerReader, partner: MadeCertificate): Buffer {
  while (!infos.atEnd) {
    const { tag, whole } = infos.readElement();
    if (!whole.includes(partner.certificate.serial)) continue;
    return tag === TAG.sequence ? transportedKey(whole, partner) : agreedKey(whole, partner);
  }
  throw new Error('not encrypted to the recipient');
}

function transportedKey(info: Buffer, partner: MadeCertificate): Buffer {
  const fields = DerReader.over(info).enter(TAG.sequence);
  for (let i = 0; i < 3; i += 1) fields.skip();
  const block = privateDecrypt(
    { key: partner.privateKey, padding: constants.RSA_NO_PADDING },
    fields.read(TAG.octetString),
  );
  return block.subarray(-32);
}

/** RFC 5753 with the X9.63 KDF over SHA-256, and RFC 3394. */
function agreedKey(info: Buffer, partner: MadeCertificate): Buffer {
  const fields = DerReader.over(info).enter(0xa1);
  fields.skip();
  const originator = fields.enter(0xa0).enter(0xa1);
  originator.skip();
  const point = originator.read(TAG.bitString).subarray(1);
  fields.skip();
  const recipient = fields.enter(TAG.sequence).enter(TAG.sequence);
  recipient.skip();
  const wrapped = recipient.read(TAG.octetString);
  const spki = derSequence(
    derSequence(derOid('1.2.840.10045.2.1'), derOid('1.2.840.10045.3.1.7')),
    derBitString(point),
  );
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const secret = diffieHellman({ privateKey: partner.privateKey, publicKey });
  const sharedInfo = Buffer.from('3015300b060960864801650304012da206040400000100', 'hex');
  const keyKey = createHash('sha256')
    .update(secret)
    .update(Buffer.of(0, 0, 0, 1))
    .update(sharedInfo)
    .digest();
  const unwrap = createDecipheriv('id-aes256-wrap', keyKey, Buffer.alloc(8, 0xa6));
  return Buffer.concat([unwrap.update(wrapped), unwrap.final()]);
}
