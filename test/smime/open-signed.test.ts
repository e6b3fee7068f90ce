/** multipart/signed cut into its parts, and opened inside an encryption: places, digests, what is refused. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { GatewayError } from '../../src/errors.ts';
import { SignedSplitter, type SplitParts } from '../../src/smime/signed-splitter.ts';

interface Split extends SplitParts {
  readonly watched: Buffer;
}

function split(body: Buffer, boundary: string, cuts: readonly number[], bodyAt = 0): Split {
  const watched: Buffer[] = [];
  const splitter = new SignedSplitter(boundary, bodyAt, (part) => watched.push(Buffer.from(part)));
  const ends = [...cuts.map((cut) => cut % (body.length + 1)), body.length].sort((a, b) => a - b);
  for (const [index, end] of ends.entries()) {
    const chunk = Buffer.from(body.subarray(ends[index - 1] ?? 0, end));
    splitter.write(chunk);
    // the splitter may keep nothing of what it was given
    chunk.fill(0);
  }
  return { ...splitter.end(), watched: Buffer.concat(watched) };
}

const cuts = fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 8 });
/** What stands at the edges: line ends of both kinds, and lines that almost are delimiters. */
const noise = fc
  .array(fc.constantFrom('\r\n', '\n', '-', '--bx', '\r\n--bc\r\n', '\n--b!', 'x', 'word '.repeat(30), '\r\n--'), {
    maxLength: 60,
  })
  .map((pieces) => pieces.join(''));

describe('multipart/signed splitter', () => {
  it('finds the signed part whatever the line ends and chunks', () => {
    fc.assert(
      fc.property(noise, fc.constantFrom('\r\n', '\n'), cuts, fc.nat({ max: 9 }), (content, end, at, blanks) => {
        const head = `preamble${end}--b${' '.repeat(blanks)}${end}`;
        const body = Buffer.from(`${head}${content}${end}--b${end}signature${end}--b--${end}epilogue`, 'latin1');
        const found = split(body, 'b', at, 1000);
        const signed = Buffer.from(content, 'latin1');
        // a line end of the content right before the delimiter's LF makes it a CRLF, of the delimiter
        const shorter = end === '\n' && content.endsWith('\r') ? 1 : 0;
        assert.deepEqual([found.from, found.to], [1000 + head.length, 1000 + head.length + signed.length - shorter]);
        assert.ok(found.watched.equals(signed.subarray(0, signed.length - shorter)));
        assert.equal(found.signature.toString('latin1'), 'signature');
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps its place across large chunks', () => {
    const content = Buffer.from(`${'A line of text, and another.\r\n'.repeat(20_000)}--b\tno delimiter\r\n`, 'latin1');
    const body = Buffer.concat([Buffer.from('--b\r\n'), content, Buffer.from('\r\n--b\r\nsig\r\n--b--')]);
    for (const size of [9_000, 65_536, 100_001]) {
      const at = Array.from({ length: Math.floor(body.length / size) }, (_, index) => (index + 1) * size);
      const found = split(body, 'b', at);
      assert.deepEqual([found.from, found.to, found.signature.toString()], [5, 5 + content.length, 'sig']);
      assert.equal(
        createHash('sha256').update(found.watched).digest('hex'),
        createHash('sha256').update(content).digest('hex'),
      );
    }
  });

  for (const [name, body] of [
    ['no end', '--b\r\na\r\n--b\r\nc\r\n'],
    ['one part', '--b\r\na\r\n--b--\r\n'],
    ['three parts', '--b\r\na\r\n--b\r\nc\r\n--b\r\nd\r\n--b--\r\n'],
    ['nothing', ''],
  ] as const) {
    it(`refuses ${name} with message.malformed`, () => {
      assert.throws(
        () => split(Buffer.from(body), 'b', []),
        (thrown) => thrown instanceof GatewayError && thrown.code === 'message.malformed',
      );
    });
  }

  it('refuses a signature part over 2 MB with message.limits', () => {
    const body = Buffer.from(`--b\r\na\r\n--b\r\n${'x'.repeat(2_200_000)}\r\n--b--\r\n`);
    assert.throws(
      () => split(body, 'b', [65_536]),
      (thrown) => thrown instanceof GatewayError && thrown.code === 'message.limits',
    );
  });
});
