/** Several profiles in one pass: one signature a style, one content key a form, the right labels round each. */
import assert from 'node:assert/strict';
import { sign } from 'node:crypto';
import { SIGNATURES } from '../../src/cms/algorithms/signatures.ts';
import type { CryptoProfile } from '../../src/cms/profile.ts';
import type { Signer } from '../../src/cms/signer.ts';
import { signerAlgorithm } from '../../src/cms/signer-algorithm.ts';
import { startSealing } from '../../src/smime/sealer.ts';
import { splitMessage } from '../mime/message-vectors.ts';
import type { MadeCertificate } from '../support/certificate-builder.ts';
import { profileOf } from '../support/cms-maker.ts';
import { large, MIXED, octets, RSA } from './samples.ts';
import { decrypt, requestFor, rsaRecipient, rsaSender, seal, verify, wire } from './sealed-message.ts';

const OLD = profileOf('default');
const MODERN = profileOf('modern');
const LONG = profileOf('modern', { digest: 'sha512' });

/** Counts how often it was asked. */
function countingSigner(made: MadeCertificate, profile: CryptoProfile): Signer & { readonly count: number } {
  const fit = signerAlgorithm(made.certificate, profile);
  assert.ok(fit.ok);
  const { hash, options } = SIGNATURES[fit.algorithm];
  let count = 0;
  return {
    certificate: made.certificate,
    chain: [],
    algorithm: fit.algorithm,
    get count() {
      return count;
    },
    sign: async (attributes) => {
      count++;
      return sign(hash, attributes, { key: made.privateKey, ...options });
    },
  };
}

describe('smime/sealer: profiles', () => {
  for (const [size, message] of [
    ['small', octets(MIXED)],
    ['large', large(300_000)],
  ] as const) {
    it(`seals for three profiles at once, and openssl opens each (${size})`, async () => {
      const kept: Buffer[][] = [[], [], [], []];
      const pkcs1 = countingSigner(rsaSender, OLD);
      const pss = countingSigner(rsaSender, MODERN);
      const pss512 = countingSigner(rsaSender, LONG);
      const request = requestFor(
        message,
        [
          { form: { kind: 'enveloped', signed: true, profile: OLD }, groups: RSA },
          { form: { kind: 'signed', profile: OLD } },
          { form: { kind: 'enveloped', signed: true, profile: MODERN }, groups: RSA },
          { form: { kind: 'signed', profile: LONG } },
        ],
        { signer: null },
        kept,
      );
      const signers = [pkcs1, pkcs1, pss, pss512];
      const forms = request.forms.map((form, index) => ({ ...form, signer: signers[index] ?? null }));
      const sealing = startSealing({ ...request, forms });
      const { body } = splitMessage(message);
      for (let at = 0; at < body.length; at += 50_000) await sealing.write(body.subarray(at, at + 50_000));
      const results = await sealing.end();
      assert.deepEqual([pkcs1.count, pss.count, pss512.count], [1, 1, 1], 'one signature a style');
      const made = results.map((result, index) => ({ result, stored: Buffer.concat(kept[index] ?? []), writes: 0 }));
      const copies = await Promise.all(made.map((one) => wire(one)));
      const [old, oldSigned, modern, longSigned] = copies;
      assert.ok(old && oldSigned && modern && longSigned);
      assert.match(old.toString('latin1'), /smime-type=enveloped-data/);
      assert.match(modern.toString('latin1'), /smime-type=authEnveloped-data/);
      assert.match(oldSigned.toString('latin1'), /micalg=sha-256/);
      assert.match(longSigned.toString('latin1'), /micalg=sha-512/);
      const entities = [
        verify(decrypt(old, rsaRecipient)),
        verify(oldSigned),
        verify(decrypt(modern, rsaRecipient)),
        verify(longSigned),
      ];
      for (const entity of entities) assert.ok(entity.equals(entities[0] ?? Buffer.alloc(0)));
    });
  }

  it('names no tag where there is none, and one of 16 octets where there is', async () => {
    const forms = [OLD, MODERN].map((profile) => ({
      form: { kind: 'enveloped' as const, signed: false, profile },
      groups: RSA,
    }));
    const [old, modern] = await seal(octets(MIXED), forms);
    assert.ok(old?.result.kind === 'enveloped' && modern?.result.kind === 'enveloped');
    assert.deepEqual([old.result.envelope, old.result.tag], ['enveloped', null]);
    assert.deepEqual([modern.result.envelope, modern.result.tag?.length], ['authEnveloped', 16]);
    assert.equal(modern.result.ciphertextBytes, modern.stored.length);
  });
});
