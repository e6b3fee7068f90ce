/** The guard against a one-line reference: any cutting into chunks finds the same offence (S2). */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CrlfGuard } from '../../src/smtp/crlf-guard.ts';

/** The octet that proves the first offence in the whole input, or -1. */
function reference(input: Buffer): number {
  for (let i = 0; i < input.length; i += 1) {
    const afterCr = i > 0 && input[i - 1] === 0x0d;
    if ((input[i] === 0x0a) !== afterCr || input[i] === 0) return i;
  }
  return -1;
}

function scanInChunks(input: Buffer, cuts: readonly number[]): number {
  const guard = new CrlfGuard();
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (input.length + 1)), input.length])].sort((a, b) => a - b);
  for (let i = 0; i + 1 < edges.length; i += 1) {
    const found = guard.scan(input.subarray(edges[i], edges[i + 1]));
    if (found !== -1) return (edges[i] ?? 0) + found;
  }
  return -1;
}

const octets = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: fc.constant('\r\n') },
      { weight: 6, arbitrary: fc.constantFrom('a', '.', 'xyz'.repeat(9), '\x80', '\t') },
      { weight: 1, arbitrary: fc.constantFrom('\r', '\n', '\0') },
    ),
    { maxLength: 300 },
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));

describe('smtp: CRLF guard', () => {
  it('finds the same octet as the reference, however the input is cut', () => {
    fc.assert(
      fc.property(octets, fc.array(fc.nat(), { maxLength: 8 }), (input, cuts) => {
        assert.equal(scanInChunks(input, cuts), reference(input));
      }),
      { numRuns: 3000 },
    );
  });

  it('finds it one octet at a time, too', () => {
    fc.assert(
      fc.property(octets, (input) => {
        const everywhere = Array.from({ length: input.length }, (_, i) => i);
        assert.equal(scanInChunks(input, everywhere), reference(input));
      }),
    );
  });

  it('finds offences behind a thousand good lines, short and long', () => {
    for (const line of ['\r\n', 'ab\r\n', `${'x'.repeat(76)}\r\n`]) {
      const good = line.repeat(1000);
      for (const bad of ['\n', '\rx', '\0', 'a\n', '\r\r\n']) {
        const input = Buffer.from(good + bad + good, 'latin1');
        assert.equal(new CrlfGuard().scan(input), reference(input), JSON.stringify([line, bad]));
      }
      assert.equal(new CrlfGuard().scan(Buffer.from(good)), -1);
    }
  });
});
