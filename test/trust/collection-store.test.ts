/** Imports into a collection: all or none, each certificate once, as strict as Exchange; removal; scope of partners. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseAddress } from '../../src/address.ts';
import { importAuthorities, readImport, removeAuthority } from '../../src/trust/collection-store.ts';
import { openTrust } from '../../src/trust/open-trust.ts';
import { writeSst } from '../../src/trust/sst-writer.ts';
import type { Trust } from '../../src/trust/trust.ts';
import {
  type MadeCertificate,
  makeAuthority,
  makeCertificate,
  makeCertificateBundle,
} from '../support/certificate-builder.ts';

const at = new Date();
const root = makeAuthority({ name: 'Root' });
const middle = makeAuthority({ name: 'Middle', issuer: root });
const old = { notBefore: new Date('2020-01-01'), notAfter: new Date('2021-01-01') };
const gone = makeAuthority({ name: 'Gone', ...old });
const certificates = (...made: MadeCertificate[]) => made.map(({ certificate }) => certificate);

describe('collection store', () => {
  let base = '';
  let count = 0;
  const newFolder = (): string => {
    const folder = path.join(base, String(count++));
    mkdirSync(folder);
    return folder;
  };
  before(() => {
    base = mkdtempSync(path.join(tmpdir(), 'sealgate-store-'));
  });
  after(() => rmSync(base, { recursive: true }));

  it('takes every form, a folder of them too', async () => {
    const folder = newFolder();
    writeFileSync(path.join(folder, 'a.sst'), writeSst([root.der]));
    writeFileSync(path.join(folder, 'b'), makeCertificateBundle([middle.der, root.der]));
    writeFileSync(path.join(folder, 'c.der'), gone.der);
    const read = await readImport(folder);
    assert.deepEqual(read.mistakes, []);
    assert.deepEqual(read.certificates.map(({ subjectName }) => subjectName).sort(), [
      'Gone',
      'Middle',
      'Root',
      'Root',
    ]);
  });

  it('imports once what comes twice, into one file that the next start reads', async () => {
    const folder = newFolder();
    const first = await importAuthorities(folder, certificates(root, middle, root), at, false);
    assert.ok(first.ok);
    assert.deepEqual([first.added.length, first.known], [2, 0]);
    assert.deepEqual(readdirSync(folder), [path.basename(first.file ?? '')]);
    const second = await importAuthorities(folder, certificates(root), at, false);
    assert.ok(second.ok && second.file === null && second.known === 1);
    const opened = await openTrust({ default: folder }, at);
    assert.ok(opened.ok);
    assert.deepEqual([opened.trust.collections[0]?.anchors, opened.trust.collections[0]?.intermediates], [1, 1]);
  });

  it('one expired certificate or end entity refuses all, each by name', async () => {
    const folder = newFolder();
    const person = makeCertificate(root, { name: 'Ada', key: 'p-256' });
    const result = await importAuthorities(folder, certificates(root, gone, person), at, false);
    assert.ok(!result.ok);
    assert.equal(result.mistakes.length, 2);
    assert.match(result.mistakes.join('\n'), /CN=Gone expired 2021-01-01/);
    assert.match(result.mistakes.join('\n'), /CN=Ada is not a CA certificate/);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('expired ones are taken when told so: the gateway starts, and warns', async () => {
    const folder = newFolder();
    const result = await importAuthorities(folder, certificates(root, gone), at, true);
    assert.ok(result.ok && result.expired.length === 1 && result.file?.endsWith('.allow-expired.pem'));
    const opened = await openTrust({ default: folder }, at);
    assert.ok(opened.ok);
    assert.match(opened.warnings.join('\n'), /CN=Gone vouches for nobody: Gone: expired 2021-01-01/);
  });

  it('removes one from whatever file it stands in, and leaves the others', async () => {
    const folder = newFolder();
    writeFileSync(path.join(folder, 'store.sst'), writeSst([root.der, middle.der]));
    writeFileSync(path.join(folder, 'root.der'), root.der);
    assert.equal((await removeAuthority(folder, root.certificate.sha256, at)).length, 2);
    assert.deepEqual(readdirSync(folder), ['store.sst.pem']);
    const text = readFileSync(path.join(folder, 'store.sst.pem'), 'latin1');
    assert.equal(text.match(/BEGIN CERTIFICATE/g)?.length, 1);
    assert.match(text, /^# CN=Middle$/m);
    assert.deepEqual(await removeAuthority(folder, root.certificate.sha256, at), []);
  });

  it('refuses a collection that is a file', async () => {
    const file = path.join(base, 'one.pem');
    writeFileSync(file, root.pem);
    const result = await importAuthorities(file, certificates(middle), at, false);
    assert.ok(!result.ok);
    assert.match(result.mistakes[0] ?? '', /is no folder/);
    await assert.rejects(removeAuthority(file, root.certificate.sha256, at), /is no folder/);
  });

  describe('C29 partners with private roots', () => {
    const [a, b, c] = ['Root A', 'Root B', 'Root C'].map((name) => makeAuthority({ name })) as [
      MadeCertificate,
      MadeCertificate,
      MadeCertificate,
    ];
    let trust: Trust;
    before(async () => {
      const folders = [root, a, b, c].map((authority) => {
        const folder = newFolder();
        writeFileSync(path.join(folder, 'ca.pem'), authority.pem);
        return folder;
      });
      const [home = '', ofA = '', ofB = '', ofC = ''] = folders;
      const named = [
        { name: 'a', from: ofA, onlyFor: ['a.example', '*.a.example'] },
        { name: 'b', from: ofB, onlyFor: ['b.example'] },
        { name: 'c', from: ofC, onlyFor: null },
      ];
      const opened = await openTrust({ default: home, named }, at);
      assert.ok(opened.ok);
      trust = opened.trust;
    });

    /** Name of the collection that accepts, or the code of the refusal. */
    function answer(
      issuer: MadeCertificate,
      emails: string[],
      asked: string | null,
      collections: readonly string[] | null = null,
    ): string {
      const { certificate } = makeCertificate(issuer, { key: 'p-256', emails });
      const address = asked === null ? null : parseAddress(asked);
      const question = { certificate, purpose: 'encrypt', address, at, extraIntermediates: [], collections } as const;
      const ask = () => trust.judge(question);
      const [cold, warm] = [ask(), ask()].map((one) => (one.ok ? one.collection : one.failure.code));
      assert.equal(cold, warm);
      return warm ?? '';
    }

    it('vouch for their own domains', () => {
      assert.equal(answer(a, ['x@a.example'], 'x@a.example'), 'a');
      assert.equal(answer(a, ['x@mail.a.example'], 'x@mail.a.example'), 'a');
      assert.equal(answer(b, ['x@b.example'], 'x@b.example'), 'b');
      assert.equal(answer(root, ['x@a.example'], 'x@a.example'), 'default');
    });

    it('never vouch for each other or for anybody else, warm or cold', () => {
      assert.equal(answer(a, ['x@b.example'], 'x@b.example'), 'no-path');
      assert.equal(answer(b, ['x@a.example'], 'x@a.example'), 'no-path');
      assert.equal(answer(b, ['x@mail.b.example'], 'x@mail.b.example'), 'no-path');
      // one certificate for both: good for the one, not for the other, whichever was asked first
      const { certificate } = makeCertificate(a, { key: 'p-256', emails: ['x@a.example', 'x@b.example'] });
      for (const [asked, ok] of [
        ['x@a.example', true],
        ['x@b.example', false],
        ['x@a.example', true],
      ] as const) {
        const address = parseAddress(asked);
        assert.equal(trust.judge({ certificate, purpose: 'sign', address, at, extraIntermediates: [] }).ok, ok, asked);
      }
    });

    it('a choice: only those named are asked, in their order', () => {
      assert.equal(answer(root, ['x@a.example'], 'x@a.example', ['a']), 'no-path');
      assert.equal(answer(root, ['x@a.example'], 'x@a.example', ['a', 'default']), 'default');
      assert.equal(answer(a, ['x@a.example'], 'x@a.example', ['default']), 'no-path');
      assert.equal(answer(a, ['x@a.example'], 'x@a.example', ['a']), 'a');
      assert.equal(answer(root, ['x@a.example'], 'x@a.example', []), 'no-path');
      assert.equal(answer(root, ['x@a.example'], 'x@a.example', ['gone']), 'no-path');
    });

    it('a choice never widens the domains of a collection, warm or cold', () => {
      const { certificate } = makeCertificate(a, { key: 'p-256', emails: ['x@a.example', 'x@b.example'] });
      const ask = (asked: string, collections: readonly string[] | null) =>
        trust.judge({
          certificate,
          purpose: 'encrypt',
          address: parseAddress(asked),
          at,
          extraIntermediates: [],
          collections,
        });
      assert.equal(ask('x@a.example', ['a']).ok, true);
      const refused = ask('x@b.example', ['a']);
      assert.ok(!refused.ok);
      assert.equal(refused.failure.text, 'none of the collections a may vouch for b.example');
      // what one choice accepted is no answer to another
      assert.equal(ask('x@a.example', ['default']).ok, false);
      assert.equal(ask('x@a.example', null).ok, true);
    });

    it('one without domains is asked only where it is named', () => {
      assert.equal(answer(c, ['x@c.example'], 'x@c.example'), 'no-path');
      assert.equal(answer(c, ['x@c.example'], null), 'no-path');
      assert.equal(answer(c, ['x@c.example'], 'x@c.example', ['c']), 'c');
      assert.equal(answer(c, ['x@c.example'], 'x@c.example'), 'no-path');
    });

    it('where no mailbox is asked, every one of the certificate must be theirs', () => {
      assert.equal(answer(a, ['x@a.example'], null), 'a');
      assert.equal(answer(a, ['x@a.example', 'x@b.example'], null), 'no-path');
      assert.equal(answer(a, [], null), 'no-path');
    });
  });
});
