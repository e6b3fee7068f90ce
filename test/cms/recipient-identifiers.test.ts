/** The last proof before delivery: who a RecipientInfos SET names, and that nothing not understood passes. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  der,
  derContext,
  derInteger,
  derOctetString,
  derSequence,
  derSetOf,
  derTime,
  TAG,
} from '../../src/asn1/der-writer.ts';
import { ContentEncryptor } from '../../src/cms/content-encryptor.ts';
import { type CryptoProfile, PROFILES } from '../../src/cms/profile.ts';
import {
  issuerAndSerialNumber,
  RECIPIENTS_MAX,
  readRecipientIdentifiers,
  readRecipientInfos,
} from '../../src/cms/recipient-identifiers.ts';
import { GatewayError } from '../../src/errors.ts';
import { makeAuthority, makeCertificate, makeName } from '../support/certificate-builder.ts';
import { CountingEntropy } from '../support/counting-entropy.ts';

const authority = makeAuthority();
const rsa = makeCertificate(authority, { key: 'rsa-2048', serial: 0x80n }).certificate;
const ec = makeCertificate(authority, { key: 'p-256' }).certificate;
const encryptor = new ContentEncryptor(PROFILES['default'] as CryptoProfile, new CountingEntropy());
const both = encryptor.recipientInfos([rsa, ec]);

const algorithm = Buffer.from('300d06092a864886f70d0101010500', 'hex');
const identifier = derSequence(makeName('CA'), derInteger(7));

function ktri(parts: { version?: number; rid?: Buffer; extra?: Buffer[] } = {}): Buffer {
  const { version = 0, rid = identifier, extra = [] } = parts;
  return derSequence(derInteger(version), rid, algorithm, derOctetString(Buffer.alloc(8, 1)), ...extra);
}

function kari(parts: { version?: number; originator?: Buffer; keys?: Buffer[]; ukm?: Buffer[] } = {}): Buffer {
  const key = derSequence(identifier, derOctetString(Buffer.alloc(40, 1)));
  const { version = 3, originator = derContext(1, algorithm), keys = [key], ukm = [] } = parts;
  return der(0xa1, derInteger(version), derContext(0, originator), ...ukm, algorithm, derSequence(...keys));
}

function refuses(set: Buffer): void {
  assert.throws(() => readRecipientIdentifiers(set), { code: 'cms.malformed' });
}

describe('cms/recipient-identifiers', () => {
  it('names a certificate by the octets that stand in it', () => {
    const written = issuerAndSerialNumber(rsa);
    assert.deepEqual(written, derSequence(rsa.issuer, derInteger(0x80)));
    assert.equal(issuerAndSerialNumber(rsa), written);
  });

  it('reads back what the writers wrote', () => {
    const expected = [rsa, ec].map((certificate) => issuerAndSerialNumber(certificate).toString('hex'));
    assert.deepEqual(
      readRecipientIdentifiers(both)
        .map((rid) => rid.toString('hex'))
        .sort(),
      expected.sort(),
    );
    assert.equal(readRecipientInfos(both).version, 2);
    assert.equal(readRecipientInfos(encryptor.recipientInfos([rsa])).version, 0);
  });

  it('reads the hand-made ones that the refusals below are made of', () => {
    assert.deepEqual(readRecipientIdentifiers(derSetOf([ktri()])), [identifier]);
    assert.deepEqual(readRecipientIdentifiers(derSetOf([kari()])), [identifier]);
  });

  it('sees every recipient of a shared key agreement', () => {
    const key = derSequence(identifier, derOctetString(Buffer.alloc(40, 1)));
    assert.equal(readRecipientIdentifiers(derSetOf([kari({ keys: [key, key, key] })])).length, 3);
  });

  it('refuses other kinds of recipients', () => {
    for (const tag of [0xa2, 0xa3, 0xa4, 0xa0, 0x31, 0x04]) refuses(derSetOf([ktri(), der(tag, derInteger(0))]));
  });

  it('refuses names in a wrong form', () => {
    refuses(derSetOf([ktri({ rid: der(0x80, Buffer.alloc(20)) })]));
    refuses(derSetOf([ktri({ rid: derSequence(makeName('CA')) })]));
    refuses(derSetOf([ktri({ rid: derSequence(makeName('CA'), derInteger(1), derInteger(1)) })]));
    refuses(derSetOf([ktri({ rid: derSequence(makeName('CA'), der(TAG.integer, Buffer.of(0, 1))) })]));
    const dated = derContext(0, derOctetString(Buffer.alloc(20)), derTime(new Date(0)));
    refuses(derSetOf([kari({ keys: [derSequence(dated, derOctetString(Buffer.alloc(40)))] })]));
  });

  it('reads key identifiers in both places, and the version they ask for', () => {
    const ski = Buffer.alloc(20, 7);
    const byKey = ktri({ version: 2, rid: der(0x80, ski) });
    assert.deepEqual(readRecipientInfos(derSetOf([byKey])).identifiers, [der(0x80, ski)]);
    assert.equal(readRecipientInfos(derSetOf([byKey, ktri()])).version, 2);
    const agreed = kari({ keys: [derSequence(derContext(0, derOctetString(ski)), derOctetString(Buffer.alloc(40)))] });
    assert.deepEqual(readRecipientInfos(derSetOf([agreed])).identifiers, [der(0x80, ski)]);
  });

  it('refuses versions, key material and places for it that we do not write', () => {
    refuses(derSetOf([ktri({ version: 2 })]));
    refuses(derSetOf([kari({ version: 2 })]));
    refuses(derSetOf([kari({ ukm: [derContext(1, derOctetString(Buffer.alloc(8)))] })]));
    refuses(derSetOf([kari({ originator: identifier })]));
    refuses(derSetOf([kari({ originator: Buffer.concat([derContext(1, algorithm), identifier]) })]));
    refuses(derSetOf([ktri({ extra: [derInteger(1)] })]));
  });

  it('refuses nobody at all, octets after the end and other wrappings', () => {
    refuses(derSetOf([]));
    refuses(derSetOf([kari({ keys: [] })]));
    refuses(Buffer.concat([both, Buffer.of(0)]));
    refuses(derSequence(ktri()));
    refuses(Buffer.alloc(0));
    refuses(Buffer.concat([Buffer.of(0x31, 0x80), ktri(), Buffer.of(0, 0)]));
  });

  it('reads as many recipients as are written and not one more', () => {
    const many = Array.from({ length: RECIPIENTS_MAX }, () => ktri());
    assert.equal(readRecipientIdentifiers(derSetOf(many)).length, RECIPIENTS_MAX);
    refuses(derSetOf([...many, ktri()]));
    const key = derSequence(identifier, derOctetString(Buffer.alloc(40)));
    refuses(derSetOf([...many.slice(1), kari({ keys: [key, key] })]));
  });

  it('throws nothing but GatewayError on mutated octets', () => {
    const mutation = fc.record({
      at: fc.nat(both.length - 1),
      octet: fc.nat(255),
      kind: fc.constantFrom('set', 'cut', 'insert', 'drop'),
    });
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        let bytes = Buffer.from(both);
        for (const { at, octet, kind } of mutations) {
          const place = Math.min(at, bytes.length);
          if (kind === 'set') bytes[place] = octet;
          else if (kind === 'cut') bytes = Buffer.from(bytes.subarray(0, place));
          else if (kind === 'insert')
            bytes = Buffer.concat([bytes.subarray(0, place), Buffer.of(octet), bytes.subarray(place)]);
          else bytes = Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1)]);
        }
        try {
          for (const rid of readRecipientIdentifiers(bytes)) assert.equal(rid[0], 0x30);
        } catch (error) {
          assert.ok(error instanceof GatewayError && error.code === 'cms.malformed', String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('throws nothing but GatewayError on arbitrary octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        assert.throws(() => readRecipientIdentifiers(Buffer.from(bytes)), { code: 'cms.malformed' });
      }),
    );
  });
});
