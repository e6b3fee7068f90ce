/**
 * Promise 4, catalogue L3: every file operation of a small day fails once, and for a while, and the engine goes on by
 * itself. What was acknowledged arrives, what was refused does not, and nothing is left.
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import type { EmbeddedQueue } from '../../src/queue/embedded-queue.ts';
import { openQueue } from '../../src/queue/open-queue.ts';
import type { QueueOptions } from '../../src/queue/queue.ts';
import {
  type Answer,
  deferAll,
  deliverAll,
  enqueue,
  failAll,
  RecordingCourier,
  sampleOctets,
  sampleRecord,
  TestFolder,
  until,
} from '../queue/sample-mail.ts';
import { FaultyFiles } from './support/faulty-files.ts';

const FAULTS = [
  { system: 'ENOSPC', code: 'queue.full' },
  { system: 'EDQUOT', code: 'queue.full' },
  { system: 'EIO', code: 'queue.write-failed' },
  { system: 'EROFS', code: 'queue.write-failed' },
] as const;

const answer: Answer = (delivery, address) => {
  if (address.startsWith('nobody')) return failAll(delivery, address);
  if (address.startsWith('slow') && delivery.attempt === 1) return deferAll(delivery, address);
  return deliverAll(delivery, address);
};

describe('a failing disk (L3)', function () {
  this.timeout(60_000);
  const folder = new TestFolder();
  let files: FaultyFiles;

  beforeEach(async () => {
    await folder.make();
    files = new FaultyFiles();
  });
  afterEach(() => folder.remove());

  const open = async (changes: Partial<QueueOptions> = {}): Promise<EmbeddedQueue> => {
    const retry = { firstMs: 1, maxMs: 1, lifetimeMs: 3_600_000 };
    const opened = await openQueue(folder.options({ retry, ...changes }), { files });
    if (!opened.ok) assert.fail(opened.mistakes.join('\n'));
    return opened.queue;
  };

  for (const { system, code } of FAULTS) {
    it(`answers ${code} for ${system} at each step of an intake, leaves nothing, goes on`, async () => {
      const queue = await open();
      for (const octets of [1000, 600_000]) {
        let steps = 0;
        for (let failing = 1; ; failing += 1) {
          const start = files.calls.length;
          files.plan = (_, __, number) => (number === start + failing ? system : null);
          const faults = files.faults;
          const outcome = await enqueue(queue, undefined, [sampleOctets(octets)]).then(
            () => null,
            (thrown: unknown) => thrown,
          );
          files.plan = () => null;
          if (files.faults === faults) break;
          steps += 1;
          assert.equal((outcome as { code?: string } | null)?.code, code, `step ${failing} of ${octets} octets`);
          assert.deepEqual(await spoolNames(folder), [], `step ${failing} of ${octets} octets`);
        }
        assert.ok(steps >= 5, `create, write, sync, rename, folder flush: ${steps}`);
        const [left] = await queue.list();
        assert.equal(await queue.drop(left?.id ?? ''), true);
      }
      await queue.stop(0);
    });
  }

  it('delivers everything acknowledged exactly once when any one operation fails', async () => {
    for (let failing = 1; ; failing += 1) {
      const queue = await open();
      const start = files.calls.length;
      const faults = files.faults;
      files.plan = (_, __, number) => (number === start + failing ? 'EIO' : null);
      const expected = await smallDay(queue, files);
      const hit = files.faults > faults;
      assert.deepEqual(expected.seen, expected.promised, `operation ${failing}, ${files.calls[start + failing - 1]}`);
      await queue.stop(0);
      assert.deepEqual(await spoolNames(folder), [], `operation ${failing}`);
      if (!hit) break;
    }
  });

  it('delivers everything acknowledged when the disk is full for a while', async () => {
    for (let from = 1; from < 60; from += 4) {
      const queue = await open();
      const start = files.calls.length;
      files.plan = (call, _, number) =>
        number >= start + from && number < start + from + 40 && ['create', 'write', 'sync'].includes(call)
          ? 'ENOSPC'
          : null;
      const day = await smallDay(queue, files);
      assert.deepEqual(day.seen, day.promised, `full from operation ${from}`);
      await queue.stop(0);
      assert.deepEqual(await spoolNames(folder), [], `full from operation ${from}`);
    }
  });

  it('refuses below the reserve with 452, and takes mail again when there is room', async () => {
    let clock = 0;
    const opened = await openQueue(folder.options({ reserveBytes: 1_000_000 }), { files, monotonicMs: () => clock });
    if (!opened.ok) assert.fail(opened.mistakes.join('\n'));
    const { queue } = opened;
    files.free = 999_999;
    await assert.rejects(queue.begin('trace-1'), { code: 'queue.full', reply: 452, enhanced: '4.3.1' });
    files.free = 1_400_000;
    clock += 1000;
    // large enough to reach the reserve within the age of one answer
    await assert.rejects(enqueue(queue, undefined, [sampleOctets(600_000)]), { code: 'queue.full' });
    clock += 1000;
    await enqueue(queue, undefined, [sampleOctets(1000)]);
    assert.equal((await queue.list()).length, 1);
    await queue.stop(0);
    assert.equal((await spoolNames(folder)).length, 1);
  });

  it('delivers and removes below the reserve: that makes room', async () => {
    const queue = await open({ reserveBytes: 0 });
    await enqueue(queue);
    await queue.stop(0);
    files.free = 0;
    const again = await open({ reserveBytes: 1_000_000 });
    again.start(new RecordingCourier());
    await until(() => again.counters().messages === 0, 'delivery');
    await again.stop(0);
  });
});

interface Day {
  /** Settled recipients, sorted: for each a delivery, or for a failed one the report. */
  readonly promised: readonly string[];
  readonly seen: readonly string[];
}

/** Three messages with every kind of result; a refused one is not promised. */
async function smallDay(queue: EmbeddedQueue, files: FaultyFiles): Promise<Day> {
  const courier = new RecordingCourier(answer);
  queue.start(courier);
  const promised: string[] = [];
  const send = async (name: string, to: readonly string[], settledBy: readonly string[]): Promise<void> => {
    const changes = { traceId: name, reversePath: `${name}@example.org` };
    try {
      await enqueue(queue, sampleRecord([{ to }], changes), [sampleOctets(70_000)]);
      promised.push(...settledBy.map((address) => `${name} ${address}`));
    } catch {
      // refused: the sender was told
    }
  };
  await send('one', ['bob@bank.example', 'slow@bank.example'], ['bob@bank.example', 'slow@bank.example']);
  await send('two', ['nobody@bank.example', 'bob@bank.example'], ['two@example.org', 'bob@bank.example']);
  await send('three', ['nobody@bank.example'], ['three@example.org']);
  await until(() => queue.counters().messages === 0, 'the end of the day');
  files.plan = () => null;
  const seen = courier.delivered.flatMap((delivery) =>
    delivery.recipients
      .filter((address) => answer({ ...delivery, attempt: delivery.attempt } as never, address).result === 'delivered')
      .map((address) => `${delivery.traceId} ${address}`),
  );
  return { promised: promised.sort(), seen: seen.sort() };
}

async function spoolNames(folder: TestFolder): Promise<string[]> {
  const names: string[] = [];
  for (const part of ['tmp', 'mail', 'corrupt']) {
    for (const name of await fs.readdir(folder.path('spool', part))) names.push(`${part}/${name}`);
  }
  return names;
}
