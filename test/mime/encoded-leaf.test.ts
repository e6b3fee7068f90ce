/** Leaves that break the label they carry: mended so that every decoder finds the same, whatever the chunks. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { EncodedLeaf } from '../../src/mime/encoded-leaf.ts';
import { SevenBitScan } from '../../src/mime/seven-bit-scan.ts';

type Mechanism = 'base64' | 'quoted-printable';

function mend(mechanism: Mechanism, text: string, cuts: readonly number[] = []): { text: string; broken: boolean } {
  const bytes = Buffer.from(text, 'latin1');
  const out: Buffer[] = [];
  let broken = false;
  const leaf = new EncodedLeaf(mechanism, () => {
    broken = true;
  });
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  for (const [index, end] of ends.entries()) leaf.write(Buffer.from(bytes.subarray(ends[index - 1] ?? 0, end)), out);
  leaf.end(out);
  return { text: Buffer.concat(out).toString('latin1'), broken };
}

/** As lenient as mail programs are. */
function decodeQuotedPrintable(text: string): string {
  return text
    .replace(/[ \t]+(?=\r\n|$)/g, '')
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function isSevenBit(text: string): boolean {
  const scan = new SevenBitScan();
  scan.update(Buffer.from(text, 'latin1'));
  return !scan.end();
}

/** The door lets no bare CR or LF in, but a file on the command line may hold them. */
const LINE_OCTETS = ['\r', '\n', 'x'.repeat(97), 'x'.repeat(899), 'x'.repeat(988), 'x'.repeat(998), 'x'.repeat(999)];
const cuts = fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 6 });
const pieces = [
  '\r\n',
  ' ',
  '=3D',
  '=e4',
  '=\r\n',
  '\xe4',
  '\xff',
  '-',
  '--b',
  'From ',
  'x'.repeat(400),
  '\xfc'.repeat(90),
];
const quotedPrintable = fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((parts) => parts.join(''));

describe('encoded leaf', () => {
  it('passes what is 7-bit data, however badly it is encoded', () => {
    const text = `QUJD\r\n-- \r\n=zz = \t\r\n${'a'.repeat(998)}\r\nlast`;
    for (const mechanism of ['base64', 'quoted-printable'] as const) {
      assert.deepEqual(mend(mechanism, text, [3, 5, 600]), { text, broken: false });
    }
  });

  it('writes raw octets as quoted-printable and leaves other lines alone', () => {
    const { text, broken } = mend('quoted-printable', 'a=3D \r\nGr\xfc\xdfe=\r\n \r\n\xe4 ');
    assert.deepEqual([text, broken], ['a=3D \r\nGr=FC=DFe=\r\n \r\n=E4 ', false]);
  });

  it('S9 breaks base64 that came as one line, in whole lines', () => {
    const data = Buffer.from('octets that are many '.repeat(200));
    const { text, broken } = mend('base64', `${data.toString('base64')}\r\n`, [900, 2000]);
    assert.equal(broken, false);
    assert.deepEqual(
      text.split('\r\n').map((line) => line.length),
      [988, 988, 988, 988, 988, 660, 0],
    );
    assert.ok(Buffer.from(text, 'base64').equals(data));
  });

  it('S9 breaks long quoted-printable lines softly, never inside an escape', () => {
    for (const shift of [0, 1, 2]) {
      const long = `${'x'.repeat(shift)}${'=C3=A4'.repeat(1000)}`;
      const { text, broken } = mend('quoted-printable', long);
      assert.ok(isSevenBit(text) && !broken);
      assert.equal(decodeQuotedPrintable(text), decodeQuotedPrintable(long));
      assert.doesNotMatch(text, /=[0-9A-F]?=\r\n/);
    }
  });

  it('M3 makes no delimiter where it breaks a line', () => {
    const long = `${'x'.repeat(988)}--b0${' '.repeat(20)}\r\n${'y'.repeat(988)}From me${'z'.repeat(20)}\r\n`;
    const { text } = mend('quoted-printable', long);
    assert.match(text, /^=2D-b0 {20}\r$/m);
    assert.match(text, /^=46rom me/m);
    assert.deepEqual(mend('base64', `${'x'.repeat(988)}--b0${'x'.repeat(40)}\r\n`).broken, true);
  });

  it('tells what cannot be mended', () => {
    assert.equal(mend('base64', 'QUJD\r\nGr\xfc\xdfe\r\n').broken, true);
    assert.equal(mend('quoted-printable', 'a=\xe4\r\n').broken, true);
    assert.equal(mend('quoted-printable', 'a=3\xe4\r\n').broken, true);
    assert.equal(mend('quoted-printable', 'a\0\r\n').broken, true);
  });

  it('gives 7-bit data that decodes to the same, whatever the chunks', () => {
    fc.assert(
      fc.property(quotedPrintable, cuts, (text, at) => {
        const mended = mend('quoted-printable', text, at);
        assert.deepEqual(mended, mend('quoted-printable', text));
        if (mended.broken) return;
        assert.ok(isSevenBit(mended.text));
        assert.equal(decodeQuotedPrintable(mended.text), decodeQuotedPrintable(text));
      }),
    );
  });

  it('gives the same octets whatever the chunks, also of what has bare CR and LF', () => {
    const anything = fc.array(fc.constantFrom(...pieces, ...LINE_OCTETS, '\0', 'QUJD'), { maxLength: 12 });
    for (const mechanism of ['base64', 'quoted-printable'] as const) {
      fc.assert(
        fc.property(anything, cuts, (parts, at) => {
          const text = parts.join('');
          assert.deepEqual(mend(mechanism, text, at), mend(mechanism, text));
        }),
        { numRuns: 500, examples: [[['\r', 'x'.repeat(998)], [1]]] },
      );
    }
  });

  it('does so with base64', () => {
    const base64 = fc.array(fc.constantFrom('QUJD', '\r\n', '=', ' ', '-', 'QUJD'.repeat(300)), { maxLength: 20 });
    fc.assert(
      fc.property(base64, cuts, (parts, at) => {
        const text = parts.join('');
        const mended = mend('base64', text, at);
        assert.deepEqual(mended, mend('base64', text));
        if (mended.broken) return;
        assert.ok(isSevenBit(mended.text));
        assert.equal(mended.text.replaceAll('\r\n', ''), text.replaceAll('\r\n', ''));
      }),
    );
  });
});
