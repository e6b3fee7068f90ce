/** Revocation behind `Trust`: what is fetched, kept, renewed and refused, and that nobody waits who need not. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { trimCache } from '../../src/trust/revocation-cache.ts';
import { makeAuthority } from '../support/certificate-builder.ts';
import { makeCrl, makeOcspError, makeOcspResponse } from '../support/crl-builder.ts';
import { questionOf, RevocationHouse, saidOf } from '../support/revocation-house.ts';

const HOUR = 3_600_000;
const ago = (ms: number): Date => new Date(Date.now() - ms);

describe('Trust with revocation', () => {
  let house: RevocationHouse;
  beforeEach(async () => {
    house = await RevocationHouse.open();
  });
  afterEach(() => house.close());

  const serve = (octets: Buffer): void => house.server.set('/root.crl', { kind: 'answer', body: octets });
  const revoking = (...made: (typeof house.bob)[]): Buffer =>
    makeCrl(house.root, { number: 9, entries: made.map(({ certificate }) => ({ certificate, reason: 1 })) });

  it('good, with the evidence; asked once for all who are in the same list', async () => {
    serve(makeCrl(house.root));
    const trust = await house.trust();
    assert.match(saidOf(await house.ask(trust)), /^not revoked \(CRL of \d{4}-\d\d-\d\d \d\d:\d\d UTC\)$/);
    const eve = house.person(house.bob.certificate.extensions.filter(({ oid }) => oid === '2.5.29.31'));
    assert.match(saidOf(trust.judge(questionOf(eve))), /^not revoked/);
    assert.equal(house.server.asked.get('/root.crl'), 1);
    assert.equal(trust.revocation?.lists, 1);
  });

  it('revoked, by CRL and by OCSP', async () => {
    serve(revoking(house.bob));
    const trust = await house.trust();
    assert.match(saidOf(await house.ask(trust)), /^revoked: .*keyCompromise/);
    const eve = house.withOcsp('/ocsp');
    house.server.set('/ocsp', {
      kind: 'reply',
      to: () => makeOcspResponse(eve.certificate, house.root, { state: 'revoked' }),
    });
    assert.match(saidOf(await house.ask(trust, eve)), /^revoked: .*OCSP response/);
  });

  it('OCSP answers where the CRL does not come; its garbage is never kept', async () => {
    const eve = house.withOcsp('/ocsp', '/gone.crl');
    const trust = await house.trust();
    house.server.set('/ocsp', { kind: 'reply', to: () => makeOcspError(3) });
    assert.match(saidOf(await house.ask(trust, eve)), /^revocation-unknown/);
    assert.equal(trust.revocation?.responses, 0);
    const again = await house.trust();
    house.server.set('/ocsp', { kind: 'reply', to: () => makeOcspResponse(eve.certificate, house.root) });
    assert.match(saidOf(await house.ask(again, eve)), /^not revoked \(OCSP response of/);
  });

  it('unreachable: refused as undecided, or accepted and counted', async () => {
    house.server.set('/root.crl', { kind: 'silence' });
    const hard = await house.trust();
    assert.match(saidOf(await house.ask(hard)), /^revocation-unknown: .*may be revoked/);
    const soft = await house.trust({ whenUnreachable: 'accept' });
    assert.match(saidOf(soft.judge(questionOf(house.bob))), /^may be revoked: nothing from its sources/);
    assert.equal(soft.revocation?.unknownAccepted, 1);
  });

  it('names no source: accepted and said', async () => {
    const eve = house.person([]);
    assert.match(saidOf(await house.ask(await house.trust(), eve)), /^not checked: it names neither/);
    assert.match(saidOf(await house.ask(await house.trust({ withoutSource: 'refuse' }), eve)), /^revocation-unknown/);
  });

  it('fetches nothing for a certificate whose signature does not verify (C20)', async () => {
    serve(makeCrl(house.root));
    const forger = makeAuthority({ name: 'Root', freshKey: true });
    const other = await RevocationHouse.open();
    try {
      const forged = { ...house.bob, certificate: other.bob.certificate };
      assert.notEqual(forger.certificate.sha256, house.root.certificate.sha256);
      const verdict = await house.ask(await house.trust(), forged);
      assert.ok(!verdict.ok);
      await delay(50);
      assert.equal(other.server.asked.size, 0);
    } finally {
      await other.close();
    }
  });

  it('keeps over a restart, and believes no file it finds', async () => {
    serve(makeCrl(house.root));
    await house.ask(await house.trust());
    house.server.set('/root.crl', { kind: 'reset' });
    assert.match(saidOf(await house.ask(await house.trust())), /^not revoked/);
    const cache = path.join(house.folder, 'cache');
    const [file = ''] = readdirSync(cache).filter((name) => name.endsWith('.crl'));
    writeFileSync(path.join(cache, file), makeCrl(house.root, { badSignature: true }));
    assert.match(saidOf(await house.ask(await house.trust())), /^revocation-unknown/);
    writeFileSync(path.join(cache, file), 'garbage');
    assert.match(saidOf(await house.ask(await house.trust())), /^revocation-unknown/);
  });

  it('accept: what lies on disk is read before the unknown is accepted', async () => {
    serve(revoking(house.bob));
    await house.ask(await house.trust());
    house.server.set('/root.crl', { kind: 'silence' });
    const soft = await house.trust({ whenUnreachable: 'accept' });
    assert.match(saidOf(await house.ask(soft)), /^revoked/);
  });

  it('the cache is held to its size, the oldest first', async () => {
    const cache = path.join(house.folder, 'cache');
    mkdirSync(cache);
    for (const [index, name] of ['a.crl', 'b.ocsp', 'c.crl', 'other'].entries()) {
      writeFileSync(path.join(cache, name), Buffer.alloc(100));
      utimesSync(path.join(cache, name), index, index);
    }
    await trimCache(cache, 200);
    assert.deepEqual(readdirSync(cache).sort(), ['b.ocsp', 'c.crl', 'other']);
    await trimCache(cache, 200, 1);
    assert.deepEqual(readdirSync(cache).sort(), ['c.crl', 'other']);
  });

  it('forged, stale and older lists replace nothing', async () => {
    serve(revoking(house.bob));
    const trust = await house.trust({ refreshMs: 40 });
    assert.match(saidOf(await house.ask(trust)), /^revoked/);
    for (const [name, octets] of Object.entries({
      forged: makeCrl(house.root, { number: 10, badSignature: true }),
      stale: makeCrl(house.root, { number: 10, thisUpdate: ago(2 * HOUR), nextUpdate: ago(HOUR) }),
      older: makeCrl(house.root, { number: 8, thisUpdate: ago(2 * HOUR) }),
      garbage: Buffer.alloc(500, 0x30),
    })) {
      serve(octets);
      const before = house.server.asked.get('/root.crl') ?? 0;
      const next = await house.trust({ refreshMs: 40 });
      assert.match(saidOf(await house.ask(next)), /^revoked/, name);
      for (let wait = 0; wait < 100 && house.server.asked.get('/root.crl') === before; wait++) await delay(20);
      await delay(20);
      assert.match(saidOf(next.judge(questionOf(house.bob))), /^revoked/, name);
    }
  });

  it('is renewed in the background: revoked meanwhile is refused from then on, without a new process', async () => {
    serve(makeCrl(house.root));
    const trust = await house.trust({ refreshMs: 40 });
    assert.match(saidOf(await house.ask(trust)), /^not revoked/);
    serve(revoking(house.bob));
    let said = '';
    for (let wait = 0; wait < 200 && !said.startsWith('revoked'); wait++) {
      await delay(20);
      said = saidOf(trust.judge(questionOf(house.bob)));
    }
    assert.match(said, /^revoked/);
  });

  it('past its end: counts for staleness-max while nothing newer comes, then no longer', async () => {
    const octets = makeCrl(house.root, { thisUpdate: ago(3 * HOUR), nextUpdate: ago(HOUR) });
    const crls = path.join(house.folder, 'crls');
    mkdirSync(crls);
    writeFileSync(path.join(crls, 'root.crl'), octets);
    house.server.set('/root.crl', { kind: 'reset' });
    const patient = await house.trust({ crls: [crls], stalenessMaxMs: 2 * HOUR });
    assert.match(saidOf(await house.ask(patient)), /^not revoked \(CRL of .*stale since/);
    const strict = await house.trust({ crls: [crls], stalenessMaxMs: HOUR / 2 });
    assert.match(saidOf(await house.ask(strict)), /^revocation-unknown: .*stale since/);
  });

  it('CRLs brought by hand count, and changes of them too', async () => {
    const file = path.join(house.folder, 'by-hand.pem');
    const pem = (octets: Buffer) => `-----BEGIN X509 CRL-----\n${octets.toString('base64')}\n-----END X509 CRL-----\n`;
    writeFileSync(file, pem(makeCrl(house.root)));
    const trust = await house.trust({ crls: [file], refreshMs: 40, fetch: false });
    assert.match(saidOf(trust.judge(questionOf(house.bob))), /^not revoked/);
    assert.equal(trust.revocation?.lists, 1);
    writeFileSync(file, pem(revoking(house.bob)));
    let said = '';
    for (let wait = 0; wait < 200 && !said.startsWith('revoked'); wait++) {
      await delay(20);
      said = saidOf(trust.judge(questionOf(house.bob)));
    }
    assert.match(said, /^revoked/);
  });

  it('one flight for many who wait', async () => {
    serve(makeCrl(house.root));
    const trust = await house.trust();
    const all = await Promise.all(Array.from({ length: 20 }, () => house.ask(trust)));
    assert.ok(all.every(({ ok }) => ok));
    assert.equal(house.server.asked.get('/root.crl'), 1);
  });

  it('delta CRLs are got beside, and count once they are there', async () => {
    const { der, derContext, derSequence } = await import('../../src/asn1/der-writer.ts');
    const { makeExtension } = await import('../support/certificate-builder.ts');
    const uri = Buffer.from(house.server.url('/delta.crl'));
    const freshest = derSequence(derSequence(derContext(0, derContext(0, der(0x86, uri)))));
    serve(makeCrl(house.root, { number: 5, extensions: [makeExtension('2.5.29.46', false, freshest)] }));
    const entries = [{ certificate: house.bob.certificate, reason: 4 }];
    house.server.set('/delta.crl', { kind: 'answer', body: makeCrl(house.root, { number: 6, base: 5, entries }) });
    const trust = await house.trust();
    let said = saidOf(await house.ask(trust));
    for (let wait = 0; wait < 200 && !said.startsWith('revoked'); wait++) {
      await delay(20);
      said = saidOf(trust.judge(questionOf(house.bob)));
    }
    assert.match(said, /^revoked: .*superseded.*delta CRL/);
  });
});
