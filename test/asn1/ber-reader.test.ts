/** `BerReader`: legal BER that DER refuses, and that hostile nesting ends with a code. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { BER_DEPTH_MAX, BerReader } from '../../src/asn1/ber-reader.ts';
import { GatewayError } from '../../src/errors.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const malformed = { code: 'asn1.malformed' };

describe('BerReader', () => {
  it('reads indefinite lengths, nested, and lengths that are not minimal', () => {
    const reader = BerReader.over(bytes('30 80 30 80 04 81 01 61 00 00 05 00 00 00 02 01 07'));
    const outer = reader.enter(0x30);
    const inner = outer.enter(0x30);
    assert.equal(inner.readElement().content.toString(), 'a');
    assert.equal(inner.atEnd, true);
    assert.equal(outer.readElement().tag, 5);
    assert.equal(outer.atEnd, true);
    assert.deepEqual(reader.readElement().whole, bytes('02 01 07'));
    assert.equal(reader.atEnd, true);
  });

  for (const hex of [
    '30 80 05 00',
    '30 80 05 00 00',
    '04 80 61 00 00',
    '30 05 01',
    '1f 01 00',
    '30 88 0000000000000001',
  ]) {
    it(`refuses ${hex}`, () => assert.throws(() => BerReader.over(bytes(hex)).readElement(), malformed));
  }

  it('refuses nesting past the limit, and the wrong tag', () => {
    const levels = BER_DEPTH_MAX + 2;
    const nested = Buffer.concat([bytes('3080'.repeat(levels)), bytes('0000'.repeat(levels))]);
    assert.throws(() => BerReader.over(nested).readElement(), malformed);
    assert.throws(() => BerReader.over(bytes('0500')).enter(0x30), malformed);
  });

  it('answers or refuses, whatever the octets', () => {
    const octet = fc.oneof(fc.constantFrom(0x00, 0x30, 0x80, 0xa0, 0x04, 0x02), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(octet, { maxLength: 100 }), (octets) => {
        try {
          const reader = BerReader.over(Buffer.from(octets));
          while (!reader.atEnd) reader.skip();
        } catch (thrown) {
          assert.ok(thrown instanceof GatewayError && thrown.code === 'asn1.malformed');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
