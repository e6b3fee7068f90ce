/**
 * Attacks on the eight promises of docs/design.md, from outside, against the running gateway: each was tried because it
 * looked as if it might work. What the next hop got is what counts.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { askGateway } from '../../src/admin/control-client.ts';
import { GatewayHouse, sleep, submit } from '../support/gateway-house.ts';
import { needOpenLdap, OPENLDAP_BASE, type OpenLdap, startOpenLdap } from '../support/openldap.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';
import { unstuffed } from '../support/smtp-sink.ts';

/** The compiled command line that belongs to this compiled test. */
const CLI = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../src/cli/sealgate.js');
const CANARY = 'canary-3f1c9d';

describe('system: attacks through the spelling of a recipient (S8, C28)', function () {
  this.timeout(60_000);
  let house: GatewayHouse;
  let server: OpenLdap;
  before(async function () {
    needOpenLdap(this);
    house = await GatewayHouse.open({ stopped: true });
    const rita = house.partners.get('rita@partner.example');
    assert.ok(rita);
    server = await startOpenLdap({
      people: [{ name: 'Rita', mail: 'rita@partner.example', userCertificate: [rita.der] }],
    });
    house.configure({
      directory: [`- { ldap: "${server.url}", base: "${OPENLDAP_BASE}" }`],
    });
    await house.start();
  });
  after(async () => {
    await house?.close();
    await server?.stop();
  });

  for (const spelling of [
    '"rita"@partner.example',
    '"ri\\ta"@partner.example',
    'RITA@Partner.EXAMPLE',
    'rita@partner.example',
  ]) {
    it(`encrypts to ${spelling} what is encrypted to rita@partner.example`, async () => {
      const sent = await submit(
        house.port,
        'anna@example.org',
        [spelling],
        `From: anna@example.org\r\nTo: x@y.example\r\n\r\n${CANARY}\r\n`,
      );
      assert.match(sent.data ?? sent.rcpt.join(), /^250/);
      await house.drained();
      const wire = house.sink?.messages.at(-1)?.wire.toString('latin1') ?? '';
      assert.match(wire, /enveloped-data/);
      assert.ok(!wire.includes(CANARY));
    });
  }
});

describe('system: attacks with the look of protection (promises 1 and 8, C24)', function () {
  this.timeout(60_000);
  let house: GatewayHouse;
  before(async () => {
    house = await GatewayHouse.open({
      clients: ['- { network: 127.0.0.0/8, vouches: { header: X-Proof, value: "it is ours" } }'],
      rules: ['strict.example: { sign: required, encrypt: never }', 'partner.example: { sign: required }'],
    });
  });
  after(() => house?.close());

  const LOOKS: Record<string, string> = {
    'multipart/signed without a signature':
      'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--',
    'multipart/signed of OpenPGP':
      'Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--',
    'opaque signed-data that is none':
      'Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\r\n\r\nnothing',
  };
  for (const [name, look] of Object.entries(LOOKS)) {
    it(`does not take ${name} for the signature that is required`, async () => {
      const forged = `From: anna@example.org\r\nMIME-Version: 1.0\r\n${look}\r\n`;
      const refused = await submit(house.port, 'anna@example.org', ['x@strict.example'], forged);
      assert.match(refused.data ?? '', /^550 5\.7\.1 a signature is required/);
    });

    it(`signs round ${name} where the author is proven`, async () => {
      const own = `From: anna@example.org\r\nX-Proof: it is ours\r\nMIME-Version: 1.0\r\n${look}\r\n`;
      const sent = await submit(house.port, 'anna@example.org', ['x@strict.example', 'rita@partner.example'], own);
      assert.match(sent.data ?? '', /^250/);
      await house.drained();
      const [clear, sealed] = [0, 1].map((i) => unstuffed(house.sink?.messages.at(-2 + i)?.wire ?? Buffer.alloc(0)));
      for (const message of [clear, sealed]) assert.ok(message && !message.includes('it is ours'));
      const both = [clear, sealed].map((m) =>
        m?.includes('enveloped-data') ? house.open('rita@partner.example', m) : house.verify(m ?? Buffer.alloc(0)),
      );
      for (const entity of both) assert.equal(entity.toString('latin1'), `${look}\r\n`);
    });
  }
});

/** The socket's file is there a moment before anybody listens on it. */
async function firstHealth(socket: string): Promise<{ listeners: readonly { port: number }[] }> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(25)) {
    const reply = existsSync(socket) ? await askGateway(socket, 'GET', '/health') : null;
    if (reply?.kind === 'answer') return reply.body as { listeners: readonly { port: number }[] };
  }
  throw new Error('the gateway did not answer');
}

describe('system: a log that cannot be written', function () {
  this.timeout(60_000);

  it('neither stops the mail nor changes a reply', async () => {
    const house = await GatewayHouse.open({ stopped: true });
    const child = spawn(process.execPath, [CLI, 'start', '--config', house.config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    try {
      const health = await firstHealth(path.join(house.spool, 'control.sock'));
      child.stderr?.destroy();
      for (let i = 0; i < 3; i += 1) {
        const sent = await submit(
          health.listeners[0]?.port ?? 0,
          'anna@example.org',
          ['rita@partner.example'],
          'From: anna@example.org\r\n\r\nx\r\n',
        );
        assert.match(sent.data ?? '', /^250/);
      }
      await house.drained();
      assert.equal(house.sink?.messages.length, 3);
      assert.equal(child.exitCode, null);
    } finally {
      child.kill('SIGKILL');
      await house.close();
    }
  });
});

describe('system: a transaction that outlives its configuration (C19, O5)', function () {
  this.timeout(60_000);
  let house: GatewayHouse;
  before(async () => {
    house = await GatewayHouse.open();
  });
  after(() => house?.close());

  it('is told to try again, never that there is no certificate', async () => {
    const client = await SmtpDialogue.greeted(house.port);
    await client.command('MAIL FROM:<anna@example.org>', 250);
    await client.command('RCPT TO:<new@partner.example>', 250);
    for (let i = 0; i < 10; i += 1) assert.equal(((await house.ask('POST', '/reload')) as { ok: boolean }).ok, true);
    house.addPartner('late@partner.example', 'p-256');
    const refused = await client.command('RCPT TO:<late@partner.example>', 451);
    assert.match(refused.text, /4\.4\.3 certificate directory unavailable/);
    await client.quit();
  });

  it('is explained for a file whose last line has no end', () => {
    const file = path.join(house.folder, 'short.eml');
    writeFileSync(file, 'From: anna@example.org\nSubject: x');
    const told = house.cli('explain', '--from', 'anna@example.org', '--to', 'rita@partner.example', file);
    assert.equal(told.status, 0, told.stderr);
    assert.match(told.stdout, /signed and encrypted/);
  });
});
