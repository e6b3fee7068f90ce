/** `sealgate trust import-crl|list-crls|remove-crl` on a configuration of its own. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { derContext, derInteger, derOid, derSequence, derSetOf } from '../../src/asn1/der-writer.ts';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { writeCertsOnly } from '../../src/cms/certs-only-writer.ts';
import { writeSst } from '../../src/trust/sst-writer.ts';
import { ConfigHouse, GOOD_SITE } from '../config/config-house.ts';
import { makeAuthority, pemOf } from '../support/certificate-builder.ts';
import { makeCrl } from '../support/crl-builder.ts';
import { closeFolder } from '../support/read-only-folder.ts';
import { CapturedTerminal } from './captured-terminal.ts';

const bank = makeAuthority({ name: 'Bank' });
const DAY = 86_400_000;

describe('trust import-crl', () => {
  let house: ConfigHouse;
  let config = '';
  const crls = (): string => path.join(house.folder, 'certs/crls');
  const run = async (...words: string[]): Promise<{ code: number; out: string; said: string }> => {
    const terminal = new CapturedTerminal();
    const code = await runCommandLine(['trust', ...words, '--config', config], terminal);
    return { code, out: terminal.results.join(''), said: terminal.said.join('') };
  };
  const site = (revocation: string): void => {
    const trust = `trust: { default: certs/trust, bank: { from: certs/bank, only-for: [bank.example] }${revocation} }`;
    config = house.write('sealgate.yaml', GOOD_SITE.replace('trust: { default: certs/trust }', trust));
  };
  beforeEach(() => {
    house = new ConfigHouse();
    for (const name of ['bank', 'crls']) mkdirSync(path.join(house.folder, 'certs', name));
    house.write('certs/bank/root.pem', bank.pem, 0o644);
    site(', revocation: { crls: certs/crls }');
  });
  afterEach(() => house.remove());

  it('imports, lists and removes', async () => {
    assert.deepEqual(await run('list-crls'), { code: 0, out: 'no CRLs\n', said: '' });
    const file = house.write('in.crl', makeCrl(bank, { number: 7 }));
    const taken = await run('import-crl', file);
    assert.equal(taken.code, 0, taken.said);
    assert.match(
      taken.out,
      /^CRL 7 of Bank, 0 revoked, until \d{4}.*: imported\na running gateway reads it within 15 s/,
    );
    const [name = ''] = readdirSync(crls());
    assert.match((await run('import-crl', file)).out, /known already/);
    const [row] = JSON.parse((await run('list-crls', '--json')).out) as [Record<string, unknown>];
    assert.deepEqual(
      [row['name'], row['issuer'], row['number'], row['kind'], row['fault'], row['stale'], row['partial']],
      [name, 'Bank', '7', 'complete', null, false, false],
    );
    const foreign = house.write('certs/crls/foreign.crl', makeCrl(makeAuthority({ name: 'Foreign' })));
    const listed = await run('list-crls');
    assert.equal(listed.code, 65);
    assert.match(listed.out, /foreign\.crl {2}CRL 1 of Foreign.* {2}NOT USED: its issuer Foreign is in no collection/);
    assert.equal((await run('remove-crl', path.basename(foreign))).code, 0);
    assert.equal((await run('remove-crl', '../trust/root.pem')).code, 1);
    assert.deepEqual(readdirSync(crls()), [name]);
  });

  it('refuses a stranger and what is stale, and says what would take it', async () => {
    const stranger = await run('import-crl', house.write('in.crl', makeCrl(makeAuthority({ name: 'Foreign' }))));
    assert.equal(stranger.code, 65);
    assert.match(stranger.said, /its issuer Foreign is in no collection[\s\S]*nothing was imported/);
    const [before, after] = [new Date(Date.now() - 2 * DAY), new Date(Date.now() - DAY)];
    const old = house.write('old.crl', makeCrl(bank, { thisUpdate: before, nextUpdate: after }));
    const refused = await run('import-crl', old);
    assert.equal(refused.code, 65);
    assert.match(refused.said, /it is stale[\s\S]*--allow-stale/);
    assert.deepEqual(readdirSync(crls()), []);
    const taken = await run('import-crl', old, '--allow-stale', '--json');
    assert.equal(taken.code, 0);
    assert.equal((JSON.parse(taken.out) as { stale: boolean }).stale, true);
    assert.match((await run('list-crls')).out, /STALE/);
  });

  it('takes the CRLs out of PKCS #7, SST and PEM with several blocks', async () => {
    const other = makeAuthority({ name: 'Second', freshKey: true });
    house.write('certs/bank/second.pem', other.pem, 0o644);
    const lists = [makeCrl(bank, { number: 2 }), makeCrl(other, { number: 3 })];
    const signedData = derSequence(
      derInteger(1),
      derSetOf([]),
      derSequence(derOid('1.2.840.113549.1.7.1')),
      derSetOf([bank.der], 0xa0),
      derContext(1, ...lists, derContext(1, derOid('1.2.3'))),
      derSetOf([]),
    );
    const p7b = derSequence(derOid('1.2.840.113549.1.7.2'), derContext(0, signedData));
    const sst = writeSst([bank.der], lists);
    const files = { 'a.p7b': p7b, 'b.pem': pemOf('PKCS7', p7b), 'c.sst': sst };
    const blocks = bank.pem + lists.map((list) => pemOf('X509 CRL', list)).join('');
    for (const [name, octets] of Object.entries({ ...files, 'd.pem': blocks })) {
      for (const old of readdirSync(crls())) rmSync(path.join(crls(), old));
      const taken = await run('import-crl', house.write(name, octets));
      assert.equal(taken.code, 0, `${name}: ${taken.said}`);
      assert.match(taken.out, /^CRL 2 of Bank.*imported[\s\S]*CRL 3 of Second.*imported/, name);
      assert.equal(readdirSync(crls()).length, 2, name);
    }
    const imported = await run('import', house.write('a.p7b', p7b), '--collection', 'bank');
    assert.equal(imported.code, 0, imported.said);
    assert.match(imported.said, /warning: .*a\.p7b: 2 CRLs are left out: trust import-crl takes CRLs from this file/);
    const none = await run('import-crl', house.write('none.p7b', writeCertsOnly([bank.der])));
    assert.deepEqual([none.code, /none\.p7b: it holds no CRL\nnothing was imported/.test(none.said)], [65, true]);
    const damaged = blocks.replace(/(-----BEGIN X509 CRL-----\n)(?![\s\S]*BEGIN X509)/, '$1!!!!');
    const half = await run('import-crl', house.write('f.pem', damaged));
    assert.equal(half.code, 65);
    assert.match(half.said, /f\.pem: CRL 2 of 2: PEM block of a CRL that is not base64/);
    assert.match(half.out, /^CRL 2 of Bank.*known already/);
    const cut = await run('import-crl', house.write('cut.sst', sst.subarray(0, -20)));
    assert.deepEqual([cut.code, /cut\.sst: .* octet \d+/.test(cut.said)], [65, true], cut.said);
    const foreign = makeCrl(makeAuthority({ name: 'Foreign' }));
    const mixed = await run('import-crl', house.write('e.pem', blocks + pemOf('X509 CRL', foreign)));
    assert.equal(mixed.code, 65);
    const json = await run('import-crl', house.write('e.pem', blocks), '--json');
    assert.deepEqual(
      (JSON.parse(json.out) as { added: boolean; issuer: string }[]).map(({ added, issuer }) => [added, issuer]),
      [
        [false, 'Bank'],
        [false, 'Second'],
      ],
    );
    assert.match(mixed.said, /e\.pem: CRL 3 of 3: its issuer Foreign is in no collection/);
  });

  it('a file that is not there is 66, and one that differs from its namesake is refused', async () => {
    for (const name of ['none.crl', '.'])
      assert.equal((await run('import-crl', path.join(house.folder, name))).code, 66);
    const thisUpdate = new Date(Date.now() - 60_000);
    assert.equal((await run('import-crl', house.write('a.crl', makeCrl(bank, { thisUpdate })))).code, 0);
    const entries = [{ certificate: bank.certificate }];
    const other = house.write('b.crl', makeCrl(bank, { thisUpdate, entries }));
    const refused = await run('import-crl', other);
    assert.equal(refused.code, 65);
    assert.match(refused.said, /same number and date: .*it revokes 1 certificates, that one 0[\s\S]*hint: .*--replace/);
    assert.match((await run('import-crl', other, '--replace')).out, /1 revoked.*: imported/);
  });

  it('a folder that cannot be changed is 75', async function () {
    const file = house.write('a.crl', makeCrl(bank));
    assert.equal((await run('import-crl', file)).code, 0);
    const [name = ''] = readdirSync(crls());
    const open = closeFolder(crls());
    if (open === null) return this.skip();
    try {
      const imported = await run('import-crl', house.write('b.crl', makeCrl(bank, { number: 2 })));
      assert.deepEqual([imported.code, /(EROFS|EACCES)[\s\S]*nothing was imported/.test(imported.said)], [75, true]);
      assert.equal((await run('remove-crl', name)).code, 75);
    } finally {
      open();
    }
  });

  it('says of another file that it holds no CRL', async () => {
    for (const octets of [bank.pem, 'just text']) {
      const { code, said } = await run('import-crl', house.write('in.pem', octets));
      assert.equal(code, 65);
      assert.match(said, /in\.pem: it holds no CRL: neither DER nor a PEM block X509 CRL\nnothing was imported/);
    }
  });

  it('check tells what counts for nothing, and what is stale', async () => {
    const dates = { thisUpdate: new Date(Date.now() - 2 * DAY), nextUpdate: new Date(Date.now() - DAY) };
    house.write('certs/crls/a.crl', bank.pem);
    house.write('certs/crls/b.crl', makeCrl(bank, dates));
    house.write('certs/crls/c.crl', makeCrl(bank));
    const terminal = new CapturedTerminal();
    assert.equal(await runCommandLine(['check', '--config', config], terminal), 0, terminal.said.join(''));
    const told = terminal.said.filter((line) => line.includes('trust.revocation.crls'));
    assert.equal(told.length, 2);
    assert.match(told[0] ?? '', /^warning: .*a\.crl is not used: it holds no CRL/);
    assert.match(told[1] ?? '', /^warning: .*b\.crl is stale/);
  });

  it('needs the folder in the configuration', async () => {
    site('');
    const { code, said } = await run('import-crl', 'x.crl');
    assert.equal(code, 78);
    assert.match(said, /names no folder of CRLs[\s\S]*crls: FOLDER/);
  });
});
