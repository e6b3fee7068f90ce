/**
 * A final failure goes through `failing`, report stored, `failed`. The process stops dead after every file operation of
 * that way; whatever the moment, the sender gets one report and the next hop is asked no more than it must be.
 */
import assert from 'node:assert/strict';
import type { EmbeddedQueue } from '../../src/queue/embedded-queue.ts';
import { openQueue } from '../../src/queue/open-queue.ts';
import {
  type Answer,
  deliverAll,
  enqueue,
  failAll,
  RecordingCourier,
  sampleRecord,
  TestFolder,
  until,
} from '../queue/sample-mail.ts';
import { FaultyFiles } from './support/faulty-files.ts';

const answer: Answer = (delivery, address) =>
  address.startsWith('nobody') ? failAll(delivery, address) : deliverAll(delivery, address);
const RECORD = sampleRecord([{ to: ['nobody@bank.example', 'bob@bank.example'] }, { to: ['nobody@else.example'] }]);

describe('the report of a failure', function () {
  this.timeout(60_000);
  const folder = new TestFolder();

  beforeEach(() => folder.make());
  afterEach(() => folder.remove());

  const open = async (files: FaultyFiles): Promise<EmbeddedQueue> => {
    const retry = { firstMs: 60_000, maxMs: 60_000, lifetimeMs: 3_600_000 };
    const opened = await openQueue(folder.options({ retry, concurrency: 1 }), { files });
    if (!opened.ok) assert.fail(opened.mistakes.join('\n'));
    return opened.queue;
  };

  it('is neither lost nor doubled when everything stops at any file operation', async () => {
    for (let last = 0; ; last += 1) {
      const files = new FaultyFiles();
      const queue = await open(files);
      const id = await enqueue(queue, RECORD);
      const courier = new RecordingCourier(answer);
      const start = files.calls.length;
      let stoppedAt = '';
      files.plan = (call, path, number) => {
        if (number <= start + last) return null;
        if (stoppedAt === '') stoppedAt = `${call} ${path.endsWith(id) ? 'message' : 'report'}`;
        return 'EIO';
      };
      queue.start(courier);
      await until(() => files.faults > 0 || queue.counters().messages === 0, 'the stop or the end');
      const dead = files.faults > 0;
      // nothing reaches the disk any more: this is what a killed process leaves
      await queue.stop(0);
      const again = await open(new FaultyFiles());
      const second = new RecordingCourier(answer);
      again.start(second);
      for (const entry of await again.list()) await again.retry(entry.id);
      await until(() => again.counters().messages === 0, 'the rest');
      await again.stop(0);
      const seen = [...courier.delivered, ...second.delivered];
      const reports = seen.filter((delivery) => delivery.direction === 'report');
      const told = reports.map((report) => String(report.body)).join('');
      const named = told.match(/nobody@\w+\.example/g)?.sort();
      const once = ['nobody@bank.example', 'nobody@else.example'];
      // between the next hop's 250 and our removal of the report nobody can tell whether it was taken
      const expected = stoppedAt === 'unlink report' ? [...once, ...once].sort() : once;
      assert.deepEqual(named, expected, `stopped after ${last} operations, at ${stoppedAt}`);
      if (!dead) break;
    }
  });

  it('waits for its failure to be stored before it leaves', async () => {
    const files = new FaultyFiles();
    const queue = await open(files);
    const id = await enqueue(queue, RECORD);
    const courier = new RecordingCourier(answer);
    // the report is stored, then nothing of the message itself
    files.plan = (call, path) => (path.includes(id) && call === 'unlink' ? 'EIO' : null);
    queue.start(courier);
    await until(() => files.faults > 0, 'the removal that fails');
    await queue.stop(0);
    const again = await open(new FaultyFiles());
    const second = new RecordingCourier(answer);
    again.start(second);
    await until(() => again.counters().messages === 0, 'the rest');
    await again.stop(0);
    const reports = [...courier.seen, ...second.seen].filter((seen) => seen.direction === 'report');
    assert.equal(reports.length, 1);
    assert.deepEqual(
      second.mail.map((seen) => seen.recipients),
      [],
      'nobody is asked again',
    );
  });
});
