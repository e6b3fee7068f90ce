/** Everything that `cms/` writes, read by openssl: decrypted, verified, printed. Octets compared. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, sign } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ContentEncryptor } from '../../src/cms/content-encryptor.ts';
import {
  envelopedDataBytes,
  PRIMITIVE_CIPHERTEXT_MAX,
  writeEnvelopedData,
} from '../../src/cms/enveloped-data-writer.ts';
import { type CryptoProfile, PROFILES } from '../../src/cms/profile.ts';
import { signedAttributes, signedDataDetached, signedDataOpaque } from '../../src/cms/signed-data-writer.ts';
import { systemEntropy } from '../../src/keys/system-entropy.ts';
import { type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { skipOrFail } from '../support/vectors.ts';

const root = makeAuthority({ name: 'Root' });
const issuing = makeAuthority({ name: 'Issuing', issuer: root });
const people = {
  rsa: makeCertificate(issuing, { key: 'rsa-2048', emails: ['rsa@example.org'] }),
  rsa3: makeCertificate(issuing, { key: 'rsa-3072', emails: ['rsa3@example.org'] }),
  ec: makeCertificate(issuing, { key: 'p-256', emails: ['ec@example.org'] }),
  ec384: makeCertificate(issuing, { key: 'p-384', emails: ['ec384@example.org'] }),
};
type Person = keyof typeof people;
const PERSONS = Object.keys(people) as Person[];

let folder = '';

async function put(name: string, content: string | Buffer): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  return file;
}

function openssl(...args: string[]): Buffer {
  return execFileSync('openssl', args, { cwd: folder, maxBuffer: 64 * 1024 * 1024, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Octets that differ everywhere and hold no canonical text. */
function octets(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + (i >> 8)) & 0xff;
  return bytes;
}

/** Encrypts in 64 KiB steps. @returns the file written */
async function encrypted(content: Buffer, recipients: readonly Person[], name: string): Promise<string> {
  const encryptor = new ContentEncryptor(PROFILES['default'] as CryptoProfile, systemEntropy);
  const chunks: Buffer[] = [];
  for (let at = 0; at < content.length; at += 65536) chunks.push(encryptor.update(content.subarray(at, at + 65536)));
  chunks.push(encryptor.final());
  const parts = {
    recipientInfos: encryptor.recipientInfos(recipients.map((person) => people[person].certificate)),
    contentEncryption: encryptor.algorithm,
    ciphertextBytes: chunks.reduce((sum, chunk) => sum + chunk.length, 0),
  };
  encryptor.destroy();
  const file = path.join(folder, name);
  await pipeline(Readable.from(writeEnvelopedData(parts, Readable.from(chunks))), createWriteStream(file));
  assert.equal((await readFile(file)).length, envelopedDataBytes(parts));
  return file;
}

function decrypted(file: string, person: Person): Buffer {
  const args = ['-recip', `${person}.pem`, '-inkey', `${person}.key`];
  return openssl('cms', '-decrypt', '-binary', '-inform', 'DER', '-in', file, ...args);
}

function signed(
  person: 'rsa' | 'rsa3' | 'ec',
  content: Buffer,
  other?: MadeCertificate,
): { detached: Buffer; opaque: Buffer } {
  const made = people[person];
  const signer = {
    certificate: made.certificate,
    chain: [issuing.certificate],
    algorithm: person === 'ec' ? ('ecdsa-sha256' as const) : ('rsa-pkcs1-sha256' as const),
    sign: () => Promise.reject(new Error('not used')),
  };
  const extra = other === undefined ? {} : { encryptionCertificate: other.certificate };
  const digest = createHash('sha256').update(content).digest();
  const attributes = signedAttributes({ digest, signer, signingTime: new Date(), ...extra });
  const signature = sign('sha256', attributes, made.privateKey);
  return {
    detached: signedDataDetached({ signer, attributes, signature, ...extra }),
    opaque: signedDataOpaque({ signer, attributes, signature, content, ...extra }),
  };
}

describe('interop/openssl-cms', () => {
  before(async function () {
    if (spawnSync('openssl', ['version']).error !== undefined) skipOrFail(this, 'openssl is not installed');
    folder = await mkdtemp(path.join(tmpdir(), 'sealgate-cms-'));
    await put('root.pem', root.pem);
    for (const person of PERSONS) {
      await put(`${person}.pem`, people[person].pem);
      await put(`${person}.key`, people[person].keyPem);
    }
  });

  after(async () => {
    if (folder !== '') await rm(folder, { recursive: true });
  });

  for (const size of [0, 1, 15, 16, 17, 65535, 65536, 65537]) {
    it(`decrypts ${size} octets for RSA and EC, one and many recipients`, async () => {
      const content = octets(size);
      for (const group of [['rsa'], ['ec'], ['ec384'], PERSONS] as Person[][]) {
        const file = await encrypted(content, group, `${group.join('-')}.p7m`);
        for (const person of group) assert.ok(decrypted(file, person).equals(content), `${group} opened by ${person}`);
      }
    });
  }

  for (const [name, size] of [
    ['the last octet count of one primitive string', PRIMITIVE_CIPHERTEXT_MAX - 1],
    ['the first in segments', PRIMITIVE_CIPHERTEXT_MAX],
    ['20 MiB', 20 * 1024 * 1024],
  ] as const) {
    it(`decrypts ${name}`, async () => {
      const content = octets(size);
      const file = await encrypted(content, ['rsa', 'ec'], 'large.p7m');
      assert.ok(decrypted(file, 'rsa').equals(content));
      assert.ok(decrypted(file, 'ec').equals(content));
    });
  }

  it('lets nobody else decrypt', async () => {
    const file = await encrypted(octets(100), ['rsa', 'ec'], 'two.p7m');
    assert.throws(() => decrypted(file, 'rsa3'));
    assert.throws(() => decrypted(file, 'ec384'));
  });

  it('prints an EnvelopedData with the versions and algorithms of the profile', async () => {
    const file = await encrypted(octets(100), PERSONS, 'all.p7m');
    const text = openssl('cms', '-cmsout', '-print', '-inform', 'DER', '-in', file).toString();
    assert.equal(text.match(/d\.ktri/g)?.length, 2);
    assert.equal(text.match(/d\.kari/g)?.length, 2);
    for (const line of [
      /version: 2\s+originatorInfo: <ABSENT>/,
      /contentType: pkcs7-data/,
      /algorithm: aes-256-cbc/,
      /algorithm: rsaEncryption[^\n]*\n\s+parameter: NULL/,
      /dhSinglePass-stdDH-sha256kdf-scheme/,
      /dhSinglePass-stdDH-sha384kdf-scheme/,
      /ukm: <ABSENT>/,
    ]) {
      assert.match(text, line);
    }
    const alone = await encrypted(octets(100), ['rsa'], 'one.p7m');
    const printed = openssl('cms', '-cmsout', '-print', '-inform', 'DER', '-in', alone).toString();
    assert.match(printed, /version: 0\s+originatorInfo: <ABSENT>/);
  });

  it('re-encodes to the same octets: what is written is DER', async () => {
    const file = await encrypted(octets(1000), PERSONS, 'der.p7m');
    assert.ok(openssl('cms', '-cmsout', '-inform', 'DER', '-outform', 'DER', '-in', file).equals(await readFile(file)));
    const { detached, opaque } = signed('rsa', octets(1000));
    for (const bytes of [detached, opaque]) {
      const signedFile = await put('der.p7s', bytes);
      assert.ok(openssl('cms', '-cmsout', '-inform', 'DER', '-outform', 'DER', '-in', signedFile).equals(bytes));
    }
  });

  for (const person of ['rsa', 'rsa3', 'ec'] as const) {
    it(`verifies detached and opaque signatures (${person})`, async () => {
      const content = octets(5000);
      const contentFile = await put('content', content);
      const { detached, opaque } = signed(person, content, people.rsa3);
      const verify = ['cms', '-verify', '-binary', '-inform', 'DER', '-CAfile', 'root.pem', '-purpose', 'smimesign'];
      await put('detached.p7s', detached);
      assert.ok(openssl(...verify, '-cades', '-in', 'detached.p7s', '-content', contentFile).equals(content));
      await put('opaque.p7m', opaque);
      assert.ok(openssl(...verify, '-cades', '-in', 'opaque.p7m').equals(content));
      const changed = Buffer.from(content);
      changed[0] = (changed[0] ?? 0) ^ 1;
      await put('changed', changed);
      assert.throws(() => openssl(...verify, '-in', 'detached.p7s', '-content', 'changed'));
    });
  }

  it('prints a SignedData with its six attributes', async () => {
    await put('printed.p7s', signed('rsa', octets(10)).detached);
    const text = openssl('cms', '-cmsout', '-print', '-inform', 'DER', '-in', 'printed.p7s').toString();
    for (const name of [
      'contentType (1.2.840.113549.1.9.3)',
      'messageDigest (1.2.840.113549.1.9.4)',
      'signingTime (1.2.840.113549.1.9.5)',
      'S/MIME Capabilities (1.2.840.113549.1.9.15)',
      'id-smime-aa-signingCertificateV2 (1.2.840.113549.1.9.16.2.47)',
      '(1.2.840.113549.1.9.52)',
    ]) {
      assert.ok(text.includes(`${name}\n`), name);
    }
    assert.match(text, /digestAlgorithms:\s+algorithm: sha256 [^\n]+\n\s+parameter: <ABSENT>/);
    assert.match(text, /eContent: <ABSENT>/);
  });
});
