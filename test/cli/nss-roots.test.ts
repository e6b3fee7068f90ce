/** `sealgate trust import --mozilla-email`: from a file, and from the NSS of this machine where it is installed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { readNssRoots } from '../../src/cli/nss-roots.ts';
import { ConfigHouse, GOOD_SITE } from '../config/config-house.ts';
import { makeCertdata } from '../support/certdata-maker.ts';
import { makeAuthority } from '../support/certificate-builder.ts';
import { CapturedTerminal } from './captured-terminal.ts';

describe('trust import --mozilla-email', function () {
  this.timeout(60_000);
  let house: ConfigHouse;
  const run = async (...words: string[]): Promise<{ code: number; out: string; said: string }> => {
    const config = house.write('sealgate.yaml', GOOD_SITE);
    const terminal = new CapturedTerminal();
    const code = await runCommandLine(['trust', 'import', ...words, '--config', config], terminal);
    return { code, out: terminal.results.join(''), said: terminal.said.join('') };
  };
  before(() => {
    house = new ConfigHouse();
  });
  after(() => house.remove());

  it('from a certdata.txt, whichever way round; nothing from one with a mistake', async () => {
    const long = { notBefore: new Date('2020-01-01'), notAfter: new Date('2040-01-01') };
    const roots = [{ made: makeAuthority({ name: 'Mail Root', serial: 7, ...long }) }];
    const distrusted = {
      made: makeAuthority({ name: 'Old Root', serial: 8, ...long }),
      distrustAfter: '221130000000Z',
    };
    const file = house.write('certdata.txt', makeCertdata([...roots, distrusted]), 0o644);
    const first = await run('--mozilla-email', file);
    assert.equal(first.code, 0, first.said);
    assert.match(first.out, /default: 1 added/);
    assert.match(first.said, /warning: CN=Old Root is left out: Mozilla does not trust it for mail since 2022-11-30/);
    assert.match((await run(file, '--mozilla-email')).out, /0 added, 1 known already/);
    const broken = house.write('broken.txt', makeCertdata([...roots, distrusted]).replace('END', 'EMD'), 0o644);
    const refused = await run('--mozilla-email', broken);
    assert.equal(refused.code, 65);
    assert.match(refused.said, /broken\.txt: line \d+: .*[\s\S]*nothing was imported/);
    assert.equal((await run('--mozilla-email', file, file)).code, 64);
    assert.equal((await run()).code, 64);
  });

  it('never from the store for servers', async () => {
    const pem = house.write('ca-certificates.crt', makeAuthority().pem, 0o644);
    const { code, said } = await run('--mozilla-email', pem);
    assert.equal(code, 65);
    assert.match(said, /is no certdata\.txt/);
  });

  it('from the NSS of this machine: roots for mail, and none that is for servers only', async function () {
    if (spawnSync('certutil', ['-H']).error !== undefined) this.skip();
    const read = await readNssRoots();
    assert.ok(read.ok, read.ok ? '' : read.problem);
    const names = new Set(read.roots.map(({ certificate }) => certificate.subjectName));
    assert.ok(names.size > 30, `${names.size} roots`);
    // trusted for servers alone in every version of the store
    assert.ok(!names.has('ISRG Root X1') && !names.has('ISRG Root X2'), 'a root for servers');
    assert.ok(read.roots.every(({ ofMozilla }) => ofMozilla));
    const imported = await run('--mozilla-email', '--json');
    assert.equal(imported.code, 0, imported.said);
    const { added } = JSON.parse(imported.out) as { added: unknown[] };
    assert.ok(added.length > 30 && added.length <= read.roots.length);
  });
});
