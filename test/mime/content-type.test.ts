/** Content-Type and its kin: tolerant, and honest about doubt. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseContentDisposition, parseContentType, parseTransferEncoding } from '../../src/mime/content-type.ts';
import { readGrammar, readParameterised } from '../../src/mime/parameterised-value.ts';

/** value, media type, parameters */
const CLEAR: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
  ['', 'text/plain', {}],
  ['text/plain', 'text/plain', {}],
  ['TEXT/Plain; Charset="UTF-8"', 'text/plain', { charset: 'UTF-8' }],
  ['text/plain; charset=us-ascii (Plain text)', 'text/plain', { charset: 'us-ascii' }],
  ['text/plain;charset=utf-8;', 'text/plain', { charset: 'utf-8' }],
  ['text/plain; charset=utf-8; charset=utf-8', 'text/plain', { charset: 'utf-8' }],
  ['text/plain; format', 'text/plain', {}],
  ['multipart/mixed; boundary=----=_Part_1', 'multipart/mixed', { boundary: '----=_Part_1' }],
  ['multipart/mixed; boundary="a b:c?"', 'multipart/mixed', { boundary: 'a b:c?' }],
  ['multipart/mixed; boundary*0="ab"; boundary*1=cd', 'multipart/mixed', { boundary: 'abcd' }],
  ["multipart/mixed; boundary*=us-ascii''a%2Db", 'multipart/mixed', { boundary: 'a-b' }],
  ['application/pdf; name=two words.pdf', 'application/pdf', { name: 'two words.pdf' }],
  ['application/pdf; name="a;b.pdf"; x=y', 'application/pdf', { name: 'a;b.pdf', x: 'y' }],
  ['application/pdf; name="a.pdf"; name*=utf-8\'\'%C3%A4.pdf', 'application/pdf', { name: '\u00c3\u00a4.pdf' }],
  ['message/rfc822; name="say \\"hi\\".eml"', 'message/rfc822', { name: 'say "hi".eml' }],
  [
    'application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m',
    'application/pkcs7-mime',
    { 'smime-type': 'enveloped-data', name: 'smime.p7m' },
  ],
];

/** M3: two programs, two structures. */
const AMBIGUOUS: readonly string[] = [
  'multipart/mixed; boundary=a; boundary=b',
  'multipart/mixed; boundary="a"; boundary*0=b',
  'multipart/mixed; boundary=a(comment)',
  'multipart/mixed (comment); boundary=a',
  'multipart/mixed; (comment) boundary=a',
  'multipart/mixed; boundary="a" b',
  'multipart/mixed; boundary=a b',
  'multipart/mixed; boundary="a\\b"',
  'multipart/mixed; boundary="a',
  'multipart/mixed; boundary*0=a; boundary*2=b',
  'multipart/mixed; boundary*1=b',
  'multipart/mixed boundary=a',
  'multipart/mixed; type="x" boundary=a',
  'multipart/mixed, text/plain; boundary=a',
  'multipart; boundary=a',
  'multipart / mixed; boundary=a',
  'text/plain; boundary=a; boundary=b',
  'text/plain; charset=utf-8; charset=utf-7',
  'application/pkcs7-mime; smime-type=enveloped-data; smime-type=signed-data',
  'application/pkcs7-mime; smime-type=signed-data (really)',
  'multipart/signed; protocol="application/pkcs7-signature"; protocol="application/pgp-signature"; boundary=a',
  'message/rfc822; name="a',
];

describe('content type', () => {
  for (const [value, mediaType, parameters] of CLEAR) {
    it(`reads ${JSON.stringify(value)}`, () => {
      const read = parseContentType(value);
      assert.equal(read.ambiguous, false);
      assert.equal(read.mediaType, mediaType);
      assert.deepEqual([...read.parameters].sort(), Object.entries(parameters).sort());
    });
  }

  describe('M3 parser differentials', () => {
    for (const value of AMBIGUOUS) {
      it(`doubts ${JSON.stringify(value)}`, () => assert.equal(parseContentType(value).ambiguous, true));
    }
  });

  it('M6 parameters named like prototypes', () => {
    const read = parseContentType('text/plain; __proto__=x; constructor=y; prototype*0=z');
    assert.equal(read.parameters.get('__proto__'), 'x');
    assert.equal(read.parameters.get('constructor'), 'y');
    assert.equal(read.parameters.get('prototype'), 'z');
    assert.equal(({} as Record<string, unknown>)['x'], undefined);
    assert.equal(parseContentType('text/plain').parameters.get('toString'), undefined);
  });

  it('reads transfer encodings', () => {
    assert.deepEqual(parseTransferEncoding('BASE64'), { mechanism: 'base64', ambiguous: false });
    assert.deepEqual(parseTransferEncoding('quoted-printable (as ever)'), {
      mechanism: 'quoted-printable',
      ambiguous: false,
    });
    assert.deepEqual(parseTransferEncoding(''), { mechanism: '7bit', ambiguous: false });
    assert.deepEqual(parseTransferEncoding('7bit;'), { mechanism: '7bit', ambiguous: false });
    for (const doubtful of ['quoted printable', '7bit, base64', '"base64"']) {
      assert.equal(parseTransferEncoding(doubtful).ambiguous, true, doubtful);
    }
  });

  it('reads dispositions', () => {
    const read = parseContentDisposition('Attachment; filename=smime.p7m; size=3');
    assert.equal(read.disposition, 'attachment');
    assert.equal(read.parameters.get('filename'), 'smime.p7m');
    assert.equal(parseContentDisposition('inline; filename=a; filename=b').ambiguous, true);
  });

  it('reads plain values the short way as the long way does', () => {
    const piece = fc.constantFrom(
      ...[
        'text/plain',
        'multipart/mixed',
        '7bit',
        ';',
        '; ',
        ' ;',
        ' ',
        '\t',
        '=',
        '"',
        '\\',
        '(',
        ')',
        '*',
        '*0',
        '*0*',
      ],
      ...[
        'boundary',
        'protocol',
        'Charset',
        'name',
        'smime-type',
        '__proto__',
        'x',
        '--=_a',
        "'",
        '%20',
        '/',
        ',',
        '\u00fc',
      ],
      ...['; boundary="a b"', ';charset=utf-8', '; name=a', '; name="(x)"', '; protocol="application/pkcs7-signature"'],
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const value = pieces.join('');
        assert.deepEqual(readParameterised(value), readGrammar(value), value);
      }),
      { numRuns: 20_000 },
    );
    const many = (count: number): string => `a/b${Array.from({ length: count }, (_, i) => `; p${i}=x`).join('')}`;
    for (const count of [99, 100, 101]) assert.deepEqual(readParameterised(many(count)), readGrammar(many(count)));
  });

  it('never throws, and bounds the number of parameters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        parseContentType(text);
        parseTransferEncoding(text);
        parseContentDisposition(text);
      }),
      { numRuns: 2000 },
    );
    assert.equal(parseContentType(`text/plain${'; a=b'.repeat(100_000)}`).ambiguous, true);
    for (const bomb of ['('.repeat(500_000), '\\'.repeat(500_000), '"'.repeat(500_000), '*'.repeat(500_000)]) {
      parseContentType(`multipart/mixed; boundary=${bomb}`);
      parseContentType(`multipart/mixed; ${bomb}=x`);
    }
  });
});
