/** A second reader of serialized certificate stores, written from the byte rules alone; shares nothing with the first. */

export interface SecondReading {
  /** Values of elements 32, 33 and 34 in their order. */
  readonly contexts: { readonly id: number; readonly value: Buffer; readonly properties: [number, Buffer][] }[];
  readonly ended: boolean;
}

/** @throws Error on anything that the rules do not allow */
export function readSstAgain(bytes: Buffer): SecondReading {
  if (bytes.toString('hex', 0, 8) !== '0000000043455254') throw new Error('header');
  const contexts: SecondReading['contexts'] = [];
  let pending: [number, Buffer][] = [];
  let rest = bytes.subarray(8);
  let ended = false;
  while (rest.length > 0) {
    if (ended) throw new Error('after the end');
    if (rest.length < 12) throw new Error('header cut short');
    const [id, encoding, length] = [rest.readInt32LE(0), rest.readInt32LE(4), rest.readUInt32LE(8)];
    if (id === 0) {
      if (encoding !== 0 || length !== 0) throw new Error('end');
      rest = rest.subarray(12);
      ended = true;
      continue;
    }
    if (id < 0 || id >= 65536 || encoding !== 1) throw new Error('element');
    const value = rest.subarray(12, 12 + length);
    if (value.length !== length) throw new Error('value cut short');
    rest = rest.subarray(12 + length);
    if (id < 32 || id > 35) {
      if (pending.some(([known]) => known === id) || pending.length === 256) throw new Error('property');
      pending.push([id, value]);
      continue;
    }
    if (length === 0) throw new Error('empty');
    contexts.push({ id, value, properties: pending });
    pending = [];
  }
  if (pending.length > 0) throw new Error('left over');
  return { contexts, ended };
}
