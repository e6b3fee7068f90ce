/** `sealgate trust`: what it changes, prints and refuses, with a configuration of its own. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { readCertificateBundle } from '../../src/cms/certificate-bundle.ts';
import { readSst } from '../../src/trust/sst-reader.ts';
import { writeSst } from '../../src/trust/sst-writer.ts';
import { ConfigHouse, GOOD_SITE } from '../config/config-house.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { closeFolder } from '../support/read-only-folder.ts';
import { CapturedTerminal } from './captured-terminal.ts';

const root = makeAuthority({ name: 'Root' });
const bank = makeAuthority({ name: 'Bank', notAfter: new Date(Date.now() + 9 * 86_400_000) });
const gone = makeAuthority({ name: 'Gone', notBefore: new Date('2020-01-01'), notAfter: new Date('2021-01-01') });

describe('trust command', () => {
  let house: ConfigHouse;
  let config = '';
  const folder = (): string => path.join(path.dirname(config), 'certs/trust');
  const run = async (...words: string[]): Promise<{ code: number; out: string; said: string }> => {
    const terminal = new CapturedTerminal();
    const code = await runCommandLine(['trust', ...words, '--config', config], terminal);
    return { code, out: terminal.results.join(''), said: terminal.said.join('') };
  };
  beforeEach(() => {
    house = new ConfigHouse();
    config = house.write(
      'sealgate.yaml',
      GOOD_SITE.replace(
        'trust: { default: certs/trust }',
        'trust: { default: certs/trust, bank: { from: certs/bank, only-for: [bank.example] } }',
      ),
    );
    mkdirSync(path.join(path.dirname(config), 'certs/bank'));
  });
  afterEach(() => house.remove());

  it('imports a serialized store, lists, shows, exports in three forms, removes', async () => {
    const before = readdirSync(folder()).length;
    const sst = house.write('in.sst', writeSst([root.der, bank.der]), 0o644);
    const imported = await run('import', sst);
    assert.equal(imported.code, 0, imported.said);
    assert.match(
      imported.out,
      /default: 2 added, 0 known already\n.*anchors 3.*first to expire .*thumbprint [0-9A-F]{40}/,
    );
    assert.match(imported.out, /no gateway is running: the next start reads it/);
    assert.equal(readdirSync(folder()).length, before + 1);
    assert.match((await run('import', sst)).out, /0 added, 2 known already\n.*\nunchanged/);

    const list = JSON.parse((await run('list', '--name', 'default', '--json')).out) as [
      { anchors: number; earliest: { sha256: string } },
    ];
    assert.deepEqual([list[0].anchors, list[0].earliest.sha256], [3, bank.certificate.sha256]);

    const shown = await run('show', root.certificate.sha256.slice(0, 8).toUpperCase());
    assert.match(shown.out, /subject +CN=Root[\s\S]*in +default: .*imported-/);
    assert.equal((await run('show', '00000000')).code, 1);

    for (const form of ['pem', 'sst', 'p7b']) {
      const file = path.join(path.dirname(config), `out.${form}`);
      assert.equal((await run('export', file)).code, 0);
      const octets = readFileSync(file);
      const read = form === 'sst' ? readSst(octets) : null;
      const count = read?.ok ? read.entries.length : readCertificateBundle(octets).certificates.length;
      assert.equal(count, 3, form);
    }
    assert.equal((await run('export', 'out.txt')).code, 64);

    assert.equal((await run('remove', root.certificate.sha256)).code, 0);
    assert.doesNotMatch((await run('list', '--name', 'default')).out, /CN=Root/);
    assert.equal((await run('remove', root.certificate.sha256)).code, 1);
  });

  it('refuses the whole file for one expired certificate, unless told otherwise', async () => {
    const file = house.write('in.pem', root.pem + gone.pem, 0o644);
    const before = readdirSync(folder());
    const refused = await run('import', file);
    assert.equal(refused.code, 65);
    assert.match(refused.said, /CN=Gone expired 2021-01-01\nnothing was imported\nhint: --allow-expired/);
    assert.deepEqual(readdirSync(folder()), before);
    const taken = await run('import', file, '--allow-expired');
    assert.equal(taken.code, 0);
    assert.match(taken.said, /warning: CN=Gone expired 2021-01-01 and was taken all the same/);
    assert.equal((await run('list', '--name', 'default')).code, 0);
  });

  it('an output that cannot be written is 75, and said in plain words', async () => {
    assert.equal((await run('import', house.write('bank.pem', bank.pem, 0o644), '--collection', 'bank')).code, 0);
    const { code, said } = await run('export', '/nowhere/at/all.pem', '--collection', 'bank');
    assert.deepEqual([code, said], [75, '/nowhere/at/all.pem cannot be written: its folder does not exist\n']);
  });

  it('a folder that cannot be changed is 75, and nothing is changed', async function () {
    const file = house.write('bank.pem', bank.pem, 0o644);
    const target = path.join(path.dirname(config), 'certs/bank');
    assert.equal((await run('import', file, '--collection', 'bank')).code, 0);
    const more = house.write('more.pem', root.pem, 0o644);
    const open = closeFolder(target);
    if (open === null) return this.skip();
    try {
      const before = readdirSync(target);
      const imported = await run('import', more, '--collection', 'bank');
      assert.equal(imported.code, 75, imported.said);
      assert.match(
        imported.said,
        /certs\/bank cannot be changed: (the disk is read-only|no permission)\nnothing was imported/,
      );
      const removed = await run('remove', bank.certificate.sha256, '--collection', 'bank');
      assert.equal(removed.code, 75, removed.said);
      assert.deepEqual(readdirSync(target), before);
    } finally {
      open();
    }
  });

  it('refuses end entities and garbage, all at once', async () => {
    const ada = makeCertificate(root, { name: 'Ada', key: 'p-256' });
    assert.match((await run('import', house.write('ada.pem', ada.pem, 0o644))).said, /CN=Ada is not a CA certificate/);
    const garbage = await run('import', house.write('x.pem', 'x', 0o644));
    assert.equal(garbage.code, 65);
    for (const words of [
      ['import', '/nowhere/at/all'],
      ['import', '/nowhere/store.p12'],
      ['import', '--mozilla-email', '/nowhere/certdata.txt'],
    ]) {
      const { code, said } = await run(...words);
      assert.equal(code, 66, said);
      assert.match(said, /ENOENT[\s\S]*nothing was imported/);
    }
    // the configuration vouches for the folder, nobody for what is in it
    symlinkSync('/nowhere/at/all', path.join(folder(), 'link.pem'));
    for (const words of [['list'], ['export', path.join(house.folder, 'out.pem')]]) {
      assert.equal((await run(...words)).code, 66, words.join(' '));
    }
  });

  it('a partner: the named collection, and --only-for as a safeguard', async () => {
    const file = house.write('bank.pem', bank.pem, 0o644);
    assert.equal((await run('import', file, '--name', 'bank', '--only-for', 'evil.example')).code, 64);
    const taken = await run('import', file, '--name', 'bank', '--only-for', 'bank.example');
    assert.equal(taken.code, 0, taken.said);
    assert.match(taken.out, /bank: .*only for bank\.example/);
    const unknown = await run('import', file, '--name', 'nobody');
    assert.equal(unknown.code, 78);
    assert.match(unknown.said, /no collection "nobody"\nhint: trust: \{ nobody: /);
  });

  it('says in which collection a certificate is that it was not to look in, and what an empty one means', async () => {
    assert.equal((await run('import', house.write('bank.pem', bank.pem, 0o644), '--collection', 'bank')).code, 0);
    const hash = bank.certificate.sha256;
    const wrong = await run('remove', hash);
    assert.equal(wrong.code, 1);
    assert.match(wrong.said, /in collection default\nhint: it is in bank: --collection bank\n$/);
    assert.match((await run('remove', '0'.repeat(64))).said, /hint: sealgate trust list shows them/);
    const removed = await run('remove', hash.toUpperCase().replace(/..(?=.)/g, '$&:'), '--collection', 'bank');
    assert.equal(removed.code, 0, removed.said);
    assert.match(removed.said, /hint: bank is empty now/);
  });

  it('prints a hint that can be pasted into YAML', async () => {
    const file = house.write('bank.pem', bank.pem, 0o644);
    const { code, said } = await run('import', file, '--collection', 'bank', '--only-for', '*.bank.example');
    assert.equal(code, 64);
    assert.match(said, /only-for: \["\*\.bank\.example"\]/);
  });

  it('imports a PKCS #12 trust store', async function () {
    const pem = house.write('all.pem', root.pem + bank.pem, 0o644);
    const file = pem.replace('.pem', '.p12');
    const made = spawnSync('openssl', [
      'pkcs12',
      '-export',
      '-nokeys',
      '-in',
      pem,
      '-out',
      file,
      '-passout',
      'pass:secret',
    ]);
    if (made.status !== 0) this.skip();
    const password = house.write('password', 'secret\n');
    assert.equal((await run('import', file)).code, 65);
    const taken = await run('import', file, '--password-from', password);
    assert.equal(taken.code, 0, taken.said);
    assert.match(taken.out, /default: 2 added/);
  });
});
