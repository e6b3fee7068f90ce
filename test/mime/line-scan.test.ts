/** The kernel that looks at lines: against a plain loop, and its users against their plain paths. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import loadWabt from 'wabt';
import { isPlainBody } from '../../src/mime/converted-leaf.ts';
import { LineEnds } from '../../src/mime/line-ends.ts';
import { LINE_SCAN_MODULE_BYTES, type LineFacts, lineScan, SCAN_OCTETS_MAX } from '../../src/mime/line-scan-module.ts';
import { SevenBitScan } from '../../src/mime/seven-bit-scan.ts';

/** By the book, octet by octet. */
function factsByTheBook(chunk: Buffer, before: number, column: number): LineFacts {
  let eightBit = false;
  let bareLf = false;
  let start = -column;
  for (const [at, octet] of chunk.entries()) {
    if (octet === 0 || octet > 127) eightBit = true;
    if (octet !== 0x0a) continue;
    if ((at === 0 ? before : chunk[at - 1]) !== 0x0d) bareLf = true;
    if (at - start > 999) eightBit = true;
    start = at + 1;
  }
  const text = chunk.toString('latin1');
  const fragile = /[ \t][\s\S]\n|\nFrom /.test(text) || (column === 0 && text.startsWith('From '));
  return { eightBit, bareLf, fragile, column: chunk.length - start };
}

const piece = fc.oneof(
  fc.constantFrom('\r\n', '\n', ' ', '\t', '\r', 'From ', 'F', 'From', '-', '\0', '\u00e4', '.'),
  fc.integer({ min: 1, max: 40 }).map((length) => 'x'.repeat(length)),
  fc.integer({ min: 990, max: 1010 }).map((length) => 'y'.repeat(length)),
);
const text = fc.array(piece, { maxLength: 60 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'));
const cuts = fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 5 });

function pieces(bytes: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...at.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => Buffer.from(bytes.subarray(ends[index - 1] ?? 0, end)));
}

describe('mime/line-scan', () => {
  it('has a kernel that is its own text, assembled', async () => {
    const source = readFileSync(path.join(process.cwd(), 'src/mime/line-scan.wat'), 'utf8');
    const wabt = await loadWabt();
    const assembled = wabt.parseWat('line-scan.wat', source, { simd: true }).toBinary({}).buffer;
    assert.equal(LINE_SCAN_MODULE_BYTES, Buffer.from(assembled).toString('base64'));
  });

  it('finds what a loop over the octets finds, at every column and behind every octet', () => {
    assert.ok(lineScan);
    const scan = lineScan;
    const column = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1005 }));
    fc.assert(
      fc.property(text, fc.constantFrom(0, 0x0d, 0x0a, 0x41), column, (chunk, before, columns) => {
        assert.deepEqual(scan(chunk, before, columns), factsByTheBook(chunk, before, columns));
      }),
      { numRuns: 3000 },
    );
  });

  it('depends on nothing that was looked at before, at any length', () => {
    assert.ok(lineScan);
    const good = { eightBit: false, bareLf: false, fragile: false };
    for (const length of [0, 1, 15, 16, 17, 31, 32, 33, 4095, SCAN_OCTETS_MAX]) {
      lineScan(Buffer.alloc(SCAN_OCTETS_MAX, '\n\u00e4\0 \r\nFrom '), 0, 0);
      const lines = Buffer.alloc(length, `${'x'.repeat(76)}\r\n`);
      assert.deepEqual(lineScan(lines, 0, 0), { ...good, column: factsByTheBook(lines, 0, 0).column });
    }
    const endless = lineScan(Buffer.from('x'), 0, Number.MAX_SAFE_INTEGER);
    assert.ok(!endless.eightBit && endless.column > 999);
  });

  it('agrees with the scan for 7-bit data', () => {
    assert.ok(lineScan);
    const kernel = lineScan;
    fc.assert(
      fc.property(text, (data) => {
        const scan = new SevenBitScan();
        scan.update(data);
        const { eightBit, column } = kernel(data, 0, 0);
        assert.equal(eightBit || column > 999, scan.violated);
        if (!scan.violated) assert.equal(column, scan.column);
      }),
      { numRuns: 1000 },
    );
  });

  it('mends line ends as the plain path does, however they are cut', () => {
    const mended = (ends: LineEnds, chunks: readonly Buffer[]): Buffer =>
      Buffer.concat(chunks.map((chunk) => ends.update(chunk)));
    fc.assert(
      fc.property(text, cuts, (data, at) => {
        const [kernel, plain] = [new LineEnds(), new LineEnds(null)];
        assert.deepEqual(mended(kernel, pieces(data, at)), mended(plain, pieces(data, at)));
        assert.equal(kernel.repaired, plain.repaired);
      }),
      { numRuns: 1000 },
    );
  });

  it('calls a body plain only where no relay would change it', () => {
    for (const body of ['', 'x', 'x\r\n', '\r\n', `${'x'.repeat(998)}\r\n`, 'a From b\r\n', '>From x\r\n']) {
      assert.equal(isPlainBody(Buffer.from(body, 'latin1')), true, JSON.stringify(body.slice(0, 40)));
    }
    const changed = ['x ', 'x\t', 'x \r\ny', '\u00e4', '\0', 'From x', 'x\r\nFrom x', `${'x'.repeat(999)}\r\n`, 'x\n'];
    for (const body of [...changed, 'x'.repeat(999), `x\r\n${'x'.repeat(999)}`]) {
      assert.equal(isPlainBody(Buffer.from(body, 'latin1')), false, JSON.stringify(body.slice(0, 40)));
    }
  });
});
