/** What the door logs, and what it never does: catalogue S16; and what silence costs. */
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { configureLog } from '../../src/log/logger.ts';
import { DoorServer, planListener } from '../../src/smtp/door-server.ts';
import type { DoorState } from '../../src/smtp/door-state.ts';
import { LoginThrottle } from '../../src/smtp/login-throttle.ts';
import { makeAuthority } from '../support/certificate-builder.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';
import { closeTestDoors, doorOptions, FakeReceiver, LOCAL, listenerOf, openTestDoor, until } from './fake-receiver.ts';

const ENVELOPE = 'MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n';

describe('S16 log of the door', () => {
  let written = '';
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written += chunk.toString();
      done();
    },
  });

  beforeEach(() => {
    written = '';
    configureLog('info', sink);
  });
  afterEach(async () => {
    await closeTestDoors();
    configureLog('silent', sink);
  });

  const events = (): Record<string, unknown>[] =>
    written
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('names refusals, defects and acceptance, one JSON line each', async () => {
    const { port, receiver } = await openTestDoor();
    receiver.onRecipient = (address) => {
      if (address.local === 'broken') throw new TypeError('a defect of ours');
    };
    const client = await SmtpDialogue.greeted(port);
    await client.command('MAIL FROM:<\x1b[31mred@x.example>', 501);
    await client.command('MAIL FROM:<a@x.example>', 250);
    await client.command('RCPT TO:<broken@y.example>', 451);
    await client.command('RCPT TO:<b@y.example>', 250);
    await client.command('DATA', 354);
    client.send('canary content\r\n.\r\n');
    await client.expect(250);
    client.send('NOOP\n');
    await client.expect(521);
    await client.closed();
    const lines = events();
    assert.deepEqual(
      lines.map((line) => line['event']),
      [
        'smtp.listener-opened',
        'smtp.transaction-refused',
        'smtp.transaction-refused',
        'smtp.message-accepted',
        'smtp.connection-refused',
      ],
    );
    assert.equal(lines[1]?.['code'], 'smtp.bad-sender-address');
    assert.equal(lines[2]?.['code'], 'defect');
    assert.match(String(lines[2]?.['stack']), /TypeError: a defect of ours\n/);
    assert.equal(lines[3]?.['traceId'], receiver.begun[0]?.traceId);
    assert.equal(lines[3]?.['queueId'], 'q1');
    assert.equal(lines[3]?.['bytes'], 16);
    assert.equal(lines[4]?.['code'], 'smtp.bare-newline');
    assert.ok(!written.includes('canary') && !written.includes('\x1b'));
  });

  it('names failed logins without the password', async () => {
    const made = makeAuthority({ key: 'p-256' });
    const tls = { certificate: Buffer.from(made.pem), key: Buffer.from(made.keyPem) };
    const { port } = await openTestDoor({
      listeners: [listenerOf({ tls, clients: [{ kind: 'login', users: [], vouches: { kind: 'never' } }] })],
    });
    const client = await SmtpDialogue.greeted(port);
    await client.startTls();
    await client.command('EHLO c.example', 250);
    const token = Buffer.from('\0evil\u202euser\0hunter2').toString('base64');
    await client.command(`AUTH PLAIN ${token}`, 535);
    const [line] = events().filter((each) => each['event'] === 'smtp.login-failed');
    assert.equal(line?.['login'], 'evil\\u202euser');
    assert.ok(!written.includes('hunter2') && !written.includes(token));
    client.destroy();
  });
});

describe('smtp: silence', () => {
  it('ends a silent session with 421 4.4.2, but never one that waits for us', async () => {
    const receiver = new FakeReceiver();
    const state: DoorState = {
      options: doorOptions(),
      receiver,
      draining: false,
      connections: new Set(),
      throttle: new LoginThrottle(),
      ongone: () => undefined,
    };
    const server = new DoorServer(state, planListener(listenerOf({ clients: [LOCAL] })));
    server.options.socketTimeout = 60;
    await server.bind();
    let release: () => void = () => undefined;
    receiver.onWhole = () =>
      new Promise<void>((resolve) => {
        release = resolve;
      });
    const waiting = await SmtpDialogue.greeted(server.port);
    waiting.send(`${ENVELOPE}x\r\n.\r\n`);
    for (const code of [250, 250, 354]) await waiting.expect(code);
    const silent = await SmtpDialogue.open(server.port);
    assert.match((await silent.expect(421)).text, /^421 4\.4\.2 /);
    const halfway = await SmtpDialogue.greeted(server.port);
    halfway.send(`${ENVELOPE}x\r\n`);
    for (const code of [250, 250, 354, 421]) await halfway.expect(code);
    await until(() => receiver.failed.length === 1);
    assert.equal(receiver.failed[0]?.code, 'smtp.interrupted');
    assert.equal(waiting.unread, '');
    release();
    await waiting.expect(250);
    for (const client of [waiting, silent, halfway]) client.destroy();
    await server.stopListening();
  });
});
