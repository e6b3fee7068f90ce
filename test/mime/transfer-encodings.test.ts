/** base64, quoted-printable and the scan for 7-bit data: against Buffer, a plain decoder and a plain loop. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import loadWabt from 'wabt';
import { Base64Encoder, foldBase64 } from '../../src/mime/base64-encoder.ts';
import { FOLD_MODULE_BYTES, loadFoldModule } from '../../src/mime/base64-fold-module.ts';
import { QuotedPrintableEncoder } from '../../src/mime/quoted-printable-encoder.ts';
import { SevenBitScan } from '../../src/mime/seven-bit-scan.ts';
import { decodeQuotedPrintable } from './quoted-printable-decoder.ts';

/** Cuts octets at the given places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, index) => Buffer.from(bytes.subarray(ends[index - 1] ?? 0, end)));
}

interface Encoder {
  update(chunk: Buffer): Buffer;
  final(): Buffer;
}

function encode(encoder: Encoder, chunks: readonly Buffer[]): string {
  return Buffer.concat([...chunks.map((chunk) => encoder.update(chunk)), encoder.final()]).toString('latin1');
}

const cuts = fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 6 });
const octets = fc.uint8Array({ maxLength: 400 }).map((data) => Buffer.from(data));
/** Texts that live at the edges: line ends, blanks, dots, From, hyphens. */
const text = fc
  .array(
    fc.constantFrom('\r\n', ' ', '\t', 'From ', '--', '=', 'x', '\u00e4', '.', '\r', '\n', '\0', 'word '.repeat(14)),
    {
      maxLength: 40,
    },
  )
  .map((parts) => Buffer.from(parts.join('')));

describe('base64 encoder', () => {
  it('has a kernel that is its own text, assembled', async () => {
    const source = readFileSync(path.join(process.cwd(), 'src/mime/base64-fold.wat'), 'utf8');
    const wabt = await loadWabt();
    const assembled = wabt.parseWat('base64-fold.wat', source, { simd: true }).toBinary({}).buffer;
    assert.equal(FOLD_MODULE_BYTES, Buffer.from(assembled).toString('base64'));
  });

  for (const [name, kernel] of [
    ['kernel', loadFoldModule()],
    ['plain path', null],
  ] as const) {
    it(`folds at once as it folds a stream (${name})`, () => {
      const long = fc
        .constantFrom(0, 56, 57, 58, 66_119, 66_120, 66_121, 200_000)
        .map((size) => Buffer.alloc(size, 'seal'));
      fc.assert(
        fc.property(fc.oneof(octets, long), cuts, (data, at) => {
          const expected = encode(new Base64Encoder(null), [data]);
          assert.equal(foldBase64(pieces(data, at), undefined, kernel).toString('latin1'), expected);
          const framed = foldBase64(pieces(data, at), { before: 'Before\r\n', behind: 'behind' }, kernel);
          assert.equal(framed.toString('latin1'), `Before\r\n${expected}behind`);
        }),
      );
    });

    it(`gives what Buffer gives, folded (${name})`, () => {
      fc.assert(
        fc.property(octets, cuts, (data, at) => {
          const lines = data.toString('base64').match(/.{1,76}/g) ?? [];
          const expected = lines.map((line) => `${line}\r\n`).join('');
          assert.equal(encode(new Base64Encoder(kernel), pieces(data, at)), expected);
        }),
      );
    });

    it(`lends what it gives (${name})`, () => {
      const data = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 7)) & 255));
      fc.assert(
        fc.property(cuts, (at) => {
          const encoder = new Base64Encoder(kernel);
          // a copy at once, for what is lent is void at the next call
          const lender = { update: (chunk: Buffer) => Buffer.from(encoder.lend(chunk)), final: () => encoder.final() };
          assert.equal(encode(lender, pieces(data, at)), encode(new Base64Encoder(kernel), [data]));
        }),
        { numRuns: 20 },
      );
    });

    it(`encodes every octet in every column (${name})`, () => {
      const data = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255));
      const encoded = encode(new Base64Encoder(kernel), pieces(data, [1, 100, 65_636, 65_700]));
      assert.ok(Buffer.from(encoded, 'base64').equals(data));
      assert.doesNotMatch(encoded, /[^\r\n]{77}/);
    });
  }

  it('runs the kernel on this machine', () => assert.notEqual(loadFoldModule(), null));
});

describe('quoted-printable encoder', () => {
  it('decodes to what went in, in lines that survive', () => {
    fc.assert(
      fc.property(fc.oneof(octets, text), cuts, (data, at) => {
        const encoded = encode(new QuotedPrintableEncoder(), pieces(data, at));
        assert.ok(decodeQuotedPrintable(Buffer.from(encoded, 'latin1')).equals(data));
        assert.doesNotMatch(encoded, /[^\r\n]{77}|[ \t](?:\r\n|$)|[^\r]\n|\r(?!\n)|[^\t\r\n -~]|^From /m);
        assert.doesNotMatch(encoded, /=\r\n-/, 'a soft line break made a delimiter');
      }),
      { numRuns: 1000 },
    );
  });

  it('does not depend on the chunks', () => {
    fc.assert(
      fc.property(text, cuts, (data, at) => {
        assert.equal(
          encode(new QuotedPrintableEncoder(), pieces(data, at)),
          encode(new QuotedPrintableEncoder(), [data]),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('encodes as little as it can', () => {
    const encoded = (data: string): string => encode(new QuotedPrintableEncoder(), [Buffer.from(data)]);
    assert.equal(
      encoded('Gr\u00fc\u00dfe, a=b \r\nFrom me \t\r\n--x\r\n'),
      'Gr=C3=BC=C3=9Fe, a=3Db=20\r\n=46rom me =09\r\n--x\r\n',
    );
  });
});

describe('seven-bit scan', () => {
  const naive = (data: Buffer): boolean =>
    data.some((octet) => octet === 0 || octet > 127) ||
    data
      .toString('latin1')
      .split('\r\n')
      .some((line) => line.length > 998);

  it('S9 counts 998 octets a line, whatever the chunks', () => {
    const line = fc.tuple(fc.integer({ min: 0, max: 1005 }), fc.integer({ min: 0, max: 20 }));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), fc.boolean(), cuts, (lines, ended, at) => {
        const data = Buffer.from(
          lines
            .map(([length, more]) => 'x'.repeat(length > 900 ? 985 + more : length))
            .join('\r\n')
            .concat(ended ? '\r\n' : ''),
        );
        const scan = new SevenBitScan();
        for (const piece of pieces(data, at)) scan.update(piece);
        assert.equal(scan.end(), naive(data));
      }),
      { numRuns: 2000 },
    );
  });

  it('sees 8-bit octets and NUL', () => {
    for (const octet of [0, 128, 255]) {
      const scan = new SevenBitScan();
      scan.update(Buffer.from([65, octet]));
      assert.equal(scan.violated, true);
    }
    const scan = new SevenBitScan();
    scan.update(Buffer.from([1, 127, 9]));
    assert.equal(scan.end(), false);
  });
});
