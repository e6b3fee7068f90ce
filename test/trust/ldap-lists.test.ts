/** CRLs in directories: a real slapd for what works, a hostile server for what must not (catalogue C20, C22). */
import assert from 'node:assert/strict';
import type net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { der, derOctetString, derOid, derSequence, derSetOf } from '../../src/asn1/der-writer.ts';
import { openFetcher } from '../../src/trust/fetch.ts';
import { addressGuard } from '../../src/trust/fetch-address.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { directoryPoint, distributionPoints, makeCrl, relativePoint } from '../support/crl-builder.ts';
import { ldapDone, ldapEntry, ldapMessage, startHostileLdap } from '../support/hostile-ldap.ts';
import { needOpenLdap, OPENLDAP_BASE, type OpenLdap, startOpenLdap } from '../support/openldap.ts';
import { BOB, RevocationHouse, saidOf } from '../support/revocation-house.ts';

const DC = '0.9.2342.19200300.100.1.25';
const attribute = (type: string, text: string): Buffer => derSequence(derOid(type), der(0x0c, Buffer.from(text)));
const domain = [derSetOf([attribute(DC, 'example')]), derSetOf([attribute(DC, 'partner')])];
const nameOf = (commonName: string): Buffer => derSequence(...domain, derSetOf([attribute('2.5.4.3', commonName)]));

describe('CRLs in a directory, OpenLDAP', function () {
  this.timeout(20_000);
  let house: RevocationHouse;
  let server: OpenLdap;
  /** Its name is the base of the directory. */
  const root = makeAuthority({ subject: derSequence(...domain), freshKey: true });
  const issuing = makeAuthority({ issuer: root, name: 'Issuing', extraExtensions: [directoryPoint(nameOf('crl'))] });
  const tls = makeCertificate(root, {
    key: 'p-256',
    freshKey: true,
    names: [der(0x87, Buffer.of(127, 0, 0, 1))],
    extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'],
  });
  const person = (...extraExtensions: readonly { oid: string; critical: boolean; value: Buffer }[]) =>
    makeCertificate(root, { key: 'p-256', freshKey: true, emails: [BOB], extraExtensions });
  const eve = person(distributionPoints('ldap:///'));
  const revoking = makeCrl(root, { number: 2, entries: [{ certificate: eve.certificate, reason: 1 }] });

  before(async function () {
    needOpenLdap(this);
    house = await RevocationHouse.open({}, root);
    server = await startOpenLdap({
      people: [],
      tls: { certificate: tls.pem, key: tls.keyPem },
      authorities: [
        { name: 'crl', certificateRevocationList: [makeCrl(root)], authorityRevocationList: [makeCrl(root)] },
        { name: 'delta', deltaRevocationList: [makeCrl(root, { number: 6, base: 1 })] },
        { name: 'none' },
        { name: 'revoking', certificateRevocationList: [revoking] },
      ],
    });
  });
  after(async () => {
    await server?.stop();
    await house?.close();
  });

  const at = (name: string, what = 'certificateRevocationList;binary', url = server.url): string =>
    `${url}/cn=${name},${OPENLDAP_BASE}?${what}`;
  const saysOf = async (
    point: { oid: string; critical: boolean; value: Buffer },
    options: Parameters<RevocationHouse['trust']>[0] = {},
  ): Promise<string> => saidOf(await house.ask(await house.trust({ cache: null, ...options }), person(point)));

  it('by location: with and without ;binary, and without a name of the attribute', async () => {
    for (const what of ['certificateRevocationList;binary', 'certificateRevocationList', '']) {
      assert.match(await saysOf(distributionPoints(at('crl', what))), /^not revoked \(CRL of/, what);
    }
    assert.match(await saysOf(distributionPoints(`${at('crl')}?base?(objectClass=*)`)), /^not revoked/);
  });

  it('revoked is refused', async () => {
    const trust = await house.trust({ cache: null });
    const own = makeCertificate(root, {
      serial: BigInt(`0x${eve.certificate.serial.toString('hex')}`),
      key: 'p-256',
      emails: [BOB],
      extraExtensions: [distributionPoints(at('revoking'))],
    });
    assert.match(saidOf(await house.ask(trust, own)), /^revoked: .*keyCompromise/);
  });

  it('without a host: from the configured one, and from nobody where none is', async () => {
    const point = distributionPoints(`ldap:///cn=crl,${OPENLDAP_BASE}?certificateRevocationList?base?objectClass=*`);
    assert.match(await saysOf(point, { ldapHost: server.url, allow: [] }), /^not revoked/);
    assert.match(await saysOf(point), /^revocation-unknown/);
  });

  it('by directory name, whole and relative to the issuer', async () => {
    const whole = directoryPoint(nameOf('crl'));
    const relative = relativePoint(attribute('2.5.4.3', 'crl'));
    assert.match(await saysOf(whole, { ldapHost: server.url }), /^not revoked/);
    assert.match(await saysOf(relative, { ldapHost: server.url }), /^not revoked/);
    assert.match(await saysOf(whole), /^revocation-unknown/);
  });

  it('of an authority: authorityRevocationList too', async () => {
    const made = makeCertificate(issuing, { key: 'p-256', emails: [BOB] });
    const trust = await house.trust({ cache: null, ldapHost: server.url });
    const question = { purpose: 'encrypt', address: null, at: new Date() } as const;
    const asked = { ...question, certificate: made.certificate, extraIntermediates: [issuing.certificate] };
    await trust.prepare(asked);
    const verdict = trust.judge(asked);
    assert.ok(verdict.ok);
    assert.match(verdict.path.revocation[1]?.text ?? '', /^not revoked \(CRL of/);
    // who waited, waited for what decides; the other list comes beside it
    for (let waited = 0; trust.revocation?.lists !== 2 && waited < 10_000; waited += 20) await delay(20);
    assert.equal(trust.revocation?.lists, 2);
  });

  it('over ldaps only from a server somebody vouches for', async () => {
    const point = distributionPoints(at('crl', 'certificateRevocationList', server.tlsUrl ?? ''));
    assert.match(await saysOf(point, { ldapCa: Buffer.from(root.pem) }), /^not revoked/);
    assert.match(await saysOf(point), /^revocation-unknown/);
  });

  it('no such entry, no such attribute, another attribute, a subtree: nothing', async () => {
    for (const place of [at('nobody'), at('none'), at('crl', 'userPassword'), `${at('crl')}?sub`]) {
      assert.match(await saysOf(distributionPoints(place)), /^revocation-unknown/, place);
    }
  });

  it('a server that wants a bind gives nothing, and is not bound to', async () => {
    const shy = await startOpenLdap({
      people: [],
      bindNeeded: true,
      authorities: [{ name: 'crl', certificateRevocationList: [makeCrl(root)] }],
    });
    try {
      const fetcher = openFetcher(addressGuard(['127.0.0.0/8']), Date.now);
      const outcome = await fetcher.fetch(requestOf(at('crl', undefined, shy.url)));
      assert.deepEqual([outcome.ok, outcome.ok || outcome.kind], [false, 'absent']);
      assert.match(outcome.ok ? '' : outcome.reason, /result code/);
    } finally {
      await shy.stop();
    }
  });
});

function requestOf(url: string, timeoutMs = 10_000) {
  const entry = { attributes: ['certificateRevocationList', 'authorityRevocationList'], valuesMax: 1 };
  return { url, post: null, entry, into: null, octetsMax: 100_000, timeoutMs, etag: null, lastModified: null };
}

describe('fetch from hostile LDAP servers (C20, C22)', () => {
  const place = (url: string): string => `${url}/CN=x?certificateRevocationList`;
  const entryWith = (id: number, octets: Buffer): Buffer =>
    ldapEntry(id, 'CN=x', [['certificateRevocationList', [octets]]]);

  async function answerTo(
    behave: (socket: net.Socket, id: number) => void,
    timeoutMs = 10_000,
  ): Promise<{ said: string; kind: string; requests: number }> {
    const server = await startHostileLdap(behave);
    const fetcher = openFetcher(addressGuard(['127.0.0.0/8']), Date.now);
    try {
      const outcome = await fetcher.fetch(requestOf(place(server.url), timeoutMs));
      const said = outcome.ok ? `ok ${outcome.octets}` : outcome.reason;
      return { said, kind: outcome.ok ? 'ok' : outcome.kind, requests: server.requests() };
    } finally {
      fetcher.close();
      await server.stop();
    }
  }

  it('asks once, and takes the first value', async () => {
    const answer = await answerTo((socket, id) => {
      socket.write(Buffer.concat([entryWith(id, Buffer.from('a list')), ldapDone(id)]));
    });
    assert.deepEqual(answer, { said: 'ok a list', kind: 'ok', requests: 1 });
  });

  const drip = (socket: net.Socket, octets: Buffer): void => {
    let at = 0;
    const timer = setInterval(() => {
      if (socket.destroyed || at === octets.length) clearInterval(timer);
      else socket.write(octets.subarray(at, ++at));
    }, 20);
  };
  const endlessly = (socket: net.Socket, octets: Buffer): void => {
    const more = (): void => {
      while (!socket.destroyed && socket.write(octets));
      if (!socket.destroyed) socket.once('drain', more);
    };
    more();
  };
  const many = Array.from({ length: 100_000 }, () => Buffer.from('x'));
  const referral = (id: number): Buffer =>
    ldapMessage(
      id,
      0x65,
      der(0x0a, Buffer.of(10)),
      derOctetString(Buffer.alloc(0)),
      derOctetString(Buffer.alloc(0)),
      der(0xa3, derOctetString(Buffer.from('ldap://127.0.0.1:1/'))),
    );

  const HOSTILE: readonly (readonly [string, (socket: net.Socket, id: number) => void, RegExp, 'failed' | 'absent'])[] =
    [
      ['silence', () => {}, /no whole answer within/, 'failed'],
      [
        'one octet at a time',
        (socket, id) => drip(socket, entryWith(id, Buffer.alloc(5_000))),
        /no whole answer/,
        'failed',
      ],
      [
        'too large',
        (socket, id) => socket.write(entryWith(id, Buffer.alloc(900_000))),
        /more than \d+ octets/,
        'failed',
      ],
      [
        'two gigabytes, announced',
        (socket) => socket.write(Buffer.from('30847fffffff020101', 'hex')),
        /more than \d+ octets/,
        'failed',
      ],
      [
        '13 octets that exceed what holds them',
        (socket) => socket.write(Buffer.from('300b020101640604847fffffff', 'hex')),
        /inner length exceeds/,
        'failed',
      ],
      [
        'endless references',
        (socket, id) => endlessly(socket, ldapMessage(id, 0x73, derOctetString(Buffer.alloc(60_000)))),
        /more than 20 references|more than \d+ octets/,
        'failed',
      ],
      ['endless octets', (socket) => endlessly(socket, Buffer.alloc(65_536, 0x30)), /expected tag|more than/, 'failed'],
      [
        '10^5 values',
        (socket, id) => socket.write(ldapEntry(id, 'CN=x', [['certificateRevocationList', many]])),
        /more than 1000 elements/,
        'failed',
      ],
      [
        'another attribute',
        (socket, id) =>
          socket.write(Buffer.concat([ldapEntry(id, 'CN=x', [['userPassword', [Buffer.from('x')]]]), ldapDone(id)])),
        /not there or has no/,
        'absent',
      ],
      ['nothing', (socket, id) => socket.write(ldapDone(id)), /not there or has no/, 'absent'],
      [
        'a referral',
        (socket, id) => socket.write(referral(id)),
        /refers to another server, which is not followed/,
        'absent',
      ],
      [
        'a continuation reference',
        (socket, id) =>
          socket.write(
            Buffer.concat([ldapMessage(id, 0x73, derOctetString(Buffer.from('ldap://127.0.0.1:1/'))), ldapDone(id)]),
          ),
        /refers to another server/,
        'absent',
      ],
      ['busy', (socket, id) => socket.write(ldapDone(id, 51)), /result code 51/, 'failed'],
      ['garbage', (socket) => socket.write(Buffer.alloc(4_096, 0xa5)), /expected tag/, 'failed'],
      ['HTTP', (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), /expected tag/, 'failed'],
      ['a close', (socket) => socket.end(), /connection ended/, 'failed'],
      ['a reset', (socket) => socket.resetAndDestroy(), /ECONNRESET|connection ended|aborted/, 'failed'],
      ['an answer to somebody else', (socket, id) => socket.write(ldapDone(id + 1)), /no request of ours/, 'failed'],
      [
        'size limit exceeded behind a value',
        (socket, id) => socket.write(Buffer.concat([entryWith(id, Buffer.from('half')), ldapDone(id, 4)])),
        /result code 4/,
        'absent',
      ],
    ];
  for (const [name, behave, reason, kind] of HOSTILE) {
    it(`hostile: ${name}`, async () => {
      // only what never ends is waited for
      const answer = await answerTo(behave, String(reason).includes('no whole answer') ? 300 : 10_000);
      assert.match(answer.said, reason);
      assert.deepEqual([answer.kind, answer.requests], [kind, 1]);
    });
  }

  it('asks no private address, in any spelling, and no port of another service', async () => {
    const server = await startHostileLdap((socket, id) => void socket.write(ldapDone(id)));
    const port = new URL(server.url).port;
    const fetcher = openFetcher(addressGuard([]), Date.now);
    try {
      for (const host of [
        '127.0.0.1',
        'localhost',
        '0x7f000001',
        '0x7f.1',
        '2130706433',
        '017700000001',
        '[::1]',
        '[::ffff:127.0.0.1]',
        '127.1',
      ]) {
        const outcome = await fetcher.fetch(requestOf(`ldap://${host}:${port}/CN=x?certificateRevocationList`));
        assert.match(outcome.ok ? 'asked' : outcome.reason, /may not be asked|ENOTFOUND|EAI_/, host);
      }
      const mail = await fetcher.fetch(requestOf('ldap://8.8.8.8:25/CN=x?certificateRevocationList'));
      assert.match(mail.ok ? 'asked' : mail.reason, /port 25 may not be asked/);
      assert.equal(server.connections(), 0);
    } finally {
      fetcher.close();
      await server.stop();
    }
  });

  it('a failed host is left alone, as with HTTP', async () => {
    const server = await startHostileLdap((socket) => void socket.destroy());
    const fetcher = openFetcher(addressGuard(['127.0.0.0/8']), Date.now);
    try {
      await fetcher.fetch(requestOf(place(server.url)));
      const again = await fetcher.fetch(requestOf(place(server.url)));
      assert.match(again.ok ? 'asked' : again.reason, /failed a moment ago/);
      assert.equal(server.connections(), 1);
    } finally {
      fetcher.close();
      await server.stop();
    }
  });
});
