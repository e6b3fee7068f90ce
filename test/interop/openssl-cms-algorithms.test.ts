/**
 * Every algorithm that `cms/` writes and OpenSSL 3.0 knows, opened and verified by it. What it does not know is said with
 * its own words, so that the day it learns is noticed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inflateSync } from 'node:zlib';
import type { ContentCipher } from '../../src/cms/algorithms/content-ciphers.ts';
import type { HashName } from '../../src/cms/algorithms/digests.ts';
import { compressedData } from '../../src/cms/compressed-data-writer.ts';
import type { ChainMode, CryptoProfile } from '../../src/cms/profile.ts';
import { systemEntropy } from '../../src/keys/system-entropy.ts';
import { type KeyKind, type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { encryptContent, profileOf, signContent } from '../support/cms-maker.ts';
import { skipOrFail } from '../support/vectors.ts';

const root = makeAuthority({ name: 'Root' });
const issuing = makeAuthority({ name: 'Issuing', issuer: root });
const issuers = [issuing, root];
const person = (key: KeyKind): MadeCertificate => makeCertificate(issuing, { key, emails: [`${key}@example.org`] });
const CONTENT = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
const HASHES: readonly HashName[] = ['sha256', 'sha384', 'sha512'];

let folder = '';

function openssl(input: Buffer, ...args: string[]): { ok: boolean; out: Buffer; errors: string } {
  const run = spawnSync('openssl', args, { cwd: folder, input, maxBuffer: 64 * 1024 * 1024 });
  return { ok: run.status === 0, out: run.stdout, errors: run.stderr.toString() };
}

function put(name: string, content: string | Buffer): void {
  writeFileSync(path.join(folder, name), content, { mode: 0o600 });
}

async function opens(made: MadeCertificate, profile: CryptoProfile): Promise<void> {
  const der = await encryptContent(CONTENT, { profile, recipients: [made], entropy: systemEntropy });
  put('r.pem', made.pem);
  put('r.key', made.keyPem);
  const args = ['cms', '-decrypt', '-binary', '-inform', 'DER', '-recip', 'r.pem', '-inkey', 'r.key'];
  const { ok, out, errors } = openssl(der, ...args);
  assert.ok(ok, errors);
  assert.ok(out.equals(CONTENT));
  const again = openssl(der, 'cms', '-cmsout', '-inform', 'DER', '-outform', 'DER');
  assert.ok(again.out.equals(der), 'what is written is DER');
}

async function verifies(signers: readonly MadeCertificate[], profile: CryptoProfile, more: string[] = []) {
  const { detached, opaque } = await signContent(CONTENT, { profile, signers, issuers });
  put('content', CONTENT);
  const args = ['cms', '-verify', '-binary', '-inform', 'DER', '-purpose', 'smimesign', '-CAfile', 'root.pem', ...more];
  for (const [der, extra] of [[detached, ['-content', 'content']] as const, [opaque, []] as const]) {
    const { ok, out, errors } = openssl(der, ...args, '-cades', ...extra);
    assert.ok(ok, errors);
    assert.ok(out.equals(CONTENT));
    assert.ok(openssl(der, 'cms', '-cmsout', '-inform', 'DER', '-outform', 'DER').out.equals(der), 'DER');
  }
  put('changed', Buffer.concat([CONTENT, Buffer.of(0)]));
  assert.ok(!openssl(detached, ...args, '-content', 'changed').ok);
  return openssl(detached, 'cms', '-cmsout', '-print', '-inform', 'DER').out.toString();
}

describe('interop/openssl-cms algorithms', function () {
  this.timeout(20_000);
  before(function () {
    if (spawnSync('openssl', ['version']).error !== undefined) skipOrFail(this, 'openssl is not installed');
    folder = mkdtempSync(path.join(tmpdir(), 'sealgate-cms-'));
    put('root.pem', root.pem);
    put('issuing.pem', issuing.pem);
  });
  after(() => {
    if (folder !== '') rmSync(folder, { recursive: true });
  });

  describe('signatures', () => {
    for (const digest of HASHES) {
      for (const signature of ['rsa-pkcs1', 'rsa-pss'] as const) {
        it(`${signature} with ${digest}`, async () => {
          const text = await verifies([person('rsa-2048')], profileOf('default', { signature, digest }));
          assert.match(text, signature === 'rsa-pss' ? /rsassaPss/ : new RegExp(`${digest}WithRSAEncryption`));
        });
      }
    }
    it('rsa-pss keys', async () => {
      await verifies([person('rsa-pss')], profileOf('default'));
    });
    for (const key of ['p-256', 'p-384', 'p-521', 'brainpoolP256r1', 'brainpoolP384r1', 'brainpoolP512r1'] as const) {
      it(`ecdsa on ${key}`, async () => {
        await verifies([person(key)], profileOf('modern'));
      });
    }
    it('several signers of different kinds in one object', async () => {
      const text = await verifies([person('rsa-2048'), person('p-384'), person('rsa-3072')], profileOf('modern'));
      assert.equal(text.match(/signatureAlgorithm:/g)?.length, 3);
    });
    it('key identifiers, by version 3', async () => {
      const text = await verifies([person('rsa-2048')], profileOf('default', { keyIdentifier: true }));
      assert.match(text, /version: 3\n\s+d\.subjectKeyIdentifier/);
      const without = makeCertificate(issuing, {
        key: 'p-256',
        subjectKeyIdentifier: false,
        emails: ['x@example.org'],
      });
      const named = await verifies([without], profileOf('default', { keyIdentifier: true }));
      assert.match(named, /version: 1\n\s+d\.issuerAndSerialNumber/);
    });
    it('each chain mode', async () => {
      const counts: Readonly<Record<ChainMode, number>> = { none: 0, leaf: 1, 'without-root': 2, 'with-root': 3 };
      for (const [chain, count] of Object.entries(counts) as [ChainMode, number][]) {
        const made = person('p-256');
        put('leaf.pem', made.pem);
        put('known.pem', root.pem + issuing.pem);
        const known = ['-certfile', 'leaf.pem', '-CAfile', 'known.pem'];
        const text = await verifies([made], profileOf('default', { chain }), known);
        assert.equal(text.match(/d\.certificate:/g)?.length ?? 0, count, chain);
      }
    });
    it('no capabilities where the profile has none', async () => {
      const text = await verifies([person('p-256')], profileOf('default', { capabilities: [] }));
      assert.doesNotMatch(text, /S\/MIME Capabilities/);
      assert.match(await verifies([person('p-256')], profileOf('modern')), /S\/MIME Capabilities/);
    });
    for (const key of ['ed25519', 'ed448'] as const) {
      it(`${key}: the peer cannot, and says so`, async () => {
        const { opaque } = await signContent(CONTENT, {
          profile: profileOf('modern'),
          signers: [person(key)],
          issuers,
        });
        const { ok, out, errors } = openssl(
          opaque,
          'cms',
          '-verify',
          '-binary',
          '-inform',
          'DER',
          '-CAfile',
          'root.pem',
        );
        if (ok) assert.ok(out.equals(CONTENT));
        else assert.match(errors, /not supported for this key type|invalid digest|ctrl|unsupported|no default digest/i);
      });
    }
  });

  describe('content ciphers', () => {
    const ciphers: readonly ContentCipher[] = [
      'aes-128-cbc',
      'aes-192-cbc',
      'aes-256-cbc',
      'aes-128-gcm',
      'aes-192-gcm',
      'aes-256-gcm',
    ];
    for (const content of ciphers) {
      for (const key of ['rsa-2048', 'p-256'] as const) {
        it(`${content} to ${key}`, async () => {
          await opens(person(key), profileOf('default', { content }));
        });
      }
    }
    it('chacha20-poly1305: the peer cannot, and says so', async () => {
      const made = person('rsa-2048');
      const profile = profileOf('default', { content: 'chacha20-poly1305' });
      const der = await encryptContent(CONTENT, { profile, recipients: [made], entropy: systemEntropy });
      put('r.pem', made.pem);
      put('r.key', made.keyPem);
      const args = ['cms', '-decrypt', '-binary', '-inform', 'DER', '-recip', 'r.pem', '-inkey', 'r.key'];
      const { ok, out, errors } = openssl(der, ...args);
      if (ok) assert.ok(out.equals(CONTENT));
      else assert.match(errors, /unknown cipher|unsupported|cipher parameter|initialisation/i);
    });
  });

  describe('recipients', () => {
    for (const oaepHash of HASHES) {
      for (const oaepMaskHash of HASHES) {
        it(`OAEP ${oaepHash}, MGF1 ${oaepMaskHash}`, async () => {
          await opens(person('rsa-2048'), profileOf('modern', { oaepHash, oaepMaskHash }));
        });
      }
    }
    const curves = ['p-256', 'p-384', 'p-521', 'brainpoolP256r1', 'brainpoolP384r1', 'brainpoolP512r1'] as const;
    for (const key of curves) {
      it(`key agreement on ${key}, each derivation and each wrap`, async () => {
        await opens(person(key), profileOf('modern'));
        for (const keyAgreement of ['x963-sha256', 'x963-sha384', 'x963-sha512'] as const) {
          for (const content of ['aes-128-gcm', 'aes-192-cbc', 'aes-256-cbc'] as const) {
            await opens(person(key), profileOf('default', { keyAgreement, content }));
          }
        }
      });
    }
    it('key identifiers', async () => {
      for (const key of ['rsa-2048', 'p-256'] as const) {
        await opens(person(key), profileOf('default', { keyIdentifier: true }));
        await opens(person(key), profileOf('modern', { keyIdentifier: true }));
      }
    });
    it('a password beside a certificate', async () => {
      const made = person('rsa-2048');
      const password = Buffer.from('s\u00e9cret');
      for (const content of ['aes-128-cbc', 'aes-192-cbc', 'aes-256-gcm'] as const) {
        const profile = profileOf('default', { content });
        const der = await encryptContent(CONTENT, { profile, recipients: [made], entropy: systemEntropy, password });
        const args = ['cms', '-decrypt', '-binary', '-inform', 'DER', '-pwri_password'];
        const { ok, out, errors } = openssl(der, ...args, 's\u00e9cret');
        assert.ok(ok, errors);
        assert.ok(out.equals(CONTENT));
        assert.ok(!openssl(der, ...args, 'other').ok);
      }
    });
  });

  it('CompressedData', () => {
    const der = compressedData(CONTENT);
    const { ok, out, errors } = openssl(der, 'cms', '-uncompress', '-binary', '-inform', 'DER');
    if (ok) assert.ok(out.equals(CONTENT));
    else assert.match(errors, /unsupported compression/i);
    const text = openssl(der, 'cms', '-cmsout', '-print', '-inform', 'DER').out.toString();
    assert.match(text, /id-smime-ct-compressedData/);
    assert.match(text, /algorithm: zlib compression/);
    // RFC 1950: the last octets are what the OCTET STRING holds
    assert.ok(inflateSync(der.subarray(der.indexOf(Buffer.of(0x78, 0x9c)))).equals(CONTENT));
  });
});
