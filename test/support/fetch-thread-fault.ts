/** A thread in the place of the one that fetches: what it does wrong stands in the location it is asked for. */
import { parentPort } from 'node:worker_threads';
import type { FetchQuestion } from '../../src/trust/fetch-message.ts';

parentPort?.on('message', ({ id, request: { url } }: FetchQuestion) => {
  if (url === 'throws') {
    // out of any promise, as from the event of a socket
    setImmediate(() => {
      throw new Error('nobody can catch this');
    });
    return;
  }
  if (url === 'exits') process.exit(3);
  if (url === 'hangs') for (;;);
  if (url === 'fills') {
    const held: number[][] = [];
    for (;;) held.push(new Array<number>(100_000).fill(held.length));
  }
  if (url === 'waits') return;
  const answer = { modified: true, octets: Buffer.from(url), etag: null, lastModified: null };
  parentPort?.postMessage({ id, outcome: { ok: true, ...answer } });
  // an answer nobody asked for
  parentPort?.postMessage({ id: id + 1_000, outcome: { ok: true, ...answer } });
});
