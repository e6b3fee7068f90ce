/** Signed attributes octet by octet, SignedData round them, and pkijs as a reader of another make. */
import assert from 'node:assert/strict';
import { createHash, sign, verify } from 'node:crypto';
import { Crypto } from '@peculiar/webcrypto';
import { ContentInfo, CryptoEngine, EnvelopedData, SignedData, setEngine } from 'pkijs';
import { DerReader } from '../../src/asn1/der-reader.ts';
import { derOctetString, derOid, derSequence, derSetOf, TAG } from '../../src/asn1/der-writer.ts';
import { ContentEncryptor } from '../../src/cms/content-encryptor.ts';
import { writeEnvelopedData } from '../../src/cms/enveloped-data-writer.ts';
import { type CryptoProfile, PROFILES } from '../../src/cms/profile.ts';
import { issuerAndSerialNumber } from '../../src/cms/recipient-identifiers.ts';
import { signedAttributes, signedDataDetached, signedDataOpaque } from '../../src/cms/signed-data-writer.ts';
import type { Signer } from '../../src/cms/signer.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { type KeyKind, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { CountingEntropy } from '../support/counting-entropy.ts';

/** The DOM's Crypto by the name that pkijs has for it: its type is not among ours. */
type EngineCrypto = ConstructorParameters<typeof CryptoEngine>[0]['crypto'];

const root = makeAuthority({ name: 'Root' });
const issuing = makeAuthority({ name: 'Issuing', issuer: root });
const content = Buffer.from('Content-Type: text/plain\r\n\r\nGr\u00fc\u00dfe\r\n', 'utf8');
const digest = createHash('sha256').update(content).digest();
const signingTime = new Date('2026-11-24T12:34:56.789Z');

function signerOf(key: KeyKind, chain: readonly Certificate[] = [issuing.certificate]): Signer {
  const made = makeCertificate(issuing, { key, emails: ['anna@example.org'] });
  return {
    certificate: made.certificate,
    chain,
    algorithm: key === 'p-256' ? 'ecdsa-sha256' : 'rsa-pkcs1-sha256',
    sign: (attributes) => Promise.resolve(sign('sha256', attributes, made.privateKey)),
  };
}

/** Attributes by OID content in hex: the values' octets. */
function attributesOf(set: Buffer): Map<string, string> {
  const outer = DerReader.over(set);
  const attributes = outer.enter(TAG.set);
  outer.finish();
  const found = new Map<string, string>();
  while (!attributes.atEnd) {
    const attribute = attributes.enter(TAG.sequence);
    const type = attribute.read(TAG.oid).toString('hex');
    assert.ok(!found.has(type), `attribute ${type} stands there twice`);
    const values = attribute.enter(TAG.set);
    attribute.finish();
    found.set(type, values.readElement().whole.toString('hex'));
    values.finish();
  }
  return found;
}

const HEX = {
  contentType: '2a864886f70d010903',
  messageDigest: '2a864886f70d010904',
  signingTime: '2a864886f70d010905',
  capabilities: '2a864886f70d01090f',
  signingCertificateV2: '2a864886f70d010910022f',
  algorithmProtection: '2a864886f70d010934',
  encryptionKeyPreference: '2a864886f70d010910020b',
  microsoftTwin: '2b0601040182371004',
};

describe('cms/signed-data-writer', () => {
  it('signs exactly the six attributes, each with the octets that the standards name', () => {
    const signer = signerOf('rsa-2048');
    const found = attributesOf(signedAttributes({ digest, signer, signingTime }));
    assert.equal(found.size, 6);
    assert.equal(found.get(HEX.contentType), '06092a864886f70d010701');
    assert.equal(found.get(HEX.messageDigest), `0420${digest.toString('hex')}`);
    assert.equal(found.get(HEX.signingTime), `170d${Buffer.from('261124123456Z').toString('hex')}`);
    assert.equal(
      found.get(HEX.capabilities),
      '305b' +
        '300b060960864801650304012a' +
        '300b0609608648016503040102' +
        '300d06092a864886f70d01010b0500' +
        '300a06082a8648ce3d040302' +
        '300d06092a864886f70d0101010500' +
        '301506062b8104010b01300b060960864801650304012d',
    );
    assert.equal(found.get(HEX.algorithmProtection), '301c300b0609608648016503040201a10d06092a864886f70d01010b0500');
    const certificate = signer.certificate;
    const generalNames = derSequence(Buffer.concat([Buffer.of(0xa4, certificate.issuer.length), certificate.issuer]));
    const serial = Buffer.concat([Buffer.of(2, certificate.serial.length), certificate.serial]);
    const hash = createHash('sha256').update(certificate.der).digest();
    const essCertId = derSequence(derOctetString(hash), derSequence(generalNames, serial));
    assert.equal(found.get(HEX.signingCertificateV2), derSequence(derSequence(essCertId)).toString('hex'));
  });

  it('names ECDSA without parameters', () => {
    const found = attributesOf(signedAttributes({ digest, signer: signerOf('p-256'), signingTime }));
    assert.equal(found.get(HEX.algorithmProtection), '3019300b0609608648016503040201a10a06082a8648ce3d040302');
  });

  it('is in DER order', () => {
    for (const encryptionCertificate of [undefined, makeCertificate(issuing).certificate]) {
      const request = { digest, signer: signerOf('rsa-2048'), signingTime };
      const set = signedAttributes(
        encryptionCertificate === undefined ? request : { ...request, encryptionCertificate },
      );
      const reader = DerReader.over(set).enter(TAG.set);
      const elements: Buffer[] = [];
      while (!reader.atEnd) elements.push(reader.readElement().whole);
      assert.deepEqual(derSetOf(elements), set);
      assert.equal(elements.length, encryptionCertificate === undefined ? 6 : 8);
    }
  });

  it('writes GeneralizedTime from 2050 on', () => {
    const later = new Date('2050-01-01T00:00:00Z');
    const found = attributesOf(signedAttributes({ digest, signer: signerOf('rsa-2048'), signingTime: later }));
    assert.equal(found.get(HEX.signingTime), `180f${Buffer.from('20500101000000Z').toString('hex')}`);
  });

  it('names another certificate for replies, and only another', () => {
    const signer = signerOf('rsa-2048');
    const other = makeCertificate(issuing, { emails: ['anna@example.org'] }).certificate;
    const found = attributesOf(signedAttributes({ digest, signer, signingTime, encryptionCertificate: other }));
    const identifier = issuerAndSerialNumber(other).toString('hex');
    assert.equal(found.get(HEX.encryptionKeyPreference), `a0${identifier.slice(2)}`);
    assert.equal(found.get(HEX.microsoftTwin), identifier);
    const own = attributesOf(
      signedAttributes({ digest, signer, signingTime, encryptionCertificate: signer.certificate }),
    );
    assert.equal(own.size, 6);
  });

  it('writes the next messages of a signer as it wrote the first', () => {
    for (const key of ['rsa-2048', 'p-256'] as const) {
      const signer = signerOf(key);
      const sizes = key === 'p-256' ? [70, 71, 72] : [256];
      for (let count = 0; count < 9; count++) {
        const signature = Buffer.alloc(sizes[count % sizes.length] ?? 0, count);
        const time = new Date(signingTime.getTime() + count * 1000);
        const attributes = signedAttributes({ digest: Buffer.alloc(32, count), signer, signingTime: time });
        const parts = { signer, attributes, signature };
        // a list takes the way without what is kept
        assert.deepEqual(signedDataDetached(parts), signedDataDetached([parts]));
      }
      const refused = { signer, attributes: Buffer.alloc(32), signature: Buffer.alloc(256) };
      for (let count = 0; count < 2; count++) {
        assert.throws(() => signedDataDetached(refused), { code: 'crypto.failed' });
      }
    }
  });

  it('refuses a digest of another length and attributes that are no SET', () => {
    const signer = signerOf('rsa-2048');
    const short = digest.subarray(1);
    assert.throws(() => signedAttributes({ digest: short, signer, signingTime }), { code: 'crypto.failed' });
    const attributes = derSequence(derOid('1.2.3'));
    assert.throws(() => signedDataDetached({ signer, attributes, signature: Buffer.of(1) }), { code: 'crypto.failed' });
  });

  it('includes leaf and chain once each, sorted, and whatever else mail is encrypted to', () => {
    const chain = [issuing.certificate, issuing.certificate];
    const signer = signerOf('rsa-2048', chain);
    const attributes = signedAttributes({ digest, signer, signingTime });
    const plain = certificatesOf(signedDataDetached({ signer, attributes, signature: Buffer.of(1) }));
    const expected = (...list: Certificate[]): string[] => list.map((one) => one.der.toString('hex')).sort();
    assert.deepEqual([...plain].sort(), expected(signer.certificate, issuing.certificate));
    assert.deepEqual(
      derSetOf(plain.map((hex) => Buffer.from(hex, 'hex')))
        .subarray(4)
        .toString('hex'),
      plain.join(''),
    );
    const other = makeCertificate(issuing).certificate;
    const more = certificatesOf(
      signedDataDetached({ signer, attributes, signature: Buffer.of(1), encryptionCertificate: other }),
    );
    assert.deepEqual([...more].sort(), expected(signer.certificate, issuing.certificate, other));
    assert.deepEqual(certificatesOf(signedDataDetached({ signer, attributes, signature: Buffer.of(1) })), plain);
  });

  for (const key of ['rsa-2048', 'rsa-3072', 'p-256'] as const) {
    it(`is read and verified by pkijs (${key})`, async () => {
      // a second implementation of WebCrypto, so that reader and writer share as little as can be
      setEngine('peculiar', new CryptoEngine({ name: 'peculiar', crypto: new Crypto() as unknown as EngineCrypto }));
      const signer = signerOf(key);
      const attributes = signedAttributes({ digest, signer, signingTime });
      const signature = await signer.sign(attributes);
      assert.ok(verify('sha256', attributes, signer.certificate.key.keyObject(), signature));
      const detached = readSignedData(signedDataDetached({ signer, attributes, signature }));
      assert.equal(detached.version, 1);
      assert.equal(detached.signerInfos[0]?.version, 1);
      assert.equal(detached.encapContentInfo.eContent, undefined);
      const data = content.buffer.slice(content.byteOffset, content.byteOffset + content.length) as ArrayBuffer;
      assert.equal(await detached.verify({ signer: 0, data }), true);
      const changed = data.slice(0);
      new Uint8Array(changed).fill(0, 0, 1);
      await assert.rejects(
        detached.verify({ signer: 0, data: changed }).then((ok) => assert.ok(ok)),
        'a changed content must not verify',
      );
      const opaque = readSignedData(signedDataOpaque({ signer, attributes, signature, content }));
      assert.equal(await opaque.verify({ signer: 0 }), true);
      assert.deepEqual(Buffer.from(opaque.encapContentInfo.eContent?.getValue() ?? new ArrayBuffer(0)), content);
    });
  }

  it('stands beside EnvelopedData that pkijs reads too', async () => {
    const encryptor = new ContentEncryptor(PROFILES['default'] as CryptoProfile, new CountingEntropy());
    const ciphertext = Buffer.concat([encryptor.update(content), encryptor.final()]);
    const recipients = [makeCertificate(issuing).certificate, makeCertificate(issuing, { key: 'p-256' }).certificate];
    const parts = {
      recipientInfos: encryptor.recipientInfos(recipients),
      contentEncryption: encryptor.algorithm,
      ciphertextBytes: ciphertext.length,
    };
    const chunks: Buffer[] = [];
    for await (const chunk of writeEnvelopedData(parts, oneChunk(ciphertext))) chunks.push(chunk);
    const info = ContentInfo.fromBER(Buffer.concat(chunks));
    assert.equal(info.contentType, ContentInfo.ENVELOPED_DATA);
    const enveloped = new EnvelopedData({ schema: info.content });
    assert.equal(enveloped.version, 2);
    assert.equal(enveloped.recipientInfos.length, 2);
    assert.deepEqual(Buffer.from(enveloped.encryptedContentInfo.getEncryptedContent()), ciphertext);
  });
});

async function* oneChunk(chunk: Buffer): AsyncGenerator<Buffer> {
  yield chunk;
}

function readSignedData(der: Buffer): SignedData {
  const info = ContentInfo.fromBER(der);
  assert.equal(info.contentType, ContentInfo.SIGNED_DATA);
  return new SignedData({ schema: info.content });
}

/** Hex of each certificate, in the order of the set. */
function certificatesOf(der: Buffer): string[] {
  const contentInfo = DerReader.over(der).enter(TAG.sequence);
  contentInfo.skip();
  const signedData = contentInfo.enter(0xa0).enter(TAG.sequence);
  for (let i = 0; i < 3; i++) signedData.skip();
  const set = signedData.enter(0xa0);
  const found: string[] = [];
  while (!set.atEnd) found.push(set.readElement().whole.toString('hex'));
  return found;
}
