/** CRLs by file: taken whole or not at all, only from a known authority, never backwards. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { derSequence } from '../../src/asn1/der-writer.ts';
import { CrlSigners } from '../../src/trust/crl-signers.ts';
import { type CrlImportTerms, importCrl, listCrls, removeCrl } from '../../src/trust/crl-store.ts';
import { makeAuthority, makeCertificate, makeExtension, pemOf } from '../support/certificate-builder.ts';
import { type CrlOptions, makeCrl } from '../support/crl-builder.ts';

const HOUR = 3_600_000;
/** Set when the tests begin: the whole suite takes longer than the skew that is allowed. */
let at = new Date();
const from = (hours: number): Date => new Date(at.getTime() + hours * HOUR);

describe('CRLs by file', () => {
  const root = makeAuthority({ name: 'Root' });
  const other = makeAuthority({ name: 'Other', freshKey: true });
  const mute = makeAuthority({ name: 'Mute', keyUsage: ['keyCertSign'] });
  const signers = new CrlSigners();
  for (const { certificate } of [root, mute]) signers.add(certificate);
  let base: string;
  let folder: string;
  before(() => {
    at = new Date();
  });
  beforeEach(() => {
    base = mkdtempSync(path.join(tmpdir(), 'sealgate-crls-'));
    folder = path.join(base, 'crls');
    mkdirSync(folder);
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  const take = (octets: Buffer | string, terms: CrlImportTerms = {}) => {
    writeFileSync(path.join(base, 'in'), octets);
    return importCrl(path.join(base, 'in'), folder, signers.find, at, terms);
  };
  const problemOf = async (octets: Buffer | string): Promise<string> => {
    const result = await take(octets);
    return result.ok ? 'taken' : result.problem;
  };
  const crl = (options: CrlOptions = {}): Buffer => makeCrl(root, options);

  it('takes DER and PEM; the newer replaces the older, and never the other way', async () => {
    const first = await take(crl({ number: 4 }));
    assert.ok(first.ok && first.added);
    assert.match(path.basename(first.file), /^imported-[0-9a-f]{16}\.crl$/);
    const second = await take(pemOf('X509 CRL', crl({ number: 5 })));
    assert.ok(second.ok && second.added);
    assert.equal(second.file, first.file);
    assert.deepEqual(readdirSync(folder), [path.basename(first.file)]);
    const before = readFileSync(first.file);
    assert.match(await problemOf(crl({ number: 4 })), /^it is older than the one there/);
    assert.deepEqual(readFileSync(first.file), before);
    const again = await take(before);
    assert.ok(again.ok && !again.added);
  });

  it('says what is different in a list with the number and date of the one there, and keeps that one', async () => {
    const dates = { number: 4, thisUpdate: from(-1), nextUpdate: from(2) };
    const [one, two] = ['Ada', 'Bob'].map((name) => ({ certificate: makeCertificate(root, { name }).certificate }));
    assert.ok(one !== undefined && two !== undefined);
    const first = await take(crl({ ...dates, entries: [one] }));
    assert.ok(first.ok && first.added);
    const before = readFileSync(first.file);
    const others: readonly (readonly [CrlOptions, RegExp])[] = [
      [{ ...dates, entries: [one], nextUpdate: from(3) }, /it holds until \S+, that one until \S+/],
      [{ ...dates, entries: [] }, /it revokes 0 certificates, that one 1; it has \d+ octets/],
      [{ ...dates, entries: [two] }, /its 1 entries are others/],
      [{ ...dates, entries: [{ ...one, at: from(-9) }] }, /its 1 entries are others/],
    ];
    for (const [options, difference] of others) {
      const result = await take(crl(options));
      assert.ok(!result.ok && result.kind === 'differs', difference.source);
      assert.match(result.problem, /^it is not the list that is there with the same number and date: /);
      assert.match(result.problem, difference);
    }
    assert.deepEqual(readFileSync(first.file), before);
    const pem = await take(pemOf('X509 CRL', before));
    assert.ok(pem.ok && !pem.added, 'the same list in another form');
    const replaced = await take(crl({ ...dates, entries: [two] }), { replace: true });
    assert.ok(replaced.ok && replaced.added);
    assert.notDeepEqual(readFileSync(first.file), before);
    // never backwards, whatever is said
    const older = await take(crl({ ...dates, number: 3 }), { replace: true });
    assert.ok(!older.ok && older.kind === 'refused');
  });

  it('keeps lists of another kind or scope beside each other', async () => {
    const indirect = derSequence(Buffer.of(0x84, 1, 0xff));
    for (const options of [{}, { base: 1 }, { scope: indirect }]) assert.ok((await take(crl(options))).ok);
    assert.equal(readdirSync(folder).length, 3);
  });

  it('C29 keeps lists of two authorities of one name beside each other', async () => {
    const namesake = makeAuthority({ name: 'Root', freshKey: true });
    signers.add(namesake.certificate);
    assert.ok((await take(crl({ number: 4 }))).ok);
    const theirs = await take(makeCrl(namesake, { number: 9 }));
    assert.ok(theirs.ok && theirs.added);
    const ours = await take(crl({ number: 5 }));
    assert.ok(ours.ok && ours.added);
    assert.equal(readdirSync(folder).length, 2);
  });

  it('refuses what counts for nothing, and leaves no trace', async () => {
    const refusals: readonly (readonly [Buffer | string, RegExp])[] = [
      [makeCrl(other), /^its issuer Other is in no collection$/],
      [crl({ badSignature: true }), /^it is not signed by Root$/],
      [crl({ key: other.privateKey }), /^it is not signed by Root$/],
      [makeCrl(mute), /^Mute may not sign CRLs/],
      [crl({ extensions: [makeExtension('1.2.3.4', true, Buffer.of(5, 0))] }), /critical/],
      [crl({ thisUpdate: from(1), nextUpdate: from(2) }), /^it is from the future/],
      [crl({ nextUpdate: null }), /^it does not say until when/],
      [crl({ thisUpdate: from(-2), nextUpdate: from(-1) }), /^it is stale/],
      [crl().subarray(0, -3), /./],
      ['no CRL', /./],
      ['', /./],
    ];
    for (const [octets, problem] of refusals) assert.match(await problemOf(octets), problem);
    for (const place of ['none', '.']) {
      const unread = await importCrl(path.join(base, place), folder, signers.find, at);
      assert.equal(unread.ok ? 'taken' : unread.kind, 'unread', place);
    }
    assert.deepEqual(readdirSync(folder), []);
  });

  it('takes a stale one where that is said', async () => {
    const result = await take(crl({ thisUpdate: from(-2), nextUpdate: from(-1) }), { allowStale: true });
    assert.ok(result.ok && result.stale);
  });

  it('lists what counts and what does not, and removes by name, never outside the folder', async () => {
    await take(crl({ number: 4 }));
    writeFileSync(path.join(folder, 'alien.crl'), makeCrl(other));
    writeFileSync(path.join(folder, 'junk.crl'), 'junk');
    writeFileSync(path.join(folder, 'old.crl'), crl({ thisUpdate: from(-2), nextUpdate: from(-1) }));
    const listed = await listCrls(folder, signers.find, at);
    assert.deepEqual(
      listed.map(({ name, list, fault, stale }) => [name.slice(0, 5), list !== null, fault !== null, stale]),
      [
        ['alien', true, true, false],
        ['impor', true, false, false],
        ['junk.', false, true, false],
        ['old.c', true, false, true],
      ],
    );
    writeFileSync(path.join(base, 'keep'), 'x');
    for (const name of ['../keep', path.join(base, 'keep'), 'nothing', '.', '']) {
      assert.equal(await removeCrl(folder, name), false, name);
    }
    assert.equal(await removeCrl(folder, 'junk.crl'), true);
    assert.equal(readdirSync(folder).includes('junk.crl'), false);
    assert.equal(readFileSync(path.join(base, 'keep'), 'latin1'), 'x');
  });
});
