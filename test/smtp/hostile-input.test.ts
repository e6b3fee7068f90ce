/** What a hostile or broken client sends into the dialogue: catalogue S2, S6, S7, S8, S9, S11. */
import assert from 'node:assert/strict';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';
import { closeTestDoors, openTestDoor, type TestDoor, until } from './fake-receiver.ts';

const ENVELOPE = 'MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n';
const FOLLOW_ON = 'MAIL FROM:<evil@x.example>\r\nRCPT TO:<victim@y.example>\r\nDATA\r\nSmuggled: yes\r\n\r\n.\r\n';

async function inMessage(test: TestDoor): Promise<SmtpDialogue> {
  const client = await SmtpDialogue.greeted(test.port);
  client.send(ENVELOPE);
  for (const code of [250, 250, 354]) await client.expect(code);
  return client;
}

describe('S2 SMTP smuggling', () => {
  afterEach(closeTestDoors);

  const ends = ['\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r.\r\n', '\r\n.\r', '\r.\n', '\n\n.\r\n', '\r\n.\r\r\n'];
  for (const end of [...ends, '\r\n\0.\r\n', '\r\n.\0\r\n', '\r\n\n.\n\r\n']) {
    it(`refuses ${JSON.stringify(end)} with 521 5.5.2, takes no message and runs nothing behind it`, async () => {
      const test = await openTestDoor();
      const client = await inMessage(test);
      client.send(`Subject: x\r\n\r\nbody${end}${FOLLOW_ON}`);
      assert.match((await client.expect(521)).text, /^521 5\.5\.2 /);
      await client.closed();
      assert.equal(client.unread, '');
      await until(() => test.receiver.open === 0);
      assert.equal(test.receiver.taken.length, 0);
      assert.equal(test.receiver.begun.length, 1);
      assert.deepEqual(
        test.receiver.failed.map((failure) => failure.code),
        ['smtp.bare-newline'],
      );
    });
  }

  it('refuses them also where the chunks are cut between every two octets', async () => {
    const test = await openTestDoor();
    for (const end of ends) {
      const client = await inMessage(test);
      for (const octet of `x${end}MAIL`) {
        client.send(octet);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await client.expect(521);
      await client.closed();
    }
    assert.equal(test.receiver.taken.length, 0);
  });

  for (const [name, line] of [
    ['LF', 'NOOP\n'],
    ['CR', 'NOOP\rNOOP\r\n'],
    ['NUL', 'NO\0OP\r\n'],
  ] as const) {
    it(`refuses a command line with a bare ${name}, after what came before it was answered`, async () => {
      const test = await openTestDoor();
      const client = await SmtpDialogue.greeted(test.port);
      client.send(`${ENVELOPE}x\r\n.\r\nNOOP\r\n${line}NOOP\r\n`);
      for (const code of [250, 250, 354, 250, 250, 521]) await client.expect(code);
      await client.closed();
      assert.equal(test.receiver.taken.length, 1);
    });
  }
});

describe('S6 control characters and proxy commands', () => {
  afterEach(closeTestDoors);

  it('answers 501 to control characters in the envelope', async () => {
    const { port, receiver } = await openTestDoor();
    const client = await SmtpDialogue.greeted(port);
    await client.command('MAIL FROM:<a\x01b@x.example>', 501);
    await client.command('MAIL FROM:<a@x.example>\tSIZE=1', 501);
    await client.command('MAIL FROM:<a@x.example>', 250);
    await client.command('RCPT TO:<b\x7f@y.example>', 501);
    await client.command('RCPT TO:<b\x1b[1m@y.example>', 501);
    assert.equal(receiver.asked.length, 0);
    client.destroy();
  });

  it('knows neither XCLIENT, XFORWARD nor PROXY nor the jokes', async () => {
    const { port, receiver } = await openTestDoor();
    const client = await SmtpDialogue.greeted(port);
    for (const command of ['XCLIENT ADDR=10.0.0.1', 'XFORWARD ADDR=10.0.0.1', 'WIZ x', 'SHELL', 'KILL', 'LHLO x']) {
      await client.command(command, 500);
    }
    await client.command('PROXY TCP4 10.0.0.1 10.0.0.2 1 25', 500);
    await client.command('MAIL FROM:<a@x.example>', 250);
    assert.equal(receiver.begun[0]?.submitter.ip, '127.0.0.1');
    client.destroy();
  });

  it('answers 501 to a HELO argument that is not printable ASCII of at most 255 octets', async () => {
    const { port } = await openTestDoor();
    const client = await SmtpDialogue.open(port);
    for (const argument of ['', 'a b', 'a\x07b', '\xe4.example', 'x'.repeat(256)]) {
      await client.command(`EHLO ${argument}`, 501);
      await client.command(`HELO ${argument}`, 501);
    }
    await client.command(`EHLO ${'x'.repeat(255)}`, 250);
    client.destroy();
  });
});

describe('S7 parameters and addresses', () => {
  afterEach(closeTestDoors);

  const cases: readonly (readonly [string, number, string])[] = [
    ['MAIL FROM:<a@x.example> FOO=BAR', 555, '5.5.4'],
    ['MAIL FROM:<a@x.example> SMTPUTF8', 555, '5.5.4'],
    ['MAIL FROM:<a@x.example> RET=HDRS', 555, '5.5.4'],
    ['MAIL FROM:<a@x.example> REQUIRETLS', 555, '5.5.4'],
    ['MAIL FROM:<a@x.example> AUTH=<>', 555, '5.5.4'],
    ['MAIL FROM:<a@x.example> =x', 501, '5.5.4'],
    ['MAIL FROM:<a@x.example> SIZE', 501, '5.5.4'],
    ['MAIL FROM:<a@x.example> SIZE=', 501, '5.5.4'],
    ['MAIL FROM:<a@x.example> SIZE=-1', 501, '5.5.4'],
    ['MAIL FROM:<a@x.example> SIZE=1e9', 501, '5.5.4'],
    [`MAIL FROM:<a@x.example> SIZE=${'9'.repeat(21)}`, 501, '5.5.4'],
    [`MAIL FROM:<a@x.example> SIZE=${'9'.repeat(20)}`, 552, '5.3.4'],
    ['MAIL FROM:<a@x.example> SIZE=1 SIZE=2', 501, '5.5.4'],
    ['MAIL FROM:<a@x.example> BODY=BINARYMIME', 501, '5.5.4'],
    ['MAIL FROM:<a@x.example> BODY', 501, '5.5.4'],
    ['MAIL FROM:<a@x.example>SIZE=1', 501, '5.5.4'],
    ['MAIL FROM:a@x.example', 501, '5.1.7'],
    ['MAIL FROM:<a@x.example', 501, '5.1.7'],
    ['MAIL FROM:<a>', 501, '5.1.7'],
    ['MAIL FROM:<a@>', 501, '5.1.7'],
    ['MAIL FROM:<@x.example>', 501, '5.1.7'],
    ['MAIL FROM:<a@b@x.example>', 501, '5.1.7'],
    ['MAIL FROM:<a..b@x.example>', 501, '5.1.7'],
    ['MAIL FROM:<a@[127.0.0.1]>', 501, '5.1.7'],
    [`MAIL FROM:<${'x'.repeat(65)}@x.example>`, 501, '5.1.7'],
    [`MAIL FROM:<a@${'x.'.repeat(130)}example>`, 501, '5.1.7'],
    ['MAIL FROM:<\xc3\xa4@x.example>', 553, '5.6.7'],
    ['MAIL FROM:<a@\xc3\xa4.example>', 553, '5.6.7'],
    ['MAIL TO:<a@x.example>', 501, '5.5.4'],
    ['MAIL', 501, '5.5.4'],
  ];
  for (const [command, code, enhanced] of cases) {
    it(`answers ${code} ${enhanced} to ${JSON.stringify(command.slice(0, 60))}`, async () => {
      const { port, receiver } = await openTestDoor();
      const client = await SmtpDialogue.greeted(port);
      const reply = await client.command(command, code);
      assert.ok(reply.text.startsWith(`${code} ${enhanced} `), reply.text);
      assert.equal(receiver.begun.length, 0);
      client.destroy();
    });
  }

  it('answers the same to RCPT, which has no parameters here', async () => {
    const { port, receiver } = await openTestDoor();
    const client = await SmtpDialogue.greeted(port);
    await client.command('mail from: <a@x.example> body=7bit size=10', 250);
    for (const [command, code, enhanced] of [
      ['RCPT TO:<b@y.example> NOTIFY=NEVER', 555, '5.5.4'],
      ['RCPT TO:<b@y.example> ORCPT=rfc822;x', 555, '5.5.4'],
      ['RCPT TO:<>', 501, '5.1.3'],
      ['RCPT TO:b@y.example', 501, '5.1.3'],
      ['RCPT TO:<@relay.example:b@y.example>', 501, '5.1.3'],
      ['RCPT TO:<b@[IPv6:::1]>', 501, '5.1.3'],
      [`RCPT TO:<${'x'.repeat(65)}@y.example>`, 501, '5.1.3'],
      ['RCPT TO:<b\xe4@y.example>', 553, '5.6.7'],
    ] as const) {
      const reply = await client.command(command, code);
      assert.ok(reply.text.startsWith(`${code} ${enhanced} `), reply.text);
    }
    assert.deepEqual(receiver.asked, []);
    client.destroy();
  });
});

describe('S8 spellings of one mailbox', () => {
  afterEach(closeTestDoors);

  it('hands on domains as lower-case A-labels and keys with folded ASCII', async () => {
    const { port, receiver } = await openTestDoor();
    const client = await SmtpDialogue.greeted(port);
    await client.command('MAIL FROM:<A.B@XN--MNCHEN-3YA.Example>', 250);
    await client.command('RCPT TO:<C@xn--mnchen-3ya.example>', 250);
    assert.equal(receiver.begun[0]?.from?.key, 'a.b@xn--mnchen-3ya.example');
    assert.deepEqual(receiver.asked, ['C@xn--mnchen-3ya.example']);
    // what UTS-46 refuses is no domain
    await client.command('RCPT TO:<c@xn--a.example>', 501);
    client.destroy();
  });
});

describe('S9 long lines', () => {
  afterEach(closeTestDoors);

  it('takes a line of 5 MB whole', async () => {
    const { port, receiver } = await openTestDoor();
    const client = await SmtpDialogue.greeted(port);
    client.send(ENVELOPE);
    for (const code of [250, 250, 354]) await client.expect(code);
    const body = `${'y'.repeat(5 * 1024 * 1024)}\r\n`;
    await client.sendAll(Buffer.from(body));
    client.send('.\r\n');
    await client.expect(250);
    assert.ok(receiver.taken[0]?.body.equals(Buffer.from(body)));
    await client.quit();
  });
});

describe('S11 floods', () => {
  afterEach(closeTestDoors);

  it('answers 452 4.5.3 to one recipient too many, and again to every further one', async () => {
    const { port, receiver } = await openTestDoor({ recipientsMax: 3 });
    const client = await SmtpDialogue.greeted(port);
    await client.command('MAIL FROM:<a@x.example>', 250);
    for (let i = 0; i < 3; i += 1) await client.command(`RCPT TO:<r${i}@y.example>`, 250);
    assert.match((await client.command('RCPT TO:<r3@y.example>', 452)).text, /^452 4\.5\.3 /);
    await client.command('RCPT TO:<r1@y.example>', 250);
    await client.command('DATA', 354);
    client.send('.\r\n');
    await client.expect(250);
    assert.equal(receiver.taken[0]?.envelope.recipients.length, 3);
    await client.quit();
  });

  it('answers 421 4.7.0 to one connection too many', async () => {
    const { port } = await openTestDoor({ connectionsMax: 2 });
    const first = await SmtpDialogue.open(port);
    const second = await SmtpDialogue.open(port);
    const third = await SmtpDialogue.open(port, { greeting: null });
    assert.match((await third.expect(421)).text, /^421 4\.7\.0 /);
    await third.closed();
    await first.quit();
    await until(() => second.unread === '');
    const fourth = await SmtpDialogue.open(port);
    fourth.destroy();
    second.destroy();
  });

  for (const [name, command, code] of [
    ['idle', 'NOOP', 250],
    ['wrong', 'RCPT TO:<a@b.example>', 503],
    ['unknown', 'FOO', 500],
  ] as const) {
    it(`ends a session of nothing but ${name} commands with 421 4.7.0`, async () => {
      const { port } = await openTestDoor();
      const client = await SmtpDialogue.greeted(port);
      client.send(`${command}\r\n`.repeat(150));
      for (let i = 0; ; i += 1) {
        const reply = await client.reply();
        if (reply.code === 421) {
          assert.match(reply.text, /^421 4\.7\.0 /);
          break;
        }
        assert.equal(reply.code, code);
        assert.ok(i < 120);
      }
      await client.closed();
    });
  }

  it('does not count the refusals of recipients by policy against the client', async () => {
    const { port, receiver } = await openTestDoor();
    const { gatewayError } = await import('../../src/errors.ts');
    receiver.onRecipient = () => {
      throw gatewayError('policy.no-certificate', 'none');
    };
    const client = await SmtpDialogue.greeted(port);
    await client.command('MAIL FROM:<a@x.example>', 250);
    for (let i = 0; i < 100; i += 1) await client.command(`RCPT TO:<r${i}@y.example>`, 550);
    await client.command('RCPT TO:<r100@y.example>', 452);
    await client.quit();
  });
});
