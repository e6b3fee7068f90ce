/** Verification rule by rule (standards 2.3, catalogue C14, C15): each refusal by its own reason, and what is valid. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  der,
  derContext,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  TAG,
} from '../../src/asn1/der-writer.ts';
import { type ReaderPolicy, STRICT_POLICY } from '../../src/cms/reader-policy.ts';
import { bufferSource, collect, type ReopenableSource } from '../../src/cms/reopenable-source.ts';
import { type SignedResult, verifySignedData } from '../../src/cms/verification.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import {
  attribute,
  ID_DATA,
  type SignerShape,
  signedData,
  signerInfo,
  soundAttributes,
} from '../support/cms-builder.ts';

const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
const ALGORITHM_PROTECTION = '1.2.840.113549.1.9.52';
const SIGNING_CERTIFICATE_V2 = '1.2.840.113549.1.9.16.2.47';

describe('verifySignedData', () => {
  const authority = makeAuthority();
  const alice = makeCertificate(authority, { emails: ['alice@example.com'], key: 'p-256' });
  const mallory = makeCertificate(authority, { emails: ['mallory@example.com'], key: 'p-256' });
  const rsa = makeCertificate(authority, { emails: ['rsa@example.com'] });
  const content = Buffer.from('Content-Type: text/plain\r\n\r\nPay 100 to Bob.\r\n');
  const judge = async (): Promise<{ ok: true }> => ({ ok: true });

  function object(shape: Partial<SignerShape> = {}, inside: Buffer | null = content): Buffer {
    const info = signerInfo({ signer: alice, attributes: Object.values(soundAttributes(content)), ...shape });
    return signedData({ signerInfos: [info], content: inside, certificates: [alice.der] });
  }
  function verify(
    octets: Buffer,
    detached: Buffer | null = null,
    policy: Partial<ReaderPolicy> = {},
  ): Promise<SignedResult> {
    return verifySignedData(bufferSource(octets), {
      judge,
      content: detached === null ? null : bufferSource(detached),
      policy: { ...STRICT_POLICY, ...policy },
    });
  }
  /** `valid`, the reason over all, or those of the signers. */
  async function reasonOf(
    octets: Buffer,
    detached: Buffer | null = null,
    policy: Partial<ReaderPolicy> = {},
  ): Promise<string> {
    const result = await verify(octets, detached, policy);
    if (!result.ok) return result.failure.reason;
    if (result.valid) return 'valid';
    return result.reason === 'signer-invalid'
      ? result.signers.map(({ reason }) => reason ?? 'valid').join(' ')
      : result.reason;
  }
  function withAttributes(change: Record<string, Buffer>): Promise<string> {
    return reasonOf(
      object({
        attributes: Object.values({ ...soundAttributes(content), ...change }).filter(({ length }) => length > 0),
      }),
    );
  }

  it('calls valid what is, and releases exactly that', async () => {
    for (const [octets, detached] of [
      [object(), null],
      [object({}, null), content],
    ] as const) {
      const result = await verify(octets, detached);
      assert.ok(result.ok && result.valid);
      assert.deepEqual(await collect(result.release(), 1e6), content);
      assert.equal(result.signers[0]?.certificate?.sha256, alice.certificate.sha256);
      assert.equal(result.signers[0]?.attributes?.signingTime?.toISOString(), '2026-01-02T03:04:05.000Z');
    }
  });

  it('1: nobody signed', async () => {
    assert.equal(await reasonOf(signedData({ signerInfos: [], content, certificates: [alice.der] })), 'unsigned');
  });

  it('2: content inside beside detached content, and neither', async () => {
    assert.equal(await reasonOf(object(), Buffer.from('Pay 900 to Mallory.')), 'content-twice');
    assert.equal(await reasonOf(object(), content), 'content-twice');
    assert.equal(await reasonOf(object({}, null)), 'content-missing');
  });

  it('3: another content type', async () => {
    const type = '1.2.840.113549.1.9.16.1.4';
    const info = signerInfo({ signer: alice, attributes: Object.values(soundAttributes(content, type)) });
    assert.equal(
      await reasonOf(signedData({ signerInfos: [info], content, contentType: type, certificates: [alice.der] })),
      'content-type',
    );
  });

  it('4: no signed attributes, and attributes as content (C15)', async () => {
    const bare = object({ attributes: null, content });
    assert.equal(await reasonOf(bare), 'no-attributes');
    assert.equal(await reasonOf(bare, null, { signaturesWithoutAttributes: true }), 'valid');
    const attributes = derSetOf(Object.values(soundAttributes(content)));
    const swapped = object({ attributes: null, content: attributes }, attributes);
    assert.equal(await reasonOf(swapped, null, { signaturesWithoutAttributes: true }), 'attributes-as-content');
    assert.equal(
      await reasonOf(object({ attributes: null, content: attributes }, null), attributes),
      'attributes-as-content',
    );
  });

  it('5: attributes that speak of something else, are there twice, or cannot be read', async () => {
    const other = soundAttributes(content, '1.2.3')['contentType'] ?? Buffer.alloc(0);
    assert.equal(await withAttributes({ contentType: other }), 'content-type-mismatch');
    assert.equal(await withAttributes({ contentType: Buffer.alloc(0) }), 'content-type-mismatch');
    assert.equal(await withAttributes({ messageDigest: Buffer.alloc(0) }), 'no-message-digest');
    assert.equal(
      await withAttributes({ messageDigest: attribute(MESSAGE_DIGEST, derOctetString(Buffer.alloc(32))) }),
      'digest-mismatch',
    );
    assert.equal(
      await withAttributes({ again: soundAttributes(content)['contentType'] ?? Buffer.alloc(0) }),
      'duplicate-attribute',
    );
    const twice = derOctetString(createHash('sha256').update(content).digest());
    assert.equal(
      await withAttributes({ messageDigest: attribute(MESSAGE_DIGEST, twice, twice) }),
      'duplicate-attribute',
    );
    assert.equal(
      await withAttributes({ signingTime: attribute('1.2.840.113549.1.9.5', derOctetString(twice)) }),
      'malformed-attribute',
    );
    assert.equal(await reasonOf(object(), null), 'valid');
    assert.equal(await reasonOf(object({}, Buffer.from('Pay 900.'))), 'digest-mismatch');
  });

  it('5: more attributes than are read is a limit', async () => {
    const many = Array.from({ length: 101 }, (_, index) => attribute(`1.2.3.${index}`, derNull()));
    assert.equal(
      await reasonOf(object({ attributes: [...Object.values(soundAttributes(content)), ...many] })),
      'limit',
    );
  });

  it('5: digests that do not fit the signature (RFC 8933), and weak ones', async () => {
    const sha512 = derSequence(derOid('2.16.840.1.101.3.4.2.3'));
    assert.equal(await reasonOf(object({ digestAlgorithm: sha512 })), 'digest-algorithm-mismatch');
    const sha1 = derSequence(derOid('1.3.14.3.2.26'), derNull());
    const attributes = {
      ...soundAttributes(content),
      messageDigest: attribute(MESSAGE_DIGEST, derOctetString(createHash('sha1').update(content).digest())),
    };
    const weak = object({
      digestAlgorithm: sha1,
      signatureAlgorithm: derSequence(derOid('1.2.840.10045.4.1')),
      hash: 'sha1',
      attributes: Object.values(attributes),
    });
    assert.equal(await reasonOf(weak), 'weak-algorithm');
    assert.equal(await reasonOf(weak, null, { weakSignatures: true }), 'valid');
  });

  it('5: CMSAlgorithmProtection compares by meaning and must agree (RFC 6211)', async () => {
    const protect = (digest: Buffer, signature: string): Buffer =>
      attribute(ALGORITHM_PROTECTION, derSequence(digest, derContext(1, derOid(signature))));
    const sha256 = '2.16.840.1.101.3.4.2.1';
    const ecdsa = '1.2.840.10045.4.3.2';
    assert.equal(await withAttributes({ protection: protect(derSequence(derOid(sha256), derNull()), ecdsa) }), 'valid');
    assert.equal(
      await withAttributes({ protection: protect(derSequence(derOid(sha256)), '1.2.840.10045.4.3.3') }),
      'algorithm-protection-mismatch',
    );
    assert.equal(
      await withAttributes({ protection: protect(derSequence(derOid('2.16.840.1.101.3.4.2.3')), ecdsa) }),
      'algorithm-protection-mismatch',
    );
  });

  it('6: signingCertificateV2 must name the certificate that verifies (RFC 5035)', async () => {
    const name = (hash: string): Buffer =>
      attribute(
        SIGNING_CERTIFICATE_V2,
        derSequence(derSequence(derSequence(derOctetString(Buffer.from(hash, 'hex'))))),
      );
    assert.equal(await withAttributes({ certificate: name(alice.certificate.sha256) }), 'valid');
    assert.equal(
      await withAttributes({ certificate: name(mallory.certificate.sha256) }),
      'signing-certificate-mismatch',
    );
  });

  it('6: another key, no certificate, an unknown algorithm', async () => {
    const forged = signerInfo({
      signer: mallory,
      attributes: Object.values(soundAttributes(content)),
      identifier: derSequence(alice.certificate.issuer, der(TAG.integer, alice.certificate.serial)),
    });
    assert.equal(
      await reasonOf(signedData({ signerInfos: [forged], content, certificates: [alice.der] })),
      'signature-mismatch',
    );
    assert.equal(await reasonOf(signedData({ signerInfos: [forged], content })), 'no-certificate');
    assert.equal(await reasonOf(object({ signatureAlgorithm: derSequence(derOid('1.2.3.4')) })), 'signer-unsupported');
  });

  it('6: the judge of certificates has the last word, in his own words', async () => {
    const said = async (): Promise<{ ok: false; detail: string }> => ({ ok: false, detail: 'revoked' });
    const result = await verifySignedData(bufferSource(object()), { judge: said });
    assert.ok(result.ok && !result.valid);
    assert.deepEqual([result.signers[0]?.reason, result.signers[0]?.detail], ['untrusted', 'revoked']);
    assert.equal(result.signers[0]?.signatureVerified, true);
  });

  it('7: every signer is judged; one invalid spoils it, one unknown does not', async () => {
    const sound = signerInfo({ signer: alice, attributes: Object.values(soundAttributes(content)) });
    const second = signerInfo({ signer: rsa, attributes: Object.values(soundAttributes(content)) });
    const wrong = signerInfo({ signer: rsa, attributes: Object.values(soundAttributes(Buffer.from('other'))) });
    const unknown = signerInfo({
      signer: rsa,
      attributes: Object.values(soundAttributes(content)),
      signatureAlgorithm: derSequence(derOid('1.2.3.4')),
    });
    const both = (info: Buffer): Promise<string> =>
      reasonOf(signedData({ signerInfos: [sound, info], content, certificates: [alice.der, rsa.der] }));
    assert.equal(await both(second), 'valid');
    assert.equal(await both(wrong), 'valid digest-mismatch');
    assert.equal(await both(unknown), 'valid');
  });

  it('takes attributes that are not sorted as they were signed, and says when they had to be sorted', async () => {
    const unsorted = Object.values(soundAttributes(content)).reverse();
    const asSigned = await verify(object({ attributes: unsorted, sorted: false }));
    assert.ok(asSigned.ok && asSigned.valid && asSigned.signers[0]?.attributesResorted === false);
    // signed over the sorted set, written unsorted
    const info = signerInfo({ signer: alice, attributes: Object.values(soundAttributes(content)) });
    const sorted = derSetOf(Object.values(soundAttributes(content))).subarray(2);
    const written = Buffer.from(info);
    Buffer.concat(splitValues(sorted).reverse()).copy(written, written.indexOf(sorted));
    const resorted = await verify(signedData({ signerInfos: [written], content, certificates: [alice.der] }));
    assert.ok(resorted.ok && resorted.valid && resorted.signers[0]?.attributesResorted === true);
  });

  it('stops at 50 signers and 100 certificates (C2)', async () => {
    const info = signerInfo({ signer: alice, attributes: Object.values(soundAttributes(content)) });
    const many = signedData({
      signerInfos: Array.from({ length: 10_000 }, () => info),
      content,
      certificates: [alice.der],
    });
    assert.equal(await reasonOf(many), 'limit');
    const bag = Array.from({ length: 101 }, () => alice.der);
    assert.equal(await reasonOf(signedData({ signerInfos: [info], content, certificates: bag })), 'limit');
  });

  it('notices content that is another in pass two', async () => {
    const other = Buffer.from(content);
    other[30] = 0x58;
    for (const named of [true, false]) {
      let passes = 0;
      const changing: ReopenableSource = {
        async *open(): AsyncGenerator<Buffer, void, undefined> {
          yield passes++ === 0 ? content : other;
        },
        ...(named ? { identity: async () => String(Math.min(passes, 2)) } : {}),
      };
      const result = await verifySignedData(bufferSource(object({}, null)), { judge, content: changing });
      assert.ok(result.ok && result.valid);
      await assert.rejects(collect(result.release(), 1e6), { code: 'cms.source-changed' });
    }
  });

  it('knows what is no SignedData', async () => {
    assert.equal(await reasonOf(Buffer.from('nothing of the kind')), 'malformed');
    assert.equal(
      await reasonOf(derSequence(derOid(ID_DATA), derContext(0, derOctetString(content)))),
      'wrong-content-type',
    );
    assert.equal(await reasonOf(Buffer.concat([object(), Buffer.of(0)])), 'malformed');
    assert.equal(await reasonOf(Buffer.concat([object(), Buffer.of(0)]), null, { trailingOctets: true }), 'valid');
    assert.equal(await reasonOf(derSequence(derInteger(1))), 'malformed');
  });
});

/** The values of a SET's content; their lengths are short. */
function splitValues(content: Buffer): Buffer[] {
  const values: Buffer[] = [];
  for (let at = 0; at < content.length; at += 2 + (content[at + 1] ?? 0)) {
    values.push(content.subarray(at, at + 2 + (content[at + 1] ?? 0)));
  }
  return values;
}
