/** Certificates out of whatever holds them: PEM, DER, PKCS #7; a bad one costs only itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { der, derContext, derInteger, derOctetString, derOid, derSequence, TAG } from '../../src/asn1/der-writer.ts';
import { BUNDLE_CERTIFICATES_MAX, readCertificateBundle } from '../../src/cms/certificate-bundle.ts';
import { makeAuthority, makeCertificate, makeCertificateBundle, pemOf } from '../support/certificate-builder.ts';
import { skipOrFail, vectorsFolder } from '../support/vectors.ts';

const root = makeAuthority({ name: 'Root' });
const ada = makeCertificate(root, { key: 'p-256', emails: ['ada@example.com'] });
const bob = makeCertificate(root, { key: 'p-256', emails: ['bob@example.com'] });
const three = [root, ada, bob];

const hashes = (list: readonly { readonly sha256: string }[]): string[] => list.map(({ sha256 }) => sha256).sort();
const expected = hashes(three.map(({ certificate }) => certificate));
const read = (bytes: Buffer | string, max?: number) => readCertificateBundle(Buffer.from(bytes), max);

/** The same value with indefinite length. */
const indefinite = (tag: number, ...content: Buffer[]): Buffer =>
  Buffer.concat([Buffer.of(tag, 0x80), ...content, Buffer.of(0, 0)]);

describe('readCertificateBundle', () => {
  it('reads PEM with text between the blocks, any line ends and any length of lines', () => {
    const oneLine = `-----BEGIN CERTIFICATE-----\n${bob.der.toString('base64')}\n-----END CERTIFICATE-----`;
    const text = `# root\n${root.pem}subject=Ada\n${ada.pem.replaceAll('\n', '\r\n')}\n${oneLine}`;
    const { certificates, problems } = read(text);
    assert.deepEqual(problems, []);
    assert.deepEqual(hashes(certificates), expected);
    assert.equal(certificates[0]?.subjectName, 'Root');
  });

  it('reads one DER certificate', () => {
    const { certificates, problems } = read(ada.der);
    assert.deepEqual([hashes(certificates), problems], [[ada.certificate.sha256], []]);
  });

  it('reads PKCS #7 in DER and PEM, under each label', () => {
    const p7b = makeCertificateBundle(three.map((one) => one.der));
    assert.deepEqual(hashes(read(p7b).certificates), expected);
    for (const label of ['PKCS7', 'CMS', 'PKCS #7 SIGNED DATA', 'CERTIFICATE']) {
      const { certificates, problems } = read(pemOf(label, p7b));
      assert.deepEqual([hashes(certificates), problems], [expected, []], label);
    }
  });

  it('reads PKCS #7 in BER, with other certificate kinds and CRLs beside', () => {
    const signedData = indefinite(
      TAG.sequence,
      derInteger(5),
      der(TAG.set),
      indefinite(TAG.sequence, derOid('1.2.840.113549.1.7.1'), indefinite(0xa0, derOctetString(Buffer.from('hello')))),
      indefinite(0xa0, root.der, derContext(3, derOid('1.2.3')), ada.der, derContext(2, derInteger(1)), bob.der),
      derContext(1, derSequence()),
      der(TAG.set),
    );
    const p7b = indefinite(TAG.sequence, derOid('1.2.840.113549.1.7.2'), indefinite(0xa0, signedData));
    const { certificates, problems } = read(p7b);
    assert.deepEqual([hashes(certificates), problems], [expected, []]);
  });

  it('reads what openssl crl2pkcs7 writes', function () {
    const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-bundle-'));
    const file = path.join(folder, 'three.pem');
    writeFileSync(file, three.map((one) => one.pem).join(''));
    const made = spawnSync('openssl', ['crl2pkcs7', '-nocrl', '-certfile', file, '-outform', 'DER']);
    rmSync(folder, { recursive: true });
    if (made.error !== undefined) skipOrFail(this, 'no openssl program');
    assert.equal(made.status, 0, made.stderr.toString());
    assert.deepEqual(hashes(read(made.stdout).certificates), expected);
  });

  it('a malformed certificate among good ones becomes a problem line', () => {
    const broken = Buffer.concat([ada.der, Buffer.of(0)]);
    const { certificates, problems } = read(root.pem + pemOf('CERTIFICATE', broken) + bob.pem);
    assert.deepEqual(hashes(certificates), hashes([root.certificate, bob.certificate]));
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? '', /^certificate 2: /);
    const within = read(makeCertificateBundle([root.der, derSequence(derInteger(1))]));
    assert.deepEqual([within.certificates.length, within.problems.length], [1, 1]);
  });

  it('keeps each certificate once', () => {
    assert.equal(read(ada.pem + ada.pem).certificates.length, 1);
  });

  it('leaves out what exceeds the count, and says so', () => {
    for (const bytes of [three.map((one) => one.pem).join(''), makeCertificateBundle(three.map((one) => one.der))]) {
      const { certificates, problems } = read(bytes, 2);
      assert.equal(certificates.length, 2);
      assert.deepEqual(problems, ['more than 2 certificates, the rest is left out']);
      assert.deepEqual(read(bytes, 3).problems, []);
    }
    assert.equal(read(ada.pem.repeat(BUNDLE_CERTIFICATES_MAX + 1)).problems.length, 1);
  });

  const nothing: Record<string, [Buffer | string, RegExp]> = {
    'an empty file': ['', /neither PEM nor DER/],
    text: ['hello', /neither PEM nor DER/],
    'a private key': [ada.keyPem, /PRIVATE KEY is not a certificate/],
    'a block without end': ['-----BEGIN CERTIFICATE-----\nMIIB', /without its END line/],
    'a broken BEGIN line': ['-----BEGIN CERTI\u001bFICATE-----\nMIIB\n-----END CERTIFICATE-----', /broken BEGIN line/],
    'a block that is not base64': ['-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----', /not base64/],
    'an empty block': ['-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----', /not base64/],
    EnvelopedData: [
      derSequence(derOid('1.2.840.113549.1.7.3'), derContext(0, derSequence())),
      /content type 1\.2\.840\.113549\.1\.7\.3/,
    ],
    'a SignedData without certificates': [makeCertificateBundle([]), /without certificates/],
    'a SEQUENCE of nothing': [derSequence(), /certificate 1: /],
    'half a DER certificate': [ada.der.subarray(0, 100), /certificate 1: /],
  };
  for (const [name, [bytes, problem]] of Object.entries(nothing)) {
    it(`has one problem and no certificate from ${name}`, () => {
      const { certificates, problems } = read(bytes);
      assert.equal(certificates.length, 0);
      assert.equal(problems.length, 1);
      assert.match(problems[0] ?? '', problem);
    });
  }

  it('tells at most 100 problems, and counts the rest', () => {
    const { problems } = read('-----BEGIN X-----\n-----END X-----\n'.repeat(1000));
    assert.equal(problems.length, 101);
    assert.equal(problems[100], '900 further problems');
  });

  it('never throws, whatever is changed', () => {
    const p7b = makeCertificateBundle(three.map((one) => one.der));
    const pem = Buffer.from(root.pem + pemOf('PKCS7', p7b));
    for (const original of [p7b, pem]) {
      fc.assert(
        fc.property(fc.nat(original.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(40), (at, octet, cut) => {
          const mutated = Buffer.concat([original.subarray(0, at), Buffer.of(octet), original.subarray(at + cut)]);
          const { certificates, problems } = readCertificateBundle(mutated);
          assert.ok(certificates.length > 0 || problems.length > 0);
        }),
        { numRuns: 1000 },
      );
    }
  });

  it("reads the PKITS messages' certificates from a folder of DER", function () {
    const folder = path.join(vectorsFolder(this), 'pkits/certs');
    for (const name of ['GoodCACert.crt', 'ValidCertificatePathTest1EE.crt']) {
      assert.equal(readCertificateBundle(readFileSync(path.join(folder, name))).certificates.length, 1, name);
    }
  });
});
