import assert from 'node:assert/strict';
import type { Entry } from 'ldapts';
import { FirstSeen } from '../../src/directory/first-seen.ts';
import { readLdapCandidates } from '../../src/directory/ldap-candidates.ts';
import { makeAuthority, makeCertificate, makeCertificateBundle } from '../support/certificate-builder.ts';
import { address } from './directories.ts';

/** One value of a run (MS-OXOABK §2.2.4.36). */
function tagged(tag: number, value: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt16LE(tag, 0);
  header.writeUInt16LE(value.length + 4, 2);
  return Buffer.concat([header, value]);
}

describe('directory: certificates in LDAP entries', () => {
  const root = makeAuthority({ name: 'Root' });
  const middle = makeAuthority({ name: 'Middle', issuer: root });
  const emails = ['bob@partner.example'];
  const first = makeCertificate(middle, { emails, key: 'p-256' });
  const second = makeCertificate(middle, { emails, key: 'p-256' });
  const third = makeCertificate(middle, { emails, key: 'p-256' });
  const nowMs = Date.now();

  const read = (...entries: Entry[]) =>
    readLdapCandidates(entries, {
      source: 'ldap test',
      rank: 3,
      firstSeen: new FirstSeen(() => nowMs),
      address: address('bob@partner.example'),
      nowMs,
    });

  it('puts userSMIMECertificate first, and its chain beside every certificate of the entry', () => {
    const bundle = makeCertificateBundle([second.der, middle.der, root.der]);
    const { candidates, published } = read({
      dn: 'cn=Bob',
      'userCertificate;binary': [first.der],
      userSMIMECertificate: [bundle, third.der],
    });
    assert.deepEqual(
      candidates.map((c) => c.certificate?.sha256),
      [second, third, first].map((c) => c.certificate.sha256),
    );
    for (const candidate of candidates) {
      assert.deepEqual(new Set(candidate.companions.map((c) => c.subjectName)), new Set(['Middle', 'Root']));
      assert.equal(candidate.source, 'ldap test cn=Bob');
      assert.equal(candidate.rank, 3);
    }
    assert.equal(published, 3);
  });

  it('counts one certificate once, in whatever attribute and entry it stands', () => {
    const { candidates } = read(
      { dn: 'cn=Bob', userCertificate: first.der, 'userCertificate;binary': [first.der, first.der] },
      { dn: 'cn=Bob,ou=Contacts', userSMIMECertificate: makeCertificateBundle([first.der]) },
    );
    assert.equal(candidates.length, 1);
  });

  it('reads the run of values that Outlook writes', () => {
    const version = Buffer.from('01000000', 'hex');
    const run = Buffer.concat([
      tagged(1, version),
      tagged(0x99, Buffer.alloc(9)),
      tagged(3, first.der),
      tagged(8, second.der),
    ]);
    assert.deepEqual(
      read({ dn: 'cn=Bob', userSMIMECertificate: run }).candidates.map((c) => c.certificate?.sha256),
      [first, second].map((c) => c.certificate.sha256),
    );
    for (const broken of [
      run.subarray(0, -1),
      run.subarray(0, 10),
      tagged(1, version),
      Buffer.from('0100030000', 'hex'),
    ]) {
      const { candidates } = read({ dn: 'cn=Bob', userSMIMECertificate: broken });
      assert.deepEqual(
        candidates.map((c) => c.certificate),
        [null],
        broken.toString('hex').slice(0, 30),
      );
    }
  });

  it('hands on a lone CA certificate rather than saying "none"', () => {
    assert.equal(read({ dn: 'cn=Bob', userCertificate: root.der }).candidates[0]?.certificate?.subjectName, 'Root');
  });

  it('says "none" for entries without certificates only', () => {
    assert.deepEqual(read({ dn: 'cn=Bob', userCertificate: [], userSMIMECertificate: [] }).candidates, []);
    assert.deepEqual(read().candidates, []);
  });

  it('looks at 1,000 values and tells that there were more', () => {
    const values = Array.from({ length: 1500 }, (_, i) => Buffer.from(`garbage ${i}`));
    const { candidates, published } = read({ dn: 'cn=Bob', userCertificate: values });
    assert.ok(candidates.length <= 50);
    assert.ok(published >= 500);
  });

  it('escapes what the server calls the entry', () => {
    const { candidates } = read({ dn: 'cn=Bob\r\n\u202eevil', userCertificate: first.der });
    assert.equal(candidates[0]?.source, 'ldap test cn=Bob\\u000d\\u000a\\u202eevil');
  });

  it('does not keep the answer alive through a certificate', () => {
    const answer = Buffer.concat([Buffer.alloc(100_000), first.der]);
    const { candidates } = read({ dn: 'cn=Bob', userCertificate: answer.subarray(100_000) });
    assert.ok((candidates[0]?.certificate?.der.buffer.byteLength ?? 0) < 100_000);
  });
});
