/** Whose certificate is it: the places, the comparisons, and the tricks of catalogue C11. */
import assert from 'node:assert/strict';
import { type Address, parseAddress } from '../../src/address.ts';
import { certificateAddresses, certificateMatches, hasControlCharacters } from '../../src/x509/address-match.ts';
import { EXTENSION } from '../../src/x509/certificate-oids.ts';
import { type CertificateOptions, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

const authority = makeAuthority();
const made = (options: CertificateOptions) => makeCertificate(authority, { key: 'p-256', ...options }).certificate;

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
}

describe('certificate addresses', () => {
  it('C11 compares local parts without ASCII case and domains as A-labels', () => {
    const certificate = made({ emails: ['Ada@xn--Bcher-KVA.example'] });
    for (const text of ['ada@bücher.example', 'ADA@XN--BCHER-KVA.EXAMPLE', 'ada@BÜCHER.example']) {
      assert.equal(certificateMatches(certificate, address(text)), true, text);
    }
    for (const text of [
      'adb@bücher.example',
      'ada@bucher.example',
      'ada@sub.bücher.example',
      'ada@bücher.example.org',
    ]) {
      assert.equal(certificateMatches(certificate, address(text)), false, text);
    }
  });

  it('C11 a SmtpUTF8Mailbox matches its exact local part only', () => {
    const certificate = made({ emails: ['Jürgen@example.com'] });
    assert.equal(certificateMatches(certificate, address('Jürgen@EXAMPLE.com')), true);
    for (const text of ['jürgen@example.com', 'JÜRGEN@example.com', 'Ju\u0308rgen@example.com', 'jurgen@example.com']) {
      assert.equal(certificateMatches(certificate, address(text)), false, text);
    }
  });

  it('C11 reads the subject only where the SAN has no mail address', () => {
    const legacy = made({ subjectEmail: 'old@example.com' });
    assert.equal(certificateMatches(legacy, address('OLD@example.com')), true);
    const both = made({ emails: ['new@example.com'], subjectEmail: 'old@example.com' });
    assert.equal(certificateMatches(both, address('old@example.com')), false);
    assert.deepEqual(
      certificateAddresses(both).map(({ key }) => key),
      ['new@example.com'],
    );
    const utf8 = made({ emails: ['jürgen@example.com'], subjectEmail: 'old@example.com' });
    assert.equal(certificateMatches(utf8, address('old@example.com')), false);
    // a UPN: otherName 1.3.6.1.4.1.311.20.2.3, UTF8String "u@ad"
    const value = Buffer.from('3016a014060a2b060104018237140203a0060c0475406164', 'hex');
    const upn = made({
      subjectEmail: 'old@example.com',
      extraExtensions: [{ oid: EXTENSION.subjectAltName, critical: false, value }],
    });
    assert.equal(certificateMatches(upn, address('old@example.com')), true);
    assert.equal(certificateMatches(upn, address('u@ad')), false);
  });

  it('C11 a broken SAN address still hides the subject', () => {
    const certificate = made({ emails: ['@@'], subjectEmail: 'old@example.com' });
    assert.deepEqual(certificateAddresses(certificate), []);
  });

  for (const email of [
    'ada@example.com\0.evil.example',
    'ada@example.com\r\n',
    'a\tda@example.com',
    '\x7fada@example.com',
  ]) {
    it(`C11 no address counts beside ${JSON.stringify(email)}`, () => {
      for (const options of [
        { emails: ['ada@example.com', email] },
        { subjectEmail: email, emails: ['ada@example.com'] },
      ]) {
        const certificate = made({ name: 'x', ...options });
        assert.equal(hasControlCharacters(certificate), true);
        assert.equal(certificateMatches(certificate, address('ada@example.com')), false);
        assert.deepEqual(certificateAddresses(certificate), []);
      }
    });
  }

  it('C11 an rfc822Name that is not ASCII is no address', () => {
    const value = Buffer.concat([Buffer.from('30158113', 'hex'), Buffer.from('j\xfcrgen@example.com.', 'latin1')]);
    const certificate = made({
      name: 'x',
      extraExtensions: [{ oid: EXTENSION.subjectAltName, critical: false, value }],
    });
    assert.equal(certificate.rfc822Names.length, 1);
    assert.deepEqual(certificateAddresses(certificate), []);
  });

  it('lists each mailbox once, and none for a certificate without', () => {
    const certificate = made({ emails: ['b@example.com', 'A@example.com', 'a@EXAMPLE.com', 'not an address'] });
    assert.deepEqual(
      certificateAddresses(certificate).map(({ text }) => text),
      ['b@example.com', 'A@example.com'],
    );
    assert.deepEqual(certificateAddresses(made({})), []);
  });

  it('matches a quoted local part by what it means', () => {
    const certificate = made({ emails: ['"ada.l"@example.com'] });
    assert.equal(certificateMatches(certificate, address('ada.l@example.com')), true);
  });
});
