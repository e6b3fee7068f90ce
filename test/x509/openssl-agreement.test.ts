/** The same paths judged by OpenSSL's own validator: both say yes, or both say no. Skipped without the program. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { derNull } from '../../src/asn1/der-writer.ts';
import { validatePath } from '../../src/x509/path-validator.ts';
import {
  type AuthorityOptions,
  type CertificateOptions,
  makeAuthority,
  makeCertificate,
} from '../support/certificate-builder.ts';
import { skipOrFail } from '../support/vectors.ts';

const DAY = 86_400_000;
const ago = (days: number): Date => new Date(Date.now() - days * DAY);
const unknown = { oid: '1.2.3.4', critical: true, value: derNull() };

const CASES: Record<string, { middle?: AuthorityOptions; leaf?: CertificateOptions; valid: boolean }> = {
  plain: { valid: true },
  'RSA-PSS below': { middle: { key: 'rsa-2048' }, leaf: { signature: 'pss-sha256' }, valid: true },
  'P-384 and Ed25519': { middle: { key: 'p-384' }, leaf: { key: 'ed25519' }, valid: true },
  'Ed25519 authority': { middle: { key: 'ed25519' }, valid: true },
  'expired leaf': { leaf: { notBefore: ago(9), notAfter: ago(2) }, valid: false },
  'future leaf': { leaf: { notBefore: ago(-2) }, valid: false },
  'expired authority': { middle: { notBefore: ago(9), notAfter: ago(2) }, valid: false },
  'forged leaf': { leaf: { badSignature: true }, valid: false },
  'authority without keyCertSign': { middle: { keyUsage: ['cRLSign'] }, valid: false },
  'authority for servers': { middle: { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] }, valid: false },
  'leaf for servers': { leaf: { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] }, valid: false },
  'leaf that may not sign': { leaf: { keyUsage: ['keyEncipherment'] }, valid: false },
  'unknown critical extension': { leaf: { extraExtensions: [unknown] }, valid: false },
  'path length 0 above another authority': { middle: { pathLength: 0 }, valid: false },
};

describe('agreement with openssl verify', () => {
  let folder = '';
  before(function () {
    if (spawnSync('openssl', ['version']).status !== 0) skipOrFail(this, 'no openssl program');
    folder = mkdtempSync(path.join(tmpdir(), 'sealgate-verify-'));
  });
  after(() => {
    if (folder !== '') rmSync(folder, { recursive: true });
  });

  for (const [name, { middle = {}, leaf = {}, valid }] of Object.entries(CASES)) {
    it(`${name}: both say ${valid ? 'yes' : 'no'}`, () => {
      const root = makeAuthority({ name: 'Root' });
      const first = makeAuthority({ name: 'Middle', issuer: root, ...middle });
      const second = makeAuthority({ name: 'Second', issuer: first });
      const issuer = middle.pathLength === undefined ? first : second;
      const person = makeCertificate(issuer, { name: 'Ada', emails: ['ada@example.com'], ...leaf });
      const ours = validatePath({
        leaf: person.certificate,
        anchors: [root.certificate],
        intermediates: [first.certificate, second.certificate],
        at: new Date(),
        purpose: 'sign',
        address: null,
      });
      const file = (label: string, text: string): string => {
        const to = path.join(folder, label);
        writeFileSync(to, text);
        return to;
      };
      const options = ['-purpose', 'smimesign', '-CAfile', file('root.pem', root.pem)];
      const untrusted = ['-untrusted', file('middle.pem', first.pem + second.pem)];
      const theirs = spawnSync('openssl', ['verify', ...options, ...untrusted, file('leaf.pem', person.pem)]);
      assert.equal(theirs.status === 0, valid, theirs.stderr.toString());
      assert.equal(ours.ok, valid, ours.ok ? '' : ours.failure.text);
    });
  }
});
