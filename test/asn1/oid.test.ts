/** `parseOid` against the writer and against octets no encoder may write. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DerReader } from '../../src/asn1/der-reader.ts';
import { derOid, TAG } from '../../src/asn1/der-writer.ts';
import { OID_OCTETS_MAX, parseOid } from '../../src/asn1/oid.ts';

describe('parseOid', () => {
  it('reads known ones', () => {
    assert.equal(parseOid(Buffer.from('2a864886f70d010702', 'hex')), '1.2.840.113549.1.7.2');
    assert.equal(parseOid(Buffer.from('550403', 'hex')), '2.5.4.3');
    assert.equal(parseOid(Buffer.from('883703', 'hex')), '2.999.3');
    assert.equal(parseOid(Buffer.from('00', 'hex')), '0.0');
  });

  it('reads arcs of 128 bits exactly', () => {
    const uuid = (1n << 128n) - 1n;
    const octets = [Number(uuid & 0x7fn)];
    for (let rest = uuid >> 7n; rest > 0n; rest >>= 7n) octets.unshift(Number(rest & 0x7fn) | 0x80);
    assert.equal(parseOid(Buffer.from([0x69, ...octets])), `2.25.${uuid}`);
  });

  it('reads back what the writer writes', () => {
    const arcs = fc.array(fc.integer({ min: 0, max: 2 ** 40 }), { maxLength: 6 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 39 }), arcs, (first, second, rest) => {
        const dotted = [first, second, ...rest].join('.');
        assert.equal(parseOid(DerReader.over(derOid(dotted)).read(TAG.oid)), dotted);
      }),
    );
  });

  it('refuses empty, cut short, not minimal and over-long', () => {
    for (const octets of [[], [0x2a, 0x86], [0x80, 0x01], [0x2a, 0x80, 0x01], Array(OID_OCTETS_MAX + 1).fill(1)]) {
      assert.throws(() => parseOid(Buffer.from(octets)), { code: 'asn1.malformed' });
    }
  });
});
