/** Sealed in one pass, opened by openssl: every form holds the same canonical entity, under the same signature. */
import assert from 'node:assert/strict';
import { canonicalise, entityOf, messageVectors, splitMessage } from '../mime/message-vectors.ts';
import { vectorsFolder } from '../support/vectors.ts';
import {
  AS_IT_CAME,
  ENCRYPTED,
  HEAD,
  large,
  MIXED,
  octets,
  RSA,
  refuses,
  SIGNED,
  SIGNED_ENCRYPTED,
} from './samples.ts';
import {
  decrypt,
  ecRecipient,
  ecSender,
  p384Recipient,
  rsaRecipient,
  rsaSender,
  seal,
  signerOf,
  verify,
  wire,
} from './sealed-message.ts';

const FORWARDED =
  `${HEAD}Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: message/rfc822\r\n\r\n` +
  'Subject: x\r\n\r\nGr\u00fc\u00dfe\r\n--a--\r\n';
const SIGNED_BEFORE =
  `${HEAD}Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=a\r\n\r\n--a\r\n\r\n` +
  'trailing \r\nFrom me\r\n--a\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--a--\r\n';

const canonical = (message: Buffer): Buffer => canonicalise(splitMessage(message)).output;

describe('sealer', function () {
  this.timeout(60_000);

  for (const [senderName, sender] of [
    ['RSA', rsaSender],
    ['EC', ecSender],
  ] as const) {
    for (const [recipientName, recipient] of [
      ['RSA', rsaRecipient],
      ['P-256', ecRecipient],
      ['P-384', p384Recipient],
    ] as const) {
      it(`signs with ${senderName}, encrypts for ${recipientName}; openssl gives the canonical entity back`, async () => {
        for (const message of [octets(MIXED), large(300_000)]) {
          const forms = [{ form: SIGNED_ENCRYPTED, groups: [[recipient.certificate]] }];
          const [made] = await seal(message, forms, { signer: signerOf(sender), step: 10_000 });
          assert.ok(made);
          const inner = decrypt(await wire(made), recipient);
          assert.match(
            inner.toString('latin1'),
            /^Content-Type: multipart\/signed; protocol="application\/pkcs7-signature";/,
          );
          assert.ok(verify(inner).equals(canonical(message)));
        }
      });
    }
  }

  it('makes every form in one pass, one signature for all that sign', async () => {
    for (const message of [octets(MIXED), large(200_000)]) {
      const forms = [
        { form: AS_IT_CAME },
        { form: SIGNED },
        { form: ENCRYPTED, groups: [[rsaRecipient.certificate], [ecRecipient.certificate, p384Recipient.certificate]] },
        { form: SIGNED_ENCRYPTED, groups: RSA },
      ];
      let signatures = 0;
      const signer = signerOf(rsaSender);
      const counted = {
        ...signer,
        sign: (attributes: Buffer) => {
          signatures++;
          return signer.sign(attributes);
        },
      };
      const [clear, signed, encrypted, both] = await seal(message, forms, { signer: counted, step: 777 });
      assert.ok(clear && signed && encrypted && both);
      assert.equal(signatures, 1);
      assert.ok(clear.stored.equals(splitMessage(message).body));
      assert.ok(clear.result.kind === 'clear' && clear.result.eightBit);
      assert.match(clear.result.contentFields.toString(), /^MIME-Version: 1.0\r\nContent-Type: multipart\/mixed/);
      assert.ok(verify(await wire(signed)).equals(canonical(message)));
      assert.ok(signed.result.kind === 'clear' && !signed.result.eightBit);
      for (const [group, recipient] of [
        [0, rsaRecipient],
        [1, ecRecipient],
        [1, p384Recipient],
      ] as const) {
        assert.ok(decrypt(await wire(encrypted, group), recipient).equals(canonical(message)));
      }
      const inner = decrypt(await wire(both), rsaRecipient);
      assert.ok(
        inner.subarray(inner.indexOf('\r\n\r\n') + 4).equals(signed.stored),
        'the same multipart/signed inside',
      );
      assert.ok(encrypted.result.kind === 'enveloped' && both.result.kind === 'enveloped');
      assert.notDeepEqual(encrypted.result.contentEncryption, both.result.contentEncryption, 'forms shared key or IV');
      assert.equal(encrypted.result.ciphertextBytes, encrypted.stored.length);
    }
  });

  it('names what it made (RFC 8551 §3.2)', async () => {
    const [enveloped, signed] = await seal(octets(MIXED), [{ form: ENCRYPTED, groups: RSA }, { form: SIGNED }]);
    assert.equal(
      enveloped?.result.contentFields.toString(),
      'MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data;\r\n name="smime.p7m"\r\n' +
        'Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="smime.p7m"\r\n',
    );
    assert.match(
      signed?.result.contentFields.toString() ?? '',
      /^MIME-Version: 1\.0\r\nContent-Type: multipart\/signed; protocol="application\/pkcs7-signature";\r\n micalg=sha-256; boundary="sealgate-[0-9a-f]{48}"\r\n$/,
    );
  });

  it('protects the Content-* fields and no others', async () => {
    const [made] = await seal(octets(MIXED), [{ form: ENCRYPTED, groups: RSA }]);
    assert.ok(made);
    const inner = decrypt(await wire(made), rsaRecipient).toString('latin1');
    assert.match(inner, /^Content-Type: multipart\/mixed; boundary=a\r\nContent-Language: de\r\n\r\n/);
    assert.doesNotMatch(inner, /Subject|MIME-Version/);
    const [bare] = await seal(octets('From: a@example.org\r\n\r\nhi\r\n'), [{ form: ENCRYPTED, groups: RSA }]);
    assert.ok(bare);
    const text = decrypt(await wire(bare), rsaRecipient).toString();
    assert.equal(text, 'Content-Type: text/plain; charset=us-ascii\r\n\r\nhi\r\n');
  });

  it('S3 the octets that leave are 7-bit, without bare CR or LF, and verify', async () => {
    for (const message of [octets(MIXED), large(150_000)]) {
      const made = await seal(message, [{ form: SIGNED }, { form: SIGNED_ENCRYPTED, groups: RSA }], { step: 999 });
      for (const one of made) {
        const sent = await wire(one);
        assert.doesNotMatch(sent.toString('latin1'), /[^\r]\n|\r(?!\n)|[^\t\r\n -~]|[^\r\n]{999}/);
      }
      const signed = made[0];
      assert.ok(signed);
      const sent = await wire(signed);
      assert.ok(verify(sent).equals(canonical(message)));
    }
  });

  it('gives the same octets for any chunking', async () => {
    for (const message of [octets(MIXED), large(70_000)]) {
      const forms = [{ form: AS_IT_CAME }, { form: SIGNED }, { form: SIGNED_ENCRYPTED, groups: RSA }];
      const whole = await seal(message, forms);
      for (const step of message.length < 10_000 ? [1, 7, 64] : [500, 65_536]) {
        const again = await seal(message, forms, { step });
        for (const [i, one] of again.entries()) {
          assert.ok(whole[i]?.stored.equals(one.stored), `form ${i} in chunks of ${step}`);
        }
      }
    }
  });

  it('writes blocks of about 64 KiB, a small message in one go', async () => {
    const [big] = await seal(large(1_000_000), [{ form: SIGNED_ENCRYPTED, groups: RSA }], { step: 1000 });
    assert.ok(big && big.writes <= 18, `${big?.writes} writes`);
    const [small] = await seal(octets(MIXED), [{ form: AS_IT_CAME }], { step: 1 });
    assert.equal(small?.writes, 1);
  });

  describe('8-bit that may not be touched', () => {
    it('stays as it is under encryption', async () => {
      const [made] = await seal(octets(FORWARDED), [{ form: SIGNED_ENCRYPTED, groups: RSA }]);
      assert.ok(made);
      const inner = decrypt(await wire(made), rsaRecipient);
      assert.ok(verify(inner).equals(entityOf(splitMessage(octets(FORWARDED)))));
    });

    it('is signed opaque when only signed and small', async () => {
      const forms = [{ form: SIGNED }, { form: SIGNED_ENCRYPTED, groups: RSA }];
      const [signed, both] = await seal(octets(FORWARDED), forms, { step: 20 });
      assert.ok(signed && both);
      assert.match(signed.result.contentFields.toString(), /pkcs7-mime; smime-type=signed-data;/);
      assert.ok(signed.result.kind === 'clear' && !signed.result.eightBit);
      assert.ok(verify(await wire(signed)).equals(entityOf(splitMessage(octets(FORWARDED)))));
      assert.ok(verify(decrypt(await wire(both), rsaRecipient)).equals(entityOf(splitMessage(octets(FORWARDED)))));
    });

    it('is refused when only signed and large, wherever it stands', async () => {
      const filler = `${'x'.repeat(76)}\r\n`.repeat(1000);
      for (const body of [`${filler}\u00fc`, `\u00fc${filler}`, `${filler}${'y'.repeat(999)}`]) {
        const message = octets(`${HEAD}Content-Type: message/rfc822\r\n\r\nX: 1\r\n\r\n${body}`);
        await refuses(seal(message, [{ form: SIGNED }], { step: 5000 }), 'message.not-convertible');
        const [made] = await seal(message, [{ form: ENCRYPTED, groups: RSA }], { step: 5000 });
        assert.ok(made && decrypt(await wire(made), rsaRecipient).equals(entityOf(splitMessage(message))));
      }
    });
  });

  it('leaves what came signed untouched', async () => {
    const message = octets(SIGNED_BEFORE);
    const forms = [{ form: AS_IT_CAME }, { form: ENCRYPTED, groups: RSA }];
    const [clear, encrypted] = await seal(message, forms, { signer: null, leaveUntouched: true, step: 11 });
    assert.ok(clear && encrypted);
    assert.ok(clear.stored.equals(splitMessage(message).body));
    assert.ok(decrypt(await wire(encrypted), rsaRecipient).equals(entityOf(splitMessage(message))));
  });

  it('passes anything as it came', async () => {
    const broken = octets(`${HEAD}Content-Type: text/plain\r\nContent-Type: x/y\r\n\r\n--a\r\n\u00fc\r\n`);
    const [made] = await seal(broken, [{ form: AS_IT_CAME }], { signer: null });
    assert.equal(made?.stored.toString(), '--a\r\n\u00fc\r\n');
    await refuses(seal(broken, [{ form: ENCRYPTED, groups: RSA }]), 'message.malformed');
    const [empty] = await seal(octets(`${HEAD}\r\n`), [{ form: AS_IT_CAME }, { form: SIGNED }]);
    assert.equal(empty?.stored.length, 0);
  });

  it('seals messages of the vectors so that openssl verifies them', async function () {
    const vectors = messageVectors(vectorsFolder(this)).filter((_, index) => index % 5 === 0);
    let verified = 0;
    for (const { name, bytes } of vectors) {
      let expected: Buffer;
      try {
        expected = canonical(bytes);
      } catch {
        continue;
      }
      const [signed] = await seal(bytes, [{ form: SIGNED }], { step: 4096, signer: signerOf(ecSender) });
      assert.ok(signed && verify(await wire(signed)).equals(expected), name);
      verified++;
    }
    assert.ok(verified >= 50, `only ${verified}`);
  });
});
