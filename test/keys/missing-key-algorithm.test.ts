/** A key of an algorithm that the running Node has not is told as that, wherever it is read. */
import assert from 'node:assert/strict';
import { derInteger, derOctetString, derSequence } from '../../src/asn1/der-writer.ts';
import { KEMS } from '../../src/cms/algorithms/key-encapsulations.ts';
import { SIGNATURES } from '../../src/cms/algorithms/signatures.ts';
import { GatewayError } from '../../src/errors.ts';
import { algorithmSupport } from '../../src/keys/algorithm-support.ts';
import { findMissingKeyAlgorithm, findMissingPemKeyAlgorithm } from '../../src/keys/missing-key-algorithm.ts';
import { parsePemFile } from '../../src/keys/pem-file.ts';
import { madeKey } from '../support/certificate-builder.ts';

const NEW = [
  ['ml-kem-512', KEMS['ml-kem-512'].identifier, 64],
  ['ml-kem-1024', KEMS['ml-kem-1024'].identifier, 64],
  ['ml-dsa-65', SIGNATURES['ml-dsa-65'].identifier, 32],
  ['slh-dsa-sha2-128s', SIGNATURES['slh-dsa-sha2-128s'].identifier, 64],
  ['slh-dsa-shake-256f', SIGNATURES['slh-dsa-shake-256f'].identifier, 128],
] as const;

function pem(der: Buffer): Buffer {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return Buffer.from(['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n'));
}

describe('keys/missing-key-algorithm', () => {
  for (const [name, identifier, octets] of NEW) {
    it(`names ${name} where Node has it not, and nothing where it has`, () => {
      const key = derSequence(derInteger(0), identifier, derOctetString(Buffer.alloc(octets, 7)));
      const expected = algorithmSupport.has(name)
        ? null
        : `${name} key, which this ${algorithmSupport.runtime} has not: Node 24 or later has it`;
      assert.equal(findMissingKeyAlgorithm(key), expected);
      assert.equal(findMissingPemKeyAlgorithm(pem(key)), expected);
      assert.throws(
        // the key is no right one of its kind, so no Node loads it
        () => parsePemFile(pem(derSequence(derInteger(0), identifier, derOctetString(Buffer.alloc(5))))),
        (thrown: unknown) => {
          assert.ok(thrown instanceof GatewayError);
          assert.equal(thrown.code, 'keys.unusable');
          assert.match(thrown.detail, expected === null ? /cannot be read/ : /^has an .*Node 24 or later has it$/);
          return true;
        },
      );
    });
  }

  it('says nothing of keys that every Node has, nor of what is no key', () => {
    for (const kind of ['rsa-2048', 'p-256', 'ed25519', 'x448'] as const) {
      const key = madeKey(kind);
      assert.equal(findMissingKeyAlgorithm(key.export({ format: 'der', type: 'pkcs8' })), null);
      assert.equal(findMissingPemKeyAlgorithm(Buffer.from(key.export({ format: 'pem', type: 'pkcs8' }))), null);
    }
    for (const octets of [Buffer.alloc(0), Buffer.from('no key'), Buffer.alloc(100)]) {
      assert.equal(findMissingKeyAlgorithm(octets), null);
      assert.equal(findMissingPemKeyAlgorithm(octets), null);
    }
  });
});
