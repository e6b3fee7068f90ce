/**
 * Promise 4, catalogue L1: a process that stores and delivers is killed at random moments, again and again on one
 * spool. SEALGATE_PROVE_KILLS says how often (25 if unset).
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openQueue } from '../../src/queue/open-queue.ts';
import { RecordingCourier, TestFolder, until } from '../queue/sample-mail.ts';

const KILLS = Number(process.env['SEALGATE_PROVE_KILLS'] ?? '25');
const VICTIM = fileURLToPath(new URL('./support/queue-victim.js', import.meta.url));
const RECIPIENTS = ['bob@bank.example', 'slow@bank.example', 'eve@bank.example'];
/** Deliveries that may be between the next hop's 250 and our commit when the process dies: recipients x concurrency. */
const DUPLICATES_A_KILL_MAX = 2 * 4;

describe('kill -9 (L1)', function () {
  this.timeout(60_000 + KILLS * 2000);
  const folder = new TestFolder();

  beforeEach(() => folder.make());
  afterEach(() => folder.remove());

  it(`loses and truncates nothing in ${KILLS} kills`, async () => {
    const lines: string[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) lines.push(...(await runAndKill(folder, `run${kill}`)));
    assert.deepEqual(
      lines.filter((line) => line.startsWith('refused')),
      [],
    );
    const { digests, acknowledged, took } = read(lines);
    assert.ok(acknowledged.length >= KILLS, `only ${acknowledged.length} acknowledged`);
    for (const delivery of await drain(folder)) took.push(delivery);
    const wrong = took.filter(({ name, digest }) => digests.get(name) !== digest);
    assert.deepEqual(wrong, [], 'truncated or mixed up');
    const settled = new Map<string, number>();
    for (const { name, address } of took) {
      settled.set(`${name} ${address}`, (settled.get(`${name} ${address}`) ?? 0) + 1);
    }
    const lost = acknowledged.flatMap((name) =>
      RECIPIENTS.filter((address) => !settled.has(`${name} ${address}`)).map((address) => `${name} ${address}`),
    );
    assert.deepEqual(lost, [], 'acknowledged and lost');
    const duplicates = took.length - settled.size;
    assert.ok(duplicates <= KILLS * DUPLICATES_A_KILL_MAX, `${duplicates} duplicates`);
    for (const part of ['tmp', 'mail', 'corrupt']) assert.deepEqual(await fs.readdir(folder.path('spool', part)), []);
    console.log(`      ${acknowledged.length} acknowledged, 0 lost, ${duplicates} duplicates in ${KILLS} kills`);
  });
});

/** Starts the victim, kills it a random while after its first acknowledgement; its complete lines. */
function runAndKill(folder: TestFolder, name: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [VICTIM, folder.path('spool'), folder.path('keys', 'spool.key'), name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    let doomed = false;
    child.stdout.on('data', (data: Buffer) => {
      said += data.toString('latin1');
      if (doomed || !said.includes('\nack ')) return;
      doomed = true;
      setTimeout(() => child.kill('SIGKILL'), randomInt(60));
    });
    child.once('error', reject);
    child.once('close', () => resolve(said.split('\n').slice(0, -1)));
  });
}

interface Took {
  readonly name: string;
  readonly address: string;
  readonly digest: string;
}

function read(lines: readonly string[]): { digests: Map<string, string>; acknowledged: string[]; took: Took[] } {
  const digests = new Map<string, string>();
  const acknowledged: string[] = [];
  const took: Took[] = [];
  for (const line of lines) {
    const [word, name = '', second = '', third = ''] = line.split(' ');
    if (word === 'begin') digests.set(name, second);
    if (word === 'ack') acknowledged.push(name);
    if (word === 'took') took.push({ name, address: second, digest: third });
  }
  return { digests, acknowledged, took };
}

/** Delivers what is left, in this process. */
async function drain(folder: TestFolder): Promise<Took[]> {
  const opened = await openQueue(folder.options({ retry: { firstMs: 1, maxMs: 1, lifetimeMs: 3_600_000 } }));
  if (!opened.ok) assert.fail(opened.mistakes.join('\n'));
  const courier = new RecordingCourier();
  opened.queue.start(courier);
  await until(() => opened.queue.counters().messages === 0, 'an empty queue');
  await opened.queue.stop(0);
  return courier.seen.flatMap((seen) =>
    seen.recipients.map((address) => ({
      name: seen.traceId,
      address,
      digest: createHash('sha256')
        .update(seen.body ?? '')
        .digest('hex'),
    })),
  );
}
