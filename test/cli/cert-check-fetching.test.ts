/** What `sealgate cert check` fetches, from where, and that it asks nobody who was not meant. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runCommandLine } from '../../src/cli/command-line.ts';
import { ConfigHouse, GOOD_SITE } from '../config/config-house.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { distributionPoints, issuerAccess, makeCrl } from '../support/crl-builder.ts';
import { HostileHttp } from '../support/hostile-http.ts';
import { ldapDone, ldapEntry, startHostileLdap } from '../support/hostile-ldap.ts';
import { CapturedTerminal } from './captured-terminal.ts';

interface Answer {
  readonly exit: number;
  readonly valid: boolean;
  readonly code: string | null;
  readonly fetched: readonly { readonly subject: string; readonly from: string }[];
  readonly unfetched: readonly string[];
  readonly revocation: readonly { readonly status: string }[];
}

async function run(...words: string[]): Promise<{ code: number; out: string; said: string }> {
  const terminal = new CapturedTerminal();
  const code = await runCommandLine(['cert', 'check', ...words], terminal);
  return { code, out: terminal.results.join(''), said: terminal.said.join('') };
}

describe('cert check, fetching', () => {
  let folder = '';
  let server: HostileHttp;
  let middle: ReturnType<typeof makeAuthority>;
  let bob: ReturnType<typeof makeCertificate>;
  const root = makeAuthority({ name: 'Root', freshKey: true });
  const at = (name: string): string => path.join(folder, name);
  const ask = async (...words: string[]): Promise<Answer> => {
    const { code, out } = await run(...words, '--json');
    return { ...(JSON.parse(out) as Answer), exit: code };
  };
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'sealgate-check-'));
    server = await HostileHttp.open();
    const points = [distributionPoints(server.url('/root.crl'))];
    middle = makeAuthority({ name: 'Middle', issuer: root, freshKey: true, extraExtensions: points });
    bob = makeCertificate(middle, {
      key: 'p-256',
      emails: ['bob@bank.example'],
      extraExtensions: [distributionPoints(server.url('/middle.crl')), issuerAccess(server.url('/middle'))],
    });
    server.set('/root.crl', { kind: 'answer', body: makeCrl(root) });
    server.set('/middle.crl', { kind: 'answer', body: makeCrl(middle) });
    server.set('/middle', { kind: 'answer', body: middle.der });
    writeFileSync(at('root'), root.der);
    writeFileSync(at('middle'), middle.der);
    writeFileSync(at('bob'), bob.der);
  });
  beforeEach(() => server.asked.clear());
  after(async () => {
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const LOOPBACK = ['--allow', '192.0.2.0/24', '--allow', '127.0.0.0/8'];
  const trusting = (): string[] => [at('bob'), '--trust', at('root')];

  it('--allow: CRLs of a private network, and none without', async () => {
    const question = [...trusting(), '--untrusted', at('middle'), '--revocation', 'hard'];
    assert.deepEqual([(await ask(...question)).code, server.asked.size], ['revocation-unknown', 0]);
    const answer = await ask(...question, ...LOOPBACK);
    assert.deepEqual([answer.exit, answer.revocation.map(({ status }) => status)], [0, ['good', 'good']]);
  });

  it('--fetch-intermediates: a path, and where its middle came from', async () => {
    assert.deepEqual([(await ask(...trusting(), ...LOOPBACK)).code, server.asked.size], ['no-path', 0]);
    const answer = await ask(...trusting(), '--fetch-intermediates', ...LOOPBACK);
    assert.equal(answer.exit, 0);
    assert.deepEqual(answer.revocation, []);
    const from = server.url('/middle');
    assert.deepEqual(
      answer.fetched.map((one) => [one.subject, one.from]),
      [['CN=Middle', from]],
    );
    const { out } = await run(...trusting(), '--fetch-intermediates', ...LOOPBACK, '--revocation', 'hard');
    assert.match(out, new RegExp(`^valid\\n[^]* {2}fetched {3}CN=Middle from ${from}\\n[^]*not revoked`));
  });

  it('what could not be got is told', async () => {
    const answer = await ask(...trusting(), '--fetch-intermediates');
    assert.deepEqual([answer.exit, answer.code, answer.unfetched], [1, 'no-path', [server.url('/middle')]]);
    const { out } = await run(...trusting(), '--fetch-intermediates');
    assert.match(out, / {2}not got {3}http:\/\/127\.0\.0\.1:\d+\/middle, where an issuer may be\n/);
  });

  it('a wrong command line: 64', async () => {
    for (const words of [
      ['--allow', '10.0.0.1/8'],
      ['--allow', 'everything'],
      ['--fetch-intermediates', '--offline'],
    ]) {
      assert.equal((await run(...trusting(), ...words)).code, 64, words.join(' '));
    }
  });

  it('--offline asks nobody: neither for lists nor for addresses', async () => {
    const house = new ConfigHouse();
    const ldap = await startHostileLdap((socket, id) => {
      const entry = ldapEntry(id, 'CN=x', [['userCertificate', [bob.der]]]);
      socket.write(Buffer.concat([entry, ldapDone(id)]));
    });
    try {
      house.write('certs/trust/root.pem', root.pem);
      house.write('certs/trust/middle.pem', middle.pem);
      const source = `directory: [{ ldap: "${ldap.url}", base: "dc=x" }]`;
      const text = GOOD_SITE.replace(/^directory:.*$/m, source).replace(
        'trust: { default: certs/trust }',
        'trust: { default: certs/trust, revocation: { allow: [127.0.0.0/8] } }',
      );
      const config = ['--config', house.write('sealgate.yaml', text)];
      const { code, said, out } = await run('bob@bank.example', ...config, '--offline');
      assert.deepEqual([code, ldap.requests(), server.asked.size], [1, 0, 0]);
      assert.match(said, /warning: ldap:\/\/127\.0\.0\.1:\d+ is not asked \(--offline\)/);
      assert.match(out, /no source publishes/);
      const online = await run('bob@bank.example', ...config);
      assert.equal(online.code, 0, online.out + online.said);
      assert.equal(ldap.requests(), 1);
    } finally {
      await ldap.stop();
      house.remove();
    }
  });
});
