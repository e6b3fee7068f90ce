/** Large, endless and broken-off messages: catalogue S12 and S13, back-pressure, and resets. */
import assert from 'node:assert/strict';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';
import { closeTestDoors, openTestDoor, until } from './fake-receiver.ts';

const ENVELOPE = 'MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n';
const MIB = 1024 * 1024;
const BLOCK = Buffer.from(`${'z'.repeat(62)}\r\n`.repeat(1024));

async function inMessage(port: number): Promise<SmtpDialogue> {
  const client = await SmtpDialogue.greeted(port);
  client.send(ENVELOPE);
  for (const code of [250, 250, 354]) await client.expect(code);
  return client;
}

describe('S12 size', () => {
  afterEach(closeTestDoors);

  it('refuses a declared size over the limit at MAIL, and accepts the limit', async () => {
    const { port, receiver } = await openTestDoor({ messageBytesMax: 1000 });
    const client = await SmtpDialogue.greeted(port);
    assert.match((await client.command('MAIL FROM:<a@x.example> SIZE=1001', 552)).text, /^552 5\.3\.4 /);
    assert.equal(receiver.begun.length, 0);
    await client.command('MAIL FROM:<a@x.example> SIZE=1000', 250);
    await client.quit();
  });

  it('takes a message of exactly the limit and refuses one octet more, whatever SIZE said', async () => {
    const { port, receiver } = await openTestDoor({ messageBytesMax: 1000 });
    const client = await SmtpDialogue.greeted(port);
    for (const [octets, code] of [
      [1000, 250],
      [1001, 552],
    ] as const) {
      await client.command('MAIL FROM:<a@x.example> SIZE=10', 250);
      await client.command('RCPT TO:<b@y.example>', 250);
      await client.command('DATA', 354);
      client.send(`${'x'.repeat(octets - 2)}\r\n.\r\n`);
      const reply = await client.expect(code);
      if (code === 552) assert.match(reply.text, /^552 5\.3\.4 /);
    }
    await client.command('NOOP', 250);
    await client.quit();
    assert.equal(receiver.taken.length, 1);
    assert.deepEqual(receiver.failed, [{ code: 'smtp.too-large', bytes: receiver.failed[0]?.bytes }]);
  });

  it('answers 200 MB at a limit of 25 MB with 552 5.3.4 after the end, in bounded memory', async () => {
    const { port, receiver } = await openTestDoor({ messageBytesMax: 25 * MIB });
    receiver.keep = false;
    const client = await inMessage(port);
    const before = process.memoryUsage().rss;
    let peak = before;
    for (let sent = 0; sent < 200 * MIB; sent += BLOCK.length) {
      await client.sendAll(BLOCK);
      peak = Math.max(peak, process.memoryUsage().rss);
    }
    assert.equal(client.unread, '');
    client.send('.\r\n');
    assert.match((await client.expect(552)).text, /^552 5\.3\.4 /);
    const [failure] = receiver.failed;
    assert.equal(failure?.code, 'smtp.too-large');
    assert.ok((failure?.bytes ?? 0) <= 25 * MIB);
    assert.equal(receiver.taken.length, 0);
    const growth = Math.round((peak - before) / MIB);
    assert.ok(growth < 96, `RSS grew by ${growth} MiB`);
    await client.quit();
  });

  it('holds the client back while the receiver does not read', async () => {
    const { port, receiver } = await openTestDoor();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    receiver.keep = false;
    receiver.onChunk = () => held;
    const client = await inMessage(port);
    let sent = 0;
    let done = false;
    const sending = (async () => {
      for (; sent < 20 * MIB; sent += BLOCK.length) await client.sendAll(BLOCK);
      done = true;
    })();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(done, false);
    assert.ok(sent < 16 * MIB, `${sent} octets went through`);
    release();
    await sending;
    client.send('.\r\n');
    await client.expect(250);
    await client.quit();
  });
});

describe('S13 lost connections', () => {
  afterEach(closeTestDoors);

  const head = `EHLO c.example\r\n${ENVELOPE}`;
  const body = `Subject: two kilobytes\r\n\r\n${'line of text, .dotted\r\n.\r\n'.replace('\r\n.', '\r\n..').repeat(78)}`;
  const session = `${head}${body}.\r\nQUIT\r\n`;
  const acknowledgedAt = head.length + body.length + 3;

  for (const how of ['destroy', 'end'] as const) {
    it(`takes a message only if it is whole, with the client gone (${how}) at each of ${session.length} offsets`, async function () {
      this.timeout(60_000);
      const { port, receiver } = await openTestDoor();
      let whole = 0;
      for (let offset = 1; offset <= session.length; offset += 40) {
        const batch = Array.from({ length: Math.min(40, session.length - offset + 1) }, (_, i) => offset + i);
        whole += batch.filter((end) => end >= acknowledgedAt).length;
        await Promise.all(
          batch.map(async (end) => {
            const client = await SmtpDialogue.open(port);
            client.send(session.slice(0, end));
            client[how]();
            await client.closed();
          }),
        );
      }
      await until(() => receiver.open === 0 && (how === 'destroy' || receiver.taken.length === whole));
      const text = body.replaceAll('\r\n..', '\r\n.');
      assert.ok(receiver.taken.every((taken) => taken.body.toString() === text));
      assert.ok(receiver.taken.length <= whole);
      assert.ok(receiver.failed.every((failure) => failure.code === 'smtp.interrupted'));
      if (how === 'end') assert.ok(receiver.failed.length > body.length / 2);
    });
  }

  it('tells the transaction when the client goes between the end of the message and the reply', async () => {
    const { port, receiver } = await openTestDoor();
    let release: () => void = () => undefined;
    receiver.onWhole = () =>
      new Promise<void>((resolve) => {
        release = resolve;
      });
    const client = await inMessage(port);
    client.send('whole\r\n.\r\n');
    await new Promise((resolve) => setTimeout(resolve, 50));
    client.reset();
    await until(() => receiver.abandoned === 1);
    release();
    await until(() => receiver.taken.length === 1);
  });

  it('survives resets in every state', async () => {
    const { port, receiver } = await openTestDoor();
    for (const text of ['', 'EHLO c.example\r\n', head, `${head}x\r\n`, session]) {
      for (let i = 0; i < 10; i += 1) {
        const client = await SmtpDialogue.open(port, { greeting: null });
        client.send(text);
        client.reset();
      }
    }
    await until(() => receiver.open === 0);
    const client = await SmtpDialogue.greeted(port);
    await client.quit();
  });
});
