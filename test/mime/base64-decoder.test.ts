/** The base64 decoder against Buffer: any lines, any cuts, both paths; what is not base64 is refused. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import loadWabt from 'wabt';
import { GatewayError } from '../../src/errors.ts';
import { Base64Decoder } from '../../src/mime/base64-decoder.ts';
import { loadUnfoldModule, UNFOLD_MODULE_BYTES, type UnfoldModule } from '../../src/mime/base64-unfold-module.ts';

const octets = fc.uint8Array({ maxLength: 3000 }).map((data) => Buffer.from(data));
const cuts = fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 6 });

function decode(text: Buffer, at: readonly number[], kernel: UnfoldModule | null): Buffer {
  const decoder = new Base64Decoder(kernel);
  const ends = [...at.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b);
  const chunks = ends.map((end, index) => text.subarray(ends[index - 1] ?? 0, end));
  const parts = chunks.map((chunk) => decoder.update(chunk));
  parts.push(Buffer.from(decoder.final()));
  decoder.close();
  const taker = new Base64Decoder(kernel);
  const lent = chunks.flatMap((chunk) => taken(taker, chunk));
  lent.push(Buffer.from(taker.final()));
  taker.close();
  assert.ok(Buffer.concat(lent).equals(Buffer.concat(parts)), 'lent octets differ');
  return Buffer.concat(parts);
}

/** What comes of text that is written where it is decoded; what was given is written over, as its owner may. */
function taken(decoder: Base64Decoder, chunk: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < chunk.length; ) {
    const octets = chunk.copy(decoder.room, 0, at);
    at += octets;
    const part = decoder.take(octets);
    parts.push(Buffer.from(part));
    part.fill(0xee);
  }
  return parts;
}

function fold(data: Buffer, width: number, end: string): Buffer {
  const lines = data.toString('base64').match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
  return Buffer.from(lines.map((line) => `${line}${end}`).join(''));
}

function isRefused(text: string, kernel: UnfoldModule | null, at: readonly number[] = []): void {
  assert.throws(
    () => decode(Buffer.from(text, 'latin1'), at, kernel),
    (error) => error instanceof GatewayError && error.code === 'message.malformed',
    text.slice(0, 100),
  );
}

describe('base64 decoder', () => {
  it('has a kernel that is its own text, assembled', async () => {
    const source = readFileSync(path.join(process.cwd(), 'src/mime/base64-unfold.wat'), 'utf8');
    const wabt = await loadWabt();
    const assembled = wabt.parseWat('base64-unfold.wat', source, { simd: true }).toBinary({}).buffer;
    assert.equal(UNFOLD_MODULE_BYTES, Buffer.from(assembled).toString('base64'));
  });

  it('runs the kernel on this machine', () => assert.notEqual(loadUnfoldModule(), null));

  for (const [name, kernel] of [
    ['kernel', loadUnfoldModule()],
    ['plain path', null],
  ] as const) {
    it(`gives what was encoded, whatever the lines and the cuts (${name})`, () => {
      fc.assert(
        fc.property(
          octets,
          fc.integer({ min: 1, max: 120 }),
          fc.constantFrom('\r\n', '\n', ' \t\r\n'),
          cuts,
          (data, width, end, at) => {
            assert.ok(decode(fold(data, width, end), at, kernel).equals(data));
          },
        ),
      );
    });

    it(`decodes every octet in every column (${name})`, () => {
      const data = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 255));
      for (const [width, end] of [
        [76, '\r\n'],
        [64, '\n'],
        [60, '\r\n'],
        [1000, '\n'],
      ] as const) {
        assert.ok(decode(fold(data, width, end), [1, 100, 65_537, 65_700, 200_001], kernel).equals(data));
      }
    });

    it(`refuses every octet that is not base64, in every column (${name})`, () => {
      const good = fold(Buffer.alloc(57 * 20, 0xa5), 76, '\r\n').toString('latin1');
      const foreign = Array.from({ length: 256 }, (_, octet) => octet).filter(
        (octet) => !/[A-Za-z0-9+/=\r\n\t ]/.test(String.fromCharCode(octet)),
      );
      for (const [index, octet] of foreign.entries()) {
        const at = 78 * 3 + (index % 76);
        isRefused(good.slice(0, at) + String.fromCharCode(octet) + good.slice(at + 1), kernel);
      }
    });

    it(`refuses padding within, too much of it, and half groups (${name})`, () => {
      const line = 'QUJD'.repeat(19);
      const many = `${line}\r\n`.repeat(10);
      for (const text of [
        'QQ==QQ==',
        'Q===',
        '=',
        'QQ=',
        'Q',
        'QUI',
        'QQ==\r\nQUJD',
        'Q=Q=',
        `${many}QQ==\r\n${many}`,
      ]) {
        isRefused(text, kernel);
        isRefused(text, kernel, [1, 2, 3]);
      }
      isRefused(`${many}${line.slice(0, 40)}=${line.slice(41)}\r\n${many}`, kernel);
    });
  }

  it('does not call the kernel for each line where the lines have two widths', function () {
    const kernel = loadUnfoldModule();
    if (kernel === null) return this.skip();
    let calls = 0;
    const counted: UnfoldModule = {
      ...kernel,
      unfold: (...line) => {
        calls++;
        return kernel.unfold(...line);
      },
    };
    const text = Buffer.from(`${'QUJD'.repeat(4)}\n${'QUJD'.repeat(5)}\n`.repeat(1500));
    const decoder = new Base64Decoder(counted);
    const decoded = decoder.update(text);
    assert.ok(decoded.equals(Buffer.from('ABC'.repeat(9 * 1500))));
    assert.ok(calls < 10, `${calls} calls`);
  });
});
