/** Logins through the whole gateway (S5, promise 8): TLS first, the user's own addresses, and a signature for nobody else. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeCertificate } from '../support/certificate-builder.ts';
import { logged } from '../support/fault-scene.ts';
import { GatewayHouse } from '../support/gateway-house.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';
import { unstuffed } from '../support/smtp-sink.ts';

const CLI = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../src/cli/sealgate.js');
const PASSWORD = 'correct horse battery staple';

/** `sealgate login hash`, as an administrator runs it. */
function hashed(password: string): string {
  const result = spawnSync(process.execPath, [CLI, 'login', 'hash'], { input: `${password}\n`, encoding: 'utf8' });
  assert.equal(result.status, 0, result.stderr);
  return result.stdout.trim();
}

function plain(name: string, password: string, authorize = ''): string {
  return Buffer.from(`${authorize}\0${name}\0${password}`).toString('base64');
}

function text(from: string, extra = ''): string {
  return `From: ${from}\r\nTo: nora@partner.example\r\n${extra}\r\nhello\r\n.\r\n`;
}

describe('system: logins', function () {
  this.timeout(60_000);
  let house: GatewayHouse;
  let serverCertificate: Buffer;
  const write = (name: string, content: string, mode = 0o600): void => {
    writeFileSync(path.join(house.folder, name), content, { mode });
  };
  const edit = (change: (yaml: string) => string): void => {
    const old = readFileSync(house.config, 'utf8');
    const yaml = change(old);
    assert.notEqual(yaml, old);
    writeFileSync(house.config, yaml);
  };

  before(async () => {
    house = await GatewayHouse.open({
      stopped: true,
      clients: ['- { login: users.yaml, vouches: own-address }'],
      rules: ['strict.example: { sign: required, encrypt: never }'],
    });
    const server = makeCertificate(house.ca, { name: 'gw.example.org', extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] });
    serverCertificate = server.der;
    write('tls.pem', server.pem);
    write('tls.key', server.keyPem);
    const users = `anna: { password: "${hashed(PASSWORD)}", addresses: [anna@example.org, info@example.org] }\n`;
    write('users.yaml', users);
    edit((yaml) => yaml.replace(/^ {4}clients:$/m, '    tls: { certificate: tls.pem, key: tls.key }\n    clients:'));
    await house.start();
  });
  after(() => house.close());

  const secured = async (): Promise<SmtpDialogue> => {
    const session = await SmtpDialogue.greeted(house.port);
    assert.deepEqual(await session.startTls(), serverCertificate);
    await session.command('EHLO client.example', 250);
    return session;
  };
  const loggedIn = async (): Promise<SmtpDialogue> => {
    const session = await secured();
    await session.command(`AUTH PLAIN ${plain('anna', PASSWORD)}`, 235);
    return session;
  };
  const arrived = async (count: number): Promise<string> => {
    await house.sink?.waitFor(count);
    return unstuffed(house.sink?.messages[count - 1]?.wire ?? Buffer.alloc(0)).toString('latin1');
  };

  it('neither offers nor takes a login before TLS, and no mail', async () => {
    const session = await SmtpDialogue.greeted(house.port);
    assert.doesNotMatch(session.transcript, /AUTH/);
    assert.match(session.transcript, /STARTTLS/);
    for (const line of [`AUTH PLAIN ${plain('anna', PASSWORD)}`, 'AUTH LOGIN', 'AUTH PLAIN']) {
      assert.match((await session.command(line, 530)).text, /^530 5\.7\.0 must issue STARTTLS first/);
    }
    assert.match((await session.command('MAIL FROM:<anna@example.org>', 530)).text, /^530 5\.7\.0 /);
    await session.quit();
  });

  it('signs for the address of the login', async () => {
    const before = house.sink?.messages.length ?? 0;
    const session = await loggedIn();
    await session.command('MAIL FROM:<anna@example.org>', 250);
    await session.command('RCPT TO:<nora@partner.example>', 250);
    await session.command('DATA', 354);
    session.send(text('Anna <anna@example.org>'));
    await session.expect(250);
    await session.quit();
    const got = await arrived(before + 1);
    assert.match(got, /^Received: from client\.example [\s\S]*? with ESMTPSA id /);
    assert.match(got, /multipart\/signed/);
    house.verify(Buffer.from(got, 'latin1'));
  });

  it('takes AUTH LOGIN as well', async () => {
    const session = await secured();
    await session.command('AUTH LOGIN', 334);
    await session.command(Buffer.from('anna').toString('base64'), 334);
    await session.command(Buffer.from(PASSWORD).toString('base64'), 235);
    await session.command('MAIL FROM:<info@example.org>', 250);
    await session.quit();
  });

  it('refuses MAIL FROM of anybody else with 553, and as nobody', async () => {
    const session = await loggedIn();
    for (const from of ['ben@example.org', 'anna@partner.example', 'ANNA+x@example.org', '']) {
      assert.match((await session.command(`MAIL FROM:<${from}>`, 553)).text, /^553 5\.7\.1 sender address not allowed/);
    }
    await session.command('RCPT TO:<nora@partner.example>', 503);
    await session.quit();
  });

  for (const [name, from, extra] of [
    ['another author', 'Ben <ben@example.org>', ''],
    ['an address of the login that is not the envelope sender', 'info@example.org', ''],
    ['two authors', 'anna@example.org, ben@example.org', 'Sender: anna@example.org\r\n'],
    ['a Sender of somebody else', 'anna@example.org', 'Sender: ben@example.org\r\n'],
  ] as const) {
    it(`signs nothing for ${name}, and refuses where a signature is required`, async () => {
      const before = house.sink?.messages.length ?? 0;
      const session = await loggedIn();
      for (const [to, code] of [
        ['nora@strict.example', 550],
        ['nora@partner.example', 250],
      ] as const) {
        await session.command('MAIL FROM:<anna@example.org>', 250);
        await session.command(`RCPT TO:<${to}>`, 250);
        await session.command('DATA', 354);
        session.send(text(from, extra));
        const reply = await session.expect(code);
        if (code === 550) assert.match(reply.text, /^550 5\.7\.1 a signature is required/);
      }
      await session.quit();
      assert.doesNotMatch(await arrived(before + 1), /multipart\/signed|pkcs7/);
    });
  }

  it('forgets the login with a new TLS session or connection', async () => {
    await (await loggedIn()).quit();
    const session = await secured();
    await session.command('MAIL FROM:<anna@example.org>', 530);
    await session.quit();
  });

  // after all others: the wait that an address earns by wrong logins stays with it for a while
  it('takes no mail without a login, and none after a wrong one', async () => {
    const session = await secured();
    assert.match(session.transcript, /250[ -]AUTH PLAIN LOGIN\r\n/);
    assert.match((await session.command('MAIL FROM:<anna@example.org>', 530)).text, /^530 5\.7\.0 /);
    for (const attempt of [
      plain('anna', 'wrong horse battery staple'),
      plain('nobody', PASSWORD),
      plain('anna', PASSWORD, 'ben'),
      plain('anna', ''),
    ]) {
      assert.match((await session.command(`AUTH PLAIN ${attempt}`, 535)).text, /^535 5\.7\.8 authentication failed$/);
    }
    await session.command('MAIL FROM:<anna@example.org>', 530);
    session.destroy();
    await logged(house, 'smtp.login-failed');
    assert.doesNotMatch(house.output, /horse/, 'no password in the log');
  });

  it('refuses to start with logins and no TLS, with a user file others may read, or with a plain password', async () => {
    const good = readFileSync(house.config, 'utf8');
    const otherUsers = (content: string, mode: number) => (): void => {
      write('other.yaml', content, mode);
      edit((yaml) => yaml.replace('login: users.yaml', 'login: other.yaml'));
    };
    const user = `anna: { password: "${PASSWORD}", addresses: [anna@example.org] }\n`;
    const wrong: readonly (readonly [problem: string, spoil: () => void])[] = [
      ['logins need TLS', () => edit((yaml) => yaml.replace(/^ {4}tls: .*\n/m, ''))],
      ['is not a password hash', otherUsers(user, 0o600)],
      ['may be read by others', () => chmodSync(path.join(house.folder, 'users.yaml'), 0o644)],
    ];
    for (const [problem, spoil] of wrong) {
      spoil();
      const result = house.cli('check');
      writeFileSync(house.config, good);
      assert.equal(result.status, 78, problem);
      assert.match(result.stderr, new RegExp(problem));
      assert.doesNotMatch(result.stderr, /horse/);
    }
  });
});
