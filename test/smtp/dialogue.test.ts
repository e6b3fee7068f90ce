/** The ordinary dialogue: what is offered, said and handed on (RFC 5321, RFC 2034, RFC 2920). */
import assert from 'node:assert/strict';
import { ERROR_TABLE, type ErrorCode, gatewayError } from '../../src/errors.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';
import { closeTestDoors, openTestDoor, until } from './fake-receiver.ts';

const MESSAGE = 'Subject: x\r\n\r\nbody\r\n';

describe('smtp: the ordinary dialogue', () => {
  afterEach(closeTestDoors);

  it('offers PIPELINING, 8BITMIME, ENHANCEDSTATUSCODES and SIZE, and nothing else without TLS', async () => {
    const { port } = await openTestDoor({ messageBytesMax: 12345 });
    const client = await SmtpDialogue.open(port);
    const reply = await client.command('EHLO client.example', 250);
    assert.deepEqual(reply.lines, ['gate.example', 'PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES', 'SIZE 12345']);
    await client.quit();
  });

  it('hands on envelope and octets and says the queue id', async () => {
    const { port, receiver } = await openTestDoor();
    const client = await SmtpDialogue.greeted(port);
    await client.command('MAIL FROM:<Ann@Sender.Example> BODY=8BITMIME SIZE=20', 250);
    await client.command('RCPT TO:<bob@rcpt.example>', 250);
    await client.command('RCPT TO:<"c d"@rcpt.example>', 250);
    assert.equal((await client.command('DATA', 354)).text, '354 end data with <CR><LF>.<CR><LF>');
    client.send(`${MESSAGE}..dot\r\n.\r\n`);
    assert.equal((await client.expect(250)).text, '250 2.0.0 queued as q1');
    await client.quit();
    const [taken] = receiver.taken;
    assert.equal(taken?.body.toString(), `${MESSAGE}.dot\r\n`);
    assert.equal(taken?.envelope.from?.text, 'Ann@sender.example');
    assert.deepEqual(
      taken?.envelope.recipients.map((address) => address.text),
      ['bob@rcpt.example', '"c d"@rcpt.example'],
    );
    assert.equal(taken?.envelope.body, '8BITMIME');
    assert.equal(taken?.envelope.declaredBytes, 20);
    assert.match(taken?.envelope.traceId ?? '', /^[a-z2-7]{16}$/);
    assert.equal(taken?.envelope.traceId, receiver.begun[0]?.traceId);
    const { submitter } = taken?.envelope ?? {};
    assert.deepEqual(
      { ...submitter },
      {
        ip: '127.0.0.1',
        helo: 'client.example',
        listener: '127.0.0.1:0',
        tls: false,
        login: null,
        loginAddresses: [],
        vouches: { kind: 'never' },
      },
    );
    assert.equal(receiver.abandoned, 0);
  });

  it('takes MAIL, RCPT, DATA, message and QUIT in one packet', async () => {
    const { port, receiver } = await openTestDoor();
    const client = await SmtpDialogue.greeted(port);
    client.send(`MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n${MESSAGE}.\r\nMAIL FROM:<>\r\nQUIT\r\n`);
    for (const code of [250, 250, 354, 250, 250, 221]) await client.expect(code);
    await client.closed();
    assert.deepEqual(
      receiver.taken.map((taken) => taken.body.toString()),
      [MESSAGE],
    );
    await until(() => receiver.abandoned === 1);
  });

  it('answers pipelined commands in one packet', async () => {
    const { port } = await openTestDoor();
    const client = await SmtpDialogue.greeted(port);
    client.send('MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nRCPT TO:<c@y.example>\r\nDATA\r\n');
    await client.expect(250);
    assert.equal(client.unread.split('\r\n').length - 1, 3);
    client.destroy();
  });

  it('accepts a recipient named twice once, whatever its case', async () => {
    const { port, receiver } = await openTestDoor();
    const client = await SmtpDialogue.greeted(port);
    await client.command('MAIL FROM:<a@x.example>', 250);
    for (const name of ['Bob@y.example', 'bob@Y.EXAMPLE', '"bob"@y.example']) {
      await client.command(`RCPT TO:<${name}>`, 250);
    }
    await client.command('DATA', 354);
    client.send('.\r\n');
    await client.expect(250);
    assert.deepEqual(receiver.asked, ['Bob@y.example']);
    assert.equal(receiver.taken[0]?.envelope.recipients.length, 1);
    assert.equal(receiver.taken[0]?.body.length, 0);
    await client.quit();
  });

  it('ends a transaction at RSET, EHLO, HELO, a new MAIL, QUIT and a lost connection', async () => {
    const { port, receiver } = await openTestDoor();
    const client = await SmtpDialogue.greeted(port);
    let ended = 0;
    for (const command of ['RSET', 'EHLO again.example', 'HELO again.example', 'MAIL FROM:<other@x.example>']) {
      await client.command('MAIL FROM:<a@x.example>', 250);
      await client.command('RCPT TO:<b@y.example>', 250);
      await client.command(command, 250);
      ended += 1;
      assert.equal(receiver.abandoned, ended, command);
    }
    await client.quit();
    const other = await SmtpDialogue.greeted(port);
    await other.command('MAIL FROM:<a@x.example>', 250);
    other.reset();
    await until(() => receiver.abandoned === ended + 2 && receiver.open === 0);
  });

  it('ends the transaction when it closes, even if the client never does', async () => {
    const { port, receiver } = await openTestDoor();
    for (const [i, [command, code]] of (
      [
        ['QUIT\r\n', 221],
        ['NOOP\n', 521],
        [`${'x'.repeat(20_000)}`, 421],
      ] as const
    ).entries()) {
      const client = await SmtpDialogue.open(port, { allowHalfOpen: true });
      await client.command('EHLO c.example', 250);
      await client.command('MAIL FROM:<a@x.example>', 250);
      client.send(command);
      await client.expect(code);
      assert.equal(receiver.abandoned, i + 1);
      client.destroy();
    }
  });

  it('keeps the order of commands', async () => {
    const { port, receiver } = await openTestDoor();
    const client = await SmtpDialogue.open(port);
    assert.match((await client.command('MAIL FROM:<a@x.example>', 503)).text, /^503 5\.5\.1 /);
    await client.command('EHLO c.example', 250);
    assert.match((await client.command('RCPT TO:<b@y.example>', 503)).text, /^503 5\.5\.1 /);
    assert.match((await client.command('DATA', 503)).text, /^503 5\.5\.1 /);
    await client.command('MAIL FROM:<a@x.example>', 250);
    assert.match((await client.command('DATA', 503)).text, /^503 5\.5\.1 /);
    await client.command('RCPT TO:<b@y.example>', 250);
    assert.match((await client.command('DATA now', 501)).text, /^501 5\.5\.4 /);
    await client.quit();
    assert.equal(receiver.taken.length, 0);
  });

  it('gives every reply exactly one enhanced code, and greeting, EHLO and 354 none', async () => {
    const { port } = await openTestDoor();
    const client = await SmtpDialogue.open(port);
    for (const [command, code] of [
      ['EHLO a.example', 250],
      ['HELO a.example', 250],
      ['EHLO', 501],
      ['NOOP', 250],
      ['HELP', 214],
      ['VRFY someone', 252],
      ['VRFY', 501],
      ['RSET', 250],
      ['FOO', 500],
      ['STARTTLS', 500],
      ['AUTH PLAIN', 500],
      ['MAIL FROM:<a@x.example>', 250],
      ['RCPT TO:<b@y.example>', 250],
      ['RCPT TO:<>', 501],
      ['QUIT', 221],
    ] as const) {
      await client.command(command, code);
    }
    const lines = client.transcript.trimEnd().split('\r\n');
    const bare = lines.filter((line) => !/^(?:2\d\d 2|4\d\d 4|5\d\d 5)\.\d\.\d{1,2} (?!\d\.\d)/.test(line));
    assert.deepEqual(bare, [
      '220 gate.example ESMTP',
      '250-gate.example',
      '250-PIPELINING',
      '250-8BITMIME',
      '250-ENHANCEDSTATUSCODES',
      '250 SIZE 26214400',
      '250 gate.example',
      '501 syntax: HELO or EHLO and a host name',
    ]);
    await client.closed();
  });

  it('answers each row of the error table with its code and public text only', async () => {
    const { port, receiver } = await openTestDoor();
    let code: ErrorCode = 'defect';
    const fail = (): never => {
      throw gatewayError(code, 'detail /etc/secret');
    };
    receiver.onRecipient = (address) => (address.local === 'bad' ? fail() : undefined);
    receiver.onWhole = fail;
    // as many refusals as rows would end the session of a client that is to blame for them: one session each
    for (const row of Object.keys(ERROR_TABLE) as ErrorCode[]) {
      code = row;
      const { reply, enhanced, publicText } = ERROR_TABLE[row];
      const expected = `${reply} ${enhanced} ${publicText}`;
      const client = await SmtpDialogue.greeted(port);
      await client.command('MAIL FROM:<a@x.example>', 250);
      assert.equal((await client.command('RCPT TO:<bad@y.example>', reply)).text, expected);
      if (reply !== 421) {
        await client.command('RCPT TO:<good@y.example>', 250);
        await client.command('DATA', 354);
        client.send('.\r\n');
        assert.equal((await client.expect(reply)).text, expected);
      }
      client.destroy();
    }
  });

  it('shows nothing of an Error that is no GatewayError', async () => {
    const { port, receiver } = await openTestDoor();
    receiver.onBegin = (mail) => {
      if (mail.from?.local === 'begin') throw new Error('/var/lib/secret');
    };
    receiver.onRecipient = () => Promise.reject(new Error('/var/lib/secret'));
    const client = await SmtpDialogue.greeted(port);
    await client.command('MAIL FROM:<begin@x.example>', 451);
    await client.command('MAIL FROM:<a@x.example>', 250);
    assert.equal((await client.command('RCPT TO:<b@y.example>', 451)).text, '451 4.3.0 internal error, try again');
    assert.ok(!client.transcript.includes('secret'));
    client.destroy();
  });

  it('answers 451 when the receiver accepts a message it did not read to its end', async () => {
    const { door, port } = await openTestDoor();
    await door.reconfigure(
      {
        hostname: 'gate.example',
        listeners: [
          {
            address: '127.0.0.1',
            port: 0,
            tls: null,
            clients: [{ kind: 'network', cidr: '127.0.0.1', vouches: { kind: 'never' } }],
          },
        ],
        messageBytesMax: 1000,
        recipientsMax: 10,
        connectionsMax: 10,
      },
      {
        begin: () => ({
          recipient: () => Promise.resolve(),
          message: () => Promise.resolve({ queueId: 'too-early' }),
          abandon: () => undefined,
        }),
      },
    );
    const client = await SmtpDialogue.greeted(port);
    client.send(`MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n${MESSAGE}.\r\n`);
    for (const code of [250, 250, 354]) await client.expect(code);
    assert.equal((await client.expect(451)).text, '451 4.3.0 internal error, try again');
    await client.quit();
  });

  it('drains a message that the receiver refused early, then answers', async () => {
    const { port, receiver } = await openTestDoor();
    receiver.onChunk = () => {
      throw gatewayError('policy.no-certificate', 'refused early');
    };
    const client = await SmtpDialogue.greeted(port);
    client.send('MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n');
    for (const code of [250, 250, 354]) await client.expect(code);
    for (let i = 0; i < 100; i += 1) await client.sendAll(Buffer.from('x'.repeat(998).concat('\r\n').repeat(32)));
    assert.equal(client.unread, '');
    client.send('.\r\nNOOP\r\n');
    assert.match((await client.expect(550)).text, /^550 5\.7\.1 /);
    await client.expect(250);
    await client.quit();
  });

  it('maps the domainless postmaster to our own host name (RFC 5321 §4.5.1)', async () => {
    const { port, receiver } = await openTestDoor();
    const client = await SmtpDialogue.greeted(port);
    await client.command('MAIL FROM:<>', 250);
    await client.command('RCPT TO:<Postmaster>', 250);
    assert.deepEqual(receiver.asked, ['postmaster@gate.example']);
    await client.quit();
  });
});
