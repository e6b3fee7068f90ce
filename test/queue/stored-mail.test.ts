/** What lies on the disk: nothing in clear (O1), nothing that can be changed unnoticed (C19), nothing lost for being odd. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs/promises';
import fc from 'fast-check';
import { HEADER_OCTETS } from '../../src/queue/embedded/mail-file-header.ts';
import type { EmbeddedQueue } from '../../src/queue/embedded-queue.ts';
import { openQueue } from '../../src/queue/open-queue.ts';
import type { QueueOptions } from '../../src/queue/queue.ts';
import { isQueueId } from '../../src/queue/queue-id.ts';
import {
  deferAll,
  enqueue,
  failAll,
  RecordingCourier,
  sampleOctets,
  sampleRecord,
  TestFolder,
  until,
} from './sample-mail.ts';

const FRAME_OVERHEAD = 32;
const CHUNK = 64 * 1024;

describe('a stored message', () => {
  const folder = new TestFolder();
  let open: EmbeddedQueue | null = null;

  beforeEach(() => folder.make());
  afterEach(async () => {
    await open?.stop(0);
    open = null;
    await folder.remove();
  });

  const openIt = async (changes?: Partial<QueueOptions>): Promise<EmbeddedQueue> => {
    const opened = await openQueue(folder.options(changes));
    if (!opened.ok) assert.fail(opened.mistakes.join('\n'));
    open = opened.queue;
    return opened.queue;
  };
  const close = async (): Promise<void> => {
    await open?.stop(0);
    open = null;
  };
  const mailPath = (id: string): string => folder.path('spool', 'mail', id);
  /** Stores a message, lets `change` have its file, and says what a restart with a courier makes of it. */
  const tamper = async (
    body: Buffer,
    change: (octets: Buffer) => Buffer,
  ): Promise<{ bodies: (Buffer | null)[]; codes: unknown[]; wrecks: string[]; left: number }> => {
    const id = await enqueue(await openIt(), undefined, [body]);
    await close();
    const octets = await fs.readFile(mailPath(id));
    await fs.writeFile(mailPath(id), change(octets));
    const queue = await openIt();
    const courier = new RecordingCourier();
    queue.start(courier);
    await until(() => queue.counters().messages === 0, 'an end');
    const wrecks = await fs.readdir(folder.path('spool', 'corrupt'));
    const left = (await fs.readdir(folder.path('spool', 'mail'))).length;
    await close();
    for (const name of wrecks) await fs.unlink(folder.path('spool', 'corrupt', name));
    return {
      bodies: courier.seen.map((seen) => seen.body),
      codes: courier.seen.map((seen) => (seen.bodyFailure as { code?: string } | null)?.code ?? null),
      wrecks,
      left,
    };
  };

  it('shows no clear octet anywhere in the spool, reports and results included (O1)', async () => {
    const canary = 'CANARY-7f3a';
    const queue = await openIt();
    const courier = new RecordingCourier((delivery, address) =>
      delivery.record.direction === 'report' ? deferAll(delivery, address) : failAll(delivery, address),
    );
    courier.report = (failures) => {
      const { format: _, ...record } = sampleRecord([{ to: [`${canary}@example.org`] }], { direction: 'report' });
      return { record, body: Buffer.from(`${canary} ${failures.failures.length}`) };
    };
    const record = sampleRecord([{ to: [`${canary}@bank.example`] }, { to: ['held@bank.example'], stage: 'held' }], {
      reportHeader: `Subject: ${canary}\r\n`,
      traceId: canary,
    });
    const unfinished = await queue.begin('trace-2');
    const writer = unfinished.body(Buffer.alloc(32));
    await writer.write(Buffer.alloc(600_000, canary));
    queue.start(courier);
    await enqueue(queue, record, [Buffer.alloc(200_000, canary)]);
    await until(async () => (await queue.list()).some((entry) => entry.record.direction === 'report'), 'the report');
    let looked = 0;
    for (const part of ['tmp', 'mail', 'corrupt']) {
      for (const name of await fs.readdir(folder.path('spool', part))) {
        const octets = await fs.readFile(folder.path('spool', part, name));
        looked += 1;
        assert.ok(!octets.includes(canary) && !name.includes(canary), `${part}/${name}`);
        assert.ok(!octets.includes('bank.example'), `${part}/${name}`);
      }
    }
    assert.equal(looked, 3, 'message, report, intake');
    await unfinished.abort();
  });

  it('lies in files of 0600 in folders of 0700', async () => {
    const id = await enqueue(await openIt());
    const mode = async (file: string): Promise<number> => (await fs.stat(file)).mode & 0o777;
    assert.equal(await mode(mailPath(id)), 0o600);
    assert.equal(await mode(folder.path('keys', 'spool.key')), 0o600);
    for (const name of ['', 'tmp', 'mail', 'corrupt']) assert.equal(await mode(folder.path('spool', name)), 0o700);
    assert.ok(isQueueId(id));
  });

  it('is never delivered other than it came, whichever octet is changed (C19)', async () => {
    const body = sampleOctets(300);
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const { bodies, wrecks } = await tamper(body, (octets) => {
          // a newer version is a case of its own
          const version = [8, 9].includes(at % octets.length);
          const place = version ? 10 : at % octets.length;
          octets[place] = (octets[place] ?? 0) ^ flip;
          return octets;
        });
        assert.deepEqual(
          bodies.filter((octets) => octets !== null),
          [],
        );
        assert.equal(wrecks.length, 1);
      }),
      {
        numRuns: 40,
        examples: [
          [HEADER_OCTETS, 1],
          [HEADER_OCTETS + 16, 1],
          [0, 1],
          [30, 1],
          [90, 1],
        ],
      },
    );
  });

  it('fails before a changed chunk leaves, and hands out only what is authentic', async () => {
    const body = sampleOctets(3 * CHUNK);
    const { bodies, codes, wrecks } = await tamper(body, (octets) => {
      const second = HEADER_OCTETS + CHUNK + FRAME_OVERHEAD + 20;
      octets[second] = (octets[second] ?? 0) ^ 1;
      return octets;
    });
    assert.deepEqual([bodies, codes], [[null], ['queue.damaged']]);
    assert.equal(wrecks.length, 1);
  });

  it('does not survive chunks that change places, are doubled or cut out', async () => {
    const frame = CHUNK + FRAME_OVERHEAD;
    const frames = (octets: Buffer, order: readonly number[]): Buffer =>
      Buffer.concat([
        octets.subarray(0, HEADER_OCTETS),
        ...order.map((n) => octets.subarray(HEADER_OCTETS + n * frame, HEADER_OCTETS + (n + 1) * frame)),
        octets.subarray(HEADER_OCTETS + 3 * frame),
      ]);
    for (const order of [
      [1, 0, 2],
      [0, 0, 2],
      [0, 2, 1],
    ]) {
      const { codes, wrecks } = await tamper(sampleOctets(3 * CHUNK), (octets) => frames(octets, order));
      assert.deepEqual(codes, ['queue.damaged'], order.join());
      assert.equal(wrecks.length, 1);
    }
    for (const order of [[0, 1], [0, 1, 2, 2], []]) {
      const { codes, wrecks } = await tamper(sampleOctets(3 * CHUNK), (octets) => frames(octets, order));
      assert.deepEqual([codes, wrecks.length], [[], 1], `the record is not where it was: ${order.join()}`);
    }
  });

  it('is damaged when it is cut short anywhere', async () => {
    for (const keep of [0, 5, HEADER_OCTETS - 1, HEADER_OCTETS, HEADER_OCTETS + 50, -1, -40]) {
      const { bodies, wrecks, left } = await tamper(sampleOctets(100), (octets) => octets.subarray(0, keep));
      assert.deepEqual([bodies, wrecks.length, left], [[], 1, 0], `kept ${keep}`);
    }
  });

  it('is damaged when another lies under its name', async () => {
    const queue = await openIt();
    const first = await enqueue(queue, undefined, [sampleOctets(100)]);
    const second = await enqueue(queue, undefined, [sampleOctets(100)]);
    await close();
    await fs.copyFile(mailPath(first), mailPath(second));
    const again = await openIt();
    assert.deepEqual(
      (await again.list()).map((entry) => entry.id),
      [first],
    );
    assert.match((await fs.readdir(folder.path('spool', 'corrupt'))).join(), new RegExp(`^${second}\\.`));
  });

  it('opens no body of another message, nor one meant for other groups (C19)', async () => {
    // the frames of two messages of equal shape change places: same offsets, other keys
    const queue = await openIt();
    const ids = [
      await enqueue(queue, undefined, [sampleOctets(100)]),
      await enqueue(queue, undefined, [sampleOctets(100)]),
    ];
    await close();
    const files = await Promise.all(ids.map((id) => fs.readFile(mailPath(id))));
    const [a, b] = files;
    if (a === undefined || b === undefined) assert.fail();
    const bodyEnd = HEADER_OCTETS + 100 + FRAME_OVERHEAD;
    const swap = (into: Buffer, from: Buffer): Buffer =>
      Buffer.concat([into.subarray(0, HEADER_OCTETS), from.subarray(HEADER_OCTETS, bodyEnd), into.subarray(bodyEnd)]);
    await fs.writeFile(mailPath(ids[0] ?? ''), swap(a, b));
    await fs.writeFile(mailPath(ids[1] ?? ''), swap(b, a));
    const again = await openIt();
    const courier = new RecordingCourier();
    again.start(courier);
    await until(() => again.counters().messages === 0, 'an end');
    assert.deepEqual(
      courier.seen.map((seen) => [seen.body, (seen.bodyFailure as { code?: string }).code]),
      [
        [null, 'queue.damaged'],
        [null, 'queue.damaged'],
      ],
    );
    assert.equal(again.counters().damaged, 2);
  });

  it('of a newer version is refused by name and left untouched', async () => {
    const id = await enqueue(await openIt());
    const good = await enqueue(open as EmbeddedQueue);
    await close();
    const octets = await fs.readFile(mailPath(id));
    octets.writeUInt16BE(2, 8);
    await fs.writeFile(mailPath(id), octets);
    const queue = await openIt();
    assert.deepEqual(
      (await queue.list()).map((entry) => entry.id),
      [good],
    );
    await close();
    assert.deepEqual(await fs.readFile(mailPath(id)), octets);
  });

  it('leaves out an update that a crash tore, and goes on from there', async () => {
    const queue = await openIt();
    queue.start(new RecordingCourier(deferAll));
    const id = await enqueue(queue, sampleRecord([{ to: ['bob@bank.example', 'eve@bank.example'] }]));
    await until(async () => (await queue.show(id))?.attempts === 1, 'first attempt');
    await queue.retry(id);
    await until(async () => (await queue.show(id))?.attempts === 2, 'second attempt');
    await close();
    const whole = await fs.readFile(mailPath(id));
    for (const [cut, attempts] of [
      [whole.subarray(0, -1), 1],
      [whole.subarray(0, -30), 1],
      [Buffer.concat([whole, Buffer.alloc(5)]), 2],
      [Buffer.concat([whole, Buffer.alloc(5000)]), 2],
      [Buffer.concat([whole.subarray(0, -20), Buffer.alloc(20)]), 1],
      [Buffer.concat([whole, Buffer.alloc(7), sampleOctets(600)]), 2],
    ] as const) {
      await fs.writeFile(mailPath(id), cut);
      const again = await openIt({ retry: { firstMs: 50, maxMs: 50, lifetimeMs: 3_600_000 } });
      assert.equal((await again.show(id))?.attempts, attempts);
      again.start(new RecordingCourier(deferAll));
      await again.retry(id);
      await until(async () => (await again.show(id))?.attempts !== attempts, 'one more attempt');
      await close();
      const later = await openIt();
      assert.ok(((await later.show(id))?.attempts ?? 0) > attempts, 'the new update stands');
      await close();
    }
  });

  it('is damaged when an update in the middle was changed or taken out', async () => {
    const queue = await openIt();
    queue.start(new RecordingCourier(deferAll));
    const id = await enqueue(queue);
    const sizes: number[] = [];
    for (const attempt of [1, 2, 3]) {
      // the first is made unasked; asking for it too could make two at once
      if (attempt > 1) await queue.retry(id);
      await until(async () => (await queue.show(id))?.attempts === attempt, 'an attempt');
      sizes.push((await fs.stat(mailPath(id))).size);
    }
    await close();
    const whole = await fs.readFile(mailPath(id));
    const [one = 0, two = 0] = sizes;
    const changed = Buffer.from(whole);
    changed[one + 40] = (changed[one + 40] ?? 0) ^ 1;
    for (const octets of [changed, Buffer.concat([whole.subarray(0, one), whole.subarray(two)])]) {
      await fs.writeFile(mailPath(id), octets);
      const again = await openIt();
      const listed = await again.list();
      await close();
      const wrecks = await fs.readdir(folder.path('spool', 'corrupt'));
      // taken out, the last update no longer fits: it counts as torn, and what it said is asked again
      if (octets === changed) assert.deepEqual([listed.length, wrecks.length], [0, 1]);
      else assert.deepEqual([listed[0]?.attempts, wrecks.length], [1, 1]);
    }
  });

  it('keeps strangers in the mail folder, in corrupt/', async () => {
    await openIt();
    await close();
    await fs.writeFile(folder.path('spool', 'mail', 'README'), 'hello');
    await fs.symlink('/etc/passwd', mailPath('01zzzzzzzzzzzzzzzzzzzzzzzz'));
    await fs.mkdir(mailPath('02zzzzzzzzzzzzzzzzzzzzzzzz'));
    await fs.writeFile(folder.path('spool', 'tmp', 'left-over'), 'x');
    await openIt();
    assert.equal((await fs.readdir(folder.path('spool', 'corrupt'))).length, 3);
    assert.deepEqual(await fs.readdir(folder.path('spool', 'mail')), []);
    assert.deepEqual(await fs.readdir(folder.path('spool', 'tmp')), []);
  });

  it('has keys and nonces of its own: the same mail twice has nothing in common', async () => {
    const queue = await openIt();
    const body = Buffer.alloc(1000, 'same');
    const record = sampleRecord([{ to: ['bob@bank.example'] }]);
    const files = [];
    for (let i = 0; i < 2; i += 1) files.push(await fs.readFile(mailPath(await enqueue(queue, record, [body]))));
    const blocks = files.map((octets) => {
      const sealed = octets.subarray(HEADER_OCTETS + 16);
      return new Set(
        Array.from({ length: sealed.length >> 4 }, (_, i) =>
          createHash('sha256')
            .update(sealed.subarray(16 * i, 16 * i + 16))
            .digest('hex'),
        ),
      );
    });
    assert.deepEqual(
      [...(blocks[0] ?? [])].filter((block) => blocks[1]?.has(block)),
      [],
    );
  });

  it('holds a header that groups share once: a thousand copies of a large header are no thousand headers', async () => {
    const header = `${'X-Long: '.padEnd(990, 'x')}\r\n`.repeat(400);
    const sample = sampleRecord(Array.from({ length: 1000 }, (_, i) => ({ to: [`r${i}@bank.example`] })));
    const record = { ...sample, groups: sample.groups.map((group) => ({ ...group, header })) };
    const queue = await openIt();
    const id = await enqueue(queue, record);
    const { size } = await fs.stat(mailPath(id));
    assert.ok(size < 2 * header.length, `${size} octets`);
    const shown = await queue.show(id);
    assert.deepEqual(shown?.record, record);
  });

  it('is refused, not acknowledged, with a record larger than can be read again', async () => {
    const sample = sampleRecord([{ to: ['bob@bank.example'] }]);
    const [group] = sample.groups;
    assert.ok(group);
    const record = { ...sample, groups: [{ ...group, header: `X: ${'x'.repeat(65 * 1024 * 1024)}\r\n` }] };
    const queue = await openIt();
    await assert.rejects(enqueue(queue, record), { code: 'message.limits' });
    assert.deepEqual(await fs.readdir(folder.path('spool', 'mail')), []);
    assert.deepEqual(await fs.readdir(folder.path('spool', 'tmp')), []);
  });
});
