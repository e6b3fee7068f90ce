/** Mozilla's certdata.txt: what is for mail and what is not, what is refused, and which roots are taken. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { readCertdata } from '../../src/trust/certdata-reader.ts';
import { selectMozillaRoots } from '../../src/trust/mozilla-roots.ts';
import { type CertdataRoot, makeCertdata } from '../support/certdata-maker.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

const at = new Date('2026-11-25T00:00:00Z');
const long = { notBefore: new Date('2020-01-01'), notAfter: new Date('2040-01-01') };
const [mail, other, server] = ['Mail', 'Other', 'Server'].map((name, index) => ({
  made: makeAuthority({ name, serial: 100 + index, ...long }),
})) as [CertdataRoot, CertdataRoot, CertdataRoot];
const SERVER_ONLY = { mail: 'CKT_NSS_MUST_VERIFY_TRUST', server: 'CKT_NSS_TRUSTED_DELEGATOR' };

/** Names of the roots taken, and the warnings. */
function taken(...roots: CertdataRoot[]): { names: string[]; warnings: string[] } {
  const read = readCertdata(Buffer.from(makeCertdata(roots)));
  assert.ok(read.ok, JSON.stringify(read));
  const { certificates, warnings } = selectMozillaRoots(read.roots, at);
  return { names: certificates.map(({ subjectName }) => subjectName), warnings: [...warnings] };
}

function mistakesOf(text: string): string {
  const read = readCertdata(Buffer.from(text));
  return read.ok ? 'ok' : read.mistakes.join('\n');
}

describe('certdata.txt', () => {
  it('gives the roots for mail; those for servers only, or distrusted, never', () => {
    const distrusted = { ...other, mail: 'CKT_NSS_NOT_TRUSTED' };
    assert.deepEqual(taken(mail, { ...server, ...SERVER_ONLY }, distrusted), { names: ['Mail'], warnings: [] });
    assert.deepEqual(taken({ ...server, ...SERVER_ONLY, mail: 'CKT_NSS_TRUSTED_DELEGATOR' }).names, ['Server']);
    assert.equal(mistakesOf(makeCertdata([{ ...server, ...SERVER_ONLY }])), 'trusts nobody for mail');
  });

  it('honours the end of trust for mail, and says so', () => {
    const past = taken(mail, { ...other, distrustAfter: '221130000000Z' });
    assert.deepEqual(past.names, ['Mail']);
    assert.deepEqual(past.warnings, ['CN=Other is left out: Mozilla does not trust it for mail since 2022-11-30']);
    const later = taken(mail, { ...other, distrustAfter: '270601000000Z' });
    assert.deepEqual(later.names, ['Mail', 'Other']);
    assert.deepEqual(later.warnings, ['CN=Other: Mozilla will not trust it for mail after 2027-06-01']);
  });

  it('leaves out what is expired or no CA, by name, and what Mozilla did not put there', () => {
    const expired = { made: makeAuthority({ name: 'Gone', ...long, notAfter: new Date('2025-01-01') }) };
    const person = { made: makeCertificate(mail.made, { name: 'Person', key: 'p-256' }) };
    const { names, warnings } = taken(mail, expired, person, { ...other, ofMozilla: false });
    assert.deepEqual(names, ['Mail']);
    assert.deepEqual(warnings, [
      'CN=Gone is left out: expired 2025-01-01',
      'CN=Person is left out: is not a CA certificate (no CA:TRUE)',
    ]);
  });

  it('refuses what is not of the form, with the line', () => {
    const text = makeCertdata([mail, other]);
    const line = (part: string): number => text.slice(0, text.indexOf(part)).split('\n').length;
    const value = line('CKA_VALUE');
    const cases: readonly (readonly [string, string])[] = [
      ['', 'is no certdata.txt: BEGINDATA is missing'],
      ['-----BEGIN CERTIFICATE-----\n', 'is no certdata.txt: BEGINDATA is missing'],
      ['BEGINDATA\n', 'trusts nobody for mail'],
      ['BEGINDATA\nCKA_TOKEN CK_BBOOL CK_TRUE\n', 'line 2: CKA_TOKEN stands before any CKA_CLASS'],
      [text.replace('CKA_TOKEN CK', 'CKA_TOKEN: CK'), `line ${line('CKA_TOKEN')}: is no attribute`],
      [text.replace('CKA_TOKEN CK', 'CKA_LABEL CK'), `line ${line('CKA_TOKEN') + 1}: CKA_LABEL stands there twice`],
      [text.replace(/(CKA_VALUE MULTILINE_OCTAL\n)\\060/, '$1\\460'), `line ${value}: CKA_VALUE does not end as octal`],
      [text.replace(/(CKA_VALUE MULTILINE_OCTAL\n)/, '$1#\n'), `line ${value}: CKA_VALUE does not end as octal`],
      [text.slice(0, text.lastIndexOf('END') - 5), 'CKA_SERIAL_NUMBER does not end as octal'],
      [makeCertdata([{ ...mail, trusts: 0 }]), 'a certificate with 0 trusts'],
      [makeCertdata([{ ...mail, trusts: 2 }]), 'a certificate with 2 trusts'],
      [
        makeCertdata([{ ...mail, sha1: createHash('sha1').update('x').digest() }]),
        'its trust is that of another certificate',
      ],
      [makeCertdata([{ ...mail, distrustAfter: 'tomorrow' }]), 'CKA_NSS_EMAIL_DISTRUST_AFTER is no date'],
      [makeCertdata([{ ...mail, distrustAfter: '229930000000Z' }]), 'CKA_NSS_EMAIL_DISTRUST_AFTER is no date'],
    ];
    for (const [given, expected] of cases)
      assert.ok(mistakesOf(given).includes(expected), `${expected}: ${mistakesOf(given)}`);
  });

  it('1000 mutated files are read or refused, never thrown at, and never trust a stranger', () => {
    const text = makeCertdata([mail, { ...server, ...SERVER_ONLY }]);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.nat(20), fc.string({ maxLength: 6 }), (from, cut, put) => {
        const read = readCertdata(Buffer.from(text.slice(0, from) + put + text.slice(from + cut)));
        if (!read.ok) return read.mistakes.length > 0;
        return read.roots.every(({ certificate }) => certificate.sha256 === mail.made.certificate.sha256);
      }),
      { numRuns: 1000 },
    );
  });
});
