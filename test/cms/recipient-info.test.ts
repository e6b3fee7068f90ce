/** The content key encrypted to one certificate: octets of each kind, and every key that must be refused. */
import assert from 'node:assert/strict';
import {
  constants,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  ECDH,
  privateDecrypt,
} from 'node:crypto';
import { DerReader } from '../../src/asn1/der-reader.ts';
import { derBitString, derInteger, derNull, derOid, derSequence, TAG } from '../../src/asn1/der-writer.ts';
import { issuerAndSerialNumber } from '../../src/cms/recipient-identifiers.ts';
import { canEncryptTo, encryptContentKey } from '../../src/cms/recipient-info.ts';
import type { Entropy } from '../../src/cms/signer.ts';
import { type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { CountingEntropy } from '../support/counting-entropy.ts';

const authority = makeAuthority();
const contentKey = Buffer.alloc(32, 0x5c);

function withSpki(spki: Buffer): MadeCertificate {
  return makeCertificate(authority, { key: 'p-256', spki });
}

function ecSpki(point: Buffer, curve = '1.2.840.10045.3.1.7'): Buffer {
  return derSequence(derSequence(derOid('1.2.840.10045.2.1'), derOid(curve)), derBitString(point));
}

function rsaSpki(modulusBits: number, exponent: bigint): Buffer {
  const modulus = (1n << BigInt(modulusBits - 1)) + 12345n * 2n + 1n;
  const key = derSequence(derInteger(modulus), derInteger(exponent));
  return derSequence(derSequence(derOid('1.2.840.113549.1.1.1'), derNull()), derBitString(key));
}

function refusal(made: MadeCertificate): string {
  const answer = canEncryptTo(made.certificate);
  assert.ok(!answer.ok);
  assert.throws(() => encryptContentKey(made.certificate, contentKey, new CountingEntropy()), {
    code: 'cms.unsupported',
  });
  return answer.reason;
}

describe('cms/recipient-info', () => {
  it('writes key transport with well-formed padding', () => {
    const made = makeCertificate(authority, { key: 'rsa-2048' });
    assert.deepEqual(canEncryptTo(made.certificate), { ok: true });
    const info = DerReader.over(encryptContentKey(made.certificate, contentKey, new CountingEntropy())).enter(
      TAG.sequence,
    );
    assert.deepEqual(info.read(TAG.integer), Buffer.of(0));
    assert.deepEqual(info.readWhole(TAG.sequence), issuerAndSerialNumber(made.certificate));
    assert.equal(info.readWhole(TAG.sequence).toString('hex'), '300d06092a864886f70d0101010500');
    const encrypted = info.read(TAG.octetString);
    info.finish();
    const block = privateDecrypt({ key: made.privateKey, padding: constants.RSA_NO_PADDING }, encrypted);
    assert.equal(block.length, 256);
    assert.deepEqual(block.subarray(0, 2), Buffer.of(0, 2));
    const padding = block.subarray(2, -33);
    assert.ok(!padding.includes(0), 'a zero octet ends the padding early');
    assert.ok(new Set(padding).size > 64, 'padding is not varied');
    assert.deepEqual(block.subarray(-33), Buffer.concat([Buffer.of(0), contentKey]));
  });

  for (const [key, hash, oid] of [
    ['p-256', 'sha256', '06062b8104010b01'] as const,
    ['p-384', 'sha384', '06062b8104010b02'] as const,
  ]) {
    it(`writes key agreement on ${key} that the standard's own formula opens`, () => {
      const made = makeCertificate(authority, { key });
      const info = DerReader.over(encryptContentKey(made.certificate, contentKey, new CountingEntropy())).enter(0xa1);
      assert.deepEqual(info.read(TAG.integer), Buffer.of(3));
      const originator = info.enter(0xa0).enter(0xa1);
      assert.equal(originator.readWhole(TAG.sequence).toString('hex'), '300906072a8648ce3d0201');
      const point = originator.read(TAG.bitString).subarray(1);
      const algorithm = info.readWhole(TAG.sequence).toString('hex');
      assert.ok(algorithm.includes(oid) && algorithm.endsWith('300b060960864801650304012d'), algorithm);
      const recipient = info.enter(TAG.sequence).enter(TAG.sequence);
      info.finish();
      assert.deepEqual(recipient.readWhole(TAG.sequence), issuerAndSerialNumber(made.certificate));
      const wrapped = recipient.read(TAG.octetString);
      const curve = key === 'p-256' ? '1.2.840.10045.3.1.7' : '1.3.132.0.34';
      const publicKey = createPublicKey({ key: ecSpki(point, curve), format: 'der', type: 'spki' });
      const secret = diffieHellman({ privateKey: made.privateKey, publicKey });
      const sharedInfo = Buffer.from('3015300b060960864801650304012da206040400000100', 'hex');
      const counter = Buffer.of(0, 0, 0, 1);
      const kek = createHash(hash).update(secret).update(counter).update(sharedInfo).digest().subarray(0, 32);
      const unwrap = createDecipheriv('id-aes256-wrap', kek, Buffer.alloc(8, 0xa6));
      assert.deepEqual(Buffer.concat([unwrap.update(wrapped), unwrap.final()]), contentKey);
    });
  }

  it('gives the same octets for the same entropy and others for another', () => {
    for (const key of ['rsa-2048', 'rsa-3072', 'p-256', 'p-384'] as const) {
      const { certificate } = makeCertificate(authority, { key });
      const first = encryptContentKey(certificate, contentKey, new CountingEntropy(1));
      assert.deepEqual(encryptContentKey(certificate, contentKey, new CountingEntropy(1)), first, key);
      assert.notDeepEqual(encryptContentKey(certificate, contentKey, new CountingEntropy(2)), first, key);
    }
  });

  it('takes a fresh ephemeral key for each recipient', () => {
    const { certificate } = makeCertificate(authority, { key: 'p-256' });
    const entropy = new CountingEntropy();
    const points = [1, 2].map(() => {
      const info = DerReader.over(encryptContentKey(certificate, contentKey, entropy)).enter(0xa1);
      info.skip();
      return info.readWhole(0xa0).toString('hex');
    });
    assert.notEqual(points[0], points[1]);
  });

  it('reads a compressed point', () => {
    const { privateKey } = makeCertificate(authority, { key: 'p-256' });
    const jwk = privateKey.export({ format: 'jwk' });
    const point = Buffer.concat([
      Buffer.of(4),
      Buffer.from(jwk.x ?? '', 'base64url'),
      Buffer.from(jwk.y ?? '', 'base64url'),
    ]);
    const compressed = ECDH.convertKey(point, 'prime256v1', undefined, undefined, 'compressed');
    assert.ok(Buffer.isBuffer(compressed));
    assert.deepEqual(canEncryptTo(withSpki(ecSpki(compressed)).certificate), { ok: true });
  });

  it('refuses keys that are weak, too long, or for something else, with the reason', () => {
    assert.match(refusal(makeCertificate(authority, { key: 'rsa-1024' })), /1024 bits/);
    assert.match(refusal(withSpki(rsaSpki(16384, 65537n))), /16384 bits/);
    assert.match(refusal(makeCertificate(authority, { key: 'secp256k1' })), /secp256k1/);
    assert.match(refusal(makeCertificate(authority, { key: 'ed25519' })), /ed25519/);
    const pss = derSequence(
      derSequence(derOid('1.2.840.113549.1.1.10')),
      derBitString(derSequence(derInteger(1n << 2047n), derInteger(65537))),
    );
    assert.match(refusal(withSpki(pss)), /signatures only/);
  });

  it('refuses RSA exponents that encrypt nothing', () => {
    for (const exponent of [0n, 1n, 2n, 65536n, (1n << 64n) + 1n]) {
      assert.match(refusal(withSpki(rsaSpki(2048, exponent))), /exponent/, String(exponent));
    }
    assert.deepEqual(canEncryptTo(withSpki(rsaSpki(2048, 3n)).certificate), { ok: true });
  });

  it('refuses points off the curve, at infinity, hybrid or of another length', () => {
    const good = new CountingEntropy().ecdhKeyPair('P-256').publicPoint;
    assert.deepEqual(canEncryptTo(withSpki(ecSpki(good)).certificate), { ok: true });
    const off = Buffer.from(good);
    off[64] = (off[64] ?? 0) ^ 1;
    const hybrid = Buffer.from(good);
    hybrid[0] = 6 + ((hybrid[64] ?? 0) & 1);
    const zero = Buffer.alloc(65);
    zero[0] = 4;
    for (const point of [
      off,
      hybrid,
      zero,
      Buffer.of(0),
      good.subarray(0, 64),
      Buffer.concat([good, Buffer.of(0)]),
      Buffer.alloc(0),
    ]) {
      refusal(withSpki(ecSpki(point)));
    }
    refusal(withSpki(ecSpki(new CountingEntropy().ecdhKeyPair('P-384').publicPoint)));
  });

  it('fails on a source of randomness that yields zeros, and one of a broken ECDH', () => {
    const zeros: Entropy = {
      bytes: (length) => Buffer.alloc(length),
      ecdhKeyPair: () => ({ publicPoint: Buffer.of(0), derive: () => Buffer.alloc(32) }),
      encapsulate: (key) => new CountingEntropy().encapsulate(key),
    };
    for (const key of ['rsa-2048', 'p-256'] as const) {
      const { certificate } = makeCertificate(authority, { key });
      assert.throws(() => encryptContentKey(certificate, contentKey, zeros), { code: 'crypto.failed' }, key);
    }
  });
});
