import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCourier } from '../../src/delivery/smtp-courier.ts';
import { configureLog } from '../../src/log/logger.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { type SinkAct, type SinkMessage, type SinkStage, startSmtpSink, unstuffed } from '../support/smtp-sink.ts';
import {
  CLEAR_HEADER,
  CLEAR_MARK,
  clearGroup,
  inShort,
  makeDelivery,
  NEVER,
  optionsTo,
  sealedGroup,
  serverCertificate,
  withSink,
} from './delivery-fixtures.ts';

const BOB = 'bob@partner.example';
const BODY = Buffer.from('hello\r\n.\r\n..two\r\n.three\r\nend\r\n');
const bob = () => makeDelivery(clearGroup([BOB]), BODY);

function only(messages: readonly SinkMessage[]): SinkMessage {
  assert.equal(messages.length, 1);
  return messages[0] as SinkMessage;
}

/** The events logged while `test` runs, as objects. */
async function logged(test: () => Promise<void>): Promise<Record<string, unknown>[]> {
  const lines: string[] = [];
  configureLog('debug', { write: (line: string) => void lines.push(line) });
  try {
    await test();
  } finally {
    configureLog('silent', { write: () => {} });
  }
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('delivery/smtp-courier', () => {
  const ca = makeAuthority();
  const bobs = makeCertificate(ca, { emails: [BOB], serial: 21 });
  const ENTITY = Buffer.from(`Content-Type: text/plain\r\n\r\n${CLEAR_MARK}\r\n`.repeat(3000));
  const sealed = sealedGroup({ [BOB]: bobs }, ENTITY);

  describe('the octets on the wire (S3)', () => {
    it('are those stored, dot-stuffed, of a clear copy', async () => {
      await withSink({}, {}, async (courier, sink) => {
        const outcomes = await courier.deliver(bob(), NEVER);
        assert.deepEqual(inShort(outcomes), ['delivered 250 2.0.0']);
        assert.equal(outcomes[0]?.reply.hop, `127.0.0.1:${sink.port}`);
        const { wire, from, to } = only(sink.messages);
        assert.equal(unstuffed(wire).toString(), `${CLEAR_HEADER}\r\n${BODY}`);
        assert.equal(wire.toString().slice(CLEAR_HEADER.length + 2), 'hello\r\n..\r\n...two\r\n..three\r\nend\r\n');
        assert.deepEqual([from, to], ['anna@example.org', [BOB]]);
      });
    });

    it('are those stored of a large body in many chunks', async () => {
      await withSink({}, { replyTimeoutMs: 5000 }, async (courier, sink) => {
        const line = Buffer.from('.dots and text of a line, as long as lines are in mail that people write to us\r\n');
        const body = Buffer.concat(Array.from({ length: 60_000 }, () => line));
        assert.deepEqual(inShort(await courier.deliver(makeDelivery(clearGroup([BOB]), body), NEVER)), [
          'delivered 250 2.0.0',
        ]);
        const { wire } = only(sink.messages);
        assert.ok(unstuffed(wire).equals(Buffer.concat([Buffer.from(`${CLEAR_HEADER}\r\n`), body])));
        assert.doesNotMatch(wire.toString('latin1'), /[^\r]\n|\r[^\n]/);
      });
    });

    it('decrypt with openssl to what was encrypted', async () => {
      await withSink({ extensions: ['SIZE'] }, {}, async (courier, sink) => {
        const outcomes = await courier.deliver(makeDelivery(sealed.group, sealed.ciphertext), NEVER);
        assert.deepEqual(inShort(outcomes), ['delivered 250 2.0.0']);
        const { wire, parameters } = only(sink.messages);
        assert.deepEqual(parameters, [`SIZE=${wire.length}`]);
        assert.ok(!wire.includes(CLEAR_MARK));
        assert.doesNotMatch(wire.toString('latin1'), /[^\r]\n|\r[^\n]|[\x80-\xff]/);
        const folder = mkdtempSync(join(tmpdir(), 'delivery-'));
        try {
          writeFileSync(join(folder, 'mail'), wire);
          writeFileSync(join(folder, 'key'), bobs.keyPem);
          writeFileSync(join(folder, 'cert'), bobs.pem);
          const args = ['cms', '-decrypt', '-in', 'mail', '-inkey', 'key', '-recip', 'cert', '-binary'];
          assert.ok(execFileSync('openssl', args, { cwd: folder }).equals(ENTITY));
        } finally {
          rmSync(folder, { recursive: true });
        }
      });
    });

    it('are the same at a retry', async () => {
      let ends = 0;
      const script = (stage: SinkStage): SinkAct => (stage === 'end' && ++ends === 1 ? '451 4.3.0 later' : null);
      const wires: Buffer[] = [];
      for (const count of [0, 1]) {
        await withSink(count === 0 ? {} : { script }, {}, async (courier, sink) => {
          for (let tries = 0; tries <= count; tries += 1) {
            await courier.deliver(makeDelivery(sealed.group, sealed.ciphertext), NEVER);
          }
          wires.push(only(sink.messages).wire);
        });
      }
      assert.deepEqual(wires[0], wires[1]);
    });
  });

  it('sends nothing of a copy that is not sealed, holds it back and raises the alarm (C19, delivery.not-sealed)', async () => {
    const eve = makeCertificate(ca, { emails: ['eve@x.example'], serial: 22 });
    const forEve = sealedGroup({ 'eve@x.example': eve }, ENTITY).group.content;
    assert.ok(forEve.kind === 'enveloped' && sealed.group.content.kind === 'enveloped');
    const { recipientInfos } = forEve;
    for (const group of [
      clearGroup([BOB], { protection: 'must-encrypt' }),
      clearGroup([BOB], { protection: 'must-encrypt', header: sealed.group.header }),
      { ...sealed.group, content: { ...sealed.group.content, recipientInfos } },
      { ...sealed.group, recipients: sealed.group.recipients.map((one) => ({ ...one, certificateSha256: null })) },
    ]) {
      await withSink({}, {}, async (courier, sink) => {
        const events = await logged(async () => {
          const outcomes = await courier.deliver(makeDelivery(group, Buffer.from(`${CLEAR_MARK}\r\n`)), NEVER);
          assert.deepEqual(inShort(outcomes), ['deferred 0 4.7.5']);
          assert.match(outcomes[0]?.reply.text ?? '', /not encrypted for its recipients/);
        });
        assert.equal(sink.connections, 0);
        const alarm = events.find(({ event }) => event === 'delivery.not-sealed');
        assert.equal(alarm?.['level'], 60);
        assert.ok(!JSON.stringify(events).includes(CLEAR_MARK));
      });
    }
  });

  describe('the hop', () => {
    it('gets 8-bit content with BODY=8BITMIME where it takes it', async () => {
      await withSink({ extensions: ['8BITMIME', 'PIPELINING'] }, {}, async (courier, sink) => {
        const group = clearGroup([BOB], { content: { kind: 'clear', bodyIndex: 0, eightBit: true } });
        await courier.deliver(makeDelivery(group, Buffer.from('\xe9\r\n', 'latin1')), NEVER);
        assert.deepEqual(only(sink.messages).parameters, ['BODY=8BITMIME']);
      });
    });

    it('gets no 8-bit content where it does not (delivery.no-8bit)', async () => {
      await withSink({ extensions: ['PIPELINING'] }, {}, async (courier, sink) => {
        for (const group of [
          clearGroup([BOB], { content: { kind: 'clear', bodyIndex: 0, eightBit: true } }),
          clearGroup([BOB], { header: 'Subject: \xe9\r\n' }),
        ]) {
          const outcomes = await courier.deliver(makeDelivery(group, Buffer.from('\xe9\r\n', 'latin1')), NEVER);
          assert.deepEqual(inShort(outcomes), ['failed 0 5.6.3']);
        }
        assert.ok(sink.commands.every((command) => !command.startsWith('MAIL')));
        const outcomes = await courier.deliver(makeDelivery(sealed.group, sealed.ciphertext), NEVER);
        assert.deepEqual(inShort(outcomes), ['delivered 250 2.0.0'], 'an encrypted copy is 7-bit');
      });
    });

    it('gets nothing larger than it takes (smtp.too-large)', async () => {
      await withSink({ extensions: ['SIZE 1000'] }, {}, async (courier, sink) => {
        const clear = makeDelivery(clearGroup([BOB]), Buffer.alloc(1000, 'x'), { bodyBytes: 1000 });
        assert.deepEqual(inShort(await courier.deliver(clear, NEVER)), ['failed 0 5.3.4']);
        assert.deepEqual(inShort(await courier.deliver(makeDelivery(sealed.group, sealed.ciphertext), NEVER)), [
          'failed 0 5.3.4',
        ]);
        assert.deepEqual(inShort(await courier.deliver(bob(), NEVER)), ['delivered 250 2.0.0']);
        assert.deepEqual(only(sink.messages).parameters, [], 'a size that is not known was announced');
      });
    });

    it('gets the null sender as <> (RFC 5321 §4.5.5)', async () => {
      await withSink({}, {}, async (courier, sink) => {
        await courier.deliver(makeDelivery(clearGroup([BOB]), BODY, { record: { reversePath: null } }), NEVER);
        assert.ok(sink.commands.includes('MAIL FROM:<>'));
        assert.equal(only(sink.messages).from, '');
      });
    });

    it('gets no address that is none (smtp.bad-address, smtp.bad-sender-address)', async () => {
      await withSink({}, {}, async (courier, sink) => {
        const odd = ['b b@b.example', 'x@y.example> SIZE=1', 'a\r\nRSET@b.example', '"<"@b.example', '', 'no-domain'];
        const outcomes = await courier.deliver(makeDelivery(clearGroup([...odd, BOB]), BODY), NEVER);
        assert.deepEqual(inShort(outcomes), [...odd.map(() => 'failed 0 5.1.3'), 'delivered 250 2.0.0']);
        assert.deepEqual(only(sink.messages).to, [BOB]);
        const sender = makeDelivery(clearGroup([BOB]), BODY, { record: { reversePath: 'a b@c.example' } });
        assert.deepEqual(inShort(await courier.deliver(sender, NEVER)), ['failed 0 5.1.7']);
      });
    });

    it('gets no address beyond ASCII unless it offers SMTPUTF8 (smtp.utf8-address)', async () => {
      const people = ['jürgen@b.example', BOB];
      await withSink({}, {}, async (courier, sink) => {
        const outcomes = await courier.deliver(makeDelivery(clearGroup(people), BODY), NEVER);
        assert.deepEqual(inShort(outcomes), ['failed 0 5.6.7', 'delivered 250 2.0.0']);
        assert.deepEqual(only(sink.messages).to, [BOB]);
      });
      await withSink({ extensions: ['SMTPUTF8', '8BITMIME'] }, {}, async (courier, sink) => {
        await courier.deliver(makeDelivery(clearGroup(people), BODY), NEVER);
        assert.equal(only(sink.messages).to.length, 2);
      });
    });

    it('keeps quoted local parts as they are', async () => {
      await withSink({}, {}, async (courier, sink) => {
        await courier.deliver(makeDelivery(clearGroup(['"a b"@c.example']), BODY), NEVER);
        assert.deepEqual(only(sink.messages).to, ['"a b"@c.example']);
      });
    });
  });

  describe('TLS', () => {
    const server = serverCertificate(ca);
    const tls = { key: server.keyPem, cert: server.pem };
    const trusted = Buffer.from(ca.pem);
    const times = { connectTimeoutMs: 5000, replyTimeoutMs: 2000 };

    it('required: goes over TLS verified against the CA of the route', async () => {
      await withSink({ tls }, { ...times, outside: { tls: 'required', ca: trusted } }, async (courier, sink) => {
        assert.deepEqual(inShort(await courier.deliver(bob(), NEVER)), ['delivered 250 2.0.0']);
        assert.equal(only(sink.messages).tls, true);
      });
    });

    const strange = serverCertificate(makeAuthority({ name: 'Stranger' }));
    const elsewhere = serverCertificate(ca, '127.0.0.2');
    for (const [what, sinkTls, script] of [
      ['STARTTLS is not offered', undefined, undefined],
      ['the certificate is of another CA', { key: strange.keyPem, cert: strange.pem }, undefined],
      ['the certificate is for another host', { key: elsewhere.keyPem, cert: elsewhere.pem }, undefined],
      ['STARTTLS is refused', tls, (stage: SinkStage): SinkAct => (stage === 'starttls' ? '454 4.7.0 not now' : null)],
      ['the handshake fails', tls, (stage: SinkStage): SinkAct => (stage === 'starttls' ? { act: 'no-tls' } : null)],
      ['EHLO is refused', tls, (stage: SinkStage): SinkAct => (stage === 'ehlo' ? '502 5.5.1 no' : null)],
    ] as const) {
      it(`required: waits when ${what} (delivery.tls-required)`, async () => {
        const options = {
          ...(sinkTls === undefined ? {} : { tls: sinkTls }),
          ...(script === undefined ? {} : { script }),
        };
        await withSink(options, { ...times, outside: { tls: 'required', ca: trusted } }, async (courier, sink) => {
          const [outcome] = await courier.deliver(bob(), NEVER);
          assert.equal(outcome?.result, 'deferred');
          assert.equal(outcome?.reply.enhanced, '4.7.10');
          assert.ok(
            sink.commands.every((command) => !/^(?:MAIL|HELO)/.test(command)),
            sink.commands.join(),
          );
        });
      });
    }

    it('required: forgets what came in clear after the 220 (RFC 3207 §6)', async () => {
      const script = (stage: SinkStage): SinkAct => (stage === 'starttls' ? '220 go\r\n250 8BITMIME' : null);
      const route = { tls: 'required', ca: trusted } as const;
      await withSink({ tls, script, extensions: [] }, { ...times, outside: route }, async (courier, sink) => {
        const group = clearGroup([BOB], { content: { kind: 'clear', bodyIndex: 0, eightBit: true } });
        assert.deepEqual(inShort(await courier.deliver(makeDelivery(group, BODY), NEVER)), ['failed 0 5.6.3']);
        assert.deepEqual(inShort(await courier.deliver(bob(), NEVER)), ['delivered 250 2.0.0']);
        assert.equal(only(sink.messages).tls, true);
      });
    });

    it('opportunistic: takes TLS with any certificate, and clear where none is offered', async () => {
      const outside = { tls: 'opportunistic' } as const;
      await withSink({ tls }, { ...times, outside }, async (courier, sink) => {
        assert.deepEqual(inShort(await courier.deliver(bob(), NEVER)), ['delivered 250 2.0.0']);
        assert.equal(only(sink.messages).tls, true);
      });
      await withSink({}, { ...times, outside }, async (courier, sink) => {
        assert.deepEqual(inShort(await courier.deliver(bob(), NEVER)), ['delivered 250 2.0.0']);
        assert.equal(only(sink.messages).tls, false);
      });
    });

    it('opportunistic: does not go on in clear when offered TLS fails, or when EHLO is refused', async () => {
      for (const [stage, act] of [
        ['starttls', '454 4.7.0 not now'],
        ['starttls', { act: 'close' }],
        ['ehlo', '502 5.5.1 no'],
      ] as const) {
        const script = (now: SinkStage): SinkAct => (now === stage ? act : null);
        await withSink({ tls, script }, { ...times, outside: { tls: 'opportunistic' } }, async (courier, sink) => {
          const [outcome] = await courier.deliver(bob(), NEVER);
          assert.equal(outcome?.result, 'deferred');
          assert.ok(sink.commands.every((command) => !command.startsWith('MAIL')));
        });
      }
    });

    it('none: does not ask for it', async () => {
      await withSink({ tls }, times, async (courier, sink) => {
        await courier.deliver(bob(), NEVER);
        assert.equal(only(sink.messages).tls, false);
      });
    });

    it('none: goes on with HELO where EHLO is refused, for nothing is lost by it', async () => {
      const script = (stage: SinkStage): SinkAct => (stage === 'ehlo' ? '502 5.5.1 no' : null);
      await withSink({ script }, times, async (courier) => {
        assert.deepEqual(inShort(await courier.deliver(bob(), NEVER)), ['delivered 250 2.0.0']);
      });
    });
  });

  describe('connections', () => {
    it('are reused without RSET, up to the messages allowed on each', async () => {
      await withSink({}, { messagesPerConnection: 3 }, async (courier, sink) => {
        for (let i = 0; i < 7; i += 1) await courier.deliver(bob(), NEVER);
        assert.deepEqual(
          sink.messages.map(({ connection }) => connection),
          [1, 1, 1, 2, 2, 2, 3],
        );
        assert.ok(!sink.commands.includes('RSET'));
        assert.equal(sink.commands.filter((command) => command === 'QUIT').length, 2);
      });
    });

    it('are never more than allowed, and everybody in line is served', async () => {
      await withSink({}, { connectionsPerRoute: 2, replyTimeoutMs: 5000 }, async (courier, sink) => {
        const outcomes = await Promise.all(Array.from({ length: 20 }, () => courier.deliver(bob(), NEVER)));
        assert.ok(outcomes.every(([outcome]) => outcome?.result === 'delivered'));
        assert.equal(sink.connections, 2);
        const { openConnections, idleConnections, waiting, lastSuccess } = courier.status().outside;
        assert.deepEqual([openConnections, idleConnections, waiting], [2, 2, 0]);
        assert.ok(lastSuccess instanceof Date);
      });
    });

    it('wait for one that stands when the hop wants no more of them', async () => {
      const script = (stage: SinkStage, _argument: string, connection: number): SinkAct =>
        stage === 'banner' && connection > 1 ? '421 4.7.0 too many connections' : null;
      await withSink({ script }, { replyTimeoutMs: 5000 }, async (courier, sink) => {
        await courier.deliver(bob(), NEVER);
        const outcomes = await Promise.all(Array.from({ length: 10 }, () => courier.deliver(bob(), NEVER)));
        assert.ok(outcomes.every(([outcome]) => outcome?.result === 'delivered'));
        assert.ok(sink.messages.every(({ connection }) => connection === 1));
        assert.equal(courier.status().outside.up, true);
      });
    });

    it('fail everybody in line at once when the hop is down, which is said once, and up again', async () => {
      let down = true;
      const script = (stage: SinkStage): SinkAct => (stage === 'banner' && down ? { act: 'close' } : null);
      await withSink({ script }, { connectionsPerRoute: 1 }, async (courier, sink) => {
        const events = await logged(async () => {
          const outcomes = await Promise.all(Array.from({ length: 8 }, () => courier.deliver(bob(), NEVER)));
          assert.ok(outcomes.every(([outcome]) => outcome?.reply.enhanced === '4.4.1'));
          assert.equal(sink.connections, 1);
          await courier.deliver(bob(), NEVER);
          down = false;
          await courier.deliver(bob(), NEVER);
        });
        const routeEvents = events
          .map(({ event }) => event)
          .filter((event) => String(event).startsWith('delivery.route'));
        assert.deepEqual(routeEvents, ['delivery.route-down', 'delivery.route-up']);
      });
    });

    it('are given up when close is called: what is under way is deferred, nothing is left open', async () => {
      const sink = await startSmtpSink({ script: (stage) => (stage === 'end' ? { act: 'hang' } : null) });
      const courier = openCourier(optionsTo(sink.port, { connectionsPerRoute: 1, replyTimeoutMs: 60_000 }));
      const both = [courier.deliver(bob(), NEVER), courier.deliver(bob(), NEVER)];
      while (!sink.commands.includes('DATA')) await new Promise((resolve) => setTimeout(resolve, 5));
      await courier.close();
      const outcomes = (await Promise.all(both)).flat();
      assert.deepEqual(
        outcomes.map(({ result, reply }) => `${result} ${reply.enhanced}`),
        ['deferred 4.3.2', 'deferred 4.3.2'],
      );
      assert.deepEqual(inShort(await courier.deliver(bob(), NEVER)), ['deferred 0 4.3.2']);
      await sink.close();
    });

    it('go to the new hop after reconfigure, and stay where nothing changed', async () => {
      const [before, after] = [await startSmtpSink(), await startSmtpSink()];
      const courier = openCourier(optionsTo(before.port));
      await courier.deliver(bob(), NEVER);
      courier.reconfigure(optionsTo(before.port, { ours: ['example.net'] }));
      await courier.deliver(bob(), NEVER);
      assert.equal(before.connections, 1);
      courier.reconfigure(optionsTo(after.port));
      await courier.deliver(bob(), NEVER);
      assert.deepEqual([before.messages.length, after.messages.length], [2, 1]);
      assert.equal(courier.status().outside.hop, `127.0.0.1:${after.port}`);
      await courier.close();
      await before.close();
      await after.close();
    });

    it('go the way of the route', async () => {
      const [inside, outside] = [await startSmtpSink(), await startSmtpSink()];
      const courier = openCourier(optionsTo(inside.port, { outside: { port: outside.port } }));
      await courier.deliver(makeDelivery(clearGroup([BOB], { route: 'internal' }), BODY), NEVER);
      await courier.deliver(bob(), NEVER);
      assert.deepEqual([inside.messages.length, outside.messages.length], [1, 1]);
      await courier.close();
      await inside.close();
      await outside.close();
    });
  });

  it('does not read ahead of a hop that takes nothing (promise 5)', async () => {
    await withSink({ script: (stage) => (stage === 'body' ? { act: 'stall' } : null) }, {}, async (courier) => {
      let given = 0;
      const openBody = async function* () {
        for (; given < 4096; given += 1) yield Buffer.alloc(65_536, 'x');
      };
      const [outcome] = await courier.deliver(makeDelivery(clearGroup([BOB]), BODY, { openBody }), NEVER);
      assert.equal(outcome?.result, 'deferred');
      assert.ok(given < 400, `${given} chunks of 64 KiB were read`);
    });
  });

  it('logs what became of each recipient, and no content (O6)', async () => {
    const script = (stage: SinkStage, argument: string): SinkAct =>
      stage === 'rcpt' && argument.startsWith('none') ? '550 5.1.1 \x1b[2Jno' : null;
    await withSink({ script }, {}, async (courier) => {
      const events = await logged(async () => {
        const delivery = makeDelivery(clearGroup(['none@x.example', BOB]), Buffer.from(`${CLEAR_MARK}\r\n`));
        await courier.deliver(delivery, NEVER);
      });
      assert.deepEqual(
        events.map(({ event }) => event),
        ['delivery.failed', 'delivery.delivered'],
      );
      const [failed, delivered] = events;
      assert.deepEqual(
        [failed?.['recipients'], failed?.['code'], failed?.['queueId']],
        [['none@x.example'], 550, 'q1'],
      );
      assert.equal(delivered?.['traceId'], 'trace1');
      const text = JSON.stringify(events);
      assert.ok(!text.includes(CLEAR_MARK) && !text.includes('hello'));
      assert.equal(failed?.['text'], '\\u001b[2Jno');
    });
  });

  it('makes reports that it can deliver itself (RFC 3464)', async () => {
    await withSink({}, {}, async (courier, sink) => {
      const failures = [{ address: BOB, reply: { code: 550, enhanced: '5.1.1', text: 'no', hop: 'mx:25' } }];
      const { record } = bob();
      const report = courier.report({ queueId: 'q1', record, failures, at: new Date() });
      const group = report?.record.groups[0];
      assert.ok(report && group);
      const delivery = makeDelivery(group, report.body, { record: report.record });
      assert.deepEqual(inShort(await courier.deliver(delivery, NEVER)), ['delivered 250 2.0.0']);
      const { from, to } = only(sink.messages);
      assert.deepEqual([from, to], ['', ['anna@example.org']]);
    });
  });
});
