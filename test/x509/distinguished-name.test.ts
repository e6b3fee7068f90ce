/** RFC 4514 strings of names, and the places in certificates that send somebody to a directory. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { der, derOid, derSequence, derSetOf } from '../../src/asn1/der-writer.ts';
import { parseLdapLocation } from '../../src/ldap/ldap-location.ts';
import { findAuthorityAccess } from '../../src/x509/authority-access.ts';
import { directoryLocation, formatDistinguishedName } from '../../src/x509/distinguished-name.ts';
import { deltaLocations, findCrlPoints, findRevocationSources } from '../../src/x509/revocation-sources.ts';
import { makeAuthority, makeCertificate, makeName } from '../support/certificate-builder.ts';
import { directoryPoint, issuerAccess, ocspAccess, relativePoint } from '../support/crl-builder.ts';

const UTF8 = 0x0c;
const attribute = (type: string, text: string, tag = UTF8): Buffer =>
  derSequence(derOid(type), der(tag, Buffer.from(text)));
const nameOf = (...relative: (readonly Buffer[])[]): Buffer =>
  derSequence(...relative.map((one) => derSetOf([...one])));

describe('formatDistinguishedName (RFC 4514)', () => {
  it('last relative name first, keywords, several attributes in one', () => {
    const name = nameOf(
      [attribute('0.9.2342.19200300.100.1.25', 'example')],
      [attribute('2.5.4.10', 'Bank')],
      [attribute('2.5.4.3', 'CA'), attribute('2.5.4.11', 'PKI')],
    );
    assert.equal(formatDistinguishedName(name), 'CN=CA+OU=PKI,O=Bank,DC=example');
  });

  it('escapes what would be syntax, and nothing else', () => {
    const text = (value: string): string => formatDistinguishedName(makeName(value));
    assert.equal(text('Bank, "N.V." <a;b> + c\\d'), 'CN=Bank\\, \\"N.V.\\" \\<a\\;b\\> \\+ c\\\\d');
    assert.equal(text('#1 of 2'), 'CN=\\#1 of 2');
    assert.equal(text(' x '), 'CN=\\ x\\ ');
    assert.equal(text(' '), 'CN=\\ ');
    assert.equal(text('Zürich'), 'CN=Zürich');
    assert.equal(text('a\u0000b'), 'CN=a\\00b');
  });

  it('what has no keyword, or is no text, stands as octets', () => {
    assert.equal(formatDistinguishedName(nameOf([attribute('1.2.3', 'x')])), '1.2.3=#0c0178');
    assert.equal(formatDistinguishedName(nameOf([attribute('2.5.4.3', 'x', 0x04)])), 'CN=#040178');
  });

  it('of any text: a location that is read back as it was written', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 50, unit: 'binary' }), (text) => {
        const name = makeName(text);
        const reading = parseLdapLocation(directoryLocation(name, 'certificateRevocationList'));
        assert.ok(reading.ok);
        assert.equal(reading.location.dn.toString(), formatDistinguishedName(name));
        assert.equal(reading.location.attribute, 'certificaterevocationlist');
      }),
    );
  });
});

describe('places in a directory (RFC 5280 §4.2.1.13)', () => {
  const root = makeAuthority({ name: 'Root' });
  const entry = 'ldap:///CN%3DList?certificateRevocationList';
  const withPoint = (point: ReturnType<typeof directoryPoint>) =>
    makeCertificate(root, { key: 'p-256', extraExtensions: [point] }).certificate;

  it('a directory name, a relative name', () => {
    assert.deepEqual(findRevocationSources(withPoint(directoryPoint(makeName('List')))).crls, [entry]);
    const relative = withPoint(relativePoint(attribute('2.5.4.3', 'List')));
    assert.deepEqual(findRevocationSources(relative).crls, ['ldap:///CN%3DList%2CCN%3DRoot?certificateRevocationList']);
  });

  it('of an authority: its own list comes first', () => {
    const point = directoryPoint(makeName('List'));
    const { certificate } = makeAuthority({ issuer: root, name: 'Issuing', extraExtensions: [point] });
    assert.deepEqual(findRevocationSources(certificate).crls, [
      'ldap:///CN%3DList?authorityRevocationList',
      'ldap:///CN%3DList?certificateRevocationList',
    ]);
  });

  it('without a name: the entry of the CRL issuer; of deltas: their own attribute', () => {
    const issuer = der(0xa2, der(0xa4, makeName('List')));
    const certificate = withPoint({ oid: '2.5.29.31', critical: false, value: derSequence(derSequence(issuer)) });
    const points = findCrlPoints(certificate);
    assert.deepEqual(points[0]?.uris, [entry]);
    assert.deepEqual(deltaLocations(points.map((point) => ({ ...point, uris: [] }))), [
      'ldap:///CN%3DList?deltaRevocationList',
    ]);
  });
});

describe('findAuthorityAccess (RFC 5280 §4.2.2.1)', () => {
  const root = makeAuthority({ name: 'Root' });
  const accessOf = (...extraExtensions: ReturnType<typeof issuerAccess>[]) =>
    findAuthorityAccess(makeCertificate(root, { key: 'p-256', extraExtensions }).certificate);

  it('issuers and responders, each location once, in their order', () => {
    assert.deepEqual(accessOf(issuerAccess('http://b/', 'http://a/', 'http://b/')), {
      ocsp: [],
      caIssuers: ['http://b/', 'http://a/'],
    });
    assert.deepEqual(accessOf(ocspAccess('http://o/')), { ocsp: ['http://o/'], caIssuers: [] });
  });

  it('nothing, or nothing that can be read: nowhere', () => {
    const nowhere = { ocsp: [], caIssuers: [] };
    assert.deepEqual(accessOf(), nowhere);
    for (const value of ['3003020101', '3000', '0500', '3006300406022a03'].map((hex) => Buffer.from(hex, 'hex'))) {
      assert.deepEqual(accessOf({ oid: '1.3.6.1.5.5.7.1.1', critical: false, value }), nowhere);
    }
  });
});
