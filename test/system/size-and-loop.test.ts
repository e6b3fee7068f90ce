/** S12, S13, S14 through the whole gateway: too much, half a message, the same message for ever. Nothing stays behind. */
import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { logged } from '../support/fault-scene.ts';
import { GatewayHouse, sleep, submit } from '../support/gateway-house.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';
import { unstuffed } from '../support/smtp-sink.ts';

const LIMIT = 1024 * 1024;
const HEADER = 'From: anna@example.org\r\nTo: rita@partner.example\r\nMIME-Version: 1.0\r\n\r\n';
const LINE = Buffer.from(`${'x'.repeat(70)}\r\n`);

/** What the spool holds of mail: accepted, and begun. */
function stored(house: GatewayHouse): readonly string[] {
  return ['mail', 'tmp', 'corrupt'].flatMap((name) => readdirSync(path.join(house.spool, name)));
}

/** Octets of intakes under way. */
function octetsBegun(house: GatewayHouse): number {
  const folder = path.join(house.spool, 'tmp');
  // one may vanish between the listing and the look
  const sizes = readdirSync(folder).map((name) => statSync(path.join(folder, name), { throwIfNoEntry: false })?.size);
  return sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}

/** Opens a transaction up to 354. */
async function inData(house: GatewayHouse): Promise<SmtpDialogue> {
  const session = await SmtpDialogue.greeted(house.port);
  await session.command('MAIL FROM:<anna@example.org>', 250);
  await session.command('RCPT TO:<rita@partner.example>', 250);
  await session.command('DATA', 354);
  return session;
}

/** Waits until the spool is empty: an abandoned intake is removed a moment after its client is gone. */
async function untilNothingStored(house: GatewayHouse): Promise<void> {
  for (let tries = 0; tries < 400 && stored(house).length > 0; tries += 1) await sleep(25);
  assert.deepEqual(stored(house), []);
}

describe('system: S12 size', function () {
  this.timeout(60_000);
  let house: GatewayHouse;
  before(async () => {
    house = await GatewayHouse.open({ extra: 'limits: { message: 1MB }' });
  });
  after(() => house.close());
  afterEach(() => untilNothingStored(house));

  it('refuses a SIZE over the limit at MAIL', async () => {
    const session = await SmtpDialogue.greeted(house.port);
    assert.match(session.transcript, new RegExp(`250[ -]SIZE ${LIMIT}\r\n`));
    const refusal = await session.command(`MAIL FROM:<anna@example.org> SIZE=${LIMIT + 1}`, 552);
    assert.match(refusal.text, /^552 5\.3\.4 /);
    await session.command(`MAIL FROM:<anna@example.org> SIZE=${LIMIT}`, 250);
    await session.quit();
  });

  it('refuses 40 times the limit after it came, stores nothing, and goes on with the session', async () => {
    const session = await inData(house);
    session.send(HEADER);
    const piece = Buffer.concat(Array.from({ length: 1000 }, () => LINE));
    let peak = 0;
    for (let sent = 0; sent < 40 * LIMIT; sent += piece.length) {
      await session.sendAll(piece);
      peak = Math.max(peak, octetsBegun(house));
    }
    assert.ok(peak > 0 && peak <= LIMIT + 256 * 1024, `${peak} octets on the disk`);
    // gone as soon as the limit was passed, not when the client chooses to end
    await untilNothingStored(house);
    session.send('.\r\n');
    const refusal = await session.expect(552);
    assert.match(refusal.text, /^552 5\.3\.4 /);
    await session.command('MAIL FROM:<anna@example.org>', 250);
    await session.quit();
    assert.equal(house.sink?.messages.length, 0);
  });

  it('refuses a body whose SIZE lied', async () => {
    const session = await SmtpDialogue.greeted(house.port);
    await session.command('MAIL FROM:<anna@example.org> SIZE=10', 250);
    await session.command('RCPT TO:<rita@partner.example>', 250);
    await session.command('DATA', 354);
    await session.sendAll(Buffer.concat([Buffer.from(HEADER), Buffer.alloc(LIMIT, LINE)]));
    session.send('\r\n.\r\n');
    assert.match((await session.expect(552)).text, /^552 5\.3\.4 /);
    await session.quit();
  });

  it('counts to the octet', async () => {
    const body = (octets: number): string => `${HEADER}${'x'.repeat(octets - HEADER.length - 2)}\r\n`;
    for (const [octets, reply] of [
      [LIMIT + 1, '552 5.3.4'],
      [LIMIT, '250 2.0.0'],
    ] as const) {
      const lines = body(octets).replace(/x{998}(?=x{3})/g, (run) => `${run.slice(0, 996)}\r\n`);
      assert.equal(lines.length, octets);
      const answer = await submit(house.port, 'anna@example.org', ['rita@partner.example'], lines);
      assert.equal(answer.data?.slice(0, 9), reply, `${octets} octets`);
    }
    await house.drained();
  });

  it('refuses a header without end long before the limit', async () => {
    const session = await inData(house);
    for (let i = 0; i < 8; i += 1) await session.sendAll(Buffer.from(`X-Long: ${'x'.repeat(60)}\r\n`.repeat(1500)));
    session.send('.\r\n');
    assert.match((await session.expect(550)).text, /^550 5\.6\.0 /);
    await session.quit();
  });
});

describe('system: S13 clients that vanish', function () {
  this.timeout(60_000);
  let house: GatewayHouse;
  before(async () => {
    house = await GatewayHouse.open();
  });
  after(() => house.close());

  const message = `${HEADER}first line\r\n.\r\n`;
  const points: Readonly<Record<string, string | Buffer>> = {
    'after 354': '',
    'in the header': message.slice(0, 20),
    'between CR and LF': message.slice(0, HEADER.length - 1),
    'after the header': HEADER,
    'in the body': `${HEADER}half a line`,
    'in a large body': Buffer.concat([Buffer.from(HEADER), ...Array.from({ length: 8000 }, () => LINE)]),
    'after the dot': message.slice(0, -2),
    'before the last octet': message.slice(0, -1),
  };
  for (const [name, octets] of Object.entries(points)) {
    for (const way of ['end', 'destroy', 'reset'] as const) {
      it(`${name}, by ${way}: nothing is stored`, async () => {
        const session = await inData(house);
        await session.sendAll(Buffer.from(octets));
        // a small message waits in memory; of a large one something is on the disk already
        if (octets.length > 128 * 1024) while (stored(house).length === 0) await sleep(5);
        const from = house.output.length;
        session[way]();
        const refused = await logged(house, 'smtp.transaction-refused', from);
        assert.equal(refused['code'], 'smtp.interrupted');
        assert.deepEqual(stored(house), []);
        assert.equal(house.sink?.messages.length, 0);
      });
    }
  }

  it('in the middle of MAIL and RCPT: no trace of a message', async () => {
    for (const line of ['MAIL FR', 'MAIL FROM:<anna@example.org>\r\nRCPT TO:<ri', 'MAIL FROM:<anna@example.org>\r\n']) {
      const session = await SmtpDialogue.greeted(house.port);
      session.send(line);
      session.reset();
    }
    await untilNothingStored(house);
  });

  it('after the whole message: stored at most once, and whole', async () => {
    const text = (i: number): string => `${HEADER}number ${i} of twelve\r\n`;
    for (let i = 0; i < 12; i += 1) {
      const session = await inData(house);
      await session.sendAll(Buffer.from(`${text(i)}.\r\n`));
      session.reset();
    }
    await submit(house.port, 'anna@example.org', ['rita@partner.example'], `${HEADER}the last\r\n`);
    await house.drained();
    const bodies = (house.sink?.messages ?? []).map(({ wire }) => {
      const entity = house.open('rita@partner.example', unstuffed(wire)).toString('latin1');
      return /number \d+ of twelve\r\n$|the last\r\n$/.exec(entity)?.[0] ?? entity;
    });
    assert.equal(new Set(bodies).size, bodies.length, 'none twice');
    assert.ok(bodies.includes('the last\r\n'));
    assert.ok(
      bodies.every((body) => body.length < 30),
      'none in part',
    );
    await untilNothingStored(house);
  });
});

describe('system: S14 loops', function () {
  this.timeout(60_000);

  for (const encrypt of ['never', 'if-possible'] as const) {
    it(`its own output, fed back up to 60 times, ends in 554 (encrypt: ${encrypt})`, async () => {
      const house = await GatewayHouse.open({ defaults: `defaults: { sign: never, encrypt: ${encrypt} }` });
      try {
        let text: Buffer = Buffer.from(`${HEADER}round and round\r\n`);
        let answer = '';
        let rounds = 0;
        while (rounds < 60 && !answer.startsWith('5')) {
          rounds += 1;
          const said = await submit(house.port, 'anna@example.org', ['rita@partner.example'], text);
          answer = said.data ?? said.rcpt[0] ?? said.mail;
          if (!answer.startsWith('250')) break;
          await house.sink?.waitFor(rounds);
          text = unstuffed(house.sink?.messages[rounds - 1]?.wire ?? Buffer.alloc(0));
        }
        assert.match(answer, /^554 5\.4\.6 /);
        assert.equal(rounds, 3, 'once more is a forward, twice is a circle');
        // sealed once: what comes back sealed is not sealed again
        assert.equal(text.toString('latin1').match(/^Received: /gm)?.length, 2);
        await house.drained();
      } finally {
        await house.close();
      }
    });
  }

  it('refuses 50 Received fields of anybody', async () => {
    const house = await GatewayHouse.open();
    try {
      const field = 'Received: from a.example by b.example; Tue, 24 Nov 2026 09:00:00 +0000\r\n';
      for (const [count, reply] of [
        [49, '250 2.0.0'],
        [50, '554 5.4.6'],
      ] as const) {
        const text = `${field.repeat(count)}${HEADER}body\r\n`;
        const { data } = await submit(house.port, 'anna@example.org', ['rita@partner.example'], text);
        assert.equal(data?.slice(0, 9), reply);
      }
      await house.drained();
    } finally {
      await house.close();
    }
  });
});
