/** Signatures on the thread pool: verifiable, many at once, and a failure that has its code. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import type { SignatureAlgorithm } from '../../src/cms/signer.ts';
import { KeySigner } from '../../src/keys/key-signer.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

const authority = makeAuthority();

function signerOf(certificate: Certificate, key: KeyObject, algorithm: SignatureAlgorithm): KeySigner {
  return new KeySigner({ certificate, chain: [], root: null, algorithm, key, file: '/x' });
}

describe('keys/key-signer', () => {
  for (const key of ['rsa-2048', 'p-256'] as const) {
    it(`signs many at once (${key})`, async () => {
      const made = makeCertificate(authority, { key });
      const signer = signerOf(made.certificate, made.privateKey, key === 'p-256' ? 'ecdsa-sha256' : 'rsa-pkcs1-sha256');
      const inputs = Array.from({ length: 20 }, (_, index) => Buffer.from(`attributes ${index}`));
      const signatures = await Promise.all(inputs.map((input) => signer.sign(input)));
      for (const [index, input] of inputs.entries()) {
        const signature = signatures[index] ?? Buffer.alloc(0);
        assert.ok(verify('sha256', input, made.certificate.key.keyObject(), signature));
        assert.equal(signature[0] === 0x30 && key === 'p-256', key === 'p-256', 'ECDSA values are DER');
      }
    });
  }

  it('rejects with keys.unusable when the key does not sign', async () => {
    const made = makeCertificate(authority);
    const wrong = generateKeyPairSync('x25519').privateKey;
    const signer = signerOf(made.certificate, wrong, 'rsa-pkcs1-sha256');
    await assert.rejects(signer.sign(Buffer.from('x')), { code: 'keys.unusable' });
  });
});
