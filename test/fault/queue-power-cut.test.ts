/**
 * Promise 4, catalogue L2: a run is recorded, and a power cut after each of its steps must lose nothing that was
 * acknowledged, nor show anything half. SEALGATE_PROVE_REPLAYS says how many runs (1 if unset).
 */
import assert from 'node:assert/strict';
import * as fs from 'node:fs/promises';
import type { EmbeddedQueue } from '../../src/queue/embedded-queue.ts';
import { openQueue } from '../../src/queue/open-queue.ts';
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
import { type Cut, ForgetfulFiles, type Forgetting } from './support/forgetful-files.ts';

const RUNS = Number(process.env['SEALGATE_PROVE_REPLAYS'] ?? '1');
const CUTS: readonly Cut[] = ['keep-all', 'lose-all', 'lose-data', 'lose-names', 'random', 'random'];

/** What the sender was promised: by traceId, for the id is known to nobody before. */
interface Promised {
  readonly to: readonly string[];
  readonly body: Buffer;
}

const answer: Answer = (delivery, address) => {
  if (address.startsWith('nobody')) return failAll(delivery, address);
  if (address.startsWith('slow') && delivery.attempt === 1) return deferAll(delivery, address);
  return deliverAll(delivery, address);
};

describe('a power cut at every step (L2)', function () {
  this.timeout(60_000 * Math.max(1, RUNS));
  const folder = new TestFolder();

  beforeEach(() => folder.make());
  afterEach(() => folder.remove());

  it('loses nothing that was acknowledged', async () => {
    for (let run = 1; run <= RUNS; run += 1) {
      const recorded = await recordRun(folder, {});
      assert.deepEqual(await findLosses(folder, recorded, run), []);
    }
  });

  it('is a test that notices a file that was not flushed', async () => {
    const recorded = await recordRun(folder, { ignoreSync: true });
    assert.notDeepEqual(await findLosses(folder, recorded, 1), []);
  });

  it('is a test that notices a folder that was not flushed', async () => {
    const recorded = await recordRun(folder, { ignoreSyncFolder: true });
    assert.notDeepEqual(await findLosses(folder, recorded, 1), []);
  });
});

interface RecordedRun {
  readonly files: ForgetfulFiles;
  readonly promised: ReadonlyMap<string, Promised>;
}

async function recordRun(folder: TestFolder, forgetting: Forgetting): Promise<RecordedRun> {
  const files = new ForgetfulFiles(forgetting);
  const promised = new Map<string, Promised>();
  const queue = await open(folder, files);
  const courier = new RecordingCourier(answer);
  courier.beforeAnswer = async (delivery) => {
    // what the next hop took at this moment is out of our hands
    for (const address of delivery.recipients) {
      if (answer(delivery, address).result === 'delivered') files.mark(`took ${delivery.record.traceId} ${address}`);
    }
  };
  const send = async (name: string, to: readonly string[], octets: number): Promise<void> => {
    const body = sampleOctets(octets);
    promised.set(name, { to, body });
    await enqueue(queue, sampleRecord([{ to }], { traceId: name, reversePath: `${name}@example.org` }), [body]);
    files.mark(`acknowledged ${name}`);
  };
  await send('early', ['bob@bank.example'], 100);
  queue.start(courier);
  await Promise.all([
    send('small', ['bob@bank.example', 'slow@bank.example'], 3000),
    send('large', ['bob@bank.example'], 300_000),
    send('failing', ['nobody@bank.example', 'bob@bank.example', 'slow@bank.example'], 10),
    send('lost', ['nobody@bank.example'], 10),
  ]);
  await until(() => queue.counters().messages === 0, 'the end of the run');
  await queue.stop(0);
  return { files, promised };
}

async function findLosses(folder: TestFolder, run: RecordedRun, seed: number): Promise<string[]> {
  const random = seeded(seed);
  const losses: string[] = [];
  for (let step = 0; step <= run.files.stepCount; step += 1) {
    for (const how of CUTS) {
      const before = run.files.marksBefore(step);
      const found = await recover(folder, run.files.cut(step, how, random), run.promised, before);
      losses.push(...found.map((loss) => `${how} after step ${step}: ${loss}`));
      if (losses.length > 20) return losses;
    }
  }
  return losses;
}

/** Restarts on what is left and delivers everything; says what is missing or wrong then. */
async function recover(
  folder: TestFolder,
  files: ForgetfulFiles,
  promised: ReadonlyMap<string, Promised>,
  before: readonly string[],
): Promise<string[]> {
  const losses: string[] = [];
  const queue = await open(folder, files);
  const courier = new RecordingCourier(answer);
  queue.start(courier);
  await until(() => queue.counters().messages === 0, 'recovery');
  await queue.stop(0);
  const wrecks = (await files.list(folder.path('spool', 'corrupt'))).length;
  if (wrecks > 0) losses.push(`${wrecks} in corrupt/`);
  for (const seen of courier.mail) {
    const body = promised.get(seen.traceId)?.body;
    if (seen.body === null || body === undefined || !seen.body.equals(body))
      losses.push(`${seen.traceId} is not whole`);
  }
  for (const [name, { to }] of promised) {
    if (!before.includes(`acknowledged ${name}`)) continue;
    for (const address of to) {
      // a failed recipient is settled by the report that reaches the sender
      const settledBy = address.startsWith('nobody') ? `${name}@example.org` : address;
      const now = courier.seen.some((seen) => seen.traceId === name && seen.recipients.includes(settledBy));
      if (!now && !before.includes(`took ${name} ${settledBy}`)) losses.push(`${name} for ${address} is lost`);
    }
  }
  return losses;
}

async function open(folder: TestFolder, files: ForgetfulFiles): Promise<EmbeddedQueue> {
  const options = folder.options({ retry: { firstMs: 1, maxMs: 1, lifetimeMs: 3_600_000 } });
  // the key and the lock are of the real file system, and older than any mail
  await fs.mkdir(options.folder, { recursive: true, mode: 0o700 });
  const opened = await openQueue(options, { files });
  if (!opened.ok) assert.fail(opened.mistakes.join('\n'));
  return opened.queue;
}

/** mulberry32: the same run fails the same way again. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
