/** RFC 5280 §6 by its own words: catalogue C10, each refusal with its code, and that the right thing is accepted. */
import assert from 'node:assert/strict';
import { parseAddress } from '../../src/address.ts';
import { derNull, derOid, derSequence } from '../../src/asn1/der-writer.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { EXTENSION } from '../../src/x509/certificate-oids.ts';
import type { PathFailureCode, PathRequest, Purpose } from '../../src/x509/path.ts';
import { validatePath } from '../../src/x509/path-validator.ts';
import {
  type AuthorityOptions,
  type CertificateOptions,
  type KeyKind,
  type MadeCertificate,
  madeKey,
  makeAuthority,
  makeCertificate,
} from '../support/certificate-builder.ts';

const DAY = 86_400_000;
const NOW = new Date();
const ada = parseAddress('ada@example.com');
const root = makeAuthority({ name: 'Root' });
const middle = makeAuthority({ name: 'Middle', issuer: root });
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

function judge(leaf: MadeCertificate, more: Partial<PathRequest> & { middles?: MadeCertificate[] } = {}) {
  const { middles = [middle], ...rest } = more;
  return validatePath({
    leaf: leaf.certificate,
    anchors: [root.certificate],
    intermediates: middles.map((one) => one.certificate),
    at: NOW,
    purpose: 'encrypt',
    address: ada,
    ...rest,
  });
}

const person = (options: CertificateOptions = {}, issuer: MadeCertificate = middle) =>
  makeCertificate(issuer, { name: 'Ada', emails: ['ada@example.com'], ...options });

function assertRefused(result: ReturnType<typeof judge>, code: PathFailureCode, about?: Certificate): void {
  assert.equal(result.ok, false);
  if (result.ok) return;
  assert.equal(result.failure.code, code, result.failure.text);
  assert.ok(result.attempts.some((one) => one.code === code));
  if (about !== undefined) assert.equal(result.failure.certificate.sha256, about.sha256);
}

describe('validatePath', () => {
  it('accepts a path and gives it leaf first, with the interval in which all of it is valid', () => {
    const leaf = person({ notAfter: new Date(Math.floor(NOW.getTime() / 1000) * 1000 + 30 * DAY) });
    const result = judge(leaf);
    assert.ok(result.ok);
    assert.deepEqual(
      result.path.certificates.map((one) => one.subjectName),
      ['Ada', 'Middle', 'Root'],
    );
    assert.deepEqual(result.path.validUntil, leaf.certificate.notAfter);
    assert.ok(result.path.validFrom <= NOW);
  });

  it('accepts every purpose from a default certificate, and one issued by the anchor itself', () => {
    for (const purpose of ['encrypt', 'sign', 'any'] satisfies Purpose[]) {
      assert.equal(judge(person(), { purpose }).ok, true);
      assert.equal(judge(person({}, root), { purpose, middles: [] }).ok, true);
    }
  });

  const signers: [KeyKind, AuthorityOptions['signature']][] = [
    ['rsa-2048', 'sha256'],
    ['rsa-2048', 'sha384'],
    ['rsa-2048', 'pss-sha256'],
    ['rsa-3072', 'sha256'],
    ['p-256', 'sha256'],
    ['p-384', 'sha384'],
    ['p-521', 'sha384'],
    ['ed25519', 'sha256'],
  ];
  for (const [key, signature = 'sha256'] of signers) {
    it(`accepts a chain signed with ${key} and ${signature}`, () => {
      const anchor = makeAuthority({ name: 'Own', key, signature });
      const below = makeAuthority({ name: 'Below', issuer: anchor, key, signature });
      const leaf = person({ signature }, below);
      assert.equal(judge(leaf, { anchors: [anchor.certificate], middles: [below] }).ok, true);
      const forged = person({ signature, badSignature: true }, below);
      assertRefused(judge(forged, { anchors: [anchor.certificate], middles: [below] }), 'bad-signature');
    });
  }

  const leafRefusals: Record<string, [PathFailureCode, CertificateOptions, Purpose?]> = {
    expired: ['expired', { notAfter: new Date(NOW.getTime() - DAY), notBefore: new Date(NOW.getTime() - 9 * DAY) }],
    'not yet valid': ['not-yet-valid', { notBefore: new Date(NOW.getTime() + DAY) }],
    'for another address': ['address-mismatch', { emails: ['eve@example.com'] }],
    'for no address': ['address-mismatch', { emails: [] }],
    'with NUL in its address': ['control-characters', { emails: ['ada@example.com\0.evil.example'] }],
    'for servers': ['extended-key-usage', { extendedKeyUsage: [SERVER_AUTH] }],
    'that may not sign': ['key-usage', { keyUsage: ['keyEncipherment'] }, 'sign'],
    'that may not encrypt (RSA)': ['key-usage', { keyUsage: ['digitalSignature', 'keyAgreement'] }],
    'that may not agree keys (EC)': ['key-usage', { key: 'p-256', keyUsage: ['digitalSignature', 'keyEncipherment'] }],
    'with an empty key usage': ['key-usage', { keyUsage: [] }, 'sign'],
    'that cannot encrypt (Ed25519)': ['key-kind', { key: 'ed25519' }],
    'that is an authority': ['ca-as-end-entity', { basicConstraints: { ca: true } }],
    'that may sign certificates': ['ca-as-end-entity', { keyUsage: ['keyEncipherment', 'keyCertSign'] }],
    'with a weak key (C7)': ['weak-key', { key: 'rsa-1024' }],
    'with an unknown critical extension': [
      'critical-extension',
      { extraExtensions: [{ oid: '1.3.6.1.4.1.99999.1', critical: true, value: derNull() }] },
    ],
    'with name constraints': [
      'malformed',
      { extraExtensions: [{ oid: EXTENSION.nameConstraints, critical: false, value: derSequence() }] },
    ],
    'without a subject and without a critical SAN': ['malformed', { subject: derSequence() }],
  };
  for (const [name, [code, options, purpose = 'encrypt']] of Object.entries(leafRefusals)) {
    it(`C10 refuses a leaf ${name}: ${code}`, () => {
      const leaf = person(options);
      assertRefused(judge(leaf, { purpose }), code, leaf.certificate);
    });
  }

  it('C10 nonRepudiation alone signs; absent usages allow everything; anyExtendedKeyUsage is enough', () => {
    assert.equal(judge(person({ keyUsage: ['nonRepudiation'] }), { purpose: 'sign' }).ok, true);
    assert.equal(judge(person({ keyUsage: null, extendedKeyUsage: null })).ok, true);
    assert.equal(judge(person({ extendedKeyUsage: ['2.5.29.37.0', SERVER_AUTH] })).ok, true);
    assert.equal(judge(person({ key: 'ed25519' }), { purpose: 'sign' }).ok, true);
  });

  const authorityRefusals: Record<string, [PathFailureCode, AuthorityOptions]> = {
    expired: ['expired', { notAfter: new Date(NOW.getTime() - DAY), notBefore: new Date(NOW.getTime() - 9 * DAY) }],
    'not yet valid': ['not-yet-valid', { notBefore: new Date(NOW.getTime() + DAY) }],
    'without keyCertSign': ['key-usage', { keyUsage: ['cRLSign', 'digitalSignature'] }],
    'for servers only': ['extended-key-usage', { extendedKeyUsage: [SERVER_AUTH] }],
    'with a weak key (C7)': ['weak-key', { key: 'rsa-1024' }],
    'with an unknown critical extension': [
      'critical-extension',
      { extraExtensions: [{ oid: '1.2.3.4', critical: true, value: derNull() }] },
    ],
    'with critical name constraints that say nothing': [
      'malformed',
      { extraExtensions: [{ oid: EXTENSION.nameConstraints, critical: true, value: derSequence() }] },
    ],
    'with such name constraints that are not critical': [
      'malformed',
      { extraExtensions: [{ oid: EXTENSION.nameConstraints, critical: false, value: derSequence() }] },
    ],
    'with policy constraints that say nothing': [
      'malformed',
      { extraExtensions: [{ oid: EXTENSION.policyConstraints, critical: true, value: derSequence() }] },
    ],
  };
  /** Faults of what its issuer signed; an anchor's own signature is not looked at. */
  const signatureRefusals: typeof authorityRefusals = {
    'whose own certificate is forged': ['bad-signature', { badSignature: true }],
    'signed with SHA-1 (C9)': ['signature-algorithm', { signature: 'sha1' }],
  };
  for (const [name, [code, options]] of Object.entries({ ...authorityRefusals, ...signatureRefusals })) {
    it(`C10 refuses an issuer ${name}: ${code}`, () => {
      const issuer = makeAuthority({ name: 'Bad', issuer: root, ...options });
      const leaf = person({}, issuer);
      assertRefused(judge(leaf, { middles: [issuer] }), code, issuer.certificate);
    });
  }

  it('C10 holds the same against an anchor', () => {
    for (const [code, options] of Object.values(authorityRefusals)) {
      const anchor = makeAuthority({ name: 'Bad Root', ...options });
      const leaf = person({}, anchor);
      assertRefused(judge(leaf, { anchors: [anchor.certificate], middles: [] }), code, anchor.certificate);
    }
  });

  it("does not look at the anchor's own signature (an old root may carry SHA-1)", () => {
    const anchor = makeAuthority({ name: 'Old Root', key: 'rsa-2048', signature: 'sha1' });
    assert.equal(judge(person({}, anchor), { anchors: [anchor.certificate], middles: [] }).ok, true);
  });

  it('C9 refuses SHA-1 and MD5 below the anchor', () => {
    const anchor = makeAuthority({ name: 'RSA Root', key: 'rsa-2048' });
    for (const signature of ['sha1', 'md5'] as const) {
      const leaf = person({ signature }, anchor);
      assertRefused(
        judge(leaf, { anchors: [anchor.certificate], middles: [] }),
        'signature-algorithm',
        leaf.certificate,
      );
    }
  });

  it('C10 refuses an end entity as issuer', () => {
    const bob = makeCertificate(middle, { name: 'Bob', key: 'p-256' });
    assertRefused(judge(person({}, bob), { middles: [middle, bob] }), 'not-a-ca', bob.certificate);
    const pretender = makeCertificate(middle, { name: 'Bob', key: 'p-256', basicConstraints: { ca: false } });
    assertRefused(judge(person({}, pretender), { middles: [middle, pretender] }), 'not-a-ca', pretender.certificate);
  });

  it('C10 counts path length without self-issued certificates', () => {
    const top = makeAuthority({ name: 'Top', pathLength: 1 });
    const a = makeAuthority({ name: 'A', issuer: top });
    const rolled = makeAuthority({ name: 'A', issuer: a });
    const b = makeAuthority({ name: 'B', issuer: rolled });
    const within = judge(person({}, rolled), { anchors: [top.certificate], middles: [a, rolled] });
    assert.equal(within.ok, true);
    assertRefused(judge(person({}, b), { anchors: [top.certificate], middles: [a, rolled, b] }), 'path-length');
    const zero = makeAuthority({ name: 'Zero', issuer: root, pathLength: 0 });
    assert.equal(judge(person({}, zero), { middles: [zero] }).ok, true);
    const under = makeAuthority({ name: 'Under', issuer: zero });
    assertRefused(judge(person({}, under), { middles: [zero, under] }), 'path-length', zero.certificate);
  });

  it('finds the one good way among bad ones', () => {
    const expired = makeAuthority({
      name: 'Middle',
      issuer: root,
      privateKey: middle.privateKey,
      notBefore: new Date(NOW.getTime() - 9 * DAY),
      notAfter: new Date(NOW.getTime() - DAY),
    });
    const other = makeAuthority({ name: 'Other Root' });
    const crossed = makeAuthority({ name: 'Middle', issuer: other, privateKey: middle.privateKey });
    const lookAlike = makeAuthority({ name: 'Middle', issuer: root });
    const result = judge(person(), { middles: [expired, crossed, lookAlike, middle] });
    assert.ok(result.ok);
    assert.equal(result.path.certificates[1]?.sha256, middle.certificate.sha256);
  });

  it('tells the most useful failure of all ways', () => {
    const lookAlike = makeAuthority({ name: 'Middle', issuer: root });
    const expired = makeAuthority({
      name: 'Middle',
      issuer: root,
      privateKey: middle.privateKey,
      notBefore: new Date(NOW.getTime() - 9 * DAY),
      notAfter: new Date(NOW.getTime() - DAY),
    });
    const result = judge(person(), { middles: [lookAlike, expired] });
    assertRefused(result, 'expired', expired.certificate);
    assert.ok(!result.ok && result.attempts.some(({ code }) => code === 'bad-signature'));
    assert.ok(!result.ok && /expired \d{4}-\d\d-\d\d \(checked at \d{4}-\d\d-\d\d\)/.test(result.failure.text));
  });

  it('says no-path for an unknown issuer and for a self-signed leaf', () => {
    assertRefused(judge(person(), { middles: [] }), 'no-path');
    const own = madeKey('p-256');
    const alone = makeAuthority({ name: 'Alone', privateKey: own });
    const selfSigned = makeCertificate(alone, { name: 'Alone', emails: ['ada@example.com'], privateKey: own });
    assertRefused(judge(selfSigned), 'no-path');
  });

  it('an end entity is not trusted by being put among the anchors; an authority is no end entity', () => {
    const own = madeKey('p-256');
    const alone = makeAuthority({ name: 'Alone', privateKey: own });
    const selfSigned = makeCertificate(alone, { name: 'Alone', emails: ['ada@example.com'], privateKey: own });
    assertRefused(judge(selfSigned, { anchors: [selfSigned.certificate] }), 'not-a-ca');
    assertRefused(judge(root, { purpose: 'sign', address: null }), 'ca-as-end-entity');
    const any = judge(root, { purpose: 'any', address: null });
    assert.deepEqual(any.ok && any.path.certificates.map((one) => one.sha256), [root.certificate.sha256]);
  });

  it('accepts non-critical and critical certificate policies', () => {
    const value = derSequence(derSequence(derOid('2.23.140.1.5.1.2')));
    for (const critical of [false, true]) {
      const leaf = person({ extraExtensions: [{ oid: EXTENSION.certificatePolicies, critical, value }] });
      assert.equal(judge(leaf).ok, true);
    }
  });

  it('asks at the time it is given, to the second', () => {
    const from = new Date('2030-01-01T00:00:00Z');
    const until = new Date('2030-02-01T00:00:00Z');
    const anchor = makeAuthority({ name: 'Later', notBefore: from, notAfter: until });
    const leaf = person({ notBefore: from, notAfter: until }, anchor);
    const codeAt = (at: number): string => {
      const result = judge(leaf, { anchors: [anchor.certificate], at: new Date(at) });
      return result.ok ? 'ok' : result.failure.code;
    };
    assert.equal(codeAt(from.getTime() - 1), 'not-yet-valid');
    assert.equal(codeAt(from.getTime()), 'ok');
    assert.equal(codeAt(until.getTime()), 'ok');
    assert.equal(codeAt(until.getTime() + 1), 'expired');
  });

  it('an invalid Date is a defect, never a yes', () => {
    assert.throws(() => judge(person(), { at: new Date(Number.NaN) }), RangeError);
  });
});
