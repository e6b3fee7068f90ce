/** What certificates, servers, files and clocks can do to the fetching of revocation (catalogue C20, C21). */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { addressGuard } from '../../src/trust/fetch-address.ts';
import { openRevocation, type RevocationChecker } from '../../src/trust/revocation-checker.ts';
import type { RevocationOptions } from '../../src/trust/revocation-options.ts';
import { isRefreshDue, refreshMoment } from '../../src/trust/revocation-refresh.ts';
import { validatePath } from '../../src/x509/path-validator.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { distributionPoints, makeCrl, makeOcspResponse } from '../support/crl-builder.ts';
import { HostileHttp } from '../support/hostile-http.ts';
import { BOB, questionOf, RevocationHouse, saidOf } from '../support/revocation-house.ts';

const HOUR = 3_600_000;

describe('revocation under attack', () => {
  let house: RevocationHouse;
  const checkers: RevocationChecker[] = [];
  beforeEach(async () => {
    house = await RevocationHouse.open();
  });
  afterEach(async () => {
    for (const checker of checkers.splice(0)) await checker.close();
    await house.close();
  });

  const cache = (): string => path.join(house.folder, 'cache');
  const fileOf = (uri: string): string => path.join(cache(), `${createHash('sha256').update(uri).digest('hex')}.crl`);

  it('a certificate that names 500 lists: 24 are asked', async () => {
    const names = Array.from({ length: 16 }, (_, point) =>
      Array.from({ length: 32 }, (__, name) => house.server.url(`/${point}-${name}`)),
    );
    const value = Buffer.concat(names.map((uris) => distributionPoints(...uris).value.subarray(4)));
    const { derSequence } = await import('../../src/asn1/der-writer.ts');
    const eve = house.person([{ oid: '2.5.29.31', critical: false, value: derSequence(value) }]);
    const trust = await house.trust();
    for (let time = 0; time < 3; time++) assert.ok(!(await house.ask(trust, eve)).ok);
    assert.ok(house.server.asked.size > 0 && house.server.asked.size <= 24, `${house.server.asked.size}`);
  });

  it('many slow locations of one certificate do not keep another from its list', async () => {
    const other = await HostileHttp.open('127.0.0.2');
    try {
      other.set('/crl', { kind: 'answer', body: makeCrl(house.root) });
      const slow = Array.from({ length: 24 }, (_, index) => `/slow-${index}`);
      for (const place of slow) house.server.set(place, { kind: 'silence' });
      const eve = house.person([distributionPoints(...slow.map((place) => house.server.url(place)))]);
      const bob = house.person([distributionPoints(other.url('/crl'))]);
      const trust = await house.trust({ fetchTimeoutMs: 5_000, validationTimeoutMs: 2_000 });
      void trust.prepare(questionOf(eve));
      await delay(50);
      assert.match(saidOf(await house.ask(trust, bob)), /^not revoked/);
      assert.ok(house.server.asked.size <= 6, `${house.server.asked.size} at once`);
    } finally {
      await other.close();
    }
  });

  it('who waits does not wait for the slower of two locations of one list', async () => {
    house.server.set('/slow', { kind: 'silence' });
    house.server.set('/root.crl', { kind: 'answer', body: makeCrl(house.root) });
    const eve = house.person([distributionPoints(house.server.url('/slow'), house.server.url('/root.crl'))]);
    // the slow one would take longer than the test may
    const trust = await house.trust({ fetchTimeoutMs: 3_600_000, validationTimeoutMs: 3_600_000 });
    assert.match(saidOf(await house.ask(trust, eve)), /^not revoked/);
  });

  it('"not modified" makes no stale list current', async () => {
    let now = Date.now();
    const body = makeCrl(house.root, { nextUpdate: new Date(now + HOUR) });
    house.server.set('/root.crl', { kind: 'answer', body, headers: ['etag: "1"'] });
    const checker = await open(() => now);
    const ask = async (): Promise<string> => judged(checker, now);
    assert.match(await ask(), /^good/);
    house.server.set('/root.crl', { kind: 'answer', status: 304, body: Buffer.alloc(0) });
    now += 2 * HOUR;
    assert.match(await ask(), /stale/);
    const before = house.server.asked.get('/root.crl');
    assert.match(await ask(), /stale/);
    assert.equal(house.server.asked.get('/root.crl'), before, 'not asked again at once');
  });

  it('a clock that was ahead for a moment: what failed then is asked for again', async () => {
    let now = Date.now() + 10 * 365 * 24 * HOUR;
    house.server.set('/root.crl', { kind: 'answer', status: 404, body: Buffer.alloc(0) });
    const checker = await open(() => now);
    assert.match(await judged(checker, Date.now()), /nothing from its sources/);
    now = Date.now();
    house.server.set('/root.crl', { kind: 'answer', body: makeCrl(house.root) });
    assert.match(await judged(checker, now), /^good/);
  });

  it('a moment to renew that another clock chose has come', () => {
    const now = Date.now();
    const [from, to] = [new Date(now), new Date(now + 24 * HOUR)];
    const moment = refreshMoment(now, from, to, HOUR, 1);
    assert.ok(!isRefreshDue(moment, now, HOUR));
    assert.ok(isRefreshDue(moment, now + HOUR, HOUR));
    assert.ok(isRefreshDue(moment, now - 24 * HOUR, HOUR));
  });

  it('a list of before a restart is due for renewal as soon as it would have been', async () => {
    const uri = house.server.url('/root.crl');
    house.server.set('/root.crl', { kind: 'answer', body: makeCrl(house.root) });
    const fresh = await open(Date.now, { cache: cache() });
    assert.match(await judged(fresh, Date.now()), /^good/);
    assert.deepEqual(fresh.crls.due(), []);
    const young = await open(Date.now, { cache: cache(), refreshMs: HOUR });
    assert.match(await judged(young, Date.now()), /^good/);
    assert.deepEqual(young.crls.due(), []);
    const stored = new Date(Date.now() - HOUR);
    utimesSync(fileOf(uri), stored, stored);
    const old = await open(Date.now, { cache: cache(), refreshMs: HOUR });
    assert.match(await judged(old, Date.now()), /^good/);
    assert.deepEqual(old.crls.due(), [uri]);
  });

  it('slow sources keep no list by hand from being read', async () => {
    const file = path.join(house.folder, 'by-hand.crl');
    const slow = house.person([distributionPoints(house.server.url('/slow'))]);
    house.server.set('/slow', { kind: 'answer', body: makeCrl(house.root) });
    writeFileSync(file, makeCrl(house.root));
    const trust = await house.trust({ refreshMs: 40, crls: [file], fetchTimeoutMs: HOUR });
    assert.match(saidOf(await house.ask(trust, slow)), /^not revoked/);
    house.server.set('/slow', { kind: 'silence' });
    const before = house.server.asked.get('/slow') ?? 0;
    for (let wait = 0; wait < 200 && (house.server.asked.get('/slow') ?? 0) === before; wait++) await delay(20);
    writeFileSync(
      file,
      makeCrl(house.root, { number: 2, entries: [{ certificate: house.bob.certificate, reason: 1 }] }),
    );
    let said = '';
    for (let wait = 0; wait < 200 && !said.startsWith('revoked'); wait++) {
      await delay(20);
      said = saidOf(trust.judge(questionOf(house.bob)));
    }
    assert.match(said, /^revoked/);
  });

  it('a pipe, a folder, a loop of links in the place of a stored list stop nobody', async () => {
    house.server.set('/root.crl', { kind: 'answer', body: makeCrl(house.root) });
    mkdirSync(cache());
    const file = fileOf(house.server.url('/root.crl'));
    execFileSync('mkfifo', [file]);
    assert.match(saidOf(await house.ask(await house.trust())), /^not revoked/);
    execFileSync('rm', ['-f', file]);
    symlinkSync(file, file);
    assert.match(saidOf(await house.ask(await house.trust())), /^not revoked/);
    execFileSync('rm', ['-f', file]);
    mkdirSync(file);
    // it cannot be replaced, so the list goes beside; nobody hangs, and nothing is left behind
    assert.match(saidOf(await house.ask(await house.trust())), /^not revoked/);
    assert.deepEqual(
      readdirSync(cache()).filter((name) => name.endsWith('.new')),
      [],
    );
  });

  it('an answer of OCSP to another request is not taken, nor one that was replayed over a newer', async () => {
    const eve = house.withOcsp('/ocsp');
    const nonce = Buffer.alloc(32, 7);
    const answer = (options: Parameters<typeof makeOcspResponse>[2]) => () =>
      makeOcspResponse(eve.certificate, house.root, options);
    house.server.set('/ocsp', { kind: 'reply', to: answer({ nonce }) });
    assert.match(saidOf(await house.ask(await house.trust(), eve)), /^revocation-unknown/);
    house.server.set('/ocsp', { kind: 'reply', to: answer({ state: 'revoked' }) });
    const trust = await house.trust({ refreshMs: 40, cache: null });
    assert.match(saidOf(await house.ask(trust, eve)), /^revoked/);
    house.server.set('/ocsp', { kind: 'reply', to: answer({ thisUpdate: new Date(Date.now() - HOUR) }) });
    const before = house.server.asked.get('/ocsp') ?? 0;
    for (let wait = 0; wait < 200 && (house.server.asked.get('/ocsp') ?? 0) === before; wait++) await delay(20);
    await delay(20);
    assert.match(saidOf(trust.judge(questionOf(eve))), /^revoked/);
  });

  it('a genuine list of others in place of the one at hand makes nobody forget who is revoked', async () => {
    const other = makeAuthority({ name: 'Other' });
    writeFileSync(path.join(house.folder, 'root.pem'), house.root.pem + other.pem);
    const entries = [{ certificate: house.bob.certificate }];
    const newer = { number: 9, thisUpdate: new Date(Date.now() + 1_000) };
    // one point is, but for the outer header, an issuingDistributionPoint
    const scope = distributionPoints('http://elsewhere.example/partition').value.subarray(2);
    const others = {
      issuer: makeCrl(other, newer),
      delta: makeCrl(house.root, { ...newer, base: 1 }),
      partition: makeCrl(house.root, { ...newer, scope }),
    };
    for (const [name, body] of Object.entries(others)) {
      house.server.set('/root.crl', { kind: 'answer', body: makeCrl(house.root, { entries, number: 3 }) });
      const trust = await house.trust({ refreshMs: 40, cache: null, whenUnreachable: 'accept', patient: true });
      assert.match(saidOf(await house.ask(trust)), /^revoked/, name);
      house.server.set('/root.crl', { kind: 'answer', body });
      const before = house.server.asked.get('/root.crl') ?? 0;
      for (let wait = 0; wait < 200 && (house.server.asked.get('/root.crl') ?? 0) < before + 1; wait++) await delay(20);
      await delay(50);
      assert.match(saidOf(trust.judge(questionOf(house.bob))), /^revoked/, name);
    }
  });

  it('our own public addresses are not asked', () => {
    const guard = addressGuard([], () => ['8.8.8.8', '2a00:1450::1']);
    for (const address of ['8.8.8.8', '2a00:1450::1', '2a00:1450:0:0::0001', '::ffff:8.8.8.8']) {
      assert.equal(guard.isAllowed(address), false, address);
    }
    assert.equal(guard.isAllowed('8.8.4.4'), true);
    assert.equal(addressGuard(['8.8.8.8/32'], () => ['8.8.8.8']).isAllowed('8.8.8.8'), true);
    for (const port of [25, 22, 110, 143, 587, 0]) assert.equal(guard.isAllowedPort(port), false, `${port}`);
    for (const port of [80, 443, 389, 636, 8080]) assert.equal(guard.isAllowedPort(port), true, `${port}`);
  });

  const open = (now: () => number, more: Partial<RevocationOptions> = {}): Promise<RevocationChecker> =>
    openRevocation(
      {
        check: true,
        whenUnreachable: 'refuse',
        withoutSource: 'accept',
        stalenessMaxMs: 0,
        fetchTimeoutMs: 5_000,
        validationTimeoutMs: 10_000,
        refreshMs: 24 * HOUR,
        allow: ['127.0.0.0/8'],
        crls: [],
        cache: null,
        fetch: true,
        patient: false,
        ...more,
      },
      [house.root.certificate],
      now,
    ).then((checker) => {
      checkers.push(checker);
      return checker;
    });

  /** `good`, or the text of the failure. */
  async function judged(checker: RevocationChecker, at: number): Promise<string> {
    const request = {
      leaf: house.bob.certificate,
      anchors: [house.root.certificate],
      intermediates: [],
      at: new Date(at),
      purpose: 'encrypt',
      address: null,
    } as const;
    const validate = () => validatePath({ ...request, revocation: checker.judge });
    await checker.prepare(validate);
    const result = validate();
    return result.ok ? 'good' : result.failure.text;
  }
});

describe('signers of CRLs', () => {
  it('are not pushed out by namesakes of another authority', async () => {
    const house = await RevocationHouse.open();
    try {
      house.server.set('/root.crl', { kind: 'answer', body: makeCrl(house.root) });
      const trust = await house.trust();
      for (let index = 0; index < 40; index++) {
        const namesake = makeAuthority({ issuer: house.root, name: 'Root', freshKey: true });
        const eve = makeCertificate(namesake, { key: 'p-256', emails: [BOB] });
        trust.judge({ ...questionOf(eve), extraIntermediates: [namesake.certificate] });
      }
      assert.match(saidOf(await house.ask(trust)), /^not revoked/);
    } finally {
      await house.close();
    }
  });
});
