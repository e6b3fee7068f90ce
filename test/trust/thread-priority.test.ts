/** Threads that yield: they do, and nobody else does. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { getPriority, platform } from 'node:os';
import { Worker } from 'node:worker_threads';

describe('yieldToMail', () => {
  it('is for the thread that calls it alone, and for no thread where that cannot be', async () => {
    const before = getPriority();
    const program = new URL('../support/priority-thread.js', import.meta.url);
    for (const niceness of [5, 10]) {
      const worker = new Worker(program, { workerData: niceness });
      const [there] = (await once(worker, 'message')) as [number];
      assert.equal(there, platform() === 'linux' ? Math.max(niceness, before) : before);
      assert.equal(getPriority(), before);
      await worker.terminate();
    }
  });
});
