import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { openCourier } from '../../src/delivery/smtp-courier.ts';
import { gatewayError } from '../../src/errors.ts';
import type { SinkAct, SinkStage } from '../support/smtp-sink.ts';
import { chunksOf, clearGroup, inShort, makeDelivery, NEVER, optionsTo, withSink } from './delivery-fixtures.ts';

const BOB = 'bob@partner.example';
const BODY = Buffer.from('hello\r\n');
const bob = () => makeDelivery(clearGroup([BOB]), BODY);

/** Plays `act` at one stage of the first connections. */
function at(stage: SinkStage, act: SinkAct, connections = Number.POSITIVE_INFINITY) {
  return {
    script: (now: SinkStage, _argument: string, connection: number): SinkAct =>
      now === stage && connection <= connections ? act : null,
  };
}

/** Gives one large chunk, and the rest only when nobody wants it any more. */
async function* slowBody(): AsyncGenerator<Buffer> {
  const chunk = Buffer.from('line\r\n'.repeat(20_000));
  yield chunk;
  yield chunk;
  await new Promise((resolve) => setTimeout(resolve, 2000).unref());
  yield chunk;
}

const STAGES: readonly SinkStage[] = ['banner', 'ehlo', 'mail', 'rcpt', 'data', 'body', 'end'];

describe('delivery/smtp-courier: faults of the next hop (L9)', () => {
  for (const extensions of [['PIPELINING'], []]) {
    describe(extensions.length > 0 ? 'with PIPELINING' : 'command by command', () => {
      for (const stage of STAGES) {
        const early = stage === 'banner' || stage === 'ehlo';
        const inBody = stage === 'body' || stage === 'end';

        for (const act of ['hang', 'close', 'reset', 'half-close', 'drip'] as const) {
          it(`${act} at ${stage}: deferred${inBody ? ' and ambiguous' : ''}`, async () => {
            await withSink({ extensions, ...at(stage, { act }) }, { replyTimeoutMs: 60 }, async (courier, sink) => {
              const outcomes = await courier.deliver(bob(), NEVER);
              const [outcome] = outcomes;
              assert.equal(outcome?.result, 'deferred');
              assert.equal(outcome?.reply.code, 0);
              assert.equal(outcome?.reply.hop, null);
              assert.equal(outcome?.reply.enhanced, early ? '4.4.1' : '4.4.2');
              assert.equal(outcome?.ambiguous, inBody);
              assert.equal(sink.messages.length, 0);
              assert.equal(courier.status().outside.openConnections, 0);
            });
          });
        }

        for (const reply of ['421 4.3.2 closing', '451 4.7.1 later', '554 5.7.1 never']) {
          if (stage === 'body') continue;
          const expected = early || reply.startsWith('4') ? 'deferred' : 'failed';
          it(`${reply} at ${stage}: ${expected}`, async () => {
            const everywhere =
              stage === 'ehlo'
                ? (now: SinkStage) => (now === 'ehlo' || now === 'helo' ? reply : null)
                : at(stage, reply).script;
            await withSink({ extensions, script: everywhere }, {}, async (courier, sink) => {
              const outcomes = await courier.deliver(bob(), NEVER);
              const status = `${reply.slice(0, 3)} ${reply.slice(4, 9)}`;
              assert.deepEqual(inShort(outcomes), [`${expected} ${status}`]);
              assert.equal(outcomes[0]?.reply.hop, `127.0.0.1:${sink.port}`);
              assert.equal(sink.messages.length, 0);
            });
          });
        }

        for (const garbage of ['HTTP/1.1 400 Bad Request', '999 what', '\xff\xfe\x00']) {
          it(`garbage ${JSON.stringify(garbage)} at ${stage}: deferred`, async () => {
            const script =
              stage === 'ehlo'
                ? (now: SinkStage) => (now === 'ehlo' || now === 'helo' ? garbage : null)
                : at(stage, garbage).script;
            await withSink({ extensions, script }, {}, async (courier, sink) => {
              const [outcome] = await courier.deliver(bob(), NEVER);
              assert.equal(outcome?.result, 'deferred');
              assert.equal(outcome?.reply.code, 0);
              assert.equal(outcome?.ambiguous, inBody);
              if (stage !== 'body') assert.equal(sink.messages.length, 0);
              assert.equal(courier.status().outside.openConnections, 0, 'a connection out of step was kept');
            });
          });
        }
      }
    });
  }

  it('keeps the reply of each recipient: some rejected, the rest delivered', async () => {
    const script = (stage: SinkStage, argument: string): SinkAct => {
      if (stage !== 'rcpt') return null;
      if (argument.startsWith('none')) return '550 5.1.1 no such user';
      return argument.startsWith('full') ? '452 4.2.2 mailbox full' : null;
    };
    for (const extensions of [['PIPELINING'], []]) {
      await withSink({ script, extensions }, {}, async (courier, sink) => {
        const people = ['none@x.example', 'good@x.example', 'full@x.example', 'fine@x.example'];
        const outcomes = await courier.deliver(makeDelivery(clearGroup(people), BODY), NEVER);
        assert.deepEqual(
          outcomes.map(({ address }) => address),
          people,
        );
        assert.deepEqual(inShort(outcomes), [
          'failed 550 5.1.1',
          'delivered 250 2.0.0',
          'deferred 452 4.2.2',
          'delivered 250 2.0.0',
        ]);
        assert.deepEqual(
          sink.messages.map(({ to }) => to),
          [['good@x.example', 'fine@x.example']],
        );
      });
    }
  });

  it('keeps a rejection at RCPT when the message fails later', async () => {
    for (const [stage, act, rest] of [
      ['data', '451 4.3.0 later', 'deferred 451 4.3.0'],
      ['end', '554 5.6.0 bad content', 'failed 554 5.6.0'],
      ['end', { act: 'close' }, 'deferred 0 4.4.2 ambiguous'],
    ] as const) {
      const script = (now: SinkStage, argument: string): SinkAct => {
        if (now === 'rcpt' && argument.startsWith('none')) return '550 5.1.1 no such user';
        return now === stage ? act : null;
      };
      await withSink({ script }, {}, async (courier) => {
        const outcomes = await courier.deliver(
          makeDelivery(clearGroup(['none@x.example', 'a@x.example']), BODY),
          NEVER,
        );
        assert.deepEqual(inShort(outcomes), ['failed 550 5.1.1', rest]);
      });
    }
  });

  it('gives each his own reply when all are rejected, and goes on with the same connection', async () => {
    let rejecting = true;
    const script = (stage: SinkStage, argument: string): SinkAct =>
      stage === 'rcpt' && rejecting ? (argument.startsWith('a') ? '550 5.1.1 no' : '450 4.2.0 wait') : null;
    await withSink({ script }, {}, async (courier, sink) => {
      const delivery = makeDelivery(clearGroup(['a@x.example', 'b@x.example']), BODY);
      assert.deepEqual(inShort(await courier.deliver(delivery, NEVER)), ['failed 550 5.1.1', 'deferred 450 4.2.0']);
      rejecting = false;
      assert.deepEqual(inShort(await courier.deliver(delivery, NEVER)), ['delivered 250 2.0.0', 'delivered 250 2.0.0']);
      assert.equal(sink.connections, 1);
      assert.equal(sink.commands.filter((command) => command === 'RSET').length, 1);
    });
  });

  it('lets a refused MAIL count for everybody, not what was said to RCPT after it', async () => {
    await withSink(at('mail', '450 4.7.1 greylisted'), {}, async (courier) => {
      const delivery = makeDelivery(clearGroup(['a@x.example', 'b@x.example']), BODY);
      assert.deepEqual(inShort(await courier.deliver(delivery, NEVER)), ['deferred 450 4.7.1', 'deferred 450 4.7.1']);
    });
  });

  it('sends to those beyond the limit of the hop in further transactions (RFC 5321 §4.5.3.1.10)', async () => {
    let accepted = 0;
    const script = (stage: SinkStage): SinkAct => {
      if (stage === 'mail') accepted = 0;
      if (stage !== 'rcpt') return null;
      accepted += 1;
      return accepted > 10 ? '452 4.5.3 too many recipients' : null;
    };
    await withSink({ script }, {}, async (courier, sink) => {
      const people = Array.from({ length: 35 }, (_, i) => `p${i}@x.example`);
      const outcomes = await courier.deliver(makeDelivery(clearGroup(people), BODY), NEVER);
      assert.ok(outcomes.every(({ result }) => result === 'delivered'));
      assert.deepEqual(
        sink.messages.map(({ to }) => to.length),
        [10, 10, 10, 5],
      );
      assert.deepEqual(
        sink.messages.flatMap(({ to }) => to),
        people,
      );
    });
  });

  it('does not believe a final reply before the final dot', async () => {
    const script = (stage: SinkStage): SinkAct => (stage === 'data' ? '354 go\r\n250 2.0.0 have it already' : null);
    await withSink({ script }, {}, async (courier, sink) => {
      const [outcome] = await courier.deliver(makeDelivery(clearGroup([BOB]), BODY, { openBody: slowBody }), NEVER);
      assert.equal(outcome?.result, 'deferred');
      assert.equal(outcome?.ambiguous, true);
      assert.equal(courier.status().outside.openConnections, 0);
      assert.equal(sink.messages.length, 0);
    });
  });

  it('takes a refusal in the middle of the body for what it says, and closes', async () => {
    await withSink(at('body', '552 5.3.4 too large'), {}, async (courier, sink) => {
      const outcomes = await courier.deliver(makeDelivery(clearGroup([BOB]), BODY, { openBody: slowBody }), NEVER);
      assert.deepEqual(inShort(outcomes), ['failed 552 5.3.4']);
      assert.equal(courier.status().outside.openConnections, 0);
      assert.equal(sink.messages.length, 0);
    });
  });

  it('never ends a message whose body is damaged (queue.damaged)', async () => {
    await withSink({}, {}, async (courier, sink) => {
      const openBody = async function* () {
        yield* chunksOf(Buffer.from('line\r\n'.repeat(100_000)));
        throw gatewayError('queue.damaged', 'chunk 3');
      };
      const outcomes = await courier.deliver(makeDelivery(clearGroup([BOB]), BODY, { openBody }), NEVER);
      assert.deepEqual(inShort(outcomes), ['deferred 0 4.3.0']);
      assert.equal(outcomes[0]?.reply.text, 'stored message is damaged');
      // a later message shows that the sink has seen all of the first
      await courier.deliver(bob(), NEVER);
      assert.equal(sink.messages.length, 1);
      assert.equal(sink.messages[0]?.connection, 2);
      assert.ok(sink.truncated.every((octets) => !octets.includes('\r\n.\r\n')));
    });
  });

  it('never ends a message with a bare line end in it (S3, defect)', async () => {
    for (const odd of ['a\r\n.\nMAIL FROM:<x@y.example>\r\n', 'a\r.\rb\r\n', 'a\n.\n']) {
      await withSink({}, {}, async (courier, sink) => {
        const outcomes = await courier.deliver(makeDelivery(clearGroup([BOB]), Buffer.from(odd)), NEVER);
        assert.deepEqual(inShort(outcomes), ['deferred 0 4.3.0']);
        await courier.deliver(bob(), NEVER);
        assert.equal(sink.messages.length, 1);
      });
    }
  });

  it('is deferred when nobody listens (delivery.unreachable)', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    const courier = openCourier(optionsTo(port));
    const outcomes = await courier.deliver(bob(), NEVER);
    assert.deepEqual(inShort(outcomes), ['deferred 0 4.4.1']);
    assert.match(outcomes[0]?.reply.text ?? '', /ECONNREFUSED/);
    assert.equal(courier.status().outside.up, false);
    assert.match(courier.status().outside.lastFailure?.text ?? '', /ECONNREFUSED/);
    await courier.close();
  });

  it('takes a new connection once when an idle one was dead', async () => {
    await withSink({}, {}, async (courier, sink) => {
      await courier.deliver(bob(), NEVER);
      sink.dropConnections();
      assert.deepEqual(inShort(await courier.deliver(bob(), NEVER)), ['delivered 250 2.0.0']);
      assert.equal(sink.connections, 2);
    });
  });

  it('takes a new connection when the idle one answers MAIL with 421, or not at all', async () => {
    for (const act of ['421 4.4.2 idle too long', { act: 'hang' }, { act: 'reset' }] as const) {
      let mails = 0;
      const script = (stage: SinkStage): SinkAct => {
        if (stage === 'mail') mails += 1;
        return stage === 'mail' && mails === 2 ? act : null;
      };
      await withSink({ script }, {}, async (courier, sink) => {
        await courier.deliver(bob(), NEVER);
        assert.deepEqual(inShort(await courier.deliver(bob(), NEVER)), ['delivered 250 2.0.0']);
        assert.equal(sink.messages.length, 2);
      });
    }
  });

  it('tries a new connection once, not for ever', async () => {
    await withSink(at('mail', '421 4.3.2 go away'), {}, async (courier, sink) => {
      assert.deepEqual(inShort(await courier.deliver(bob(), NEVER)), ['deferred 421 4.3.2']);
      assert.equal(sink.connections, 1);
    });
  });

  it('is deferred when aborted, at every stage, and the connection is gone', async () => {
    for (const stage of STAGES) {
      const controller = new AbortController();
      const script = (now: SinkStage): SinkAct => {
        if (now !== stage) return null;
        setImmediate(() => controller.abort());
        return { act: 'hang' };
      };
      await withSink({ script }, { replyTimeoutMs: 5000, connectTimeoutMs: 5000 }, async (courier) => {
        const [outcome] = await courier.deliver(bob(), controller.signal);
        assert.equal(outcome?.result, 'deferred');
        assert.equal(outcome?.reply.enhanced, '4.3.2');
        assert.equal(outcome?.ambiguous, stage === 'body' || stage === 'end');
        assert.equal(courier.status().outside.openConnections, 0);
      });
    }
  });
});
