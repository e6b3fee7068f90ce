/** `parseCertificate`: fields against what was put in, and every departure from DER refused (catalogue C3). */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { der, derInteger, derNull, derOid, derSequence, TAG } from '../../src/asn1/der-writer.ts';
import { GatewayError } from '../../src/errors.ts';
import { EXTENSION } from '../../src/x509/certificate-oids.ts';
import { CERTIFICATE_OCTETS_MAX, parseCertificate } from '../../src/x509/certificate-reader.ts';
import {
  type KeyKind,
  makeAuthority,
  makeCertificate,
  makeExtension,
  makeName,
} from '../support/certificate-builder.ts';

const malformed = { code: 'x509.malformed' };

describe('parseCertificate', () => {
  const authority = makeAuthority({ name: 'Reader Root', pathLength: 3 });
  const person = makeCertificate(authority, {
    name: 'Ada',
    emails: ['ada@example.com', 'jürgen@example.com'],
    subjectEmail: 'old@example.com',
    serial: 0x80,
    notBefore: new Date('2026-01-02T03:04:05Z'),
    notAfter: new Date('2060-01-02T03:04:05Z'),
  });

  it('reads every field of an end entity', () => {
    const { certificate } = person;
    assert.equal(certificate.der, person.der);
    assert.equal(certificate.sha256, new X509Certificate(person.der).fingerprint256.replaceAll(':', '').toLowerCase());
    assert.deepEqual(certificate.serial, Buffer.from('0080', 'hex'));
    assert.deepEqual(certificate.issuer, authority.certificate.subject);
    assert.equal(certificate.notBefore.toISOString(), '2026-01-02T03:04:05.000Z');
    assert.equal(certificate.notAfter.toISOString(), '2060-01-02T03:04:05.000Z');
    assert.equal(certificate.basicConstraints, null);
    assert.deepEqual([...(certificate.keyUsage ?? [])], ['digitalSignature', 'keyEncipherment']);
    assert.deepEqual([...(certificate.extendedKeyUsage ?? [])], ['1.3.6.1.5.5.7.3.4']);
    assert.deepEqual(certificate.authorityKeyIdentifier, authority.certificate.subjectKeyIdentifier);
    assert.deepEqual(certificate.rfc822Names, ['ada@example.com']);
    assert.deepEqual(certificate.smtpUtf8Mailboxes, ['jürgen@example.com']);
    assert.deepEqual(certificate.subjectEmails, ['old@example.com']);
    assert.equal(certificate.subjectText, 'emailAddress=old@example.com, CN=Ada');
    assert.equal(certificate.subjectName, 'Ada');
    assert.equal(certificate.issuerText, 'CN=Reader Root');
    assert.deepEqual(certificate.extensions.map(({ oid }) => oid).slice(0, 2), [
      EXTENSION.keyUsage,
      EXTENSION.extendedKeyUsage,
    ]);
  });

  it('reads every field of an authority', () => {
    const { certificate } = authority;
    assert.deepEqual(certificate.basicConstraints, { ca: true, pathLength: 3 });
    assert.deepEqual([...(certificate.keyUsage ?? [])], ['keyCertSign', 'cRLSign']);
    assert.equal(certificate.extendedKeyUsage, null);
  });

  const kinds: [KeyKind, string, number, string | null][] = [
    ['rsa-2048', 'rsa', 2048, null],
    ['rsa-1024', 'rsa', 1024, null],
    ['p-256', 'ec', 256, 'P-256'],
    ['p-384', 'ec', 384, 'P-384'],
    ['p-521', 'ec', 521, 'P-521'],
    ['ed25519', 'ed25519', 256, null],
  ];
  for (const [key, kind, bits, curve] of kinds) {
    it(`reads the facts of a ${key} key, and makes its key object once`, () => {
      const { certificate } = makeCertificate(authority, { key });
      assert.deepEqual([certificate.key.kind, certificate.key.bits, certificate.key.curve], [kind, bits, curve]);
      assert.equal(certificate.key.exponent, kind === 'rsa' ? 65537n : null);
      assert.equal(certificate.key.keyObject(), certificate.key.keyObject());
      assert.equal(certificate.key.keyObject().asymmetricKeyType, kind);
    });
  }

  it('says x509.malformed for a key that only looks like one', () => {
    const spki = derSequence(derSequence(derOid('1.3.101.112')), der(TAG.bitString, Buffer.alloc(5)));
    assert.throws(() => makeCertificate(authority, { spki }).certificate.key.keyObject(), malformed);
  });

  it('C3 refuses trailing octets inside and outside, cut and empty input', () => {
    for (const octets of [
      Buffer.concat([person.der, Buffer.of(0)]),
      person.der.subarray(0, -1),
      Buffer.alloc(0),
      Buffer.from('not a certificate'),
      Buffer.alloc(CERTIFICATE_OCTETS_MAX + 1, 0x30),
    ]) {
      assert.throws(() => parseCertificate(octets), malformed);
    }
  });

  const badExtensions: Record<string, [string, Buffer]> = {
    'an odd BOOLEAN in basicConstraints': [EXTENSION.basicConstraints, Buffer.from('3003010101', 'hex')],
    'a path length that is not minimal': [EXTENSION.basicConstraints, Buffer.from('30070101ff02020001', 'hex')],
    'a negative path length': [EXTENSION.basicConstraints, Buffer.from('30060101ff0201ff', 'hex')],
    'octets after basicConstraints': [EXTENSION.basicConstraints, Buffer.from('30000500', 'hex')],
    'an indefinite length in an extension': [EXTENSION.basicConstraints, Buffer.from('30800000', 'hex')],
    'an empty SAN': [EXTENSION.subjectAltName, Buffer.from('3000', 'hex')],
    'a SAN of no GeneralName': [EXTENSION.subjectAltName, Buffer.from('30020500', 'hex')],
    'a SmtpUTF8Mailbox that is not UTF-8': [
      EXTENSION.subjectAltName,
      derSequence(der(0xa0, derOid('1.3.6.1.5.5.7.8.9'), der(0xa0, der(TAG.utf8String, Buffer.of(0xc3, 0x28))))),
    ],
    'policies that are not DER': [EXTENSION.certificatePolicies, Buffer.from('300a', 'hex')],
    'AIA that is not DER': ['1.3.6.1.5.5.7.1.1', Buffer.from('deadbeef', 'hex')],
    'octets after an unused standard extension': [EXTENSION.nameConstraints, Buffer.from('300000', 'hex')],
  };
  for (const [name, [oid, value]] of Object.entries(badExtensions)) {
    it(`C3 refuses ${name}`, () => {
      assert.throws(
        () => makeCertificate(authority, { extraExtensions: [{ oid, critical: false, value }] }),
        malformed,
      );
    });
  }

  it('C3 refuses the same extension twice', () => {
    const again = { oid: EXTENSION.keyUsage, critical: true, value: Buffer.from('03020780', 'hex') };
    assert.throws(() => makeCertificate(authority, { extraExtensions: [again] }), malformed);
  });

  it('keeps an unknown extension as it stands, DER or not', () => {
    const value = Buffer.from('anything');
    const { certificate } = makeCertificate(authority, {
      extraExtensions: [{ oid: '1.3.6.1.4.1.99999.1', critical: true, value }],
    });
    const { oid, critical, value: kept } = certificate.extensions.at(-1) ?? {};
    assert.deepEqual([oid, critical, kept?.toString()], ['1.3.6.1.4.1.99999.1', true, 'anything']);
  });

  it('tolerates FALSE written out and trailing zero bits of a key usage', () => {
    const extensions = [
      derSequence(
        derOid(EXTENSION.basicConstraints),
        der(TAG.boolean, Buffer.of(0)),
        der(TAG.octetString, Buffer.from('3003010100', 'hex')),
      ),
      makeExtension(EXTENSION.keyUsage, true, Buffer.from('03020080', 'hex')),
    ];
    const certificate = parseCertificate(handMade({ extensions }));
    assert.deepEqual(certificate.basicConstraints, { ca: false, pathLength: null });
    assert.deepEqual([...(certificate.keyUsage ?? [])], ['digitalSignature']);
  });

  it('reads a v1 certificate', () => {
    assert.equal(parseCertificate(handMade({ version: null })).extensions.length, 0);
  });

  const handMadeRefusals: Record<string, HandMade> = {
    'v1 with extensions': { version: null, extensions: [makeExtension('1.2.3', false, Buffer.alloc(0))] },
    'v1 written out': { version: 0 },
    'version 4': { version: 3 },
    'an empty extension list': { extensions: [] },
    'an issuer with an empty relative name': { issuer: derSequence(der(TAG.set)) },
    'a thirteenth month': { notAfter: der(TAG.utcTime, Buffer.from('261301000000Z')) },
    'a serial that is not minimal': { serial: der(TAG.integer, Buffer.from('0001', 'hex')) },
    'a serial without octets': { serial: der(TAG.integer) },
    'a serial of 33 octets': { serial: der(TAG.integer, Buffer.alloc(33, 1)) },
    'two signature algorithms that differ': { outerAlgorithm: derSequence(derOid('1.2.840.113549.1.1.12'), derNull()) },
    'octets after the extensions': { trailer: derNull() },
  };
  for (const [name, made] of Object.entries(handMadeRefusals)) {
    it(`C3 refuses ${name}`, () => assert.throws(() => parseCertificate(handMade(made)), malformed));
  }

  it('C3 mutated certificates are read or refused, and what is read can be shown', () => {
    fc.assert(
      fc.property(fc.nat(person.der.length - 1), fc.integer({ min: 0, max: 255 }), fc.boolean(), (at, octet, cut) => {
        const mutated = Buffer.from(person.der);
        mutated[at] = octet;
        assertReadOrRefused(cut ? Buffer.concat([mutated.subarray(0, at), mutated.subarray(at + 1)]) : mutated);
      }),
      { numRuns: 3000 },
    );
  });
});

function assertReadOrRefused(octets: Buffer): void {
  try {
    const { subjectText, issuerText, subjectName, issuerName } = parseCertificate(octets);
    for (const text of [subjectText, issuerText, subjectName, issuerName]) assert.doesNotMatch(text, /[\x00-\x1f]/);
  } catch (thrown) {
    assert.ok(thrown instanceof GatewayError, String(thrown));
    assert.equal(thrown.code, 'x509.malformed');
  }
}

interface HandMade {
  readonly version?: number | null;
  readonly serial?: Buffer;
  readonly issuer?: Buffer;
  readonly notAfter?: Buffer;
  readonly extensions?: Buffer[];
  readonly outerAlgorithm?: Buffer;
  readonly trailer?: Buffer;
}

/** A certificate without a true signature, any field of which may be wrong. */
function handMade(made: HandMade): Buffer {
  const { version = 2, serial = derInteger(1), issuer = makeName('Hand') } = made;
  const algorithm = derSequence(derOid('1.2.840.113549.1.1.11'), derNull());
  const time = der(TAG.utcTime, Buffer.from('260101000000Z'));
  const tbs = derSequence(
    ...(version === null ? [] : [der(0xa0, derInteger(version))]),
    serial,
    algorithm,
    issuer,
    derSequence(time, made.notAfter ?? time),
    makeName('Hand'),
    derSequence(derSequence(derOid('1.3.101.112')), der(TAG.bitString, Buffer.alloc(33))),
    ...(made.extensions === undefined ? [] : [der(0xa3, derSequence(...made.extensions))]),
    ...(made.trailer === undefined ? [] : [made.trailer]),
  );
  return derSequence(tbs, made.outerAlgorithm ?? algorithm, der(TAG.bitString, Buffer.alloc(65)));
}
