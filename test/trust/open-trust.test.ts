/** CA collections: what opens, what is refused by name, and that verdicts stay where they belong (catalogue C29). */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Address, parseAddress } from '../../src/address.ts';
import { derSequence } from '../../src/asn1/der-writer.ts';
import { openTrust } from '../../src/trust/open-trust.ts';
import { isUndecided, isUnsettled, type Trust, type TrustQuestion, type TrustVerdict } from '../../src/trust/trust.ts';
import { EXTENSION } from '../../src/x509/certificate-oids.ts';
import {
  type MadeCertificate,
  makeAuthority,
  makeCertificate,
  makeCertificateBundle,
  pemOf,
} from '../support/certificate-builder.ts';

const DAY = 86_400_000;
const at = new Date();
const root = makeAuthority({ name: 'Root', key: 'rsa-2048' });
const middle = makeAuthority({ name: 'Middle', issuer: root, notAfter: new Date(at.getTime() + 400 * DAY) });
const ada = makeCertificate(middle, { name: 'Ada', key: 'p-256', emails: ['ada@example.com'] });
const adaAddress = parseAddress('ada@example.com');

let folder = '';
let count = 0;

/** A new folder with these files. */
async function folderOf(files: Record<string, Buffer | string>): Promise<string> {
  const made = path.join(folder, `collection-${count++}`);
  await mkdir(made);
  for (const [name, content] of Object.entries(files)) await writeFile(path.join(made, name), content);
  return made;
}

async function trustOf(files: Record<string, Buffer | string>, when = at): Promise<Trust> {
  const opened = await openTrust({ default: await folderOf(files) }, when);
  assert.ok(opened.ok, opened.ok ? '' : opened.mistakes.join('\n'));
  return opened.trust;
}

async function mistakesOf(files: Record<string, Buffer | string>): Promise<readonly string[]> {
  const opened = await openTrust({ default: await folderOf(files) }, at);
  return opened.ok ? [] : opened.mistakes;
}

function ask(trust: Trust, leaf: MadeCertificate, more: Partial<TrustQuestion> = {}): TrustVerdict {
  return trust.judge({
    certificate: leaf.certificate,
    purpose: 'encrypt',
    address: adaAddress,
    at,
    extraIntermediates: [],
    ...more,
  });
}

const codeOf = (verdict: TrustVerdict): string => (verdict.ok ? 'ok' : verdict.failure.code);

describe('openTrust', () => {
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'sealgate-trust-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('sorts anchors from intermediates in PEM, DER and PKCS #7, in a folder or a file', async () => {
    const bundle = makeCertificateBundle([root.der, middle.der]);
    const opened = [
      await trustOf({ 'a.pem': root.pem + middle.pem }),
      await trustOf({ 'a.crt': root.der, 'b.cer': middle.der, '.hidden': 'x' }),
      await trustOf({ 'a.p7b': bundle }),
      await trustOf({ 'a.p7b': pemOf('PKCS7', bundle), 'again.pem': root.pem }),
    ];
    const file = path.join(await folderOf({ 'ca.pem': root.pem + middle.pem }), 'ca.pem');
    const fromFile = await openTrust({ default: file }, at);
    assert.ok(fromFile.ok);
    for (const trust of [...opened, fromFile.trust]) {
      const [facts, ...none] = trust.collections;
      assert.deepEqual(none, []);
      assert.deepEqual([facts?.name, facts?.anchors, facts?.intermediates], ['default', 1, 1]);
      assert.match(facts?.version ?? '', /^[0-9a-f]{64}$/);
      assert.equal(facts?.version, opened[0]?.collections[0]?.version);
      assert.deepEqual(facts?.earliestExpiry, root.certificate.notAfter);
      assert.equal(codeOf(ask(trust, ada)), 'ok');
    }
    assert.notEqual((await trustOf({ 'a.pem': root.pem })).collections[0]?.version, opened[0]?.collections[0]?.version);
  });

  it('refuses by name: end entities, other content, SST, expired authorities; all at once', async () => {
    const expired = makeAuthority({
      name: 'Gone',
      notBefore: new Date(at.getTime() - 9 * DAY),
      notAfter: new Date('2020-02-03'),
    });
    const mistakes = await mistakesOf({
      'good.pem': root.pem,
      'ada.pem': ada.pem,
      'readme.txt': 'hello',
      'key.pem': ada.keyPem,
      'store.sst': 'x',
      'other.bin': Buffer.from('\0\0\0\0CERT....', 'latin1'),
      'gone.pem': expired.pem,
    });
    const expectations: [string, RegExp][] = [
      ['ada.pem', /CN=Ada is not a CA certificate/],
      ['readme.txt', /neither PEM nor DER/],
      ['key.pem', /PRIVATE KEY is not a certificate/],
      ['store.sst', /neither PEM nor DER/],
      ['other.bin', /cut short at octet 8/],
      ['gone.pem', /CN=Gone expired 2020-02-03/],
    ];
    assert.equal(mistakes.length, expectations.length, mistakes.join('\n'));
    for (const [file, text] of expectations) {
      assert.ok(
        mistakes.some((one) => one.includes(file) && text.test(one)),
        `${file}: ${mistakes.join('\n')}`,
      );
    }
  });

  it('refuses an empty folder, a missing one, and a folder in a folder', async () => {
    assert.match((await mistakesOf({ '.hidden': root.pem }))[0] ?? '', /holds no CA certificate/);
    const missing = await openTrust({ default: path.join(folder, 'nowhere') }, at);
    assert.match(missing.ok ? '' : (missing.mistakes[0] ?? ''), /cannot be read/);
    const outer = await folderOf({ 'a.pem': root.pem });
    await mkdir(path.join(outer, 'more'));
    const nested = await openTrust({ default: outer }, at);
    assert.match(nested.ok ? '' : (nested.mistakes[0] ?? ''), /more cannot be read: /);
  });

  it('an empty collection where that is allowed: undecided for whom it is asked, and nobody else', async () => {
    const options = {
      default: await folderOf({ 'a.pem': root.pem }),
      named: [{ name: 'bank', from: await folderOf({ '.hidden': root.pem }), onlyFor: ['bank.example'] }],
    };
    const strict = await openTrust(options, at);
    assert.match(strict.ok ? '' : strict.mistakes.join(), /holds no CA certificate/);
    const opened = await openTrust(options, at, true);
    assert.ok(opened.ok);
    const { trust } = opened;
    const stranger = makeAuthority({ name: 'Stranger', freshKey: true });
    const askFor = (issuer: MadeCertificate, email: string): TrustVerdict =>
      ask(trust, makeCertificate(issuer, { key: 'p-256', emails: [email] }), { address: parseAddress(email) });
    const missing = askFor(stranger, 'bob@bank.example');
    assert.ok(!missing.ok && missing.empty === 'bank' && isUndecided(missing) && !isUnsettled(missing));
    assert.match(missing.failure.text, /^collection bank is empty/);
    assert.ok(askFor(root, 'bob@bank.example').ok, 'the default collection vouches');
    const other = askFor(stranger, 'eve@evil.example');
    assert.ok(!other.ok && other.empty === undefined && !isUndecided(other));
    // one that cannot be read is no empty one, nor is one that holds something else
    for (const from of [
      path.join(folder, 'nowhere'),
      await folderOf({ 'a.pem': '' }),
      await folderOf({ 'a.pem': 'x' }),
    ]) {
      const refused = await openTrust({ ...options, default: from }, at, true);
      assert.ok(!refused.ok, from);
    }
    await trust.close();
  });

  it('warns of authorities that expire soon and of those no path can go through', async () => {
    const soon = makeAuthority({ name: 'Soon', notAfter: new Date(at.getTime() + 9 * DAY) });
    const constraints = { oid: EXTENSION.nameConstraints, critical: true, value: derSequence() };
    const limited = makeAuthority({ name: 'Limited', extraExtensions: [constraints] });
    const weak = makeAuthority({ name: 'Weak', key: 'rsa-1024' });
    const opened = await openTrust({ default: await folderOf({ 'a.pem': soon.pem + limited.pem + weak.pem }) }, at);
    assert.ok(opened.ok);
    assert.match(opened.warnings.join('\n'), /CN=Soon expires/);
    assert.match(opened.warnings.join('\n'), /CN=Limited vouches for nobody: Limited: constraints .* cannot be read/);
    assert.match(opened.warnings.join('\n'), /CN=Weak vouches for nobody: .*1024/);
    assert.equal(opened.warnings.length, 3);
  });

  it('says that revocation was not checked, and which collection vouched', async () => {
    const verdict = ask(await trustOf({ 'a.pem': root.pem + middle.pem }), ada);
    assert.ok(verdict.ok);
    assert.deepEqual([verdict.collection, verdict.revocation], ['default', 'not checked']);
    assert.equal(verdict.path.certificates.length, 3);
  });

  it('C7 nothing is encrypted to a point off its curve: key-kind', async () => {
    const trust = await trustOf({ 'a.pem': root.pem + middle.pem });
    const spki = Buffer.from(ada.certificate.spki);
    spki[spki.length - 1] = (spki[spki.length - 1] ?? 0) ^ 1;
    const broken = makeCertificate(middle, { key: 'p-256', emails: ['ada@example.com'], spki });
    for (let round = 0; round < 2; round++) assert.equal(codeOf(ask(trust, broken)), 'key-kind');
    assert.equal(codeOf(ask(trust, ada)), 'ok');
  });

  it('gives the chain for signatures without the root', async () => {
    const trust = await trustOf({ 'a.pem': root.pem + middle.pem });
    assert.deepEqual(
      trust.chainOf(ada.certificate, at, []).map((one) => one.subjectName),
      ['Middle'],
    );
    assert.deepEqual(trust.chainOf(root.certificate, at, []), []);
    const rootOnly = await trustOf({ 'a.pem': root.pem });
    assert.deepEqual(rootOnly.chainOf(ada.certificate, at, []), []);
    assert.deepEqual(rootOnly.chainOf(ada.certificate, at, [middle.certificate]), [middle.certificate]);
    const stranger = makeCertificate(makeAuthority({ name: 'Stranger' }), { key: 'p-256' });
    assert.deepEqual(trust.chainOf(stranger.certificate, at, []), []);
  });
});

describe('C29 verdicts', () => {
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'sealgate-trust-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('C29 a verdict of one collection is none of another', async () => {
    const first = await trustOf({ 'a.pem': root.pem + middle.pem });
    const second = await trustOf({ 'b.pem': makeAuthority({ name: 'Other' }).pem });
    assert.equal(codeOf(ask(first, ada)), 'ok');
    assert.equal(codeOf(ask(second, ada)), 'no-path');
    assert.equal(codeOf(ask(first, ada)), 'ok');
  });

  it('C29 a verdict for one purpose or mailbox is none for another', async () => {
    const trust = await trustOf({ 'a.pem': root.pem + middle.pem });
    const signer = makeCertificate(middle, {
      key: 'p-256',
      emails: ['ada@example.com'],
      keyUsage: ['digitalSignature'],
    });
    const eve: Address | null = parseAddress('eve@example.com');
    for (let round = 0; round < 2; round++) {
      assert.equal(codeOf(ask(trust, signer, { purpose: 'sign' })), 'ok');
      assert.equal(codeOf(ask(trust, signer)), 'key-usage');
      assert.equal(codeOf(ask(trust, signer, { purpose: 'sign', address: eve })), 'address-mismatch');
      assert.equal(codeOf(ask(trust, signer, { purpose: 'sign', address: null })), 'ok');
    }
  });

  it('C29 a mailbox that differs in case only is another question where case counts', async () => {
    const trust = await trustOf({ 'a.pem': root.pem + middle.pem });
    const leaf = makeCertificate(middle, { name: 'J', key: 'p-256', emails: ['Jürgen@example.com'] });
    assert.equal(codeOf(ask(trust, leaf, { address: parseAddress('Jürgen@example.com') })), 'ok');
    assert.equal(codeOf(ask(trust, leaf, { address: parseAddress('jürgen@example.com') })), 'address-mismatch');
  });

  it('C29 the same question is answered from the cache, until a date of the path passes', async () => {
    const trust = await trustOf({ 'a.pem': root.pem + middle.pem });
    const until = new Date(Math.floor(at.getTime() / 1000) * 1000 + 7 * DAY);
    const leaf = makeCertificate(middle, { key: 'p-256', emails: ['ada@example.com'], notAfter: until });
    const pathAt = (when: Date) => {
      const verdict = ask(trust, leaf, { at: when });
      return verdict.ok ? verdict.path : null;
    };
    const first = pathAt(at);
    assert.ok(first);
    assert.equal(pathAt(new Date(at.getTime() + DAY)), first);
    assert.equal(pathAt(until), first);
    assert.equal(codeOf(ask(trust, leaf, { at: new Date(until.getTime() + 1) })), 'expired');
    assert.equal(pathAt(at), first);
    assert.equal(codeOf(ask(trust, leaf, { at: new Date(at.getTime() - 9 * DAY) })), 'not-yet-valid');
  });

  it('C29 a refusal is kept for a minute, and not past the start of a certificate', async () => {
    const trust = await trustOf({ 'a.pem': root.pem + middle.pem });
    const start = new Date(Math.floor(at.getTime() / 1000) * 1000 + 20_000);
    const leaf = makeCertificate(middle, { key: 'p-256', emails: ['ada@example.com'], notBefore: start });
    assert.equal(codeOf(ask(trust, leaf)), 'not-yet-valid');
    assert.equal(codeOf(ask(trust, leaf, { at: new Date(start.getTime() - 1) })), 'not-yet-valid');
    assert.equal(codeOf(ask(trust, leaf, { at: start })), 'ok');
    const later = makeCertificate(middle, { key: 'p-256', emails: ['eve@example.com'] });
    const failureAt = (ms: number) => {
      const verdict = ask(trust, later, { at: new Date(at.getTime() + ms) });
      return verdict.ok ? null : verdict.failure;
    };
    const first = failureAt(0);
    assert.equal(failureAt(60_000), first);
    assert.notEqual(failureAt(60_001), first);
  });

  it('C29 an acceptance of a not yet valid intermediate is not delayed by a cached refusal', async () => {
    const start = new Date(Math.floor(at.getTime() / 1000) * 1000 + 5_000);
    const coming = makeAuthority({ name: 'Coming', issuer: root, notBefore: start });
    const trust = await trustOf({ 'a.pem': root.pem + coming.pem });
    const leaf = makeCertificate(coming, { key: 'p-256', emails: ['ada@example.com'] });
    assert.equal(codeOf(ask(trust, leaf)), 'not-yet-valid');
    assert.equal(codeOf(ask(trust, leaf, { at: start })), 'ok');
  });

  it('C29 a refusal without company is none with it', async () => {
    const trust = await trustOf({ 'a.pem': root.pem });
    assert.equal(codeOf(ask(trust, ada)), 'no-path');
    assert.equal(codeOf(ask(trust, ada, { extraIntermediates: [middle.certificate] })), 'ok');
    const decoy = makeAuthority({ name: 'Decoy', issuer: root }).certificate;
    const bob = makeCertificate(middle, { key: 'p-256', emails: ['ada@example.com'] });
    assert.equal(codeOf(ask(trust, bob, { extraIntermediates: [decoy] })), 'no-path');
    assert.equal(codeOf(ask(trust, bob, { extraIntermediates: [decoy, middle.certificate] })), 'ok');
  });

  it('C29 company never becomes an anchor', async () => {
    const trust = await trustOf({ 'a.pem': root.pem });
    const own = makeAuthority({ name: 'Own Root' });
    const leaf = makeCertificate(own, { key: 'p-256', emails: ['ada@example.com'] });
    assert.equal(codeOf(ask(trust, leaf, { extraIntermediates: [own.certificate] })), 'no-path');
  });
});
