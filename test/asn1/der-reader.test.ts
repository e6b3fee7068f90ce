/** `DerReader` and `checkDer`: what is read, and that everything that is not DER is refused by its own code. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { checkDer } from '../../src/asn1/der-check.ts';
import { DER_DEPTH_MAX, DerReader } from '../../src/asn1/der-reader.ts';
import { der, derInteger, derOctetString, derSequence, TAG } from '../../src/asn1/der-writer.ts';
import { GatewayError } from '../../src/errors.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const malformed = { code: 'asn1.malformed' };

describe('DerReader', () => {
  it('walks values in order and hands out views, not copies', () => {
    const input = derSequence(derInteger(5), derOctetString(Buffer.from('abc')));
    const outer = DerReader.over(input);
    const sequence = outer.enter(TAG.sequence);
    outer.finish();
    assert.equal(sequence.peekTag(), TAG.integer);
    assert.deepEqual(sequence.readWhole(TAG.integer), derInteger(5));
    assert.equal(sequence.readOptional(TAG.boolean), null);
    const content = sequence.read(TAG.octetString);
    assert.equal(content.toString(), 'abc');
    assert.equal(content.buffer, input.buffer);
    assert.equal(sequence.atEnd, true);
    assert.equal(sequence.peekTag(), null);
    sequence.finish();
  });

  it('reads lengths of every form', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
      const reader = DerReader.over(derOctetString(Buffer.alloc(length)));
      assert.equal(reader.read(TAG.octetString).length, length);
      reader.finish();
    }
  });

  const refused: Record<string, string> = {
    'C3 indefinite length': '30 80 00 00',
    'C3 length not minimal (81 for below 128)': '04 81 01 61',
    'C3 length not minimal (leading zero)': `04 82 00 80 ${'00'.repeat(128)}`,
    'C3 length of seven octets': '04 87 00 00 00 00 00 00 01 61',
    'C3 reserved length FF': '04 ff 61',
    'length past the end': '04 05 61',
    'length octets cut off': '04 82 01',
    'tag alone': '04',
    'tag of more than one octet': '1f 81 01 01 61',
  };
  for (const [name, hex] of Object.entries(refused)) {
    it(`refuses ${name}`, () => assert.throws(() => DerReader.over(bytes(hex)).readElement(), malformed));
  }

  it('refuses the wrong tag, a missing value, and octets left over', () => {
    assert.throws(() => DerReader.over(bytes('0401 61')).read(TAG.integer), malformed);
    assert.throws(() => DerReader.over(Buffer.alloc(0)).read(TAG.integer), malformed);
    const reader = DerReader.over(bytes('0500 00'));
    reader.skip();
    assert.throws(() => reader.finish(), malformed);
  });

  it('refuses an inner length that reaches past its parent', () => {
    const inner = DerReader.over(bytes('30 03 04 05 61 62 63 64 65')).enter(TAG.sequence);
    assert.throws(() => inner.readElement(), malformed);
  });

  it('refuses inputs past the size limit, and nesting past the depth limit', () => {
    assert.throws(() => DerReader.over(Buffer.alloc(11), 10), malformed);
    let nested = derInteger(1);
    for (let depth = 0; depth <= DER_DEPTH_MAX; depth++) nested = derSequence(nested);
    assert.throws(() => {
      for (let reader = DerReader.over(nested); ; ) reader = reader.enter(TAG.sequence);
    }, malformed);
    assert.throws(() => checkDer(nested), malformed);
  });

  it('reads back whatever the writer writes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (contents) => {
        const reader = DerReader.over(derSequence(...contents.map((c) => der(TAG.octetString, c)))).enter(TAG.sequence);
        for (const content of contents) assert.deepEqual(reader.read(TAG.octetString), Buffer.from(content));
        reader.finish();
      }),
    );
  });
});

describe('checkDer', () => {
  it('accepts DER and refuses odd BOOLEANs, long INTEGERs and BER at any depth', () => {
    checkDer(bytes('30 07 30 05 01 01 ff 05 00'));
    for (const hex of ['30 05 30 03 01 01 01', '30 06 30 04 02 02 00 01', '30 06 30 80 05 00 00 00', '05 00 00']) {
      assert.throws(() => checkDer(bytes(hex)), malformed, hex);
    }
  });

  it('never fails otherwise than by its code, whatever the octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        try {
          checkDer(Buffer.from(octets));
        } catch (thrown) {
          assert.ok(thrown instanceof GatewayError && thrown.code === 'asn1.malformed');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
