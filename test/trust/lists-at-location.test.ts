/** An authority that changed its key (RFC 5280 §6.3.3): two keys under one name, both of which sign lists. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openRevocation, type RevocationChecker } from '../../src/trust/revocation-checker.ts';
import { validatePath } from '../../src/x509/path-validator.ts';
import { type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { type CrlOptions, distributionPoints, makeCrl } from '../support/crl-builder.ts';
import { BOB, RevocationHouse } from '../support/revocation-house.ts';

const HOUR = 3_600_000;

describe('lists of an authority with two keys', () => {
  let house: RevocationHouse;
  let now = Date.now();
  const checkers: RevocationChecker[] = [];
  const root = makeAuthority({ name: 'Root' });
  const renewed = () => makeAuthority({ issuer: root, name: 'Renewed', freshKey: true });
  const [before, after] = [renewed(), renewed()];

  beforeEach(async () => {
    now = Date.now();
    house = await RevocationHouse.open();
    // by it the second key is known not to be revoked, which a signer that is not in the path must be
    writeFileSync(path.join(house.folder, 'root.crl'), makeCrl(root));
  });
  afterEach(async () => {
    for (const checker of checkers.splice(0)) await checker.close();
    await house.close();
  });

  const bobOf = (issuer: MadeCertificate, ...places: readonly string[]): MadeCertificate =>
    makeCertificate(issuer, {
      key: 'p-256',
      freshKey: true,
      emails: [BOB],
      extraExtensions: [distributionPoints(...places.map((place) => house.server.url(place)))],
    });
  const revoking = (issuer: MadeCertificate, bob: MadeCertificate, more: CrlOptions = {}): Buffer =>
    makeCrl(issuer, { entries: [{ certificate: bob.certificate, reason: 1 }], number: 5, ...more });

  async function open(keys: readonly MadeCertificate[] = [before, after]): Promise<RevocationChecker> {
    const checker = await openRevocation(
      {
        check: true,
        whenUnreachable: 'refuse',
        withoutSource: 'accept',
        stalenessMaxMs: 0,
        fetchTimeoutMs: 2_000,
        validationTimeoutMs: 2_000,
        refreshMs: 24 * HOUR,
        allow: ['127.0.0.0/8'],
        crls: [path.join(house.folder, 'root.crl')],
        cache: path.join(house.folder, 'cache'),
        fetch: true,
        patient: false,
      },
      [root, ...keys].map(({ certificate }) => certificate),
      () => now,
    );
    checkers.push(checker);
    return checker;
  }

  /** `good`, or the code of the failure, from what is at hand or can be had. */
  async function judged(checker: RevocationChecker, bob: MadeCertificate): Promise<string> {
    const validate = () =>
      validatePath({
        leaf: bob.certificate,
        anchors: [root.certificate],
        intermediates: [before.certificate, after.certificate],
        at: new Date(now),
        purpose: 'encrypt',
        address: null,
        revocation: checker.judge,
      });
    await checker.prepare(validate);
    const result = validate();
    return result.ok ? 'good' : result.failure.code;
  }

  const fetchNow = (checker: RevocationChecker, place: string, body: Buffer): Promise<boolean> => {
    house.server.set(place, { kind: 'answer', body });
    return checker.crls.supply(house.server.url(place)).done;
  };

  it('each at a location of its own is used for its certificates', async () => {
    const [old, fresh] = [bobOf(before, '/before.crl'), bobOf(after, '/after.crl')];
    house.server.set('/before.crl', { kind: 'answer', body: revoking(before, old) });
    house.server.set('/after.crl', { kind: 'answer', body: makeCrl(after, { number: 2 }) });
    const checker = await open();
    assert.equal(await judged(checker, old), 'revoked');
    assert.equal(await judged(checker, fresh), 'good');
  });

  it('that of the other key at the same location makes nobody forget who is revoked, nor does a restart', async () => {
    const [old, fresh] = [bobOf(before, '/root.crl'), bobOf(after, '/root.crl')];
    const checker = await open();
    assert.equal(await fetchNow(checker, '/root.crl', revoking(before, old)), true);
    assert.equal(await fetchNow(checker, '/root.crl', makeCrl(after, { number: 1 })), true);
    assert.equal(checker.crls.listsAt(house.server.url('/root.crl')).length, 2);
    assert.equal(await judged(checker, old), 'revoked');
    assert.equal(await judged(checker, fresh), 'good');
    house.server.set('/root.crl', { kind: 'reset' });
    const restarted = await open();
    assert.equal(await judged(restarted, old), 'revoked');
    assert.equal(await judged(restarted, fresh), 'good');
  });

  it('one list for the certificates of both keys: what it revokes is revoked', async () => {
    const old = bobOf(before, '/root.crl');
    const checker = await open();
    assert.equal(await fetchNow(checker, '/root.crl', makeCrl(before, { number: 5 })), true);
    assert.equal(await judged(checker, old), 'good');
    assert.equal(await fetchNow(checker, '/root.crl', revoking(after, old, { number: 6 })), true);
    assert.equal(await judged(checker, old), 'revoked');
  });

  it('each goes when it is no longer current, and the file of a key that was not met yet is left alone', async () => {
    const old = bobOf(before, '/root.crl');
    const uri = house.server.url('/root.crl');
    const checker = await open();
    await fetchNow(checker, '/root.crl', revoking(before, old, { nextUpdate: new Date(now + HOUR) }));
    const file = path.join(house.folder, 'cache', `${createHash('sha256').update(uri).digest('hex')}.crl`);
    assert.ok(existsSync(file));
    const stranger = await open([after]);
    assert.equal(await fetchNow(stranger, '/root.crl', makeCrl(after, { number: 1 })), true);
    assert.ok(existsSync(file.replace(/\.crl$/, '.1.crl')));
    assert.equal(await judged(await open(), old), 'revoked');
    now += 2 * HOUR;
    await fetchNow(checker, '/root.crl', makeCrl(after, { number: 2 }));
    assert.equal(checker.crls.listsAt(uri).length, 1);
  });

  it('an older list, or one whose number went back, replaces none of its own key, whatever the other key signed', async () => {
    const old = bobOf(before, '/root.crl');
    const checker = await open();
    await fetchNow(checker, '/root.crl', revoking(before, old));
    await fetchNow(checker, '/root.crl', makeCrl(after, { number: 900 }));
    assert.equal(await fetchNow(checker, '/root.crl', makeCrl(before, { number: 4 })), false);
    assert.equal(await judged(checker, old), 'revoked');
    assert.equal(await fetchNow(checker, '/root.crl', makeCrl(before, { number: 6 })), true);
    assert.equal(await judged(checker, old), 'good');
    assert.equal(checker.crls.listsAt(house.server.url('/root.crl')).length, 2);
  });

  it('lists of five keys at one location: the fifth is refused, and no current one goes', async () => {
    const more = [before, after, renewed(), renewed(), renewed()];
    const checker = await open(more);
    const taken: boolean[] = [];
    for (const key of more) taken.push(await fetchNow(checker, '/root.crl', makeCrl(key)));
    assert.deepEqual(taken, [true, true, true, true, false]);
    assert.equal(checker.crls.listsAt(house.server.url('/root.crl')).length, 4);
  });
});
