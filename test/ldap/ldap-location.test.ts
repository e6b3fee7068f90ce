/** RFC 4516 locations as certificates name them, and every one that is not followed. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isLdapLocation, parseLdapLocation } from '../../src/ldap/ldap-location.ts';

function reasonOf(text: string): string {
  const reading = parseLdapLocation(text);
  return reading.ok ? 'accepted' : reading.reason;
}

function read(text: string) {
  const reading = parseLdapLocation(text);
  if (!reading.ok) throw new Error(`${text}: ${reading.reason}`);
  return { ...reading.location, dn: reading.location.dn.toString() };
}

describe('parseLdapLocation', () => {
  it('host, port, entry, attribute without its options', () => {
    const entry = { dn: 'CN=Root,O=Bank', attribute: 'certificaterevocationlist' };
    const plain = { ...entry, secure: false, port: 389 };
    assert.deepEqual(read('ldap://ca.example/CN=Root,O=Bank?certificateRevocationList;binary'), {
      ...plain,
      host: 'ca.example',
    });
    assert.deepEqual(read('LDAPS://ca.example./CN=Root,O=Bank?certificateRevocationList'), {
      ...entry,
      secure: true,
      port: 636,
      host: 'ca.example.',
    });
    assert.deepEqual(read('ldap://[2001:db8::1]:3890/CN=Root,O=Bank?certificateRevocationList?base?(cn=*)'), {
      ...plain,
      port: 3890,
      host: '2001:db8::1',
    });
  });

  it('of Active Directory: no host, percent signs, a filter', () => {
    const text =
      'ldap:///CN=Corp%20CA(1),CN=pki,CN=CDP,CN=Public%20Key%20Services,CN=Services,CN=Configuration,DC=corp,DC=test' +
      '?certificateRevocationList?base?objectClass=cRLDistributionPoint';
    const dn = 'CN=Corp CA(1),CN=pki,CN=CDP,CN=Public Key Services,CN=Services,CN=Configuration,DC=corp,DC=test';
    const attribute = 'certificaterevocationlist';
    assert.deepEqual(read(text), { secure: false, host: null, port: 389, dn, attribute });
  });

  it('without an attribute, and with octets that should have been percent signs', () => {
    assert.equal(read('ldap://a/CN=x').attribute, null);
    assert.equal(read('ldap://a/CN=My CA,O=#04024869').dn, 'CN=My CA,O=#04024869');
    assert.equal(read(`ldap://a/CN=${Buffer.from('Zürich').toString('latin1')}`).dn, 'CN=Zürich');
    assert.equal(read('ldap://a/CN=Z%c3%BCrich').dn, 'CN=Zürich');
  });

  it('refuses subtrees, several attributes, critical extensions, names of users, hosts that are none', () => {
    const place = 'ldap://a/CN=x?certificateRevocationList';
    assert.match(reasonOf(`${place}?sub`), /scope sub/);
    assert.match(reasonOf(`${place}?one`), /scope one/);
    assert.match(reasonOf(`${place}?base??!bindname=cn=x`), /critical extension/);
    assert.equal(reasonOf(`${place}?base??x-other=1`), 'accepted');
    assert.match(reasonOf('ldap://a/CN=x?cn,sn'), /no single attribute/);
    assert.match(reasonOf('ldap://a/CN=x?*'), /no single attribute/);
    for (const authority of ['me:secret@a', 'a:99999', 'a:0', 'a:', '[::1', 'a b', '-a', 'a%2eb', '::1']) {
      assert.match(reasonOf(`ldap://${authority}/CN=x`), /no host that can be asked/, authority);
    }
    assert.match(reasonOf('ldap://a/'), /names no entry/);
    assert.match(reasonOf('ldap://a'), /names no entry/);
    assert.match(reasonOf('ldap://a/CN=%4'), /names no entry/);
    assert.match(reasonOf('ldap://a/CN=x\r\n'), /control characters/);
    assert.match(reasonOf(`ldap://a/CN=${'x'.repeat(4096)}`), /location of/);
    assert.match(reasonOf('http://a/'), /no LDAP URL/);
  });

  it('answers anything, and what it takes for LDAP begins so', () => {
    fc.assert(
      fc.property(fc.string(), fc.webUrl(), (tail, url) => {
        for (const text of [tail, `ldap://${tail}`, `ldap:///${tail}`, url]) {
          if (parseLdapLocation(text).ok) assert.ok(isLdapLocation(text));
        }
      }),
    );
  });
});
