/** Simple DER values: accepted forms, and the near misses of catalogue C3. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DerReader } from '../../src/asn1/der-reader.ts';
import {
  checkInteger,
  parseBitString,
  parseBoolean,
  parseSmallInteger,
  parseTime,
  parseUnsignedOctets,
  parseWholeBitString,
} from '../../src/asn1/der-values.ts';
import { derTime, TAG } from '../../src/asn1/der-writer.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const malformed = { code: 'asn1.malformed' };

describe('DER values', () => {
  it('C3 BOOLEAN is 00 or FF', () => {
    assert.equal(parseBoolean(bytes('ff')), true);
    assert.equal(parseBoolean(bytes('00')), false);
    for (const hex of ['', '01', '7f', 'ffff']) assert.throws(() => parseBoolean(bytes(hex)), malformed, hex);
  });

  it('C3 INTEGER is minimal', () => {
    for (const hex of ['00', '7f', '0080', 'ff7f', '80']) checkInteger(bytes(hex));
    for (const hex of ['', '0000', '007f', 'ffff', 'ff80'])
      assert.throws(() => checkInteger(bytes(hex)), malformed, hex);
    assert.equal(parseSmallInteger(bytes('7fffffff')), 2 ** 31 - 1);
    for (const hex of ['ff', '0080000000', '7fffffffff']) {
      assert.throws(() => parseSmallInteger(bytes(hex)), malformed, hex);
    }
    assert.deepEqual(parseUnsignedOctets(bytes('00ff')), bytes('ff'));
    assert.deepEqual(parseUnsignedOctets(bytes('00')), bytes('00'));
    assert.throws(() => parseUnsignedOctets(bytes('80')), malformed);
  });

  it('C3 BIT STRING has possible and clear unused bits', () => {
    assert.deepEqual(parseBitString(bytes('0780')), { unusedBits: 7, octets: bytes('80') });
    assert.deepEqual(parseBitString(bytes('00')), { unusedBits: 0, octets: bytes('') });
    for (const hex of ['', '01', '0800', '0401']) assert.throws(() => parseBitString(bytes(hex)), malformed, hex);
    assert.throws(() => parseWholeBitString(bytes('0780')), malformed);
  });

  it('reads times of both types', () => {
    const read = (tag: number, text: string): string => parseTime(tag, Buffer.from(text)).toISOString();
    assert.equal(read(TAG.utcTime, '491231235959Z'), '2049-12-31T23:59:59.000Z');
    assert.equal(read(TAG.utcTime, '500101000000Z'), '1950-01-01T00:00:00.000Z');
    assert.equal(read(TAG.utcTime, '240229000000Z'), '2024-02-29T00:00:00.000Z');
    assert.equal(read(TAG.generalizedTime, '99991231235959Z'), '9999-12-31T23:59:59.000Z');
    assert.equal(read(TAG.generalizedTime, '00501231235959Z'), '0050-12-31T23:59:59.000Z');
  });

  const badTimes: [number, string][] = [
    [TAG.utcTime, '241301000000Z'],
    [TAG.utcTime, '240001000000Z'],
    [TAG.utcTime, '230229000000Z'],
    [TAG.utcTime, '240431000000Z'],
    [TAG.utcTime, '240400000000Z'],
    [TAG.utcTime, '240101240000Z'],
    [TAG.utcTime, '240101006000Z'],
    [TAG.utcTime, '240101000060Z'],
    [TAG.utcTime, '2401010000Z'],
    [TAG.utcTime, '240101000000'],
    [TAG.utcTime, '240101000000+0000'],
    [TAG.utcTime, '2401010000 0Z'],
    [TAG.utcTime, '20240101000000Z'],
    [TAG.generalizedTime, '240101000000Z'],
    [TAG.generalizedTime, '20240101000000.5Z'],
    [TAG.generalizedTime, '19000229000000Z'],
    [TAG.ia5String, '240101000000Z'],
  ];
  for (const [tag, text] of badTimes) {
    it(`C3 refuses time ${text} of tag ${tag}`, () => {
      assert.throws(() => parseTime(tag, Buffer.from(text)), malformed);
    });
  }

  it('reads back every time the writer writes', () => {
    const dates = fc.date({ min: new Date('1950-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(dates, (date) => {
        const { tag, content } = DerReader.over(derTime(date)).readElement();
        assert.equal(parseTime(tag, content).getTime(), Math.floor(date.getTime() / 1000) * 1000);
      }),
    );
  });
});
