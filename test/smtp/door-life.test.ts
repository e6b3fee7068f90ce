/** Opening, changing and closing the door while mail flows. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { GatewayError } from '../../src/errors.ts';
import { type Door, openDoor } from '../../src/smtp/door.ts';
import { DoorServer, planListener } from '../../src/smtp/door-server.ts';
import type { DoorState } from '../../src/smtp/door-state.ts';
import { LoginThrottle } from '../../src/smtp/login-throttle.ts';
import { makeAuthority } from '../support/certificate-builder.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';
import { closeTestDoors, doorOptions, FakeReceiver, listenerOf, openTestDoor, portOf, until } from './fake-receiver.ts';

const ENVELOPE = 'MAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n';

function cannotOpen(thrown: unknown): boolean {
  return thrown instanceof GatewayError && thrown.code === 'smtp.cannot-open';
}

async function inMessage(port: number): Promise<SmtpDialogue> {
  const client = await SmtpDialogue.greeted(port);
  client.send(ENVELOPE);
  for (const code of [250, 250, 354]) await client.expect(code);
  return client;
}

/** Sends messages on one connection until told to stop; every one must be acknowledged. */
async function sendUntil(door: Door, stopped: () => boolean): Promise<number> {
  const client = await SmtpDialogue.greeted(portOf(door));
  let acknowledged = 0;
  while (!stopped()) {
    client.send(`${ENVELOPE}Subject: ${acknowledged}\r\n\r\n${'x'.repeat(500)}\r\n.\r\n`);
    for (const code of [250, 250, 354, 250]) await client.expect(code);
    acknowledged += 1;
  }
  await client.quit();
  return acknowledged;
}

describe('smtp: life of the door', () => {
  afterEach(closeTestDoors);

  it('refuses a certificate without its key, an unusable one and a network that is none', async () => {
    const one = makeAuthority({ key: 'p-256' });
    const other = makeAuthority({ key: 'p-256', freshKey: true });
    const certificate = Buffer.from(one.pem);
    for (const listener of [
      listenerOf({ tls: { certificate, key: Buffer.alloc(0) } }),
      listenerOf({ tls: { certificate: Buffer.alloc(0), key: Buffer.from(one.keyPem) } }),
      listenerOf({ tls: { certificate, key: Buffer.from(other.keyPem) } }),
      listenerOf({ tls: { certificate, key: Buffer.from('nonsense') } }),
      ...['10.0.0.0/33', '10.0.0', 'x', '::/129', '10.0.0.0/8/8', '10.0.0.0/'].map((cidr) =>
        listenerOf({ clients: [{ kind: 'network', cidr, vouches: { kind: 'never' } }] }),
      ),
    ]) {
      await assert.rejects(openDoor(doorOptions({ listeners: [listener] }), new FakeReceiver()), cannotOpen);
    }
  });

  it("throws the library's own certificate away, from the beginning and when TLS is taken out", () => {
    const made = makeAuthority({ key: 'p-256' });
    const tls = { certificate: Buffer.from(made.pem), key: Buffer.from(made.keyPem) };
    const state: DoorState = {
      options: doorOptions(),
      receiver: new FakeReceiver(),
      draining: false,
      connections: new Set(),
      throttle: new LoginThrottle(),
      ongone: () => undefined,
    };
    const server = new DoorServer(state, planListener(listenerOf()));
    assert.equal(server.secureContext.size, 0);
    server.apply(planListener(listenerOf({ tls })));
    assert.equal(server.secureContext.size, 1);
    server.apply(planListener(listenerOf()));
    assert.equal(server.secureContext.size, 0);
  });

  it('opens all listeners or none', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    assert.ok(address !== null && typeof address === 'object');
    const listeners = [listenerOf(), listenerOf({ port: address.port })];
    await assert.rejects(openDoor(doorOptions({ listeners }), new FakeReceiver()), cannotOpen);
    const test = await openTestDoor();
    await assert.rejects(
      test.door.reconfigure(doorOptions({ listeners, hostname: 'new.example' }), test.receiver),
      cannotOpen,
    );
    // nothing has changed
    const client = await SmtpDialogue.open(test.port, { greeting: null });
    assert.equal((await client.expect(220)).text, '220 gate.example ESMTP');
    client.destroy();
    taken.close();
  });

  it('keeps unchanged listeners, binds new ones and lets sessions of dropped ones go on', async () => {
    const second = listenerOf({ address: '127.0.0.2' });
    const { door, receiver, port } = await openTestDoor({ listeners: [listenerOf(), second] });
    const secondPort = portOf(door, 1);
    const client = await SmtpDialogue.greeted(secondPort, { host: '127.0.0.2' });
    await client.command('MAIL FROM:<a@x.example>', 250);
    const next = new FakeReceiver();
    const third = listenerOf({ address: '127.0.0.3' });
    await door.reconfigure(doorOptions({ hostname: 'new.example', listeners: [third, listenerOf()] }), next);
    assert.equal(portOf(door, 1), port);
    assert.deepEqual(
      door.addresses.map((address) => address.listener),
      ['127.0.0.3:0', '127.0.0.1:0'],
    );
    await client.command('RCPT TO:<b@y.example>', 250);
    await client.command('DATA', 354);
    client.send('.\r\n');
    await client.expect(250);
    assert.equal(receiver.taken.length, 1);
    // the next transaction of the same session is the new receiver's
    await client.command('MAIL FROM:<a@x.example>', 250);
    assert.equal(next.begun.length, 1);
    await client.quit();
    await assert.rejects(SmtpDialogue.open(secondPort, { host: '127.0.0.2' }));
    const fresh = await SmtpDialogue.open(portOf(door, 0), { host: '127.0.0.3', greeting: null });
    assert.equal((await fresh.expect(220)).text, '220 new.example ESMTP');
    fresh.destroy();
  });

  it('takes over a new certificate on the open socket', async () => {
    const certificates = ['one.example', 'two.example'].map((name) => makeAuthority({ name, freshKey: true }));
    const listeners = certificates.map((made) =>
      listenerOf({ tls: { certificate: Buffer.from(made.pem), key: Buffer.from(made.keyPem) } }),
    );
    const { door, receiver, port } = await openTestDoor({ listeners: listeners.slice(0, 1) });
    for (const [index, made] of certificates.entries()) {
      await door.reconfigure(doorOptions({ listeners: listeners.slice(index, index + 1) }), receiver);
      assert.equal(portOf(door), port);
      const client = await SmtpDialogue.greeted(port);
      assert.ok((await client.startTls()).equals(made.der));
      client.destroy();
    }
    await door.reconfigure(doorOptions(), receiver);
    const client = await SmtpDialogue.greeted(port);
    await client.command('STARTTLS', 500);
    client.destroy();
  });

  it('loses no mail of any connection while it is reconfigured', async () => {
    const { door, receiver } = await openTestDoor();
    let stop = false;
    const clients = Array.from({ length: 6 }, () => sendUntil(door, () => stop));
    const receivers = [receiver];
    for (let i = 0; i < 40; i += 1) {
      const extra = i % 2 === 0 ? [listenerOf({ address: '127.0.0.2' })] : [];
      const next = new FakeReceiver();
      receivers.push(next);
      await door.reconfigure(doorOptions({ hostname: `gate${i}.example`, listeners: [...extra, listenerOf()] }), next);
      // the kept listener comes last here and first in `sendUntil`: put it first again
      await door.reconfigure(doorOptions({ listeners: [listenerOf(), ...extra] }), next);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    stop = true;
    const acknowledged = (await Promise.all(clients)).reduce((sum, count) => sum + count, 0);
    const taken = receivers.flatMap((each) => each.taken);
    assert.ok(acknowledged > 6);
    assert.equal(taken.length, acknowledged);
    assert.ok(receivers.filter((each) => each.taken.length > 0).length > 1);
    assert.equal(
      receivers.reduce((sum, each) => sum + each.abandoned + each.failed.length, 0),
      0,
    );
  });

  it('says 421 4.3.2 to idle clients when it closes and lets a message under way end', async () => {
    const { door, receiver, port } = await openTestDoor();
    const idle = await SmtpDialogue.greeted(port);
    const between = await SmtpDialogue.greeted(port);
    await between.command('MAIL FROM:<a@x.example>', 250);
    const sending = await inMessage(port);
    sending.send('Subject: x\r\n\r\n');
    const closed = door.close(10_000);
    for (const client of [idle, between]) {
      assert.match((await client.expect(421)).text, /^421 4\.3\.2 /);
      client.end();
      await client.closed();
    }
    await assert.rejects(SmtpDialogue.open(port));
    sending.send('late body\r\n.\r\n');
    await sending.expect(250);
    assert.match((await sending.expect(421)).text, /^421 4\.3\.2 /);
    sending.end();
    await closed;
    assert.equal(receiver.taken[0]?.body.toString(), 'Subject: x\r\n\r\nlate body\r\n');
    assert.equal(receiver.abandoned, 1);
    assert.equal(receiver.open, 0);
  });

  it('lets a command under way be answered before the 421', async () => {
    const { door, receiver, port } = await openTestDoor();
    let answer: () => void = () => undefined;
    receiver.onRecipient = () =>
      new Promise<void>((resolve) => {
        answer = resolve;
      });
    const client = await SmtpDialogue.greeted(port);
    await client.command('MAIL FROM:<a@x.example>', 250);
    client.send('RCPT TO:<b@y.example>\r\n');
    await until(() => receiver.asked.length === 1);
    const closed = door.close(10_000);
    answer();
    await client.expect(250);
    await client.expect(421);
    client.end();
    await closed;
  });

  it('cuts what is left when the grace is over, also in the middle of a handshake', async () => {
    const made = makeAuthority({ key: 'p-256' });
    const tls = { certificate: Buffer.from(made.pem), key: Buffer.from(made.keyPem) };
    const { door, receiver, port } = await openTestDoor({ listeners: [listenerOf({ tls })] });
    const shaking = await SmtpDialogue.greeted(port);
    await shaking.command('STARTTLS', 220);
    shaking.send(Buffer.from([0x16, 0x03, 0x01]));
    const sending = await inMessage(port);
    await door.close(20);
    await sending.closed();
    await shaking.closed();
    assert.deepEqual(
      receiver.failed.map((failure) => failure.code),
      ['smtp.interrupted'],
    );
    assert.equal(receiver.open, 0);
    await assert.rejects(door.reconfigure(doorOptions(), receiver), cannotOpen);
  });
});
