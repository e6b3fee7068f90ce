/** Whatever octet of a path is changed, the answer is a value, it comes, and it is never yes (catalogue C3, C4). */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { GatewayError } from '../../src/errors.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { parseCertificate } from '../../src/x509/certificate-reader.ts';
import { validatePath } from '../../src/x509/path-validator.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

const root = makeAuthority({ name: 'Root', key: 'rsa-2048' });
const middle = makeAuthority({ name: 'Middle', issuer: root });
const person = makeCertificate(middle, { name: 'Ada', emails: ['ada@example.com'] });

function read(octets: Buffer): Certificate | null {
  try {
    return parseCertificate(octets);
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError && thrown.code === 'x509.malformed', String(thrown));
    return null;
  }
}

function accepted(leaf: Certificate, issuer: Certificate): boolean {
  const request = { leaf, anchors: [root.certificate], intermediates: [issuer], at: new Date(), address: null };
  return (['encrypt', 'sign', 'any'] as const).some((purpose) => validatePath({ ...request, purpose }).ok);
}

describe('mutated paths', () => {
  for (const [name, original] of [
    ['leaf', person.der],
    ['intermediate', middle.der],
  ] as const) {
    it(`C3 no changed octet of the ${name} is accepted`, () => {
      const change = fc.tuple(fc.nat(original.length - 1), fc.integer({ min: 0, max: 255 }));
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
          const mutated = Buffer.from(original);
          for (const [at, octet] of changes) mutated[at] = octet;
          const certificate = read(mutated);
          if (certificate === null || mutated.equals(original)) return;
          const [leaf, issuer] =
            name === 'leaf' ? [certificate, middle.certificate] : [person.certificate, certificate];
          assert.equal(accepted(leaf, issuer), false);
        }),
        { numRuns: 1500 },
      );
    });
  }

  it('the unchanged path is accepted', () => {
    assert.equal(accepted(person.certificate, middle.certificate), true);
  });
});
