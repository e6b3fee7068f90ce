/** Who may relay, and as whom: catalogue S1, S5 and the logins. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { type Address, parseAddress } from '../../src/address.ts';
import type { ClientRule, ListenerOptions } from '../../src/smtp/listener-options.ts';
import { hashPassword } from '../../src/smtp/password-hash.ts';
import { makeAuthority } from '../support/certificate-builder.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';
import { closeTestDoors, LOCAL, listenerOf, openTestDoor } from './fake-receiver.ts';

const ELSEWHERE: ClientRule = { kind: 'network', cidr: '10.0.0.0/8', vouches: { kind: 'never' } };

function mailbox(text: string): Address {
  const address = parseAddress(text);
  assert.ok(address);
  return address;
}

function tlsOf(name = 'gate.example'): NonNullable<ListenerOptions['tls']> & { der: Buffer } {
  const made = makeAuthority({ name, key: 'p-256' });
  return { certificate: Buffer.from(made.pem), key: Buffer.from(made.keyPem), der: made.der };
}

function plain(name: string, password: string, actAs = ''): string {
  return `AUTH PLAIN ${Buffer.from(`${actAs}\0${name}\0${password}`).toString('base64')}`;
}

describe('S1 open relay', () => {
  afterEach(closeTestDoors);

  const senders = ['<>', '<a@x.example>', '<admin@gate.example>', '<postmaster@localhost>'];
  const recipients = [
    '<victim@y.example>',
    '<victim%y.example@gate.example>',
    '<y.example!victim@gate.example>',
    '<@gate.example,@x.example:victim@y.example>',
    '<@gate.example:victim@y.example>',
    '<"victim@y.example"@gate.example>',
    '<"victim@y.example">',
    '<victim@[127.0.0.1]>',
    '<victim@y.example@gate.example>',
    '<postmaster>',
  ];

  it('refuses 40 envelope pairs of a stranger with 550 5.7.1 at MAIL and at RCPT', async () => {
    const { port, receiver } = await openTestDoor({ listeners: [listenerOf({ clients: [ELSEWHERE] })] });
    const pairs = senders.flatMap((sender) => recipients.map((recipient) => ({ sender, recipient })));
    assert.equal(pairs.length, 40);
    await Promise.all(
      pairs.map(async ({ sender, recipient }) => {
        const client = await SmtpDialogue.greeted(port);
        assert.equal((await client.command(`MAIL FROM:${sender}`, 550)).text, '550 5.7.1 relaying denied');
        assert.equal((await client.command(`RCPT TO:${recipient}`, 550)).text, '550 5.7.1 relaying denied');
        await client.command('DATA', 503);
        client.destroy();
      }),
    );
    assert.deepEqual([receiver.begun.length, receiver.asked.length, receiver.taken.length], [0, 0, 0]);
  });

  it('refuses everybody where there is no rule', async () => {
    const { port, receiver } = await openTestDoor({ listeners: [listenerOf({ clients: [] })] });
    const client = await SmtpDialogue.greeted(port);
    await client.command('MAIL FROM:<a@x.example>', 550);
    assert.equal(receiver.begun.length, 0);
    client.destroy();
  });

  it('lets the first fitting network decide', async () => {
    const rules: ClientRule[] = [
      ELSEWHERE,
      { kind: 'network', cidr: '127.0.0.7', vouches: { kind: 'always' } },
      { kind: 'network', cidr: '127.0.0.0/8', vouches: { kind: 'own-address' } },
    ];
    const { port, receiver } = await openTestDoor({ listeners: [listenerOf({ clients: rules })] });
    for (const localAddress of ['127.0.0.7', '127.0.0.1']) {
      const client = await SmtpDialogue.greeted(port, { localAddress });
      await client.command('MAIL FROM:<a@x.example>', 250);
      await client.quit();
    }
    assert.deepEqual(
      receiver.begun.map(({ submitter }) => [submitter.ip, submitter.vouches.kind]),
      [
        ['127.0.0.7', 'always'],
        ['127.0.0.1', 'own-address'],
      ],
    );
  });

  it('knows an IPv4 client of a dual-stack listener', async function () {
    const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some((entry) => entry.family === 'IPv6'));
    if (!hasIpv6) this.skip();
    const { port, receiver } = await openTestDoor({ listeners: [listenerOf({ address: '::', clients: [LOCAL] })] });
    const client = await SmtpDialogue.greeted(port);
    await client.command('MAIL FROM:<a@x.example>', 250);
    assert.equal(receiver.begun[0]?.submitter.ip, '127.0.0.1');
    assert.equal(receiver.begun[0]?.submitter.listener, '[::]:0');
    await client.quit();
  });
});

describe('S4 STARTTLS injection', () => {
  afterEach(closeTestDoors);

  for (const variant of ['one packet', 'two packets'] as const) {
    it(`drops what came in clear behind STARTTLS, ${variant}`, async () => {
      const tls = tlsOf();
      const { port, receiver } = await openTestDoor({ listeners: [listenerOf({ tls })] });
      const client = await SmtpDialogue.greeted(port);
      await client.command('MAIL FROM:<before@x.example>', 250);
      const injected = 'EHLO evil.example\r\nMAIL FROM:<evil@x.example>\r\nRCPT TO:<b@y.example>\r\n';
      if (variant === 'one packet') client.send(`STARTTLS\r\n${injected}`);
      else {
        client.send('STARTTLS\r\n');
        client.send(injected);
      }
      await client.expect(220);
      assert.equal(receiver.abandoned, 1);
      // the injected octets reach the TLS layer, which refuses them, or the parser, which drops them
      await Promise.race([client.handshake().catch(() => undefined), client.closed()]);
      if (variant === 'one packet') {
        await client.command('RCPT TO:<b@y.example>', 503);
        const reply = await client.command('EHLO c.example', 250);
        assert.ok(!reply.lines.includes('STARTTLS'));
      }
      assert.equal(receiver.begun.length, 1);
      assert.equal(receiver.asked.length, 0);
      client.destroy();
    });
  }
});

describe('S5 logins and TLS', () => {
  afterEach(closeTestDoors);
  let users: ClientRule;

  before(async () => {
    users = {
      kind: 'login',
      vouches: { kind: 'own-address' },
      users: [
        {
          name: 'ann',
          passwordHash: await hashPassword('s3cret ä', randomBytes(16)),
          addresses: [mailbox('ann@x.example'), mailbox('team@x.example')],
        },
      ],
    };
  });

  it('shows our certificate and never another, and offers AUTH only behind it', async () => {
    const tls = tlsOf();
    const { port } = await openTestDoor({ listeners: [listenerOf({ tls, clients: [users] })] });
    const client = await SmtpDialogue.open(port);
    const clear = await client.command('EHLO c.example', 250);
    assert.deepEqual(clear.lines.slice(1), [
      'PIPELINING',
      '8BITMIME',
      'ENHANCEDSTATUSCODES',
      'SIZE 26214400',
      'STARTTLS',
    ]);
    assert.match((await client.command(plain('ann', 's3cret ä'), 530)).text, /^530 5\.7\.0 must issue STARTTLS first/);
    assert.match((await client.command('AUTH LOGIN', 530)).text, /^530 5\.7\.0 /);
    assert.ok((await client.startTls()).equals(tls.der));
    await client.command('MAIL FROM:<ann@x.example>', 503);
    const secure = await client.command('EHLO c.example', 250);
    assert.deepEqual(secure.lines.slice(1), [
      'PIPELINING',
      '8BITMIME',
      'ENHANCEDSTATUSCODES',
      'SIZE 26214400',
      'AUTH PLAIN LOGIN',
    ]);
    await client.quit();
  });

  it('offers no AUTH without a login rule, and none without TLS', async () => {
    const { door } = await openTestDoor({
      listeners: [listenerOf({ tls: tlsOf() }), listenerOf({ clients: [users, LOCAL] })],
    });
    const [first, second] = door.addresses;
    const secure = await SmtpDialogue.greeted(first?.port ?? 0);
    await secure.startTls();
    assert.doesNotMatch((await secure.command('EHLO c.example', 250)).text, /AUTH/);
    await secure.command(plain('ann', 's3cret ä'), 500);
    await secure.quit();
    const clear = await SmtpDialogue.open(second?.port ?? 0);
    assert.doesNotMatch((await clear.command('EHLO c.example', 250)).text, /AUTH|STARTTLS/);
    await clear.command(plain('ann', 's3cret ä'), 500);
    await clear.command('STARTTLS', 500);
    await clear.quit();
  });

  it('wants a login with 530 5.7.0, then lets it send as its own addresses only', async () => {
    const { port, receiver } = await openTestDoor({ listeners: [listenerOf({ tls: tlsOf(), clients: [users] })] });
    const client = await SmtpDialogue.greeted(port);
    assert.match((await client.command('MAIL FROM:<ann@x.example>', 530)).text, /^530 5\.7\.0 authentication required/);
    await client.startTls();
    await client.command('EHLO c.example', 250);
    await client.command('MAIL FROM:<ann@x.example>', 530);
    await client.command(plain('ann', 's3cret ä', 'bob'), 535);
    assert.match((await client.command(plain('ann', 's3cret ä'), 235)).text, /^235 2\.7\.0 /);
    await client.command(plain('ann', 's3cret ä'), 503);
    for (const other of ['bob@x.example', 'ann@y.example', '']) {
      assert.match((await client.command(`MAIL FROM:<${other}>`, 553)).text, /^553 5\.7\.1 /);
    }
    await client.command('MAIL FROM:<ANN@X.example> AUTH=<>', 250);
    await client.command(plain('ann', 's3cret ä'), 503);
    assert.deepEqual(
      { ...receiver.begun[0]?.submitter },
      {
        ip: '127.0.0.1',
        helo: 'c.example',
        listener: '127.0.0.1:0',
        tls: true,
        login: 'ann',
        loginAddresses: ['ann@x.example', 'team@x.example'],
        vouches: { kind: 'own-address' },
      },
    );
    await client.quit();
  });

  it('takes AUTH LOGIN, and answers a wrong name, a wrong password and nonsense alike', async () => {
    const { port } = await openTestDoor({ listeners: [listenerOf({ tls: tlsOf(), clients: [users] })] });
    const client = await SmtpDialogue.greeted(port);
    await client.startTls();
    await client.command('EHLO c.example', 250);
    await client.command('AUTH LOGIN', 334);
    await client.command(Buffer.from('ann').toString('base64'), 334);
    await client.command(Buffer.from('s3cret ä').toString('base64'), 235);
    await client.quit();
    const other = await SmtpDialogue.greeted(port);
    await other.startTls();
    await other.command('EHLO c.example', 250);
    const replies = [
      (await other.command(plain('ann', 'wrong'), 535)).text,
      (await other.command(plain('nobody', 's3cret ä'), 535)).text,
    ];
    assert.deepEqual([...new Set(replies)], ['535 5.7.8 authentication failed']);
    await other.command('AUTH PLAIN !!!', 501);
    await other.command('AUTH CRAM-MD5', 504);
    await other.command('MAIL FROM:<ann@x.example>', 530);
    await other.quit();
  });

  it('ends the session after five attempts', async () => {
    const { port } = await openTestDoor({ listeners: [listenerOf({ tls: tlsOf(), clients: [users] })] });
    const client = await SmtpDialogue.greeted(port);
    await client.startTls();
    await client.command('EHLO c.example', 250);
    for (let i = 0; i < 5; i += 1) await client.command(plain('ann', `wrong ${i}`), 535);
    assert.match((await client.command(plain('ann', 's3cret ä'), 421)).text, /^421 4\.7\.0 /);
    await client.closed();
  });

  it('forgets a login when the configuration does', async () => {
    const test = await openTestDoor({ listeners: [listenerOf({ tls: tlsOf(), clients: [users] })] });
    const client = await SmtpDialogue.greeted(test.port);
    await client.startTls();
    await client.command('EHLO c.example', 250);
    await client.command(plain('ann', 's3cret ä'), 235);
    await test.door.reconfigure(
      {
        hostname: 'gate.example',
        listeners: [listenerOf({ tls: tlsOf(), clients: [{ kind: 'login', users: [], vouches: { kind: 'never' } }] })],
        messageBytesMax: 1000,
        recipientsMax: 10,
        connectionsMax: 10,
      },
      test.receiver,
    );
    await client.command('MAIL FROM:<ann@x.example>', 550);
    await client.quit();
  });
});
