import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DotStuffer } from '../../src/delivery/dot-stuffer.ts';
import { GatewayError } from '../../src/errors.ts';
import { unstuffed } from '../support/smtp-sink.ts';

function stuff(pieces: readonly Buffer[]): Buffer {
  const stuffer = new DotStuffer();
  const out = pieces.map((piece) => stuffer.update(piece));
  return Buffer.concat([...out, stuffer.final()]);
}

function cut(whole: Buffer, at: readonly number[]): Buffer[] {
  const edges = [0, ...[...at].map((n) => n % (whole.length + 1)).sort((a, b) => a - b), whole.length];
  return edges.slice(1).map((end, i) => whole.subarray(edges[i], end));
}

const crlfTrue = fc
  .array(fc.stringMatching(/^[ .a\x80]{0,6}$/), { maxLength: 12 })
  .map((lines) => Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1'));

describe('delivery/dot-stuffer (S3)', () => {
  it('is undone by the server, however it was cut, and has one end', () => {
    fc.assert(
      fc.property(crlfTrue, fc.array(fc.nat(80), { maxLength: 8 }), (whole, at) => {
        const wire = stuff(cut(whole, at));
        assert.deepEqual(wire, stuff([whole]));
        assert.equal(`\r\n${wire.toString('latin1')}`.indexOf('\r\n.\r\n'), wire.length - 3);
        assert.deepEqual(unstuffed(wire.subarray(0, -3)), whole);
      }),
    );
  });

  it('gives back the very chunk where there is nothing to add', () => {
    const chunk = Buffer.from('no dot at a line start.\r\n. \r\n'.slice(0, 24));
    assert.equal(new DotStuffer().update(chunk), chunk);
  });

  it('ends a message without a last line end on a line of its own', () => {
    assert.equal(stuff([Buffer.from('a')]).toString(), 'a\r\n.\r\n');
  });

  it('refuses every bare CR and LF, however it was cut (defect)', () => {
    const bare = fc.constantFrom('\n', '\r', '\r\r\n', '\n\r\n.\r\n', '\r.\r', '\n.\n', '\r\n.\n', '\r\n.\r');
    const before = fc.constantFrom('', 'a', 'a\r\n', '.\r\n');
    fc.assert(
      fc.property(
        before,
        bare,
        fc.constantFrom('', 'b', '.\r\n'),
        fc.array(fc.nat(20), { maxLength: 6 }),
        (a, b, c, at) => {
          const whole = `${a}${b}${c}`;
          fc.pre(/(?:^|[^\r])\n|\r(?!\n)/.test(whole));
          assert.throws(
            () => stuff(cut(Buffer.from(whole), at)),
            (error) => error instanceof GatewayError && error.code === 'defect',
          );
        },
      ),
    );
  });
});
