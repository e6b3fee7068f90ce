/** Back-pressure of a stream in one promise; resolves too when the stream goes, for then nothing more can be waited for. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** Writes, and waits while the stream has enough. */
export async function written(stream: Writable, octets: Buffer): Promise<void> {
  if (stream.destroyed || stream.write(octets)) return;
  const settled = new AbortController();
  const { signal } = settled;
  const ignore = (): void => {};
  try {
    await Promise.race(
      [once(stream, 'drain', { signal }), once(stream, 'close', { signal })].map((event) => event.catch(ignore)),
    );
  } finally {
    settled.abort();
  }
}
