/**
 * Runs a pass over content that is not proven yet, and lets one look at it who releases nothing (the reader of what is
 * inside): a signature inside an encryption is then checked in the same pass (performance: three passes become two).
 */

/**
 * Looks at unproven content and says what it found. What it returns or throws is handed on only when the content is
 * proven. It need not read to the end. It must not pass the content on: that is what `release` is for.
 */
export type Inspector<T> = (unproven: AsyncIterable<Buffer>) => Promise<T>;

/**
 * @param content ends by throwing where the proof fails; is always read to its end
 * @returns what the inspector found
 * @throws what `content` throws, before anything that the inspector throws
 */
export async function inspectAndProve<T>(
  content: AsyncGenerator<Buffer, void, undefined>,
  inspect: Inspector<T>,
): Promise<T> {
  let result: { ok: true; value: T } | { ok: false; thrown: unknown };
  try {
    // without return(): an inspector that leaves its loop early does not end the pass
    const unproven: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => ({ next: () => content.next() }) };
    result = { ok: true, value: await inspect(unproven) };
  } catch (thrown) {
    result = { ok: false, thrown };
  }
  while ((await content.next()).done !== true);
  if (!result.ok) throw result.thrown;
  return result.value;
}

/** Looks at nothing. */
export async function inspectNothing(): Promise<undefined> {
  return undefined;
}
