/**
 * What our writers write, our readers open: every signature, cipher and way to encrypt a key, those too that no peer at
 * hand can read. And the writers give the same octets for the same entropy, and others for another.
 */
import assert from 'node:assert/strict';
import { verify } from 'node:crypto';
import { DerReader } from '../../src/asn1/der-reader.ts';
import { TAG } from '../../src/asn1/der-writer.ts';
import type { ContentCipher } from '../../src/cms/algorithms/content-ciphers.ts';
import { AGREEMENT_SCHEMES, type AgreementScheme } from '../../src/cms/algorithms/key-agreements.ts';
import { openCompressedData } from '../../src/cms/compressed-data-reader.ts';
import { compressedData } from '../../src/cms/compressed-data-writer.ts';
import { openEnvelope } from '../../src/cms/enveloped-data-reader.ts';
import type { CryptoProfile } from '../../src/cms/profile.ts';
import { bufferSource } from '../../src/cms/reopenable-source.ts';
import { verifySignedData } from '../../src/cms/verification.ts';
import { algorithmSupport } from '../../src/keys/algorithm-support.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import { passwordUnwrapper } from '../../src/keys/password-unwrapper.ts';
import { systemEntropy } from '../../src/keys/system-entropy.ts';
import { type KeyKind, type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { encryptContent, profileOf, signContent } from '../support/cms-maker.ts';
import { CountingEntropy } from '../support/counting-entropy.ts';

const root = makeAuthority({ name: 'Root' });
const person = (key: KeyKind): MadeCertificate => makeCertificate(root, { key, emails: [`${key}@example.org`] });
const CONTENT = Buffer.from('Content-Type: text/plain\r\n\r\nK4N4RY\r\n');

const CURVES = [
  'p-256',
  'p-384',
  'p-521',
  'brainpoolP256r1',
  'brainpoolP384r1',
  'brainpoolP512r1',
  'x25519',
  'x448',
] as const;
const CIPHERS: readonly ContentCipher[] = [
  'aes-128-cbc',
  'aes-192-cbc',
  'aes-256-cbc',
  'aes-128-gcm',
  'aes-192-gcm',
  'aes-256-gcm',
  'chacha20-poly1305',
];

async function gathered(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(Buffer.from(chunk));
  return Buffer.concat(all);
}

async function opens(made: MadeCertificate, profile: CryptoProfile): Promise<void> {
  const der = await encryptContent(CONTENT, { profile, recipients: [made], entropy: systemEntropy });
  const unwrapper = new KeyUnwrapper([{ certificate: made.certificate, key: made.privateKey }]);
  const result = await openEnvelope(bufferSource(der), { unwrapper });
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.failure));
  assert.equal(result.cipher, profile.content);
  assert.equal(result.authenticated, !profile.content.endsWith('cbc'));
  assert.ok((await gathered(result.release())).equals(CONTENT));
  result.close();
  const changed = Buffer.from(der);
  changed[changed.length - 1] = (changed[changed.length - 1] ?? 0) ^ 1;
  if (result.authenticated) {
    const refused = await openEnvelope(bufferSource(changed), { unwrapper });
    assert.equal(refused.ok, false, 'a changed tag is found');
  }
}

async function verifies(signers: readonly MadeCertificate[], profile: CryptoProfile): Promise<void> {
  const { detached, opaque } = await signContent(CONTENT, { profile, signers, issuers: [root] });
  const judge = async () => ({ ok: true as const });
  const certificates = signers.map(({ certificate }) => certificate);
  for (const [der, content] of [[detached, bufferSource(CONTENT)] as const, [opaque, null] as const]) {
    const result = await verifySignedData(bufferSource(der), { content, judge, certificates });
    assert.ok(result.ok);
    assert.deepEqual(
      result.signers.map(({ reason, detail }) => [reason, detail]),
      signers.map(() => [null, 'valid']),
    );
    assert.ok(result.valid);
    assert.equal(result.signers.length, signers.length);
  }
  const other = bufferSource(Buffer.concat([CONTENT, Buffer.of(0)]));
  const refused = await verifySignedData(bufferSource(detached), { content: other, judge, certificates });
  assert.ok(refused.ok && !refused.valid);
}

describe('cms: round trips', function () {
  this.timeout(20_000);

  describe('signatures', () => {
    const kinds = ['rsa-2048', 'rsa-pss', 'ed25519', 'ed448', ...CURVES.slice(0, 6)] as const;
    for (const key of kinds) {
      it(`${key} under each profile that signs with it`, async () => {
        for (const profile of [profileOf('default'), profileOf('modern', { digest: 'sha512', keyIdentifier: true })]) {
          await verifies([person(key)], profile);
        }
      });
    }

    it('as many signers as there are, each with its own algorithm', async () => {
      await verifies(kinds.map(person), profileOf('modern'));
    });

    it('Ed25519 with SHA-512 and Ed448 with SHAKE256 of 512 bits, as RFC 8419 has it', async () => {
      for (const [key, digest, algorithm] of [
        ['ed25519', '300b0609608648016503040203', '300506032b6570'],
        ['ed448', '300f06096086480165030402120202' + '0200', '300506032b6571'],
      ] as const) {
        const made = person(key);
        const profile = profileOf('default');
        const { detached } = await signContent(CONTENT, { profile, signers: [made], issuers: [root] });
        const signedData = DerReader.over(detached).enter(TAG.sequence);
        signedData.skip();
        const fields = signedData.enter(0xa0).enter(TAG.sequence);
        fields.skip();
        assert.equal(fields.read(TAG.set).toString('hex'), digest);
        fields.skip();
        fields.skip();
        const info = fields.enter(TAG.set).enter(TAG.sequence);
        info.skip();
        info.skip();
        assert.equal(info.readWhole(TAG.sequence).toString('hex'), digest);
        const attributes = Buffer.from(info.readWhole(0xa0));
        attributes[0] = TAG.set;
        assert.equal(info.readWhole(TAG.sequence).toString('hex'), algorithm);
        assert.ok(verify(null, attributes, made.certificate.key.keyObject(), info.read(TAG.octetString)));
      }
    });
  });

  describe('envelopes', () => {
    for (const content of CIPHERS) {
      it(`${content} to RSA and EC`, async () => {
        for (const key of ['rsa-2048', 'p-256', 'x25519'] as const)
          await opens(person(key), profileOf('modern', { content }));
      });
    }

    for (const key of CURVES) {
      it(`${key}, each derivation`, async () => {
        const made = person(key);
        for (const keyAgreement of ['by-curve', ...(Object.keys(AGREEMENT_SCHEMES) as AgreementScheme[])] as const) {
          await opens(made, profileOf('default', { keyAgreement }));
        }
        await opens(made, profileOf('default', { content: 'aes-128-gcm', keyIdentifier: true }));
      });
    }

    it('OAEP with each hash and each MGF1 hash', async () => {
      const made = person('rsa-2048');
      for (const oaepHash of ['sha256', 'sha384', 'sha512'] as const) {
        for (const oaepMaskHash of ['sha256', 'sha384', 'sha512'] as const) {
          await opens(made, profileOf('modern', { oaepHash, oaepMaskHash }));
        }
      }
    });

    it('passwords', async () => {
      const profile = profileOf('modern');
      const password = Buffer.from('secret');
      const der = await encryptContent(CONTENT, { profile, recipients: [], entropy: systemEntropy, password });
      const opened = await openEnvelope(bufferSource(der), { unwrapper: passwordUnwrapper(password) });
      assert.ok(opened.ok);
      assert.ok((await gathered(opened.release())).equals(CONTENT));
      const refused = await openEnvelope(bufferSource(der), { unwrapper: passwordUnwrapper(Buffer.from('other')) });
      assert.equal(refused.ok, false);
    });
  });

  it('CompressedData', async () => {
    const result = await openCompressedData(bufferSource(compressedData(CONTENT)), { octetsMax: 1000 });
    assert.ok(result.ok);
    assert.ok((await gathered(result.release())).equals(CONTENT));
  });

  it('gives the same octets for the same entropy, and others for another', async () => {
    const recipients = ['rsa-2048', ...CURVES].map((key) => person(key as KeyKind));
    for (const content of CIPHERS) {
      const profile = profileOf('modern', { content });
      const make = (seed: number): Promise<Buffer> =>
        encryptContent(CONTENT, { profile, recipients, entropy: new CountingEntropy(seed) });
      const first = await make(1);
      assert.ok(first.equals(await make(1)), content);
      assert.ok(!first.equals(await make(2)), content);
    }
  });

  describe('post-quantum', () => {
    for (const key of ['ml-kem-512', 'ml-kem-768', 'ml-kem-1024'] as const) {
      it(`${key}: opens where this Node has it, is refused by name where it has not`, async () => {
        const profile = profileOf('default', { content: 'aes-256-gcm' });
        if (algorithmSupport.has(key)) {
          await opens(person(key), profile);
          await opens(person(key), { ...profile, keyIdentifier: true });
          const short = encryptContent(CONTENT, {
            profile: profileOf('default', { content: 'aes-128-gcm' }),
            recipients: [person(key)],
            entropy: systemEntropy,
          });
          if (key !== 'ml-kem-512') await assert.rejects(short, { code: 'cms.unsupported' });
          else await short;
        } else {
          assert.throws(() => systemEntropy.encapsulate(root.privateKey), {
            code: 'cms.unsupported',
            detail: /has no ML-KEM: Node 24 or later has it/,
          });
        }
      });
    }

    for (const key of ['ml-dsa-44', 'ml-dsa-65', 'ml-dsa-87'] as const) {
      it(`${key}: signs where this Node has it, cannot be made where it has not`, async () => {
        if (algorithmSupport.has(key)) {
          await verifies([person(key)], profileOf('pq'));
          await verifies([person(key), person('rsa-2048')], profileOf('pq'));
        } else {
          assert.throws(() => person(key));
        }
      });
    }
  });
});
