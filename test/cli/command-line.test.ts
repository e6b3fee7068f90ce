/** The commands as a user calls them: what they print, where, and with which exit code. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { buildProgram, runCommandLine } from '../../src/cli/command-line.ts';
import { EXIT } from '../../src/cli/exit-code.ts';
import { verifyPassword } from '../../src/smtp/password-hash.ts';
import { ConfigHouse, GOOD_SITE } from '../config/config-house.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { CapturedTerminal } from './captured-terminal.ts';

interface Run {
  readonly code: number;
  readonly out: string;
  readonly said: string;
}

async function run(
  words: readonly string[],
  options: ConstructorParameters<typeof CapturedTerminal>[0] = {},
): Promise<Run> {
  const terminal = new CapturedTerminal(options);
  const code = await runCommandLine(words, terminal);
  return { code, out: terminal.results.join(''), said: terminal.said.join('') };
}

describe('command line', () => {
  let house: ConfigHouse;
  let config: string;
  before(() => {
    house = new ConfigHouse();
    config = house.write(
      'sealgate.yaml',
      GOOD_SITE.replace('trust: { default: certs/trust }', 'trust: { default: certs/trust/ca.pem }'),
    );
    const authority = makeAuthority({ name: 'Bank Root' });
    house.write('certs/trust/ca.pem', authority.pem, 0o644);
    house.write(
      'certs/partners/bob.pem',
      makeCertificate(authority, { name: 'Bob', emails: ['bob@bank.example'] }).pem,
      0o644,
    );
  });
  after(() => house.remove());

  it('check: says that all is well, or what is not', async () => {
    const good = await run(['check', '--config', config]);
    assert.equal(good.code, EXIT.ok);
    assert.match(good.out, /sealgate\.yaml: valid, configuration [0-9a-f]{12}, 0 identities, 1 trusted CA\n$/);
    const json = JSON.parse((await run(['check', '--config', config, '--json'])).out) as Record<string, unknown>;
    assert.deepEqual([json['ok'], json['mistakes'], json['anchors']], [true, [], 1]);
    const none = await run(['check', '--config', path.join(house.folder, 'none.yaml'), '--json']);
    assert.equal(none.code, EXIT.configuration);
    assert.equal((JSON.parse(none.out) as Record<string, unknown>)['ok'], false);
    assert.equal(none.said, '');
  });

  it('takes the configuration from SEALGATE_CONFIG, and no other variable', async () => {
    const named = await run(['check'], { environment: { SEALGATE_CONFIG: config } });
    assert.equal(named.code, EXIT.ok);
    const overridden = await run(['check', '--config', config], {
      environment: { SEALGATE_HOSTNAME: 'gw.example.net' },
    });
    assert.equal(overridden.code, EXIT.configuration);
    assert.match(overridden.said, /environment:1:1: SEALGATE_HOSTNAME: not supported in this version/);
  });

  it('explain: answers in the first line', async () => {
    const known = await run(['explain', '--config', config, '--from', 'anna@example.org', '--to', 'bob@bank.example']);
    assert.equal(known.said, '');
    assert.equal(known.code, EXIT.ok);
    assert.match(known.out, /^anna@example\.org -> bob@bank\.example: encrypted, not signed\n/);
    assert.match(known.out, /\n {2}taken {4}[0-9a-f]{12} {2}bob@bank\.example, from folder /);
    const unknown = await run(['explain', '--config', config, '--from', '<>', '--to', 'eve@bank.example', '--json']);
    const facts = JSON.parse(unknown.out) as { outcome: { code: string } };
    assert.equal(facts.outcome.code, 'policy.null-sender');
  });

  it('explain: reads a message', async () => {
    const message = house.write('mail.eml', 'From: anna@example.org\nList-Id: <x.example.org>\n\nhello\n');
    const words = ['explain', '--config', config, '--from', 'anna@example.org', '--to', 'bob@bank.example'];
    const listed = await run([...words, message]);
    assert.match(listed.out, /signer {3}none: the message came through a mailing list \(List-Id\)/);
    const twice = house.write('twice.eml', 'From: anna@example.org\r\nFrom: eve@evil.test\r\n\r\nhello\r\n');
    const refused = await run([...words, twice]);
    assert.equal(refused.code, EXIT.data);
    assert.match(refused.said, /the message would be refused: 550 5\.6\.0 /);
    assert.equal((await run([...words, path.join(house.folder, 'none.eml')])).code, EXIT.noInput);
  });

  it('explain: refuses what is no address', async () => {
    for (const [from, to] of [
      ['anna', 'bob@bank.example'],
      ['anna@example.org', 'bob'],
    ] as const) {
      const result = await run(['explain', '--config', config, '--from', from, '--to', to]);
      assert.equal(result.code, EXIT.usage);
      assert.match(result.said, /is not a mail address\nhint: /);
    }
  });

  it('explain, queue, start: end with 78 on a broken configuration', async () => {
    const broken = house.write('broken.yaml', 'hostname: gw\n');
    for (const words of [
      ['explain', '--from', 'a@example.org', '--to', 'b@example.org'],
      ['queue', 'list'],
      ['start'],
      ['health'],
    ]) {
      const result = await run([...words, '--config', broken]);
      assert.equal(result.code, EXIT.configuration, words.join(' '));
      assert.match(result.said, /broken\.yaml:1:1: ours: is missing: a list\n/);
    }
  });

  it('queue, health, reload: say that no gateway is running', async () => {
    for (const words of [
      ['queue', 'list'],
      ['queue', 'show', 'abc'],
      ['queue', 'retry', 'abc'],
      ['queue', 'drop', 'abc'],
      ['health'],
      ['reload'],
    ]) {
      const result = await run([...words, '--config', config]);
      assert.equal(result.code, EXIT.temporary, words.join(' '));
      assert.match(result.said, /no gateway is running with this configuration .*\nhint: /);
    }
    const traversal = await run(['queue', 'show', '../health', '--config', config]);
    assert.equal(traversal.code, EXIT.usage);
  });

  it('cert show: prints what is read', async () => {
    const shown = await run(['cert', 'show', path.join(house.folder, 'certs/partners/bob.pem')]);
    assert.equal(shown.code, EXIT.ok);
    assert.match(shown.out, /^subject {4}CN=Bob\nissuer {5}CN=Bank Root\n/);
    assert.match(shown.out, /\naddresses {2}bob@bank\.example\n/);
    const json = JSON.parse(
      (await run(['cert', 'show', '--json', path.join(house.folder, 'certs/partners/bob.pem')])).out,
    ) as unknown[];
    assert.equal(json.length, 1);
    assert.equal((await run(['cert', 'show', path.join(house.folder, 'keys/secret')])).code, EXIT.data);
    assert.equal((await run(['cert', 'show', path.join(house.folder, 'none.pem')])).code, EXIT.noInput);
  });

  it('login hash: prints what the door verifies', async () => {
    const made = await run(['login', 'hash'], { input: 'correct horse battery\n' });
    assert.equal(made.code, EXIT.ok);
    assert.equal(made.said, '');
    assert.ok(await verifyPassword('correct horse battery', made.out.trim()));
    assert.match((await run(['login', 'hash'], { input: 'short' })).said, /^warning: /);
    for (const input of ['', '\n', 'two\nlines', 'a\u0000b']) {
      assert.equal((await run(['login', 'hash'], { input })).code, EXIT.data);
    }
  });

  it('version and reference', async () => {
    assert.match((await run(['version'])).out, /^\d+\.\d+\.\d+\n$/);
    assert.match((await run(['reference'])).out, /^# The configuration file\n/);
  });

  it('ends with 64 on a wrong command line, and with 0 on a call for help', async () => {
    for (const words of [['frobnicate'], ['explain'], ['check', '--nope'], ['queue', 'show'], ['cert']]) {
      const result = await run(words);
      assert.equal(result.code, EXIT.usage, words.join(' '));
      assert.equal(result.out, '');
    }
    assert.equal((await run(['chek'])).said, "unknown command 'chek'\nhint: did you mean check?\n");
    assert.equal((await run(['queue'])).said, 'a command is missing\nhint: --help shows the commands\n');
    const help = await run(['--help']);
    assert.equal(help.code, EXIT.ok);
    assert.match(help.out, /explain/);
  });

  it('docs/cli.md names every command and every exit code', () => {
    const text = readFileSync(path.join(process.cwd(), 'docs/cli.md'), 'utf8');
    const program = buildProgram(new CapturedTerminal(), () => {});
    const names = program.commands.flatMap((command) =>
      command.commands.length === 0
        ? [command.name()]
        : command.commands.map((inner) => `${command.name()} ${inner.name()}`),
    );
    assert.ok(names.length >= 13);
    for (const name of names) assert.ok(text.includes(`\`sealgate ${name}`), name);
    for (const code of Object.values(EXIT)) assert.match(text, new RegExp(`^\\| ${code} +\\|`, 'm'));
  });
});
