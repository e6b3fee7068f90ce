/** Certificate signatures: catalogue C8 and C9 at the level of one signature. */
import assert from 'node:assert/strict';
import { constants, privateEncrypt, publicDecrypt } from 'node:crypto';
import { der, derBitString, derNull, derOid, derSequence, TAG } from '../../src/asn1/der-writer.ts';
import { parseCertificate } from '../../src/x509/certificate-reader.ts';
import { isSelfSigned } from '../../src/x509/self-signed.ts';
import { findAlgorithmFault, verifyCertificateSignature } from '../../src/x509/signature-check.ts';
import { madeKey, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

const authority = makeAuthority({ key: 'rsa-2048' });
const person = makeCertificate(authority, { key: 'p-256' });

/** The same certificate with another signature. */
function withSignature(signature: Buffer) {
  const { tbs, der: whole, signature: old } = person.certificate;
  const algorithm = whole.subarray(whole.indexOf(tbs) + tbs.length, whole.length - derBitString(old).length);
  return parseCertificate(derSequence(tbs, algorithm, derBitString(signature)));
}

describe('certificate signatures', () => {
  it('verify with the key that made them and no other', () => {
    const { certificate } = person;
    assert.equal(verifyCertificateSignature(certificate, authority.certificate.key), true);
    for (const key of ['rsa-2048', 'p-256', 'ed25519'] as const) {
      const other = makeAuthority({ key, freshKey: true }).certificate.key;
      assert.equal(verifyCertificateSignature(certificate, other), false, key);
    }
  });

  it('C8 PKCS #1 v1.5 encodings that are nearly right do not verify', () => {
    const key = authority.privateKey;
    const block = publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, person.certificate.signature);
    const info = block.subarray(block.indexOf(0, 2) + 1);
    const hash = info.subarray(-32);
    const sha256 = derOid('2.16.840.1.101.3.4.2.1');
    const padded = (content: Buffer, fill = 256 - 3 - content.length): Buffer =>
      Buffer.concat([
        Buffer.of(0, 1),
        Buffer.alloc(fill, 0xff),
        Buffer.of(0),
        content,
        Buffer.alloc(253 - fill - content.length),
      ]);
    const sign = (encoded: Buffer) =>
      withSignature(privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, encoded));
    const digestInfo = (algorithm: Buffer): Buffer => derSequence(algorithm, der(TAG.octetString, hash));
    assert.equal(verifyCertificateSignature(sign(padded(info)), authority.certificate.key), true);
    const forgeries: Record<string, Buffer> = {
      'garbage after the hash': padded(info, 8),
      'garbage inside the algorithm': padded(digestInfo(derSequence(sha256, der(TAG.octetString, Buffer.alloc(80))))),
      'block type 2': padded(info).fill(2, 1, 2),
      'padding of other octets': padded(info).fill(0x01, 2, 3),
      'the bare hash': padded(hash),
      'NULL twice': padded(digestInfo(derSequence(sha256, derNull(), derNull()))),
    };
    for (const [name, encoded] of Object.entries(forgeries)) {
      assert.equal(verifyCertificateSignature(sign(encoded), authority.certificate.key), false, name);
    }
  });

  it('C9 weak digests are named and never verify', () => {
    for (const [signature, word] of [
      ['sha1', 'SHA-1'],
      ['md5', 'MD5'],
    ] as const) {
      const { certificate } = makeCertificate(authority, { key: 'p-256', signature });
      assert.match(findAlgorithmFault(certificate) ?? '', new RegExp(word));
      assert.equal(verifyCertificateSignature(certificate, authority.certificate.key), false);
    }
    const ec = makeAuthority({ key: 'p-256' });
    const { certificate } = makeCertificate(ec, { key: 'p-256', signature: 'sha1' });
    assert.match(findAlgorithmFault(certificate) ?? '', /SHA-1/);
    assert.equal(findAlgorithmFault(person.certificate), null);
  });

  it('an empty, cut or over-long signature does not verify', () => {
    const { signature } = person.certificate;
    for (const octets of [Buffer.alloc(0), signature.subarray(1), Buffer.concat([Buffer.of(0), signature])]) {
      assert.equal(verifyCertificateSignature(withSignature(octets), authority.certificate.key), false);
    }
  });
});

describe('isSelfSigned', () => {
  it('tells roots, also with SHA-1, from certificates another key signed', () => {
    assert.equal(isSelfSigned(authority.certificate), true);
    assert.equal(isSelfSigned(makeAuthority({ key: 'rsa-2048', signature: 'sha1' }).certificate), true);
    assert.equal(isSelfSigned(makeAuthority({ key: 'ed25519' }).certificate), true);
    assert.equal(isSelfSigned(person.certificate), false);
    const rolled = makeAuthority({ issuer: authority, privateKey: madeKey('p-256') });
    assert.deepEqual(rolled.certificate.subject, rolled.certificate.issuer);
    assert.equal(isSelfSigned(rolled.certificate), false);
    assert.equal(isSelfSigned(makeAuthority({ badSignature: true }).certificate), false);
  });

  it('says no for a key that cannot be loaded', () => {
    const spki = derSequence(derSequence(derOid('1.3.101.112')), derBitString(Buffer.alloc(3)));
    assert.equal(isSelfSigned(makeAuthority({ spki }).certificate), false);
  });
});
