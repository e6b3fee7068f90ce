/** One content, one key, many groups: ciphertext lengths, determinism, and what must not happen after the end. */
import assert from 'node:assert/strict';
import { createDecipheriv } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { ContentEncryptor } from '../../src/cms/content-encryptor.ts';
import { type CryptoProfile, PROFILES } from '../../src/cms/profile.ts';
import { issuerAndSerialNumber, readRecipientIdentifiers } from '../../src/cms/recipient-identifiers.ts';
import type { Entropy } from '../../src/cms/signer.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { CountingEntropy } from '../support/counting-entropy.ts';

const profile = PROFILES['default'] as CryptoProfile;
const authority = makeAuthority();
const rsa = makeCertificate(authority, { key: 'rsa-2048' }).certificate;
const ec = makeCertificate(authority, { key: 'p-256' }).certificate;

describe('cms/content-encryptor', () => {
  it('says its algorithm: AES-256-CBC with the IV as parameter', () => {
    const entropy = new CountingEntropy();
    entropy.bytes(32);
    const iv = entropy.bytes(16).toString('hex');
    const encryptor = new ContentEncryptor(profile, new CountingEntropy());
    assert.equal(encryptor.algorithm.toString('hex'), `301d060960864801650304012a0410${iv}`);
  });

  it('encrypts any chunking to the same ciphertext, which the key decrypts', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 20 }), (chunks) => {
        const whole = Buffer.concat(chunks);
        const encryptor = new ContentEncryptor(profile, new CountingEntropy());
        const ciphertext = Buffer.concat([
          ...chunks.map((chunk) => encryptor.update(Buffer.from(chunk))),
          encryptor.final(),
        ]);
        assert.equal(ciphertext.length, whole.length + 16 - (whole.length % 16));
        const entropy = new CountingEntropy();
        const decipher = createDecipheriv('aes-256-cbc', entropy.bytes(32), entropy.bytes(16));
        assert.deepEqual(Buffer.concat([decipher.update(ciphertext), decipher.final()]), whole);
      }),
    );
  });

  it('makes the same RecipientInfos for the same entropy, before or after the content', () => {
    const early = new ContentEncryptor(profile, new CountingEntropy());
    const late = new ContentEncryptor(profile, new CountingEntropy());
    const infos = early.recipientInfos([rsa, ec]);
    late.update(Buffer.from('content'));
    late.final();
    assert.deepEqual(late.recipientInfos([rsa, ec]), infos);
    assert.notDeepEqual(new ContentEncryptor(profile, new CountingEntropy(7)).recipientInfos([rsa, ec]), infos);
  });

  it('names exactly the certificates of each group, as often as they stand there', () => {
    const encryptor = new ContentEncryptor(profile, new CountingEntropy());
    const named = (certificates: readonly (typeof rsa)[]): string[] =>
      readRecipientIdentifiers(encryptor.recipientInfos(certificates))
        .map((identifier) => identifier.toString('hex'))
        .sort();
    const expected = (certificates: readonly (typeof rsa)[]): string[] =>
      certificates.map((certificate) => issuerAndSerialNumber(certificate).toString('hex')).sort();
    assert.deepEqual(named([rsa]), expected([rsa]));
    assert.deepEqual(named([ec, rsa]), expected([ec, rsa]));
    assert.deepEqual(named([ec, rsa, ec]), expected([ec, rsa, ec]));
  });

  it('refuses a group of nobody and a group past the budget', () => {
    const encryptor = new ContentEncryptor(profile, new CountingEntropy());
    assert.throws(() => encryptor.recipientInfos([]), { code: 'crypto.failed' });
    const crowd = Array.from({ length: 5001 }, () => rsa);
    assert.throws(() => encryptor.recipientInfos(crowd), { code: 'crypto.failed' });
  });

  it('gives a large group the same in turns, with other work between, and stops when the key is wiped', async () => {
    const crowd = Array.from({ length: 100 }, (_, index) => (index % 3 === 0 ? ec : rsa));
    const at = new ContentEncryptor(profile, new CountingEntropy()).recipientInfos(crowd);
    let turns = 0;
    let over = false;
    const other = (async () => {
      for (; !over; turns++) await setImmediate();
    })();
    const inTurns = await new ContentEncryptor(profile, new CountingEntropy()).recipientInfosInTurns(crowd);
    over = true;
    await other;
    assert.deepEqual(inTurns, at);
    assert.ok(turns >= 4, `${turns} turns`);
    const wiped = new ContentEncryptor(profile, new CountingEntropy());
    const rejected = assert.rejects(wiped.recipientInfosInTurns(crowd), { code: 'crypto.failed' });
    wiped.destroy();
    await rejected;
    const fresh = new ContentEncryptor(profile, new CountingEntropy());
    await assert.rejects(fresh.recipientInfosInTurns([]), { code: 'crypto.failed' });
    await assert.rejects(fresh.recipientInfosInTurns(Array.from({ length: 5001 }, () => rsa)), {
      code: 'crypto.failed',
    });
  });

  it('refuses one unfit recipient among fit ones, whole', () => {
    const weak = makeCertificate(authority, { key: 'rsa-1024' }).certificate;
    const encryptor = new ContentEncryptor(profile, new CountingEntropy());
    assert.throws(() => encryptor.recipientInfos([rsa, weak]), { code: 'cms.unsupported' });
  });

  it('refuses use after the end', () => {
    const encryptor = new ContentEncryptor(profile, new CountingEntropy());
    encryptor.final();
    assert.throws(() => encryptor.update(Buffer.from('x')), { code: 'crypto.failed' });
    assert.throws(() => encryptor.final(), { code: 'crypto.failed' });
  });

  it('wipes its key at destroy, and gives it to nobody after', () => {
    const given: Buffer[] = [];
    const counting = new CountingEntropy();
    const entropy: Entropy = {
      bytes: (length) => {
        const octets = counting.bytes(length);
        given.push(octets);
        return octets;
      },
      ecdhKeyPair: (curve) => counting.ecdhKeyPair(curve),
      encapsulate: (key) => counting.encapsulate(key),
    };
    const encryptor = new ContentEncryptor(profile, entropy);
    assert.notDeepEqual(given[0], Buffer.alloc(32));
    encryptor.destroy();
    encryptor.destroy();
    assert.deepEqual(given[0], Buffer.alloc(32));
    assert.throws(() => encryptor.recipientInfos([rsa]), { code: 'crypto.failed' });
    assert.throws(() => encryptor.update(Buffer.from('x')), { code: 'crypto.failed' });
  });

  it('refuses a profile that it does not know and entropy that gives too little', () => {
    const other = { ...profile, content: 'des-ede3-cbc' } as unknown as CryptoProfile;
    assert.throws(() => new ContentEncryptor(other, new CountingEntropy()), { code: 'cms.unsupported' });
    const short: Entropy = {
      bytes: () => Buffer.alloc(8, 1),
      ecdhKeyPair: (curve) => new CountingEntropy().ecdhKeyPair(curve),
      encapsulate: (key) => new CountingEntropy().encapsulate(key),
    };
    assert.throws(() => new ContentEncryptor(profile, short), { code: 'crypto.failed' });
  });
});
