/**
 * What every engine must do, written against {@link Queue} alone. An engine's test file calls {@link describeQueue}
 * with a factory; `reopen` is what a restart of the process is.
 */
import assert from 'node:assert/strict';
import { bodyBinding } from '../../src/queue/body-binding.ts';
import type { Queue, QueueOptions } from '../../src/queue/queue.ts';
import {
  ACCEPTED,
  BUSY,
  deferAll,
  deliverAll,
  enqueue,
  failAll,
  RecordingCourier,
  sampleOctets,
  sampleRecord,
  UNKNOWN_USER,
  until,
} from './sample-mail.ts';

/** One store that outlives the queues opened on it. Engines close what they opened in `remove`. */
export interface EngineUnderTest {
  open(changes?: Partial<QueueOptions>): Promise<Queue>;
  remove(): Promise<void>;
}

const CHUNK = 64 * 1024;

export function describeQueue(engine: string, make: () => Promise<EngineUnderTest>): void {
  describe(`${engine} as a queue`, () => {
    let under: EngineUnderTest;
    let queue: Queue;

    beforeEach(async () => {
      under = await make();
      queue = await under.open();
    });

    afterEach(async () => {
      await queue.stop(0);
      await under.remove();
    });

    const reopen = async (changes?: Partial<QueueOptions>): Promise<void> => {
      await queue.stop(0);
      queue = await under.open(changes);
    };
    /** A listing alone may miss the report that takes the place of a message just then. */
    const isEmpty = async (): Promise<boolean> =>
      queue.counters().messages === 0 && (await queue.list()).length === 0 && queue.counters().messages === 0;

    describe('intake', () => {
      it('delivers what was committed, byte for byte, and then has nothing left', async () => {
        const courier = new RecordingCourier();
        queue.start(courier);
        const octets = sampleOctets(1000);
        const id = await enqueue(queue, sampleRecord([{ to: ['bob@bank.example', 'eve@bank.example'] }]), [octets]);
        await until(isEmpty, 'delivery');
        assert.equal(courier.seen.length, 1);
        const [seen] = courier.seen;
        assert.equal(seen?.queueId, id);
        assert.equal(seen?.attempt, 1);
        assert.deepEqual(seen?.recipients, ['bob@bank.example', 'eve@bank.example']);
        assert.deepEqual(seen?.body, octets);
      });

      for (const length of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 700_001]) {
        it(`keeps a body of ${length} octets over a restart`, async () => {
          const octets = sampleOctets(length);
          await enqueue(queue, undefined, [octets]);
          await reopen();
          const courier = new RecordingCourier();
          queue.start(courier);
          await until(isEmpty, 'delivery');
          assert.deepEqual(courier.seen[0]?.body, octets);
        });
      }

      it('keeps interleaved bodies apart, whatever the chunking', async () => {
        const bodies = [sampleOctets(200_000), sampleOctets(130_001), sampleOctets(7)];
        const record = sampleRecord(bodies.map((_, body) => ({ to: [`r${body}@bank.example`], body })));
        const intake = await queue.begin('trace-1');
        const writers = bodies.map((_, index) => intake.body(bodyBinding(record.groups, index)));
        assert.deepEqual(
          writers.map((writer) => writer.index),
          [0, 1, 2],
        );
        for (let at = 0; at < 200_000; at += 9_973) {
          await Promise.all(
            writers.map((writer, index) => writer.write(bodies[index]?.subarray(at, at + 9_973) ?? Buffer.alloc(0))),
          );
        }
        await Promise.all(writers.map((writer) => writer.end()));
        await intake.commit(record);
        const courier = new RecordingCourier();
        queue.start(courier);
        await until(isEmpty, 'delivery');
        const seen = [...courier.seen].sort((a, b) => a.group - b.group);
        assert.deepEqual(
          seen.map((delivery) => delivery.body),
          bodies,
        );
      });

      it('counts what is in it, and knows since when the oldest waits, over a restart too', async () => {
        assert.deepEqual([queue.counters().messages, queue.counters().oldestReceivedAt], [0, null]);
        const before = Date.now();
        await enqueue(queue, undefined, [sampleOctets(1)]);
        const after = Date.now();
        await enqueue(queue, undefined, [sampleOctets(1)]);
        await reopen();
        const { messages, oldestReceivedAt } = queue.counters();
        assert.equal(messages, 2);
        const oldest = oldestReceivedAt?.getTime() ?? 0;
        assert.ok(oldest >= before && oldest <= after, `${oldest}`);
        queue.start(new RecordingCourier());
        await until(isEmpty, 'delivery');
        assert.equal(queue.counters().oldestReceivedAt, null);
      });

      it('takes its own copy of what is written', async () => {
        const intake = await queue.begin('trace-1');
        const record = sampleRecord([{ to: ['bob@bank.example'] }]);
        const writer = intake.body(bodyBinding(record.groups, 0));
        const octets = Buffer.from('first');
        await writer.write(octets);
        octets.fill('x');
        await writer.end();
        await intake.commit(record);
        const courier = new RecordingCourier();
        queue.start(courier);
        await until(isEmpty, 'delivery');
        assert.equal(courier.seen[0]?.body?.toString(), 'first');
      });

      it('knows nothing of a message before its commit', async () => {
        const intake = await queue.begin('trace-1');
        const writer = intake.body(bodyBinding([], 0));
        await writer.write(sampleOctets(300_000));
        assert.deepEqual(await queue.list(), []);
        await reopen();
        assert.deepEqual(await queue.list(), []);
      });

      it('knows nothing of an aborted message, and abort may come twice', async () => {
        const intake = await queue.begin('trace-1');
        const record = sampleRecord([{ to: ['bob@bank.example'] }]);
        const writer = intake.body(bodyBinding(record.groups, 0));
        await writer.write(sampleOctets(600_000));
        await intake.abort();
        await intake.abort();
        await assert.rejects(writer.write(Buffer.from('more')), { code: 'queue.write-failed' });
        await assert.rejects(intake.commit(record), { code: 'queue.write-failed' });
        await reopen();
        assert.deepEqual(await queue.list(), []);
      });

      it('keeps a committed message when abort comes after', async () => {
        const record = sampleRecord([{ to: ['bob@bank.example'] }]);
        const intake = await queue.begin('trace-1');
        const writer = intake.body(bodyBinding(record.groups, 0));
        await writer.end();
        const commit = intake.commit(record);
        await intake.abort();
        await commit;
        await intake.abort();
        assert.equal((await queue.list()).length, 1);
      });

      it('refuses a commit whose bodies have not ended or were bound to other groups', async () => {
        const record = sampleRecord([{ to: ['bob@bank.example'] }]);
        const open = await queue.begin('trace-1');
        open.body(bodyBinding(record.groups, 0));
        await assert.rejects(open.commit(record), { code: 'defect' });
        await open.abort();
        const other = await queue.begin('trace-1');
        const elsewhere = sampleRecord([{ to: ['bob@bank.example'], protection: 'must-encrypt' }]);
        await other.body(bodyBinding(elsewhere.groups, 0)).end();
        await assert.rejects(other.commit(record), { code: 'defect' });
        await other.abort();
        assert.deepEqual(await queue.list(), []);
      });
    });

    describe('results', () => {
      it('asks again only for those who wait, and with the next attempt', async () => {
        await reopen({ retry: { firstMs: 5, maxMs: 10, lifetimeMs: 3_600_000 } });
        const courier = new RecordingCourier((delivery, address) =>
          address === 'slow@bank.example' && delivery.attempt < 3
            ? { result: 'deferred', reply: BUSY, ambiguous: false }
            : { result: 'delivered', reply: ACCEPTED, ambiguous: false },
        );
        queue.start(courier);
        await enqueue(queue, sampleRecord([{ to: ['bob@bank.example', 'slow@bank.example'] }]));
        await until(isEmpty, 'delivery');
        assert.deepEqual(
          courier.seen.map((seen) => [seen.attempt, seen.recipients.length]),
          [
            [1, 2],
            [2, 1],
            [3, 1],
          ],
        );
      });

      it('shows state, last reply and next attempt, the same after a restart', async () => {
        const courier = new RecordingCourier((_, address) =>
          address.startsWith('slow') ? deferAll(_, address) : deliverAll(_, address),
        );
        queue.start(courier);
        const id = await enqueue(queue, sampleRecord([{ to: ['bob@bank.example', 'slow@bank.example'] }]));
        await until(async () => (await queue.show(id))?.attempts === 1, 'first attempt');
        const before = await queue.show(id);
        assert.deepEqual(
          before?.recipients.map(({ address, state, lastReply }) => [address, state, lastReply]),
          [
            ['bob@bank.example', 'delivered', '250 2.0.0 ok (127.0.0.1:25)'],
            ['slow@bank.example', 'waiting', '451 4.3.0 busy (127.0.0.1:25)'],
          ],
        );
        assert.ok((before?.nextAttemptAt?.getTime() ?? 0) > Date.now());
        await reopen();
        assert.deepEqual(await queue.show(id), before);
        assert.deepEqual(await queue.list(), [before]);
      });

      it('does not ask again for a deferred message before its time, restart or not', async () => {
        const courier = new RecordingCourier(deferAll);
        queue.start(courier);
        const id = await enqueue(queue);
        await until(async () => (await queue.show(id))?.attempts === 1, 'first attempt');
        await reopen();
        queue.start(courier);
        const later = await enqueue(queue);
        await until(async () => (await queue.show(later))?.attempts === 1, 'the other message');
        assert.deepEqual(
          courier.seen.map((seen) => seen.queueId),
          [id, later],
        );
      });

      it('reports a final failure once, and delivers the report', async () => {
        const courier = new RecordingCourier((delivery, address) =>
          address === 'nobody@bank.example' ? failAll(delivery, address) : deliverAll(delivery, address),
        );
        queue.start(courier);
        const id = await enqueue(queue, sampleRecord([{ to: ['bob@bank.example', 'nobody@bank.example'] }]));
        await until(isEmpty, 'delivery of message and report');
        assert.deepEqual(
          courier.reports.map((report) => [report.queueId, report.failures]),
          [[id, [{ address: 'nobody@bank.example', reply: UNKNOWN_USER }]]],
        );
        const reports = courier.seen.filter((seen) => seen.direction === 'report');
        assert.equal(reports.length, 1);
        assert.equal(reports[0]?.body?.toString(), 'failed: nobody@bank.example\r\n');
      });

      it('makes one report for all groups that failed in one round', async () => {
        const courier = new RecordingCourier((delivery, address) =>
          delivery.record.direction === 'report' ? deliverAll(delivery, address) : failAll(delivery, address),
        );
        queue.start(courier);
        const to = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ to: [`${name}@bank.example`] }));
        await enqueue(queue, sampleRecord(to));
        await until(isEmpty, 'delivery of the report');
        assert.equal(courier.reports.length, 1);
        assert.equal(courier.reports[0]?.failures.length, 6);
      });

      it('never reports about mail with the null sender', async () => {
        const courier = new RecordingCourier(failAll);
        queue.start(courier);
        await enqueue(queue, sampleRecord([{ to: ['bob@bank.example'] }], { reversePath: null }));
        await until(isEmpty, 'removal');
        assert.equal(courier.seen.length, 1);
      });

      it('fails with 5.4.7 what is older than its lifetime, after one more attempt', async () => {
        const courier = new RecordingCourier((delivery, address) =>
          delivery.record.direction === 'report' ? deliverAll(delivery, address) : deferAll(delivery, address),
        );
        queue.start(courier);
        await enqueue(queue, sampleRecord([{ to: ['bob@bank.example'] }], { receivedAt: Date.now() - 7_200_000 }));
        await until(isEmpty, 'expiry');
        assert.equal(courier.mail.length, 1);
        const reply = courier.reports[0]?.failures[0]?.reply;
        assert.equal(reply?.enhanced, '5.4.7');
        assert.equal(reply?.code, 550);
        assert.match(reply?.text ?? '', /last: 451 4\.3\.0 busy/);
      });

      it('never delivers what is held', async () => {
        const courier = new RecordingCourier();
        queue.start(courier);
        const groups = [{ to: ['bob@bank.example'] }, { to: ['eve@bank.example'], stage: 'held' as const }];
        const id = await enqueue(queue, sampleRecord(groups));
        await until(async () => (await queue.show(id))?.recipients[0]?.state === 'delivered', 'the ready group');
        assert.equal(await queue.retry(id), true);
        await reopen();
        queue.start(courier);
        await enqueue(queue);
        await until(async () => (await queue.list()).length === 1, 'another message');
        const entry = await queue.show(id);
        assert.equal(entry?.recipients[1]?.state, 'held');
        assert.equal(entry?.nextAttemptAt, null);
        assert.ok(courier.seen.every((seen) => !seen.recipients.includes('eve@bank.example')));
      });

      it('defers when the courier throws or answers for somebody else', async () => {
        await reopen({ retry: { firstMs: 5, maxMs: 5, lifetimeMs: 3_600_000 } });
        const courier = new RecordingCourier();
        let calls = 0;
        queue.start({
          deliver: async (delivery, signal) => {
            calls += 1;
            if (calls === 1) throw new Error('broken');
            if (calls === 2) return [];
            const outcome = { result: 'delivered', reply: ACCEPTED, ambiguous: false } as const;
            if (calls === 3) return [{ address: 'mallory@bank.example', ...outcome }];
            return courier.deliver(delivery, signal);
          },
          report: () => null,
        });
        await enqueue(queue);
        await until(isEmpty, 'delivery at last');
        assert.equal(calls, 4);
      });

      it('keeps a failure whose report cannot be made, and makes it later', async () => {
        await reopen({ retry: { firstMs: 5, maxMs: 5, lifetimeMs: 3_600_000 } });
        const courier = new RecordingCourier((delivery, address) =>
          delivery.record.direction === 'report' ? deliverAll(delivery, address) : failAll(delivery, address),
        );
        let refusals = 2;
        queue.start({
          deliver: (delivery, signal) => courier.deliver(delivery, signal),
          report: (failures) => {
            if (refusals-- > 0) throw new Error('no report now');
            return courier.report(failures);
          },
        });
        await enqueue(queue);
        await until(isEmpty, 'the report');
        assert.equal(courier.mail.length, 1, 'the next hop is not asked again');
        assert.equal(courier.seen.length, 2);
      });
    });

    describe('scheduling', () => {
      it('runs no more deliveries at once than it may', async () => {
        await reopen({ concurrency: 3 });
        const courier = new RecordingCourier();
        let running = 0;
        let most = 0;
        courier.beforeAnswer = async () => {
          running += 1;
          most = Math.max(most, running);
          await new Promise((resolve) => setTimeout(resolve, 2));
          running -= 1;
        };
        const groups = ['a', 'b', 'c', 'd', 'e'].map((name) => ({ to: [`${name}@bank.example`] }));
        await Promise.all(Array.from({ length: 6 }, () => enqueue(queue, sampleRecord(groups))));
        queue.start(courier);
        await until(isEmpty, 'delivery');
        assert.equal(most, 3);
        assert.equal(courier.seen.length, 30);
      });

      it('lets new mail through a backlog of deferred mail', async () => {
        await reopen({ concurrency: 1, retry: { firstMs: 1, maxMs: 1, lifetimeMs: 3_600_000 } });
        const courier = new RecordingCourier(deferAll);
        queue.start(courier);
        await Promise.all(Array.from({ length: 20 }, () => enqueue(queue)));
        await until(() => courier.seen.length > 40, 'a backlog that comes round');
        const id = await enqueue(queue);
        const from = courier.seen.length;
        await until(() => courier.seen.some((seen) => seen.queueId === id), 'new mail');
        const place = courier.seen.findIndex((seen) => seen.queueId === id);
        assert.ok(place - from <= 4, `after ${place - from} deferred messages`);
      });

      it('asks again at once when a retry was asked for during an attempt', async () => {
        const courier = new RecordingCourier((delivery, address) =>
          delivery.attempt === 1 ? deferAll(delivery, address) : deliverAll(delivery, address),
        );
        let asked = false;
        courier.beforeAnswer = async ({ queueId }) => {
          // twice is no more than once
          if (!asked) assert.deepEqual([await queue.retry(queueId), await queue.retry(queueId)], [true, true]);
          asked = true;
        };
        queue.start(courier);
        await enqueue(queue);
        await until(isEmpty, 'the second attempt');
        assert.deepEqual(
          courier.seen.map(({ attempt }) => attempt),
          [1, 2],
        );
      });

      it('makes a message due now on retry', async () => {
        const courier = new RecordingCourier(deferAll);
        queue.start(courier);
        const id = await enqueue(queue);
        await until(async () => (await queue.show(id))?.attempts === 1, 'first attempt');
        courier.answer = deliverAll;
        assert.equal(await queue.retry(id), true);
        await until(isEmpty, 'delivery');
        assert.equal(await queue.retry(id), false);
      });

      it('drops without a report, also while it is being delivered', async () => {
        const courier = new RecordingCourier(failAll);
        let aborted = false;
        courier.beforeAnswer = (_, signal) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              aborted = true;
              resolve();
            });
          });
        const waiting = await enqueue(queue);
        assert.equal(await queue.drop(waiting), true);
        assert.equal(await queue.drop(waiting), false);
        queue.start(courier);
        const active = await enqueue(queue);
        await until(() => courier.seen.length === 1, 'a delivery under way');
        assert.equal(await queue.drop(active), true);
        await until(() => aborted, 'its end');
        await reopen();
        assert.deepEqual(await queue.list(), []);
        assert.deepEqual(courier.reports, []);
        assert.deepEqual(
          courier.seen.map((seen) => seen.queueId),
          [active],
        );
      });

      it('knows no message by another name', async () => {
        for (const id of ['', '../keys/spool.key', '00000000000000000000000000']) {
          assert.equal(await queue.show(id), null);
          assert.equal(await queue.retry(id), false);
          assert.equal(await queue.drop(id), false);
        }
      });
    });

    describe('stop', () => {
      it('waits for deliveries under way and stores their results', async () => {
        const courier = new RecordingCourier();
        let finish = (): void => undefined;
        courier.beforeAnswer = () =>
          new Promise((resolve) => {
            finish = resolve;
          });
        queue.start(courier);
        await enqueue(queue);
        await until(() => courier.seen.length === 1, 'a delivery under way');
        const stopped = queue.stop(10_000);
        finish();
        await stopped;
        queue = await under.open();
        assert.deepEqual(await queue.list(), []);
      });

      it('aborts what does not end, and keeps it', async () => {
        const courier = new RecordingCourier(deferAll);
        courier.beforeAnswer = (_, signal) =>
          new Promise((resolve) => {
            signal.addEventListener('abort', () => resolve());
          });
        queue.start(courier);
        const id = await enqueue(queue);
        await until(() => courier.seen.length === 1, 'a delivery under way');
        await queue.stop(1);
        queue = await under.open();
        assert.equal((await queue.show(id))?.recipients[0]?.state, 'waiting');
      });

      it('takes nothing afterwards', async () => {
        const record = sampleRecord([{ to: ['bob@bank.example'] }]);
        const intake = await queue.begin('trace-1');
        await intake.body(bodyBinding(record.groups, 0)).end();
        await queue.stop(0);
        await assert.rejects(queue.begin('trace-2'), { code: 'queue.write-failed' });
        await assert.rejects(intake.commit(record), { code: 'queue.write-failed' });
        queue = await under.open();
        assert.deepEqual(await queue.list(), []);
      });
    });
  });
}
