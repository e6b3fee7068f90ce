/** BER from a stream: any pieces give the same, lengths are kept within what holds them, limits hold. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { STREAM_DEPTH_MAX } from '../../src/asn1/ber-nesting.ts';
import { BerStream } from '../../src/asn1/ber-stream.ts';
import { der, derOctetString, derSequence, TAG } from '../../src/asn1/der-writer.ts';
import { finishReading, onePiece, type Pieces, piecesOf, type Reading } from '../../src/asn1/pieces.ts';
import { GatewayError } from '../../src/errors.ts';

async function* cut(octets: Buffer, size: number): AsyncGenerator<Buffer, void, undefined> {
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size);
}

/** Each piece in the same memory, which the one before then no longer has; at once, or to be waited for. */
function lend(octets: Buffer, size: number, atOnce: boolean): Pieces {
  const memory = Buffer.alloc(size);
  let at = 0;
  const next = (): Buffer | null => {
    memory.fill(0xee);
    const piece = memory.subarray(0, octets.copy(memory, 0, Math.min(at, octets.length), at + size));
    at += size;
    return piece.length === 0 ? null : piece;
  };
  return { lent: true, writable: true, next: atOnce ? next : async () => next(), close: () => {} };
}

/** The same pieces, which may not be written over; checked when the next is asked for. */
function shown(pieces: Pieces): Pieces {
  let last: { given: Buffer; before: Buffer } | null = null;
  return {
    ...pieces,
    writable: false,
    next: () => {
      assert.ok(last === null || last.given.equals(last.before), 'written over what was only shown');
      const piece = pieces.next() as Buffer | null;
      last = piece === null ? null : { given: piece, before: Buffer.from(piece) };
      return piece;
    },
  };
}

const WAYS = ['kept', 'lent', 'lent at once', 'shown'] as const;

function piecesIn(octets: Buffer, size: number, way: (typeof WAYS)[number]): Pieces {
  if (way === 'kept') return piecesOf(cut(octets, size));
  const lent = lend(octets, size, way !== 'lent');
  return way === 'shown' ? shown(lent) : lent;
}

function streamOf(octets: Buffer, size: number): BerStream {
  return new BerStream(piecesOf(cut(octets, size)));
}

function* wholeString(stream: BerStream, scratch: boolean): Reading<Buffer> {
  yield* stream.openString(TAG.octetString, scratch);
  const content = yield* remainingOctets(stream);
  yield* stream.finish();
  return content;
}

function* remainingOctets(stream: BerStream): Reading<Buffer> {
  const pieces: Buffer[] = [];
  for (let piece = yield* stream.nextOctets(); piece !== null; piece = yield* stream.nextOctets()) {
    assert.ok(piece.length > 0);
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}

async function stringOf(octets: Buffer, size: number, way: (typeof WAYS)[number] = 'kept'): Promise<Buffer> {
  const before = Buffer.from(octets);
  const stream = new BerStream(piecesIn(octets, size, way));
  const content = await finishReading(wholeString(stream, way !== 'kept'));
  assert.ok(before.equals(octets), 'written over what was not lent');
  return content;
}

/** A string packed into any nesting of segments, definite and indefinite. */
const packed: fc.Arbitrary<{ octets: Buffer; content: Buffer }> = fc.letrec<{
  string: { octets: Buffer; content: Buffer };
}>((tie) => ({
  string: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.uint8Array({ maxLength: 300 }).map((value) => ({ octets: derOctetString(value), content: Buffer.from(value) })),
    fc.tuple(fc.array(tie('string'), { maxLength: 5 }), fc.boolean()).map(([parts, definite]) => {
      const inner = Buffer.concat(parts.map(({ octets }) => octets));
      const octets = definite ? der(0x24, inner) : Buffer.concat([Buffer.of(0x24, 0x80), inner, Buffer.alloc(2)]);
      return { octets, content: Buffer.concat(parts.map(({ content }) => content)) };
    }),
  ),
})).string;

function codeOf(expected: string): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof GatewayError && thrown.code === expected;
}

describe('BerStream', () => {
  it('gives the content of a string, however it is packed and cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        packed,
        fc.integer({ min: 1, max: 400 }),
        fc.constantFrom(...WAYS),
        async ({ octets, content }, size, way) => {
          assert.deepEqual(await stringOf(octets, size, way), content);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('reads a value whole, skips it, or goes into it, and comes out at the same place', async () => {
    await fc.assert(
      fc.asyncProperty(
        packed,
        fc.integer({ min: 1, max: 50 }),
        fc.constantFrom('read', 'skip'),
        fc.constantFrom(...WAYS),
        async ({ octets }, size, way, source) => {
          const whole = [Buffer.of(0x30, 0x80), octets, derOctetString(Buffer.of(7)), Buffer.alloc(2)];
          const stream = new BerStream(piecesIn(Buffer.concat(whole), size, source));
          await finishReading(stream.enter(TAG.sequence));
          if (way === 'skip') await finishReading(stream.skip());
          else assert.deepEqual(await finishReading(stream.readWhole(100_000)), octets);
          assert.deepEqual(await finishReading(stream.read(TAG.octetString, 10)), Buffer.of(4, 1, 7));
          await finishReading(stream.leave());
          await finishReading(stream.finish());
        },
      ),
      { numRuns: 200 },
    );
  });

  it('refuses what is cut short, at every octet', async () => {
    const octets = Buffer.concat([
      Buffer.of(0x24, 0x80),
      derOctetString(Buffer.alloc(200, 1)),
      der(0x24, derOctetString(Buffer.of(1))),
      Buffer.alloc(2),
    ]);
    for (let length = 0; length < octets.length; length++) {
      await assert.rejects(stringOf(octets.subarray(0, length), 3), codeOf('asn1.malformed'), `cut at ${length}`);
    }
  });

  it('goes on, in another reading of the same octets, where the first one stood', async () => {
    await fc.assert(
      fc.asyncProperty(
        packed,
        fc.integer({ min: 1, max: 50 }),
        fc.nat({ max: 20 }),
        fc.constantFrom(...WAYS),
        async ({ octets, content }, size, read, way) => {
          const whole = Buffer.concat([Buffer.of(0x30, 0x80), octets, derOctetString(Buffer.of(7)), Buffer.alloc(2)]);
          const first = new BerStream(piecesIn(whole, size, way));
          await finishReading(first.enter(TAG.sequence));
          await finishReading(first.openString(TAG.octetString, true));
          const parts: Buffer[] = [];
          for (let count = 0; count < read; count++) {
            parts.push(Buffer.from((await finishReading(first.nextOctets())) ?? Buffer.alloc(0)));
          }
          const place = first.place();
          for (let reading = 0; reading < 2; reading++) {
            const second = new BerStream(piecesIn(whole, size + 3 * reading, way));
            await finishReading(second.goTo(place));
            const rest = await finishReading(remainingOctets(second));
            assert.deepEqual(Buffer.concat([...parts, rest]), content);
            assert.deepEqual(await finishReading(second.read(TAG.octetString, 10)), Buffer.of(4, 1, 7));
            await finishReading(second.leave());
            await finishReading(second.finish());
          }
        },
      ),
    );
  });

  it('does not wait for pieces that are there', () => {
    const octets = Buffer.concat([Buffer.of(0x24, 0x80), derOctetString(Buffer.alloc(900, 7)), Buffer.alloc(2)]);
    for (const pieces of [onePiece(octets), lend(octets, 10, true)]) {
      const { done, value } = wholeString(new BerStream(pieces), true).next(null);
      assert.ok(done === true && value.equals(Buffer.alloc(900, 7)));
    }
  });

  it('refuses lengths past what holds them', async () => {
    const inner = Buffer.of(0x04, 0x05, 1, 2, 3);
    await assert.rejects(stringOf(Buffer.concat([der(0x24, inner), Buffer.alloc(9)]), 100), codeOf('asn1.malformed'));
    const stream = streamOf(Buffer.concat([derSequence(Buffer.of(0x30, 0x03)), Buffer.alloc(9)]), 100);
    await finishReading(stream.enter(TAG.sequence));
    await assert.rejects(finishReading(stream.skip()), codeOf('asn1.malformed'));
  });

  it('refuses nesting past the limit, and values past what the caller takes, before reading them', async () => {
    const deep = Buffer.alloc(2 * (STREAM_DEPTH_MAX + 2), Buffer.of(0x24, 0x80));
    await assert.rejects(stringOf(deep, 10), codeOf('asn1.limits'));
    await assert.rejects(finishReading(streamOf(deep, 10).skip()), codeOf('asn1.limits'));
    await assert.rejects(finishReading(streamOf(deep, 10).readWhole(1000)), codeOf('asn1.limits'));
    const huge = Buffer.of(0x30, 0x86, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff);
    await assert.rejects(finishReading(streamOf(huge, 100).readWhole(1000)), codeOf('asn1.limits'));
    await assert.rejects(
      finishReading(streamOf(Buffer.of(0x30, 0x88, 1, 1, 1, 1, 1, 1, 1, 1), 100).readWhole(1000)),
      codeOf('asn1.malformed'),
    );
  });

  it('refuses octets after the last value unless it is told to pass over them', async () => {
    const octets = Buffer.concat([derOctetString(Buffer.of(1)), Buffer.of(0)]);
    await assert.rejects(stringOf(octets, 10), codeOf('asn1.malformed'));
    const stream = streamOf(octets, 1);
    await finishReading(stream.skip());
    await finishReading(stream.finish(true));
  });
});
