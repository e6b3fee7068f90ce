/** docs/cms.md: every example is run as it stands, every option and name it tells of exists. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CIPHER_NAMES } from '../../src/cli/cms-profile.ts';
import { TOLERANCE_NAMES } from '../../src/cli/cms-tolerances.ts';
import { PROFILES } from '../../src/cms/profile.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { fencedCodeOf, inlineCodeOf, loadPage, tableRowsOf } from '../support/markdown.ts';
import { makePkcs12 } from '../support/pkcs12-builder.ts';
import { skipOrFail } from '../support/vectors.ts';

const CLI = path.join(import.meta.dirname, '../../src/cli/sealgate.js');

describe('docs/cms.md', function () {
  this.timeout(60_000);
  const page = loadPage('docs/cms.md');
  let folder = '';

  before(function () {
    if (spawnSync('openssl', ['version']).error !== undefined) skipOrFail(this, 'openssl is not installed');
    folder = mkdtempSync(path.join(tmpdir(), 'sealgate-cms-docs-'));
    const put = (name: string, content: string | Buffer): void => writeFileSync(path.join(folder, name), content);
    const ca = makeAuthority({ name: 'Example CA' });
    put('ca.pem', ca.pem);
    for (const name of ['alice', 'bob', 'carol']) {
      const made = makeCertificate(ca, { name, emails: [`${name}@example.org`] });
      put(`${name}.pem`, made.pem);
      put(`${name}.key`, made.keyPem);
      const keys = [made.privateKey.export({ format: 'der', type: 'pkcs8' })];
      put(`${name}.p12`, makePkcs12({ certificates: [made.der], keys, password: name }));
      put(`${name}.password`, `${name}\n`);
    }
    put(
      'mail.eml',
      'From: alice@example.org\nTo: bob@example.org\nSubject: hello\nContent-Type: text/plain\n\nhello Bob\n',
    );
    put('backup.tar', Buffer.alloc(200_000, 'backup '));
    put('sealgate', `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`);
    chmodSync(path.join(folder, 'sealgate'), 0o755);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('has examples that work', () => {
    const examples = fencedCodeOf(page, 'sh');
    assert.ok(examples.length >= 8);
    const environment = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    for (const example of examples) {
      const run = spawnSync('bash', ['-e', '-o', 'pipefail', '-c', example], { cwd: folder, env: environment });
      assert.equal(run.status, 0, `${example}\n${run.stderr.toString()}`);
      if (!example.includes('content.txt')) continue;
      assert.match(readFileSync(path.join(folder, 'content.txt'), 'utf8'), /hello Bob/, example);
      rmSync(path.join(folder, 'content.txt'));
    }
    const structure = JSON.parse(readFileSync(path.join(folder, 'structure.json'), 'utf8')) as {
      recipients: unknown[];
    };
    assert.equal(structure.recipients.length, 1);
  });

  it('shows a verdict with the names that the command gives', () => {
    const changed = readFileSync(path.join(folder, 'signed.eml'), 'latin1').replace('hello Bob', 'hello Eve');
    const run = spawnSync(process.execPath, [CLI, 'cms', 'verify', '--trust', 'ca.pem', '--json'], {
      cwd: folder,
      input: changed,
    });
    assert.equal(run.status, 1);
    type Verdict = { reason: string; signers: [{ reason: string; detail: string; certificate: object }] };
    const given = JSON.parse(run.stderr.toString()) as Verdict;
    const shown = JSON.parse(fencedCodeOf(page, 'json')[0] ?? '') as Verdict;
    assert.deepEqual(Object.keys(shown), Object.keys(given));
    assert.deepEqual(Object.keys(shown.signers[0]), Object.keys(given.signers[0]));
    assert.deepEqual([shown.reason, shown.signers[0].reason], [given.reason, given.signers[0].reason]);
    for (const name of Object.keys(shown.signers[0].certificate)) assert.ok(name in given.signers[0].certificate, name);
  });

  it('lists every tolerance, cipher and profile', () => {
    const code = new Set(inlineCodeOf(page));
    const listed = tableRowsOf(page).map(([name = '']) => name.replaceAll('`', ''));
    for (const name of TOLERANCE_NAMES) assert.ok(listed.includes(name), name);
    for (const name of [...CIPHER_NAMES, ...Object.keys(PROFILES)]) assert.ok(code.has(name), name);
  });

  it('names every option', () => {
    const text = readFileSync(path.join(process.cwd(), 'docs/cms.md'), 'utf8');
    for (const command of ['sign', 'encrypt', 'seal', 'decrypt', 'verify', 'show']) {
      const help = execFileSync(process.execPath, [CLI, 'cms', command, '--help']).toString();
      for (const [option] of help.matchAll(/--[a-z-]+/g)) {
        if (option !== '--help') assert.ok(text.includes(option), `${command} ${option}`);
      }
    }
  });
});
