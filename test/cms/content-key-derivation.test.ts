/** CEK-HKDF (RFC 9709): the RFC's own vectors both ways, and the attack that it is for. */
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { derSequence } from '../../src/asn1/der-writer.ts';
import {
  CONTENT_CIPHERS,
  type ContentCipher,
  contentEncryptionAlgorithm,
  recogniseContentEncryption,
} from '../../src/cms/algorithms/content-ciphers.ts';
import { boundAlgorithm, deriveContentKey } from '../../src/cms/algorithms/content-key-derivation.ts';
import { parseAlgorithm } from '../../src/cms/ber-field-reader.ts';
import { chooseCipher, contentKeyOf } from '../../src/cms/content-cipher-reader.ts';
import { ContentEncryptor } from '../../src/cms/content-encryptor.ts';
import { openEnvelope } from '../../src/cms/enveloped-data-reader.ts';
import { ReaderStop } from '../../src/cms/reader-failure.ts';
import { STRICT_POLICY } from '../../src/cms/reader-policy.ts';
import { bufferSource } from '../../src/cms/reopenable-source.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import { systemEntropy } from '../../src/keys/system-entropy.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { encryptContent, profileOf } from '../support/cms-maker.ts';
import { CountingEntropy } from '../support/counting-entropy.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** RFC 9709 Appendix B.1 and B.2: content key, inner AlgorithmIdentifier, derived key. */
const VECTORS = [
  {
    name: 'B.1, AES-128-GCM',
    form: 'authEnveloped',
    inner: '301b0609608648016503040106300e040c5c79058ba2f43447639d29e2',
    derived: '2124ffb29fac4e0fbbc7d5d87492bff3',
  },
  {
    name: 'B.2, AES-128-CBC',
    form: 'enveloped',
    inner: '301d06096086480165030401020410651f722ffd512c52fe072e507d72b377',
    derived: '9cd102c52f1e19ece8729b35bfeceb50',
  },
] as const;
const CONTENT_KEY = hex('c702e7d0a9e064b09ba55245fb733cf3');

describe('cms/algorithms/content-key-derivation', () => {
  for (const { name, form, inner, derived } of VECTORS) {
    it(`RFC 9709 ${name}: written and read`, () => {
      assert.deepEqual(deriveContentKey(CONTENT_KEY, hex(inner)), hex(derived));
      const whole = boundAlgorithm(hex(inner));
      const cipher = chooseCipher(parseAlgorithm(whole), form, { ...STRICT_POLICY, shortTags: true });
      assert.deepEqual(contentKeyOf(cipher, CONTENT_KEY), hex(derived));
      assert.deepEqual(
        whole.subarray(0, 15),
        hex(`30${(hex(inner).length + 13).toString(16)}060b2a864886f70d010910031f`),
      );
    });
  }

  it('encrypts under the derived key, with what it writes as the algorithm', () => {
    const profile = profileOf('modern', { contentDerivation: 'hkdf-sha256' });
    const encryptor = new ContentEncryptor(profile, new CountingEntropy());
    const ciphertext = Buffer.concat([encryptor.update(Buffer.from('content')), encryptor.final()]);
    const plain = new ContentEncryptor(profileOf('modern'), new CountingEntropy());
    const direct = Buffer.concat([plain.update(Buffer.from('content')), plain.final()]);
    assert.notDeepEqual(ciphertext, direct);
    assert.deepEqual(encryptor.algorithm, boundAlgorithm(plain.algorithm));
    const twin = new CountingEntropy();
    const [key, iv] = [twin.bytes(32), twin.bytes(12)];
    const again = createCipheriv('aes-256-gcm', deriveContentKey(key, plain.algorithm), iv);
    assert.deepEqual(ciphertext, Buffer.concat([again.update('content'), again.final()]));
  });

  it('is recognised where the last proof before the wire asks for the cipher, and only as it is written', () => {
    for (const [cipher, { ivOctets, legacy }] of Object.entries(CONTENT_CIPHERS)) {
      if (legacy) continue;
      const inner = contentEncryptionAlgorithm(cipher as ContentCipher, randomBytes(ivOctets));
      assert.equal(recogniseContentEncryption(boundAlgorithm(inner)), cipher);
      assert.equal(recogniseContentEncryption(boundAlgorithm(boundAlgorithm(inner))), null);
      assert.equal(recogniseContentEncryption(derSequence(inner)), null);
      const longer = Buffer.concat([inner, Buffer.of(5, 0)]);
      assert.equal(recogniseContentEncryption(boundAlgorithm(longer)), null);
    }
  });

  it('makes another key of every change to the algorithm, so that a downgrade learns nothing (C13)', async () => {
    const made = makeCertificate(makeAuthority(), { key: 'p-256', emails: ['a@example.org'] });
    const profile = profileOf('modern', { content: 'aes-256-cbc', contentDerivation: 'hkdf-sha256' });
    const object = await encryptContent(randomBytes(1000), { profile, recipients: [made], entropy: systemEntropy });
    const unwrapper = new KeyUnwrapper([{ certificate: made.certificate, key: made.privateKey }]);
    const opened = await openEnvelope(bufferSource(object), { unwrapper });
    assert.ok(opened.ok);
    assert.equal(opened.cipher, 'aes-256-cbc');
    // aes-256-cbc called aes-192-cbc, inside the bound algorithm: 24 octets of key are not what was wrapped
    const at = object.indexOf(hex('2a0410'));
    const other = Buffer.from(object);
    other[at] = 0x16;
    const refused = await openEnvelope(bufferSource(other), { unwrapper });
    assert.equal(refused.ok ? '' : refused.failure.reason, 'cannot-decrypt');
  });

  it('refuses itself inside itself, and what it does not say', () => {
    const [{ inner }] = VECTORS;
    const reasonOf = (whole: Buffer): string => {
      try {
        chooseCipher(parseAlgorithm(whole), 'authEnveloped', { ...STRICT_POLICY, shortTags: true });
        return 'taken';
      } catch (thrown) {
        return thrown instanceof ReaderStop ? thrown.message.split(':', 1).join() : String(thrown);
      }
    };
    const bound = boundAlgorithm(hex(inner));
    assert.equal(reasonOf(bound), 'taken');
    assert.equal(reasonOf(boundAlgorithm(bound)), 'unsupported');
    assert.equal(reasonOf(derSequence(bound.subarray(2, 15))), 'malformed');
    assert.equal(reasonOf(boundAlgorithm(derSequence(hex('0603550403')))), 'unsupported');
  });
});
