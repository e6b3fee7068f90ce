/** Catalogue C7: keys that must not be relied upon, each refused for what it is, leaf or authority. */
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { der, derBitString, derInteger, derNull, derOid, derSequence, TAG } from '../../src/asn1/der-writer.ts';
import { findKeyWeakness } from '../../src/x509/key-strength.ts';
import { type KeyKind, madeKey, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

const authority = makeAuthority();
const RSA = derSequence(derOid('1.2.840.113549.1.1.1'), derNull());
const EC = '1.2.840.10045.2.1';

const rsaSpki = (modulus: bigint, exponent: number | bigint): Buffer =>
  derSequence(RSA, derBitString(derSequence(derInteger(modulus), derInteger(exponent))));
const ecSpki = (parameters: Buffer): Buffer =>
  derSequence(derSequence(derOid(EC), parameters), derBitString(Buffer.alloc(65, 4)));
const weaknessOf = (spki: Buffer) => findKeyWeakness(makeCertificate(authority, { spki, keyUsage: null }).certificate);

/** The modulus of a sound key of 2048 bits. */
function soundModulus(): bigint {
  const { n = '' } = createPublicKey(madeKey('rsa-2048')).export({ format: 'jwk' });
  return BigInt(`0x${Buffer.from(n, 'base64url').toString('hex')}`);
}

/** A number of 2048 bits that is a power of 65537 modulo the product of the primes to 167, as flawed keys are. */
function rocaModulus(): bigint {
  let product = 2n;
  for (let n = 3n; n <= 167n; n++) if ([2n, 3n, 5n, 7n, 11n].every((p) => n === p || n % p !== 0n)) product *= n;
  const residue = 65537n ** 5n % product;
  const start = 1n << 2047n;
  return start - (start % product) + product + residue;
}

describe('C7 key strength', () => {
  const sound: KeyKind[] = ['rsa-2048', 'rsa-3072', 'p-256', 'p-384', 'p-521', 'ed25519'];
  for (const key of sound) {
    it(`C7 accepts ${key}`, () => assert.equal(findKeyWeakness(makeCertificate(authority, { key }).certificate), null));
  }

  it('C7 accepts exponent 3', () => assert.equal(weaknessOf(rsaSpki(soundModulus(), 3)), null));

  const weak: Record<string, () => Buffer> = {
    'RSA 1024': () => rsaSpki((1n << 1023n) + 1n, 65537),
    'RSA 2047': () => rsaSpki((1n << 2046n) + 1n, 65537),
    'RSA 8193': () => rsaSpki((1n << 8192n) + 1n, 65537),
    'RSA 16384': () => rsaSpki((1n << 16383n) + 1n, 65537),
    'exponent 0': () => rsaSpki(soundModulus(), 0),
    'exponent 1': () => rsaSpki(soundModulus(), 1),
    'exponent 2': () => rsaSpki(soundModulus(), 2),
    'exponent 65536': () => rsaSpki(soundModulus(), 65536),
    'exponent 2^32+1': () => rsaSpki(soundModulus(), (1n << 32n) + 1n),
    'exponent as long as the modulus': () => rsaSpki(soundModulus(), soundModulus()),
    'an even modulus': () => rsaSpki(soundModulus() - 1n, 65537),
    'the ROCA fingerprint': () => rsaSpki(rocaModulus(), 65537),
    'modulus 0': () => rsaSpki(0n, 65537),
    'EC P-192': () => ecSpki(derOid('1.2.840.10045.3.1.1')),
    'EC P-224': () => ecSpki(derOid('1.3.132.0.33')),
    'EC secp256k1': () => ecSpki(derOid('1.3.132.0.10')),
    'EC on an unknown curve': () => ecSpki(derOid('1.2.3.4.5')),
    'EC with explicit parameters': () => ecSpki(derSequence(derInteger(1))),
    'EC with implicit parameters': () => ecSpki(derNull()),
  };
  for (const [name, spki] of Object.entries(weak)) {
    it(`C7 refuses ${name}`, () => assert.equal(weaknessOf(spki())?.kind, 'weak'));
  }

  it('C7 says so when it is the ROCA fingerprint', () => {
    assert.match(weaknessOf(rsaSpki(rocaModulus(), 65537))?.text ?? '', /ROCA/);
    assert.equal(weaknessOf(rsaSpki(rocaModulus() + 2n, 65537)), null);
  });

  it('C7 refuses DSA and unknown algorithms as unsupported', () => {
    for (const oid of ['1.2.840.10040.4.1', '1.2.3']) {
      const spki = derSequence(derSequence(derOid(oid)), der(TAG.bitString, Buffer.alloc(9)));
      assert.equal(weaknessOf(spki)?.kind, 'unsupported');
    }
  });

  it('C7 a negative modulus is no certificate at all', () => {
    const modulus = der(TAG.integer, Buffer.alloc(256, 0xff).fill(0x81, 0, 1));
    const spki = derSequence(RSA, derBitString(derSequence(modulus, derInteger(3))));
    assert.throws(() => weaknessOf(spki), { code: 'x509.malformed' });
  });
});
