/** RFC 5280 §4.2.2.1: issuers that are missing are fetched where that is allowed, and what hostile answers get out of it. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RevocationOptions } from '../../src/trust/revocation-options.ts';
import { isUndecided, isUnsettled, type Trust, type TrustVerdict } from '../../src/trust/trust.ts';
import {
  type MadeCertificate,
  makeAuthority,
  makeCertificate,
  makeCertificateBundle,
} from '../support/certificate-builder.ts';
import { distributionPoints, issuerAccess, makeCrl } from '../support/crl-builder.ts';
import type { HttpBehaviour } from '../support/hostile-http.ts';
import { ldapDone, ldapEntry, startHostileLdap } from '../support/hostile-ldap.ts';
import { BOB, questionOf, RevocationHouse, saidOf } from '../support/revocation-house.ts';

const FETCHING: Partial<RevocationOptions> = {
  check: false,
  fetchIntermediates: true,
  fetchTimeoutMs: 2_000,
  validationTimeoutMs: 8_000,
};

describe('Trust with issuers to fetch', () => {
  let house: RevocationHouse;
  beforeEach(async () => {
    house = await RevocationHouse.open(FETCHING);
  });
  afterEach(() => house.close());

  const serve = (place: string, behaviour: HttpBehaviour | Buffer): void =>
    house.server.set(place, Buffer.isBuffer(behaviour) ? { kind: 'answer', body: behaviour } : behaviour);
  const authority = (issuer: MadeCertificate, name: string, ...uris: string[]): MadeCertificate =>
    makeAuthority({ issuer, name, freshKey: true, extraExtensions: uris.length === 0 ? [] : [issuerAccess(...uris)] });
  const person = (issuer: MadeCertificate, ...uris: string[]): MadeCertificate =>
    makeCertificate(issuer, {
      key: 'p-256',
      freshKey: true,
      emails: [BOB],
      extraExtensions: uris.length === 0 ? [] : [issuerAccess(...uris)],
    });
  /** Bob, below an authority that nobody brings. */
  const below = (place: string): { ca: MadeCertificate; bob: MadeCertificate } => {
    const ca = authority(house.root, 'Issuing');
    return { ca, bob: person(ca, house.server.url(place)) };
  };
  const asked = (place: string): number => house.server.asked.get(place) ?? 0;
  const pathOf = (verdict: TrustVerdict): string =>
    verdict.ok ? verdict.path.certificates.map(({ subjectName }) => subjectName).join(' < ') : saidOf(verdict);

  it('DER, certs-only, PEM: a path, and where its middle came from', async () => {
    const { ca, bob } = below('/ca');
    const other = authority(house.root, 'Other');
    for (const body of [ca.der, makeCertificateBundle([other.der, ca.der]), Buffer.from(ca.pem)]) {
      serve('/ca', body);
      const verdict = await house.ask(await house.trust({ cache: null }), bob);
      assert.equal(pathOf(verdict), `${BOB} < Issuing < Root`);
      assert.ok(verdict.ok);
      const fetched = verdict.fetched?.map(({ certificate, from }) => [certificate.sha256, from]);
      assert.deepEqual(fetched, [[ca.certificate.sha256, house.server.url('/ca')]]);
    }
  });

  it('out of a directory: every value of cACertificate', async () => {
    const { ca } = below('/');
    const server = await startHostileLdap((socket, id) => {
      const values = [authority(house.root, 'Older').der, ca.der];
      socket.write(Buffer.concat([ldapEntry(id, 'CN=x', [['cACertificate;binary', values]]), ldapDone(id)]));
    });
    try {
      const bob = person(ca, `${server.url}/CN=x?cACertificate;binary?base`);
      assert.equal(pathOf(await house.ask(await house.trust(), bob)), `${BOB} < Issuing < Root`);
      const list = person(ca, `${server.url}/CN=x?certificateRevocationList`);
      assert.match(pathOf(await house.ask(await house.trust(), list)), /^no-path/);
    } finally {
      await server.stop();
    }
  });

  it('not without the setting, not where a path is at hand, not by a judgement alone', async () => {
    const { ca, bob } = below('/ca');
    serve('/ca', ca.der);
    assert.match(saidOf(await house.ask(await house.trust({ fetchIntermediates: false }), bob)), /^no-path/);
    assert.match(saidOf(await house.ask(await house.trust({ fetch: false }), bob)), /^no-path/);
    const trust = await house.trust();
    const brought = { ...questionOf(bob), extraIntermediates: [ca.certificate] };
    await trust.prepare(brought);
    const verdict = trust.judge(brought);
    assert.ok(verdict.ok && verdict.fetched === undefined);
    assert.ok(!trust.judge(questionOf(person(ca, house.server.url('/ca')))).ok);
    assert.equal(house.server.asked.size, 0);
  });

  it('upwards, step by step, from the end entity', async () => {
    const high = authority(house.root, 'High');
    const middle = authority(high, 'Middle', house.server.url('/high'));
    const low = authority(middle, 'Low', house.server.url('/middle'));
    for (const [place, made] of [
      ['/high', high],
      ['/middle', middle],
      ['/low', low],
    ] as const)
      serve(place, made.der);
    const verdict = await house.ask(await house.trust(), person(low, house.server.url('/low')));
    assert.equal(pathOf(verdict), `${BOB} < Low < Middle < High < Root`);
    assert.ok(verdict.ok);
    assert.equal(verdict.fetched?.length, 3);
  });

  it('beginning at what is at hand: a collection that lacks one in the middle', async () => {
    const high = authority(house.root, 'High');
    const low = authority(high, 'Low', house.server.url('/high'));
    serve('/high', high.der);
    const trust = await house.trust();
    const question = { ...questionOf(person(low)), extraIntermediates: [low.certificate] };
    await trust.prepare(question);
    assert.equal(pathOf(trust.judge(question)), `${BOB} < Low < High < Root`);
  });

  it('one in place of an expired one', async () => {
    const key = makeAuthority({ freshKey: true }).privateKey;
    const past = { notBefore: new Date(Date.now() - 9e9), notAfter: new Date(Date.now() - 1e9) };
    const old = makeAuthority({ issuer: house.root, name: 'Issuing', privateKey: key, ...past });
    const renewed = makeAuthority({ issuer: house.root, name: 'Issuing', privateKey: key });
    serve('/ca', renewed.der);
    const trust = await house.trust();
    const question = { ...questionOf(person(old, house.server.url('/ca'))), extraIntermediates: [old.certificate] };
    await trust.prepare(question);
    assert.equal(pathOf(trust.judge(question)), `${BOB} < Issuing < Root`);
  });

  it('what is fetched is never an anchor', async () => {
    const stranger = makeAuthority({ name: 'Stranger', freshKey: true });
    serve('/ca', stranger.der);
    const verdict = await house.ask(await house.trust(), person(stranger, house.server.url('/ca')));
    assert.match(saidOf(verdict), /^no-path: .*Stranger is self-issued/);
    assert.ok(!isUndecided(verdict));
  });

  it('four locations a question, however many there are', async () => {
    let last = house.root;
    for (let step = 9; step > 0; step--) {
      serve(`/${step}`, last.der);
      last = authority(last, `Step ${step}`, house.server.url(`/${step}`));
    }
    serve('/0', last.der);
    const trust = await house.trust();
    const question = questionOf(person(last, house.server.url('/0')));
    await trust.prepare(question);
    assert.deepEqual([...house.server.asked.keys()], ['/0', '/1', '/2', '/3']);
    assert.ok(!trust.judge(question).ok);
  });

  it('a certificate with thousands of locations: two are asked', async () => {
    const { ca } = below('/');
    const places = Array.from({ length: 2_500 }, (_, index) => `http://127.0.0.1:${house.server.port}/${index}`);
    await house.ask(await house.trust(), person(ca, ...places));
    assert.deepEqual([...house.server.asked.keys()].sort(), ['/0', '/1']);
  });

  const HOSTILE: readonly (readonly [
    string,
    (ca: MadeCertificate) => HttpBehaviour | Buffer,
    'settled' | 'undecided',
  ])[] = [
    ['absent', () => ({ kind: 'answer', status: 404, body: Buffer.alloc(0) }), 'settled'],
    ['garbage', () => Buffer.alloc(5_000, 0x30), 'settled'],
    ['a page', () => Buffer.from('<html>no</html>'), 'settled'],
    ['an end entity', (ca) => person(ca).der, 'settled'],
    ['another CA', () => authority(makeAuthority({ freshKey: true }), 'Issuing').der, 'settled'],
    ['the certificate itself', (ca) => authority(ca, 'Issuing', 'http://127.0.0.1:1/').der, 'settled'],
    ['too large', () => ({ kind: 'giant', octets: 2_000_000, declared: false }), 'settled'],
    ['silence', () => ({ kind: 'silence' }), 'undecided'],
    ['one octet at a time', () => ({ kind: 'drip', everyMs: 20 }), 'undecided'],
    ['a reset', () => ({ kind: 'reset' }), 'undecided'],
    ['an error', () => ({ kind: 'answer', status: 503, body: Buffer.alloc(0) }), 'undecided'],
    ['a loop', () => ({ kind: 'redirect', to: '/ca' }), 'undecided'],
    ['metadata', () => ({ kind: 'redirect', to: 'http://169.254.169.254/' }), 'undecided'],
  ];
  for (const [name, behaviour, outcome] of HOSTILE) {
    it(`hostile: ${name} is ${outcome}, and not asked again at once`, async () => {
      const { ca, bob } = below('/ca');
      serve('/ca', behaviour(ca));
      const trust = await house.trust({ fetchTimeoutMs: 400 });
      const verdict = await house.ask(trust, bob);
      assert.ok(!verdict.ok);
      assert.equal(isUndecided(verdict), outcome === 'undecided', saidOf(verdict));
      assert.equal(isUnsettled(verdict), outcome === 'undecided');
      const before = asked('/ca');
      await house.ask(trust, bob);
      assert.equal(asked('/ca'), before);
    });
  }

  it('asks no private address', async () => {
    const { ca, bob } = below('/ca');
    serve('/ca', ca.der);
    assert.ok(!(await house.ask(await house.trust({ allow: [] }), bob)).ok);
    assert.equal(house.server.asked.size, 0);
  });

  it('keeps over a restart, and believes no file it finds', async () => {
    const { ca, bob } = below('/ca');
    serve('/ca', ca.der);
    assert.ok((await house.ask(await house.trust(), bob)).ok);
    serve('/ca', { kind: 'reset' });
    assert.equal(pathOf(await house.ask(await house.trust(), bob)), `${BOB} < Issuing < Root`);
    const cache = path.join(house.folder, 'cache');
    const [file = ''] = readdirSync(cache).filter((name) => name.endsWith('.issuers'));
    const forged = makeAuthority({
      issuer: house.root,
      name: 'Issuing',
      privateKey: ca.privateKey,
      badSignature: true,
    });
    for (const octets of [
      forged.der,
      makeAuthority({ name: 'Issuing', privateKey: ca.privateKey }).der,
      Buffer.from('x'),
    ]) {
      writeFileSync(path.join(cache, file), octets);
      assert.ok(!(await house.ask(await house.trust(), bob)).ok);
    }
  });

  it('locations that nobody signed close no host to revocation', async () => {
    const { ca } = below('/');
    const list = house.person([distributionPoints(house.server.url('/root.crl'))]);
    serve('/root.crl', makeCrl(house.root));
    serve('/dead', { kind: 'reset' });
    const trust = await house.trust({ check: true });
    assert.ok(!(await house.ask(trust, person(ca, house.server.url('/dead')))).ok);
    assert.match(saidOf(await house.ask(trust, list)), /^not revoked/);
  });

  it('one flight for many who wait', async () => {
    const { ca } = below('/ca');
    serve('/ca', ca.der);
    const trust = await house.trust();
    const people = Array.from({ length: 20 }, () => person(ca, house.server.url('/ca')));
    const all = await Promise.all(people.map((one) => house.ask(trust, one)));
    assert.ok(all.every(({ ok }) => ok));
    assert.equal(asked('/ca'), 1);
  });

  it('with revocation: what was fetched is asked about like everything else', async () => {
    const make = (crl: string): MadeCertificate =>
      makeAuthority({
        issuer: house.root,
        name: `CA of ${crl}`,
        freshKey: true,
        extraExtensions: [distributionPoints(house.server.url(crl))],
      });
    const [good, bad] = [make('/good.crl'), make('/bad.crl')];
    serve('/good.crl', makeCrl(house.root));
    serve('/bad.crl', makeCrl(house.root, { entries: [{ certificate: bad.certificate, reason: 2 }] }));
    serve('/good', good.der);
    serve('/bad', bad.der);
    const trust: Trust = await house.trust({ check: true });
    const verdict = await house.ask(trust, person(good, house.server.url('/good')));
    assert.ok(verdict.ok, saidOf(verdict));
    assert.match(verdict.path.revocation[1]?.text ?? '', /^not revoked/);
    assert.match(saidOf(await house.ask(trust, person(bad, house.server.url('/bad')))), /^revoked/);
  });

  it('a pipe in the cache stops nobody', async () => {
    const { execFileSync } = await import('node:child_process');
    const { createHash } = await import('node:crypto');
    const { ca, bob } = below('/ca');
    serve('/ca', ca.der);
    const cache = path.join(house.folder, 'cache');
    mkdirSync(cache);
    const name = createHash('sha256').update(house.server.url('/ca')).digest('hex');
    execFileSync('mkfifo', [path.join(cache, `${name}.issuers`)]);
    assert.ok((await house.ask(await house.trust(), bob)).ok);
  });
});
