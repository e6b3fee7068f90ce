/** `sealgate cert check`: the answer, the exit code and the JSON of each kind of question; PKITS and limbo through it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { ConfigHouse, GOOD_SITE } from '../config/config-house.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { mail, nameConstraints, policies } from '../support/constraint-builder.ts';
import { isDsa, loadPkits } from '../support/pkits.ts';
import { vectorsFolder } from '../support/vectors.ts';
import { CapturedTerminal } from './captured-terminal.ts';

const root = makeAuthority({ name: 'Root' });
const middle = makeAuthority({
  name: 'Middle',
  issuer: root,
  extraExtensions: [policies('1.3.9.1'), nameConstraints({ permitted: [mail('bank.example')] })],
});
const bob = makeCertificate(middle, {
  name: 'Bob',
  key: 'p-256',
  emails: ['bob@bank.example'],
  extraExtensions: [policies('1.3.9.1')],
});
const eve = makeCertificate(middle, { name: 'Eve', key: 'p-256', emails: ['eve@evil.example'] });

interface Answer {
  readonly valid: boolean;
  readonly reason: string | null;
  readonly code: string | null;
  readonly path: { readonly subject: string }[];
  readonly policies: string[];
  readonly collection: string | null;
  readonly attempts: { readonly code: string; readonly reason: string; readonly path: unknown[] }[];
}

async function run(...words: string[]): Promise<{ code: number; out: string; said: string }> {
  const terminal = new CapturedTerminal();
  const code = await runCommandLine(['cert', 'check', ...words], terminal);
  return { code, out: terminal.results.join(''), said: terminal.said.join('') };
}

describe('cert check', () => {
  let folder = '';
  const at = (name: string): string => path.join(folder, name);
  const trust = (): string[] => ['--trust', at('root.bin'), '--untrusted', at('middle.txt')];
  const ask = async (...words: string[]): Promise<Answer & { exit: number }> => {
    const { code, out } = await run(...words, '--json');
    return { ...(JSON.parse(out) as Answer), exit: code };
  };
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'sealgate-check-'));
    writeFileSync(at('root.bin'), root.der);
    writeFileSync(at('middle.txt'), middle.pem);
    writeFileSync(at('bob'), bob.pem);
    writeFileSync(at('eve'), eve.der);
    writeFileSync(at('garbage'), 'garbage');
  });
  after(() => rmSync(folder, { recursive: true }));

  it('valid: the path, its policies and 0', async () => {
    const answer = await ask(at('bob'), ...trust());
    assert.deepEqual([answer.exit, answer.valid, answer.reason], [0, true, null]);
    assert.deepEqual(
      answer.path.map(({ subject }) => subject),
      ['CN=Bob', 'CN=Middle', 'CN=Root'],
    );
    assert.deepEqual(answer.policies, ['1.3.9.1']);
    const { code, out } = await run(at('bob'), ...trust());
    assert.equal(code, 0);
    assert.match(out, /^valid\n.*\n {2}path {6}Root > Middle > Bob\n/);
  });

  it('not valid: the reason, what was tried, and 1', async () => {
    const answer = await ask(at('eve'), ...trust());
    assert.deepEqual([answer.exit, answer.valid, answer.code], [1, false, 'name-constraints']);
    assert.match(answer.reason ?? '', /eve@evil\.example; Middle permits only bank\.example$/);
    assert.equal(answer.attempts[0]?.path.length, 3);
    const { out } = await run(at('eve'), ...trust());
    assert.match(out, /^not valid: Eve has.*\n.*\n {2}tried {5}Root > Middle > Eve\n/);
    assert.equal((await ask(at('bob'), '--trust', at('root.bin'))).code, 'no-path');
  });

  it('time, purpose, address and policies are asked for', async () => {
    const codes = async (...words: string[]) => (await ask(at('bob'), ...trust(), ...words)).code;
    assert.equal(await codes('--at', '2000-01-01'), 'not-yet-valid');
    assert.equal(await codes('--at', '2199-01-01T00:00:00Z'), 'expired');
    assert.equal(await codes('--address', 'BOB@bank.example', '--purpose', 'encrypt'), null);
    assert.equal(await codes('--address', 'eve@bank.example'), 'address-mismatch');
    assert.equal(await codes('--policy', '1.3.9.2', '--policy', '1.3.9.1', '--explicit-policy'), null);
    assert.equal(await codes('--policy', '1.3.9.2', '--explicit-policy'), 'policy');
    assert.equal(await codes('--offline', '--inhibit-mapping', '--inhibit-any-policy'), null);
  });

  it('unreadable: 65, with an object that says so', async () => {
    for (const file of ['garbage', 'nowhere']) {
      const answer = await ask(at(file), ...trust());
      assert.deepEqual([answer.exit, answer.valid], [65, false]);
      assert.match(answer.reason ?? '', /cannot be read|neither PEM nor DER/);
    }
    assert.equal((await run(at('bob'), '--trust', at('garbage'))).code, 65);
    const noCrl = await run(at('bob'), ...trust(), '--crl', at('garbage'), '--revocation', 'soft');
    assert.deepEqual([noCrl.code, noCrl.said.includes('garbage is passed over: it holds no CRL')], [0, true]);
    const passedOver = await run(at('bob'), ...trust(), '--untrusted', at('garbage'));
    assert.equal(passedOver.code, 0);
    assert.match(passedOver.said, /warning: .*garbage/);
  });

  it('a wrong command line: 64', async () => {
    const wrong = [
      ['--purpose', 'steal'],
      ['--at', 'yesterday'],
      ['--at', '11/24/2026'],
      ['--address', 'nobody'],
      ['--policy', 'strict'],
      ['--revocation', 'maybe'],
      ['--colour'],
    ];
    for (const words of wrong) assert.equal((await run(at('bob'), ...trust(), ...words)).code, 64, words.join(' '));
    assert.equal((await run('bob@bank.example', '--trust', at('root.bin'))).code, 64);
  });

  it('with the configuration: a file, and an address that is looked up', async () => {
    const house = new ConfigHouse();
    try {
      const config = house.write('sealgate.yaml', GOOD_SITE);
      house.write('certs/trust/root.pem', root.pem, 0o644);
      house.write('certs/trust/middle.pem', middle.pem, 0o644);
      house.write('certs/partners/bob.pem', bob.pem, 0o644);
      const file = await ask(at('bob'), '--config', config);
      assert.deepEqual([file.valid, file.collection], [true, 'default']);
      const address = await ask('bob@bank.example', '--config', config);
      assert.deepEqual([address.exit, address.valid, address.path.length], [0, true, 3]);
      const nobody = await ask('nobody@bank.example', '--config', config);
      assert.deepEqual([nobody.exit, nobody.valid], [1, false]);
      assert.match(nobody.reason ?? '', /no source publishes a certificate for nobody@bank\.example/);
    } finally {
      house.remove();
    }
  });

  it('PKITS through the command line, with its CRLs', async function () {
    this.timeout(60_000);
    const vectors = vectorsFolder(this);
    const certificate = (name: string) => path.join(vectors, 'pkits/certs', name);
    const wrong: string[] = [];
    for (const one of loadPkits(vectors)) {
      const [anchor = '', ...below] = one.path;
      const leaf = below.at(-1) ?? '';
      const { settings } = one;
      const words = [
        ...['--trust', certificate(anchor), '--at', '2020-01-01T00:00:00Z', '--purpose', 'any'],
        ...[...below.slice(0, -1), ...one.extra_certs].flatMap((name) => ['--untrusted', certificate(name)]),
        ...one.crls.flatMap((name) => ['--crl', path.join(vectors, 'pkits/crls', name)]),
        ...settings.initial_policy_set_oids.flatMap((oid) => ['--policy', oid]),
        ...(settings.initial_explicit_policy ? ['--explicit-policy'] : []),
        ...(settings.initial_policy_mapping_inhibit ? ['--inhibit-mapping'] : []),
        ...(settings.initial_any_policy_inhibit ? ['--inhibit-any-policy'] : []),
      ];
      const { exit, valid } = await ask(certificate(leaf), ...words);
      const expected = one.expected === 'valid' && !isDsa(one);
      if (valid !== expected || (exit === 0) !== expected) wrong.push(`${one.id} ${one.title}: ${exit}`);
    }
    assert.deepEqual(wrong, []);
  });

  it('limbo: PEM files of its cases answer 0 for a path, never 0 for a forged one', async function () {
    const file = path.join(vectorsFolder(this), 'limbo/limbo-2023-12-upstream.json');
    const { testcases } = JSON.parse(readFileSync(file, 'utf8')) as {
      testcases: { id: string; trusted_certs: string[]; untrusted_intermediates: string[]; peer_certificate: string }[];
    };
    const codeOf = async (id: string): Promise<number> => {
      const one = testcases.find((entry) => entry.id === id);
      assert.ok(one);
      writeFileSync(at('l-trust'), one.trusted_certs.join('\n'));
      writeFileSync(at('l-leaf'), one.peer_certificate);
      const words = ['--trust', at('l-trust'), '--at', '2023-12-01T00:00:00Z'];
      for (const [index, pem] of one.untrusted_intermediates.entries()) {
        writeFileSync(at(`l-${index}`), pem);
        words.push('--untrusted', at(`l-${index}`));
      }
      return (await run(at('l-leaf'), ...words)).code;
    };
    assert.equal(await codeOf('rfc5280::nc::permitted-dns-match'), 0);
    assert.equal(await codeOf('rfc5280::nc::permitted-dns-mismatch'), 1);
    assert.equal(await codeOf('pathological::intermediate-cycle-distinct-cas'), 1);
  });
});
