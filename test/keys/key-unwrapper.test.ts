/** Content keys back out of every RecipientInfo that the writers make, and out of what others make; none out of the rest. */
import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import { constants, generateKeyPairSync, type KeyObject, publicEncrypt } from 'node:crypto';
import { der, derContext, derNull, derOctetString, derOid, derSequence } from '../../src/asn1/der-writer.ts';
import { KEMS } from '../../src/cms/algorithms/key-encapsulations.ts';
import { parseAlgorithm } from '../../src/cms/ber-field-reader.ts';
import { openEnvelope } from '../../src/cms/enveloped-data-reader.ts';
import { passwordRecipientInfo } from '../../src/cms/password-recipient-info.ts';
import { type CryptoProfile, DEFAULT_PROFILE } from '../../src/cms/profile.ts';
import { encryptContentKey } from '../../src/cms/recipient-info.ts';
import { bufferSource } from '../../src/cms/reopenable-source.ts';
import { firstOf, type RecipientInfo, type Unwrapper } from '../../src/cms/unwrapper.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import { keyEncryptionKeyUnwrapper, passwordUnwrapper } from '../../src/keys/password-unwrapper.ts';
import { systemEntropy } from '../../src/keys/system-entropy.ts';
import { type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { envelope } from '../support/cms-builder.ts';

const contentKey = Buffer.alloc(32, 9);

function ec(namedCurve: string): KeyObject {
  return generateKeyPairSync('ec', { namedCurve }).privateKey;
}

async function opens(recipientInfo: Buffer, unwrapper: Unwrapper): Promise<string> {
  const content = Buffer.from('content');
  const octets = envelope({ recipientInfos: [recipientInfo], contentKey, content, cipher: 'aes-256-gcm' });
  const result = await openEnvelope(bufferSource(octets), { unwrapper });
  return result.ok ? 'opened' : result.failure.reason;
}

describe('KeyUnwrapper', () => {
  const authority = makeAuthority();
  const bob = makeCertificate(authority, {});
  const holder = (made: MadeCertificate): KeyUnwrapper =>
    new KeyUnwrapper([{ certificate: made.certificate, key: made.privateKey }]);

  const keys: Record<string, () => KeyObject> = {
    'RSA 2048': () => bob.privateKey,
    'P-256': () => ec('P-256'),
    'P-384': () => ec('P-384'),
    'P-521': () => ec('P-521'),
    brainpoolP256r1: () => ec('brainpoolP256r1'),
    brainpoolP384r1: () => ec('brainpoolP384r1'),
    brainpoolP512r1: () => ec('brainpoolP512r1'),
    X25519: () => generateKeyPairSync('x25519').privateKey,
    X448: () => generateKeyPairSync('x448').privateKey,
  };
  for (const name of Object.keys(KEMS)) {
    if ('decapsulate' in crypto) keys[name.toUpperCase()] = () => generateKeyPairSync(name as 'x25519').privateKey;
  }
  const variants: Readonly<Record<string, Partial<CryptoProfile>>> = {
    'as usual': {},
    'by key identifier, OAEP with MGF1 of its own': {
      keyIdentifier: true,
      keyTransport: 'rsa-oaep',
      oaepHash: 'sha512',
      oaepMaskHash: 'sha256',
    },
    'OAEP SHA-384, X9.63 with SHA-512': {
      keyTransport: 'rsa-oaep',
      oaepHash: 'sha384',
      oaepMaskHash: 'sha384',
      keyAgreement: 'x963-sha512',
    },
    'HKDF with SHA-384': { keyAgreement: 'hkdf-sha384' },
  };
  for (const [name, make] of Object.entries(keys)) {
    it(`${name}: what is encrypted to it opens`, async () => {
      const made = makeCertificate(authority, { privateKey: make() });
      for (const [variant, change] of Object.entries(variants)) {
        const profile = { ...DEFAULT_PROFILE, ...change };
        const info = encryptContentKey(made.certificate, contentKey, systemEntropy, profile);
        assert.equal(await opens(info, holder(made)), 'opened', variant);
        assert.equal(await opens(info, holder(makeCertificate(authority, { key: 'p-256' }))), 'not-for-me', variant);
      }
    });
  }

  it('opens RSAES-OAEP with a label', async () => {
    const label = Buffer.from('label');
    const encrypted = publicEncrypt(
      {
        key: bob.certificate.key.keyObject(),
        padding: constants.RSA_PKCS1_OAEP_PADDING,
        oaepHash: 'sha1',
        oaepLabel: label,
      },
      contentKey,
    );
    const parameters = derSequence(derContext(2, derSequence(derOid('1.2.840.113549.1.1.9'), derOctetString(label))));
    const info = transport(derSequence(derOid('1.2.840.113549.1.1.7'), parameters), encrypted);
    assert.deepEqual(await holder(bob).unwrap(info, 32), contentKey);
    const other = transport(derSequence(derOid('1.2.840.113549.1.1.7'), derSequence()), encrypted);
    assert.equal(await holder(bob).unwrap(other, 32), null);
  });

  it('answers a broken PKCS #1 block with a key that is always the same for it, and of the length asked for', async () => {
    const unwrapper = holder(bob);
    const algorithm = derSequence(derOid('1.2.840.113549.1.1.1'), derNull());
    const key = bob.certificate.key.keyObject();
    const wrong = [Buffer.alloc(256, 1), Buffer.concat([Buffer.of(0, 2), Buffer.alloc(254, 1)])].map((block) =>
      publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, Buffer.concat([Buffer.of(0), block.subarray(1)])),
    );
    const short = publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, Buffer.alloc(16));
    for (const encrypted of [
      ...wrong,
      short,
      Buffer.alloc(0),
      Buffer.alloc(255, 3),
      Buffer.alloc(256, 255),
      Buffer.alloc(300, 3),
    ]) {
      const first = await unwrapper.unwrap(transport(algorithm, encrypted), 32);
      const again = await unwrapper.unwrap(transport(algorithm, encrypted), 32);
      assert.ok(first !== null && first.length === 32);
      assert.deepEqual(first, again);
      assert.notDeepEqual(first, Buffer.alloc(32));
    }
  });

  it('takes no point off the curve, of another curve, in hybrid form, or at infinity', async () => {
    const carol = makeCertificate(authority, { key: 'p-256' });
    const info = encryptContentKey(carol.certificate, contentKey, systemEntropy);
    const at = info.indexOf(Buffer.of(0x03, 0x42, 0x00, 0x04)) + 3;
    assert.ok(at > 3);
    for (const change of [
      (octets: Buffer) => octets.writeUInt8((octets[at + 40] ?? 0) ^ 1, at + 40),
      (octets: Buffer) => octets.writeUInt8(6 + ((octets[at + 64] ?? 0) & 1), at),
      (octets: Buffer) => octets.writeUInt8(0, at),
    ]) {
      const changed = Buffer.from(info);
      change(changed);
      assert.equal(await opens(changed, holder(carol)), 'cannot-decrypt');
    }
    const low = makeCertificate(authority, { privateKey: generateKeyPairSync('x25519').privateKey });
    const agreed = encryptContentKey(low.certificate, contentKey, systemEntropy);
    const key = agreed.indexOf(Buffer.of(0x03, 0x21, 0x00)) + 3;
    assert.ok(key > 3);
    agreed.fill(0, key, key + 32);
    assert.equal(await opens(agreed, holder(low)), 'cannot-decrypt');
  });

  it('refuses key transport that it does not know by name', async () => {
    await assert.rejects(holder(bob).unwrap(transport(derSequence(derOid('1.2.3.4')), Buffer.alloc(256)), 32), {
      code: 'cms.unsupported',
    });
  });

  it('opens with a password, and caps the rounds that a message may ask for (C23)', async () => {
    const info = await passwordRecipientInfo(Buffer.from('secret'), contentKey, systemEntropy, 1000);
    const both = firstOf([holder(bob), passwordUnwrapper(Buffer.from('secret'))]);
    assert.equal(await opens(info, both), 'opened');
    assert.equal(await opens(info, passwordUnwrapper(Buffer.from('wrong'))), 'cannot-decrypt');
    const costly = Buffer.from(info);
    const at = costly.indexOf(Buffer.of(0x02, 0x02, 0x03, 0xe8));
    assert.ok(at > 0);
    const rounds = Buffer.concat([
      costly.subarray(0, at),
      Buffer.of(0x02, 0x05, 0x7f, 0xff, 0xff, 0xff, 0xff),
      costly.subarray(at + 4),
    ]);
    for (let outer = at - 1; outer >= 0; outer--) {
      // the values round it, whose lengths are short, grow by three
      if (
        [0xa3, 0xa0, 0x30].includes(rounds[outer] ?? 0) &&
        outer + 2 + (costly[outer + 1] ?? 0) >= at + 4 &&
        (costly[outer + 1] ?? 0) < 0x7c
      ) {
        rounds[outer + 1] = (rounds[outer + 1] ?? 0) + 3;
      } else if (rounds[outer] === 0xa3 && rounds[outer + 1] === 0x81) rounds[outer + 2] = (rounds[outer + 2] ?? 0) + 3;
    }
    assert.equal(await opens(rounds, passwordUnwrapper(Buffer.from('secret'))), 'limit');
  });

  it('opens with a key-encryption key of the name that is asked for', async () => {
    const wrap = crypto.createCipheriv('id-aes256-wrap', Buffer.alloc(32, 1), Buffer.alloc(8, 0xa6));
    const wrapped = Buffer.concat([wrap.update(contentKey), wrap.final()]);
    const info = der(
      0xa2,
      Buffer.of(2, 1, 4),
      derSequence(derOctetString(Buffer.from('name'))),
      derSequence(derOid('2.16.840.1.101.3.4.1.45')),
      derOctetString(wrapped),
    );
    assert.equal(await opens(info, keyEncryptionKeyUnwrapper(Buffer.from('name'), Buffer.alloc(32, 1))), 'opened');
    assert.equal(
      await opens(info, keyEncryptionKeyUnwrapper(Buffer.from('name'), Buffer.alloc(32, 2))),
      'cannot-decrypt',
    );
    assert.equal(await opens(info, keyEncryptionKeyUnwrapper(Buffer.from('other'), Buffer.alloc(32, 1))), 'not-for-me');
  });

  function transport(algorithm: Buffer, encryptedKey: Buffer): RecipientInfo {
    const { issuer, serial } = bob.certificate;
    return {
      kind: 'key-transport',
      recipient: { kind: 'issuer-serial', issuer, serial },
      algorithm: parseAlgorithm(algorithm),
      encryptedKey,
    };
  }
});
