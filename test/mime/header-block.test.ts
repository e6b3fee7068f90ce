/** Header sections: octets stay what they were; what two programs could read in two ways is refused. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { GatewayError } from '../../src/errors.ts';
import {
  HEADER_FIELDS_MAX,
  HEADER_OCTETS_MAX,
  type HeaderBlock,
  parseHeaderBlock,
} from '../../src/mime/header-block.ts';
import { HeaderReader } from '../../src/mime/header-reader.ts';

const parse = (text: string): HeaderBlock => parseHeaderBlock(Buffer.from(text, 'utf8'));
const fails = (code: string) => (error: unknown) => error instanceof GatewayError && error.code === code;

/** Feeds a text in pieces of `size` octets. */
function read(bytes: Buffer, size: number): { header: HeaderBlock; rest: Buffer } {
  const reader = new HeaderReader();
  for (let at = 0; at < bytes.length; at += size) {
    const done = reader.write(bytes.subarray(at, at + size));
    if (done !== null) return { header: done.header, rest: Buffer.concat([done.rest, bytes.subarray(at + size)]) };
  }
  return { header: reader.end(), rest: Buffer.alloc(0) };
}

const SAMPLE =
  'Received: from a\r\n by b;\r\n\tnow\r\nFROM : "J\u00f6" <j@example.org>\r\nSubject:\r\n \r\n x\r\nTo: a\r\ntO: b\r\n';

describe('header block', () => {
  it('keeps every octet and unfolds values', () => {
    const block = parse(SAMPLE);
    assert.equal(block.raw.toString('utf8'), SAMPLE);
    assert.deepEqual(
      block.fields.map((field) => [field.name, field.value]),
      [
        ['received', 'from a by b;\tnow'],
        ['from', '"J\u00f6" <j@example.org>'],
        ['subject', 'x'],
        ['to', 'a'],
        ['to', 'b'],
      ],
    );
    assert.deepEqual(block.all('To'), ['a', 'b']);
    assert.equal(block.only('to'), null);
    assert.equal(block.only('SUBJECT'), 'x');
    assert.equal(block.has('cc'), false);
  });

  it('adds and removes whole fields only', () => {
    const block = parse('A: 1\r\nB: 2\r\n').withTop(Buffer.from('X: 0\r\n')).withEnd(Buffer.from('Y: 3\r\n'));
    assert.equal(block.without((field) => field.name === 'a').raw.toString(), 'X: 0\r\nB: 2\r\nY: 3\r\n');
    for (const bad of ['Z: 1', 'Z: 1\r\n\r\n', 'Z: 1\nBcc: x\r\n', 'no colon\r\n', '']) {
      if (bad !== '') assert.throws(() => block.withTop(Buffer.from(bad)), fails('message.malformed'), bad);
    }
  });

  it('reads plain headers the short way as the long way does', () => {
    const piece = fc.constantFrom(
      'A: 1\r\n',
      'From: x',
      'b:',
      ':',
      ' ',
      '\t',
      '\r\n',
      '\r',
      '\n',
      '\0',
      '\u00fc',
      'c',
      ' x\r\n',
    );
    const facts = (text: string, fields?: number): unknown => {
      try {
        return parse(text)
          .fields.slice(0, fields)
          .map(({ name, value, raw }) => [name, value, raw.toString('hex')]);
      } catch (error) {
        return fails('message.malformed')(error) ? 'malformed' : error;
      }
    };
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const text = pieces.join('');
        // white space before a colon is for the long way, with all that stands before it
        if (text === '' || text.endsWith('\r\n')) assert.deepEqual(facts(text), facts(`${text}Z :\r\n`, -1));
        else assert.equal(facts(text), 'malformed');
      }),
      { numRuns: 5000 },
    );
  });

  it('refuses what is no field', () => {
    const bad = [
      'no colon\r\n',
      ': empty name\r\n',
      ' leading fold\r\n',
      'A: 1\r\nFrom me: x\r\n',
      'From user@host Thu Jan 1 00:00:00\r\n',
      'A: 1\r\n\r\nB: 2\r\n',
      'A: nul\0\r\n',
      'A: bare\rcr\r\n',
      'A: bare\nB: lf\r\n',
      'A: 1\r\nB\r\n : folded before the colon\r\n',
      'K\u00f6nig: 8-bit name\r\n',
      'A: no end',
      'A: 1\r\r\n',
    ];
    for (const text of bad) assert.throws(() => parse(text), fails('message.malformed'), JSON.stringify(text));
  });

  it('M2 many fields, many folds, 20 MB of header', () => {
    assert.throws(() => parse('A: 1\r\n'.repeat(HEADER_FIELDS_MAX + 1)), fails('message.limits'));
    assert.equal(parse('A: 1\r\n'.repeat(HEADER_FIELDS_MAX)).fields.length, HEADER_FIELDS_MAX);
    assert.throws(() => parse('A: 1\r\n'.repeat(100_000)), fails('message.limits'));
    assert.equal(parse(`A: 1\r\n${' x\r\n'.repeat(200_000)}`).fields.length, 1);
    assert.throws(() => read(Buffer.from(`A: 1\r\n${' x\r\n'.repeat(1_000_000)}`), 65_536), fails('message.limits'));
    const reader = new HeaderReader();
    let taken = 0;
    assert.throws(() => {
      for (; taken < 20; taken++) reader.write(Buffer.alloc(1_000_000, 'x'));
    }, fails('message.limits'));
    assert.ok(taken <= 2, `took ${taken} MB`);
    const largest = `A: ${'x'.repeat(HEADER_OCTETS_MAX - 5)}\r\n`;
    assert.equal(read(Buffer.from(`${largest}\r\nbody`), 4096).header.raw.length, HEADER_OCTETS_MAX);
  });

  it('M3 white space before the colon makes a second From', () => {
    assert.equal(parse('From: a@example.org\r\nFrom : b@example.org\r\n').only('from'), null);
    assert.equal(parse('From: a@example.org\r\nFrom\t: b@example.org\r\n').all('From').length, 2);
  });

  it('M6 names of prototypes are names', () => {
    const block = parse('__proto__: x\r\nconstructor: y\r\nhasOwnProperty: z\r\n');
    assert.equal(block.only('__proto__'), 'x');
    assert.equal(block.only('constructor'), 'y');
    assert.deepEqual(block.all('toString'), []);
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
  });

  it('M4 no raw field brings a second line along', () => {
    const block = parse('A: 1\r\n');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        let grown: HeaderBlock;
        try {
          grown = block.withTop(Buffer.from(`Subject: ${text}\r\n`));
        } catch (error) {
          assert.ok(fails('message.malformed')(error));
          return;
        }
        const lines = grown.raw.toString('latin1').split('\r\n').slice(0, -1);
        assert.equal(lines.filter((line) => !/^[ \t]/.test(line)).length, grown.fields.length);
        assert.doesNotMatch(grown.raw.toString('latin1').replaceAll('\r\n', ''), /[\r\n\0]/);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('header reader', () => {
  it('splits header and body wherever the chunks end', () => {
    const bytes = Buffer.from(`${SAMPLE}\r\nbody\r\n\r\nmore`);
    for (const size of [1, 2, 3, 5, 7, 64, 4096]) {
      const { header, rest } = read(bytes, size);
      assert.equal(header.raw.toString(), SAMPLE);
      assert.equal(rest.toString(), 'body\r\n\r\nmore', `chunks of ${size}`);
    }
  });

  it('reads a message without header, without body, and an empty one', () => {
    for (const size of [1, 2, 100]) {
      assert.deepEqual(read(Buffer.from('\r\nbody'), size).rest.toString(), 'body');
      assert.equal(read(Buffer.from('\r\nbody'), size).header.fields.length, 0);
      assert.equal(read(Buffer.from('A: 1\r\n'), size).header.only('a'), '1');
    }
    assert.equal(read(Buffer.alloc(0), 1).header.fields.length, 0);
  });

  it('gives the same for any chunking', () => {
    const piece = fc.constantFrom('\r\n', 'A: 1\r\n', ' x\r\n', '\r', '\n', 'b', ':', '\0');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.integer({ min: 1, max: 5 }), (pieces, size) => {
        const outcome = (step: number): string => {
          try {
            const { header, rest } = read(Buffer.from(pieces.join('')), step);
            return `${header.raw.toString()}|${rest.toString()}`;
          } catch (error) {
            return error instanceof GatewayError ? error.code : String(error);
          }
        };
        assert.equal(outcome(size), outcome(10_000));
      }),
      { numRuns: 1000 },
    );
  });
});
