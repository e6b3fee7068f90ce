import assert from 'node:assert/strict';
import { openEnvelope } from '../../src/cms/enveloped-data-reader.ts';
import { writeEnvelopedData } from '../../src/cms/enveloped-data-writer.ts';
import { bufferSource, collect as collectReleased } from '../../src/cms/reopenable-source.ts';
import { checkSealed } from '../../src/delivery/sealed-proof.ts';
import { KeyUnwrapper } from '../../src/keys/key-unwrapper.ts';
import type { QueueContent, QueueGroup, QueueRecipient } from '../../src/queue/record.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { profileOf } from '../support/cms-maker.ts';
import { chunksOf, clearGroup, sealedGroup } from './delivery-fixtures.ts';

type Enveloped = Extract<QueueContent, { kind: 'enveloped' }>;

const BOB = 'bob@partner.example';
const EVE = 'eve@elsewhere.example';

describe('delivery/sealed-proof: what must be encrypted is, for exactly its recipients (C19)', () => {
  const ca = makeAuthority();
  const bob = makeCertificate(ca, { emails: [BOB], serial: 11 });
  const eve = makeCertificate(ca, { emails: [EVE], serial: 12 });
  const sealed = sealedGroup({ [BOB]: bob }, Buffer.from('secret\r\n')).group;
  const forEve = sealedGroup({ [EVE]: eve }, Buffer.from('secret\r\n')).group;
  const both = sealedGroup({ [BOB]: bob, [EVE]: eve }, Buffer.from('secret\r\n')).group;

  function content(group: QueueGroup): Enveloped {
    assert.equal(group.content.kind, 'enveloped');
    return group.content as Enveloped;
  }

  function refused(group: QueueGroup, recipients: readonly string[], failure: RegExp): void {
    const proof = checkSealed(group, recipients);
    assert.equal(proof.ok, false, 'it was let pass');
    if (!proof.ok) assert.match(proof.failure, failure);
  }

  function withContent(changes: Partial<Enveloped>): QueueGroup {
    return { ...sealed, content: { ...content(sealed), ...changes } };
  }

  function withRecipient(changes: Partial<QueueRecipient>): QueueGroup {
    return { ...sealed, recipients: sealed.recipients.map((recipient) => ({ ...recipient, ...changes })) };
  }

  it('passes an EnvelopedData for exactly its recipients, and hands on the octets it checked', () => {
    const proof = checkSealed(sealed, [BOB]);
    assert.ok(proof.ok && proof.content.kind === 'enveloped');
    assert.equal(proof.content.parts.recipientInfos.toString('base64'), content(sealed).recipientInfos);
    assert.equal(proof.content.parts.contentEncryption.toString('base64'), content(sealed).contentEncryption);
    assert.equal(proof.content.parts.ciphertextBytes, content(sealed).ciphertextBytes);
  });

  it('passes a record from before AuthEnvelopedData, which knows no tag, and writes the EnvelopedData that it always was', async () => {
    const { group, ciphertext } = sealedGroup({ [BOB]: bob }, Buffer.from('secret\r\n'));
    const { kind, bodyIndex, ciphertextBytes, contentEncryption, recipientInfos, expectedRecipients } = content(group);
    const old = { kind, bodyIndex, ciphertextBytes, contentEncryption, recipientInfos, expectedRecipients };
    assert.ok(!('tag' in old));
    const stored = JSON.parse(JSON.stringify({ ...group, content: old })) as QueueGroup;
    const proof = checkSealed(stored, [BOB]);
    assert.ok(proof.ok && proof.content.kind === 'enveloped');
    assert.equal(proof.content.parts.tag, null);
    const object: Buffer[] = [];
    for await (const part of writeEnvelopedData(proof.content.parts, chunksOf(ciphertext))) object.push(part);
    const unwrapper = new KeyUnwrapper([{ certificate: bob.certificate, key: bob.privateKey }]);
    const opened = await openEnvelope(bufferSource(Buffer.concat(object)), { unwrapper });
    assert.ok(opened.ok);
    assert.equal(opened.form, 'enveloped');
    assert.deepEqual(await collectReleased(opened.release(), 100), Buffer.from('secret\r\n'));
  });

  it('passes CEK-HKDF with its tag, and never without', () => {
    const profile = profileOf('modern', { contentDerivation: 'hkdf-sha256' });
    const { group } = sealedGroup({ [BOB]: bob }, Buffer.from('secret\r\n'), profile);
    assert.ok(checkSealed(group, [BOB]).ok);
    const { tag, ...untagged } = content(group);
    assert.ok(tag !== undefined);
    refused({ ...group, content: untagged }, [BOB], /tag/);
  });

  for (const cipher of ['aes-128-gcm', 'aes-192-gcm', 'aes-256-gcm', 'chacha20-poly1305'] as const) {
    it(`C13: passes AuthEnvelopedData by ${cipher} with its tag, and neither without the other`, () => {
      const profile = profileOf('modern', { content: cipher, keyIdentifier: true });
      const { group } = sealedGroup({ [BOB]: bob }, Buffer.from('secret\r\n'), profile);
      const proof = checkSealed(group, [BOB]);
      assert.ok(proof.ok && proof.content.kind === 'enveloped');
      assert.equal(proof.content.parts.tag?.length, 16);
      const aead = content(group);
      const { tag, ...untagged } = aead;
      assert.ok(tag !== undefined);
      refused({ ...group, content: untagged }, [BOB], /tag/);
      for (const other of ['', Buffer.alloc(12).toString('base64'), Buffer.alloc(17).toString('base64')]) {
        refused({ ...group, content: { ...aead, tag: other } }, [BOB], /tag/);
      }
      refused(withContent({ tag }), [BOB], /tag/);
      refused({ ...group, content: { ...aead, ciphertextBytes: 0 } }, [BOB], /ciphertext length/);
      // ICVlen 12, a longer nonce, an octet more
      const algorithm = Buffer.from(aead.contentEncryption, 'base64');
      const short = Buffer.from(algorithm);
      short[short.length - 1] = 12;
      for (const changed of [short, Buffer.concat([algorithm, Buffer.of(0)]), algorithm.subarray(0, -1)]) {
        if (cipher === 'chacha20-poly1305' && changed === short) continue;
        const contentEncryption = changed.toString('base64');
        refused({ ...group, content: { ...aead, contentEncryption } }, [BOB], /not an allowed one/);
      }
    });
  }

  it('passes a copy for several, to those of them who still wait', () => {
    assert.ok(checkSealed(both, [EVE]).ok);
    assert.ok(checkSealed(both, [BOB, EVE]).ok);
  });

  it('passes two recipients who share a certificate', () => {
    const shared = {
      ...sealed,
      recipients: [...sealed.recipients, { ...sealed.recipients[0], address: EVE } as QueueRecipient],
    };
    assert.ok(checkSealed(shared, [BOB, EVE]).ok);
  });

  it('passes clear content only where it may be clear', () => {
    assert.ok(checkSealed(clearGroup([BOB]), [BOB]).ok);
    refused(clearGroup([BOB], { protection: 'must-encrypt' }), [BOB], /clear/);
    refused(clearGroup([BOB], { protection: 'May-Be-Clear' as 'may-be-clear' }), [BOB], /clear/);
  });

  for (const [what, header] of [
    ['opaque signed-data', 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data\r\n'],
    ['PGP armour', 'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=x\r\n'],
    ['a PGP subject', 'Subject: -----BEGIN PGP MESSAGE-----\r\n'],
  ] as const) {
    it(`refuses ${what} that only looks sealed`, () => {
      refused(clearGroup([BOB], { protection: 'must-encrypt', header }), [BOB], /clear/);
    });
  }

  it('refuses an EnvelopedData for somebody else', () => {
    refused(withContent({ recipientInfos: content(forEve).recipientInfos }), [BOB], /other recipients/);
    refused(withContent({ recipientInfos: content(both).recipientInfos }), [BOB], /other recipients/);
    refused({ ...both, content: { ...content(both), recipientInfos: content(sealed).recipientInfos } }, [BOB], /other/);
  });

  it('refuses the same recipient named twice, and one named in the place of two', () => {
    const [expected] = content(sealed).expectedRecipients;
    assert.ok(expected);
    refused(withContent({ expectedRecipients: [expected, expected] }), [BOB], /other recipients/);
    refused({ ...both, content: { ...content(sealed) } }, [BOB, EVE], /fewer recipients/);
  });

  it('refuses a recipient who is not of the group', () => {
    refused(sealed, [EVE], /belong/);
    refused(clearGroup([BOB]), [BOB, EVE], /belong/);
  });

  it('refuses a recipient without a certificate', () => {
    refused(withRecipient({ certificateSha256: null }), [BOB], /no certificate/);
    refused(withRecipient({ certificateSha256: '' }), [BOB], /no certificate/);
  });

  it('refuses RecipientInfos that do not parse', () => {
    const der = Buffer.from(content(sealed).recipientInfos, 'base64');
    refused(withContent({ recipientInfos: der.subarray(0, -1).toString('base64') }), [BOB], /do not parse/);
    refused(
      withContent({ recipientInfos: Buffer.concat([der, Buffer.of(0)]).toString('base64') }),
      [BOB],
      /do not parse/,
    );
    refused(withContent({ recipientInfos: '' }), [BOB], /do not parse/);
    refused(withContent({ recipientInfos: 'MQA=', expectedRecipients: [] }), [BOB], /do not parse/);
  });

  it('refuses a cipher that is not allowed', () => {
    const octets = Buffer.from(content(sealed).contentEncryption, 'base64');
    const nullCipher = Buffer.from(octets);
    nullCipher[12] = 0x2f;
    refused(withContent({ contentEncryption: nullCipher.toString('base64') }), [BOB], /algorithm/);
    refused(
      withContent({ contentEncryption: Buffer.concat([octets, Buffer.of(5, 0)]).toString('base64') }),
      [BOB],
      /algorithm/,
    );
    refused(withContent({ contentEncryption: octets.subarray(0, -1).toString('base64') }), [BOB], /algorithm/);
    refused(withContent({ contentEncryption: 'MAsGCSqGSIb3DQEHAQ==' }), [BOB], /algorithm/);
  });

  for (const ciphertextBytes of [0, -16, 15, 17, Number.NaN, 2 ** 60, '16' as unknown as number]) {
    it(`refuses a ciphertext of ${ciphertextBytes} octets`, () => {
      refused(withContent({ ciphertextBytes }), [BOB], /length/);
    });
  }

  it('checks an enveloped copy all the same where clear would be allowed', () => {
    refused(
      { ...withContent({ recipientInfos: content(forEve).recipientInfos }), protection: 'may-be-clear' },
      [BOB],
      /other/,
    );
  });

  it('refuses content of an unknown kind', () => {
    const odd = { ...sealed, content: { ...content(sealed), kind: 'sealed' } } as unknown as QueueGroup;
    refused(odd, [BOB], /unknown kind/);
  });
});
