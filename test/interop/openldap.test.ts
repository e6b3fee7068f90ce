/** The directory against a real OpenLDAP server (RFC 4511, 4513, 4523; RFC 2798 §2.8). */
import assert from 'node:assert/strict';
import type { DirectoryOptions, SourceOptions } from '../../src/directory/directory.ts';
import { address, directoryOptions, eventually, ldapSource, stateOf, Workshop } from '../directory/directories.ts';
import { makeAuthority, makeCertificate, makeCertificateBundle } from '../support/certificate-builder.ts';
import {
  needOpenLdap,
  OPENLDAP_BASE,
  OPENLDAP_BIND,
  type OpenLdap,
  type OpenLdapOptions,
  startOpenLdap,
} from '../support/openldap.ts';

describe('directory: OpenLDAP', () => {
  const workshop = new Workshop();
  const root = makeAuthority({ name: 'Partner Root' });
  const middle = makeAuthority({ name: 'Partner Middle', issuer: root });
  const made = (email: string) => makeCertificate(middle, { emails: [email], key: 'p-256' });
  const bob = made('bob@partner.example');
  const ann = made('ann@partner.example');
  const annOld = made('ann@partner.example');
  const jim = made('jim@müller.example');
  const server = makeCertificate(root, {
    name: '127.0.0.1',
    key: 'rsa-2048',
    extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'],
    // subjectAltName of one iPAddress
    extraExtensions: [{ oid: '2.5.29.17', critical: false, value: Buffer.from('300687047f000001', 'hex') }],
  });
  const tls = { certificate: server.pem, key: server.keyPem };
  const people: OpenLdapOptions['people'] = [
    { name: 'Bob', mail: 'Bob@Partner.Example', userCertificate: [bob.der] },
    {
      name: 'Ann',
      mail: 'ann.of@elsewhere.example',
      proxyAddresses: ['SMTP:ann@partner.example', 'x500:/o=Partner/cn=ann'],
      userCertificate: [annOld.der],
      userSmimeCertificate: [makeCertificateBundle([ann.der, middle.der])],
    },
    { name: 'Jim', mail: 'jim@xn--mller-kva.example', userCertificate: [jim.der] },
    { name: 'Kim', proxyAddresses: ['smtp:kim@müller.example'], userCertificate: [jim.der] },
    { name: 'Eve', mail: 'eve@partner.example' },
    { name: 'Mal', mail: 'mal@partner.example', userSmimeCertificate: [Buffer.from('no certificate')] },
    ...Array.from({ length: 30 }, (_, i) => ({ name: `Many ${i}`, mail: 'many@partner.example' })),
  ];
  let slapd: OpenLdap;
  let now: number;

  const find = async (
    mailbox: string,
    more: Partial<Extract<SourceOptions, { kind: 'ldap' }>> = {},
    url = slapd.url,
  ) => {
    const directory = await workshop.open(options(url, more), () => now);
    return directory.find(address(mailbox));
  };
  const options = (url: string, more: Partial<Extract<SourceOptions, { kind: 'ldap' }>> = {}): DirectoryOptions => {
    return directoryOptions(ldapSource(url, { base: OPENLDAP_BASE, ...more }));
  };

  before(async function () {
    needOpenLdap(this);
    slapd = await startOpenLdap({ people, tls });
  });
  after(async () => slapd?.stop());
  beforeEach(() => {
    now = 1_800_000_000_000;
  });
  afterEach(() => workshop.clear());

  it('finds userCertificate;binary by mail, in any case', async () => {
    const { candidates, failures } = await find('BOB@partner.example');
    assert.deepEqual(failures, []);
    assert.deepEqual(
      candidates.map((c) => [c.certificate?.sha256, c.source]),
      [[bob.certificate.sha256, `ldap test server cn=Bob,${OPENLDAP_BASE}`]],
    );
  });

  it('finds userSMIMECertificate by proxyAddresses, before userCertificate, with its chain', async () => {
    const { candidates } = await find('ann@partner.example');
    assert.deepEqual(
      candidates.map((c) => c.certificate?.sha256),
      [ann, annOld].map((c) => c.certificate.sha256),
    );
    for (const c of candidates)
      assert.deepEqual(
        c.companions.map((one) => one.subjectName),
        ['Partner Middle'],
      );
  });

  it('finds A-labels and U-labels', async () => {
    assert.equal(stateOf(await find('jim@müller.example')), 'certificate');
    assert.equal(stateOf(await find('kim@xn--mller-kva.example')), 'certificate');
  });

  it('says "none" for an entry without certificate, and for an unknown mailbox', async () => {
    assert.equal(stateOf(await find('eve@partner.example')), 'none');
    assert.equal(stateOf(await find('nobody@partner.example')), 'none');
  });

  it('takes nothing in an address for a filter', async () => {
    for (const mailbox of [
      '*@partner.example',
      'b*b@partner.example',
      '"*)(mail=bob"@partner.example',
      '"\\\\2a"@partner.example',
    ]) {
      assert.equal(stateOf(await find(mailbox)), 'none', mailbox);
    }
  });

  it('says "malformed" for what is no certificate', async () => {
    assert.equal(stateOf(await find('mal@partner.example')), 'malformed');
  });

  it('fails where more entries than the limit share a mailbox', async () => {
    assert.equal(stateOf(await find('many@partner.example')), 'failure');
  });

  it('fails for a base that does not exist', async () => {
    assert.equal(stateOf(await find('bob@partner.example', { base: 'dc=nowhere' })), 'failure');
  });

  it('binds, and fails with a wrong password', async () => {
    assert.equal(stateOf(await find('bob@partner.example', { bind: OPENLDAP_BIND })), 'certificate');
    const wrong = { ...OPENLDAP_BIND, password: 'wrong' };
    assert.equal(stateOf(await find('bob@partner.example', { bind: wrong })), 'failure');
  });

  describe('TLS', () => {
    const ca = Buffer.from(root.pem);
    const foreign = Buffer.from(makeAuthority({ name: 'Somebody Else' }).pem);

    it('StartTLS with a private CA, anonymous and bound', async () => {
      assert.equal(stateOf(await find('bob@partner.example', { startTls: true, ca })), 'certificate');
      assert.equal(
        stateOf(await find('bob@partner.example', { startTls: true, ca, bind: OPENLDAP_BIND })),
        'certificate',
      );
    });

    it('ldaps with a private CA', async () => {
      const url = slapd.tlsUrl ?? assert.fail();
      assert.equal(stateOf(await find('bob@partner.example', { ca }, url)), 'certificate');
    });

    it('fails with another CA, with the system ones, and for a name that is not in the certificate', async () => {
      const url = slapd.tlsUrl ?? assert.fail();
      for (const [more, to] of [
        [{ ca: foreign, startTls: true }, slapd.url],
        [{ ca: foreign }, url],
        [{ ca: null }, url],
        [{ ca }, url.replace('127.0.0.1', 'localhost')],
      ] as const) {
        const answer = await find('bob@partner.example', more, to);
        assert.equal(stateOf(answer), 'failure');
        assert.match(answer.failures[0]?.reason ?? '', /certificate|altnames|issuer/i);
      }
    });

    it('secures and binds again when the connection is lost', async () => {
      const strict = await startOpenLdap({ people, tls, tlsNeeded: true, bindNeeded: true });
      workshop.later(() => strict.stop());
      assert.equal(
        stateOf(await find('bob@partner.example', { bind: OPENLDAP_BIND }, strict.url)),
        'failure',
        'in clear',
      );
      const directory = await workshop.open(options(strict.url, { startTls: true, ca, bind: OPENLDAP_BIND }));
      assert.equal(stateOf(await directory.find(address('bob@partner.example'))), 'certificate');
      await strict.kill();
      await strict.start();
      assert.equal(stateOf(await directory.find(address('ann@partner.example'))), 'certificate+certificate');
    });
  });

  it('killed: fails within the deadline, then at once, then recovers', async () => {
    const directory = await workshop.open(options(slapd.url), () => now);
    await directory.find(address('bob@partner.example'));
    await slapd.kill();
    try {
      const answer = await directory.find(address('ann@partner.example'));
      assert.equal(stateOf(answer), 'failure');
      assert.match(answer.failures[0]?.reason ?? '', /ECONNREFUSED|ECONNRESET|closed/);
      const again = await directory.find(address('ann@partner.example'));
      assert.match(again.failures[0]?.reason ?? '', /not asked after a failure/);
      assert.equal(stateOf(await directory.find(address('bob@partner.example'))), 'certificate', 'from the cache');
    } finally {
      await slapd.start();
    }
    assert.equal(stateOf(await directory.find(address('ann@partner.example'))), 'failure', 'the period is not over');
    now += 30_000;
    assert.equal(stateOf(await directory.find(address('ann@partner.example'))), 'certificate+certificate');
  });

  it('frozen: fails at the deadline, and recovers', async () => {
    const directory = await workshop.open({ ...options(slapd.url), deadlineMs: 500, failFastMs: 100 });
    assert.equal(stateOf(await directory.find(address('bob@partner.example'))), 'certificate');
    await slapd.freeze();
    try {
      const answer = await directory.find(address('ann@partner.example'));
      assert.match(answer.failures[0]?.reason ?? '', /no answer within 500 ms/);
    } finally {
      slapd.thaw();
    }
    await eventually(directory, 'ann@partner.example', (answer) => stateOf(answer) === 'certificate+certificate');
  });

  describe('other servers', () => {
    const own = async (more: Partial<OpenLdapOptions>): Promise<OpenLdap> => {
      const started = await startOpenLdap({ people, ...more });
      workshop.later(() => started.stop());
      return started;
    };

    it('plain userCertificate, as in Active Directory', async () => {
      const { url } = await own({ plainCertificates: true });
      const { candidates } = await find('bob@partner.example', {}, url);
      assert.deepEqual(
        candidates.map((c) => c.certificate?.sha256),
        [bob.certificate.sha256],
      );
    });

    it('one that wants a bind fails without', async () => {
      const { url } = await own({ bindNeeded: true });
      assert.equal(stateOf(await find('bob@partner.example', {}, url)), 'failure');
      assert.equal(stateOf(await find('bob@partner.example', { bind: OPENLDAP_BIND }, url)), 'certificate');
    });

    it('one with a size limit of its own fails where the answer is cut', async () => {
      const { url } = await own({ sizeLimit: 1 });
      assert.equal(stateOf(await find('many@partner.example', {}, url)), 'failure');
      assert.equal(stateOf(await find('bob@partner.example', {}, url)), 'certificate');
    });
  });
});
