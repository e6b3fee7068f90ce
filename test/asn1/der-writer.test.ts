/** DER out: lengths and values against their definitions, for every size that is written. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { der, derHeader, derInteger, derSetOf, TAG } from '../../src/asn1/der-writer.ts';

/** X.690 §8.1.3: by the book, with big numbers. */
function headerByTheBook(tag: number, length: number): string {
  const octets = Buffer.of(tag).toString('hex');
  if (length < 0x80) return octets + Buffer.of(length).toString('hex');
  const hex = length.toString(16);
  const even = hex.length % 2 === 0 ? hex : `0${hex}`;
  return octets + Buffer.of(0x80 | (even.length / 2)).toString('hex') + even;
}

describe('asn1/der-writer', () => {
  it('writes every length in its shortest form', () => {
    const edges = [
      0,
      1,
      0x7f,
      0x80,
      0xff,
      0x100,
      0xffff,
      0x1_0000,
      0xff_ffff,
      0x100_0000,
      2 ** 32 - 1,
      2 ** 32,
      2 ** 48,
    ];
    for (const length of edges) assert.equal(derHeader(0x30, length).toString('hex'), headerByTheBook(0x30, length));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 }), (length) => {
        assert.equal(derHeader(0xa0, length).toString('hex'), headerByTheBook(0xa0, length));
      }),
    );
  });

  it('joins the parts of a value', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), (parts) => {
        const content = Buffer.concat(parts);
        assert.deepEqual(der(0x31, ...parts), Buffer.concat([derHeader(0x31, content.length), content]));
      }),
    );
  });

  it('writes integers with their sign bit clear', () => {
    const expected: readonly (readonly [number | bigint, string])[] = [
      [0, '020100'],
      [1, '020101'],
      [127, '02017f'],
      [128, '02020080'],
      [256, '02020100'],
      [2n ** 64n, '0209010000000000000000'],
    ];
    for (const [value, hex] of expected) assert.equal(derInteger(value).toString('hex'), hex);
  });

  it('sorts a SET OF', () => {
    const [one, two] = [derInteger(1), derInteger(2)];
    assert.deepEqual(derSetOf([two, one]), der(TAG.set, one, two));
    assert.deepEqual(derSetOf([two]), der(TAG.set, two));
    assert.deepEqual(derSetOf([]), der(TAG.set));
  });
});
