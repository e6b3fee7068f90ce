/** Mailboxes of From: read in one way or not at all (promise 8, catalogue C25, M5). */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseAddress } from '../../src/address.ts';
import { parseMailboxes } from '../../src/mime/address-list.ts';

const GOOD: readonly (readonly [string, readonly string[]])[] = [
  ['a@example.org', ['a@example.org']],
  ['<a@example.org>', ['a@example.org']],
  ['Anna <a@example.org>', ['a@example.org']],
  ['Anna M. Smith <a@Example.ORG>', ['a@example.org']],
  ['"Smith, Anna" <a@example.org>', ['a@example.org']],
  ['"x@evil.example" <a@example.org>', ['a@example.org']],
  ['"quote \\" inside" <a@example.org>', ['a@example.org']],
  ['=?utf-8?q?J=C3=B6rg?= <j@example.org>', ['j@example.org']],
  ['J\u00f6rg <j@example.org>', ['j@example.org']],
  ['a@example.org (Anna (the first))', ['a@example.org']],
  ['(hello) Anna (x) <a@example.org> (y)', ['a@example.org']],
  ['"a b"@example.org', ['"a b"@example.org']],
  ['<"a@b"@example.org>', ['"a@b"@example.org']],
  ['a@example.org, B <b@example.org>', ['a@example.org', 'b@example.org']],
  ['friends: a@example.org, <b@example.org>;', ['a@example.org', 'b@example.org']],
  ['undisclosed: ;', []],
  ['Anna <a@m\u00fcller.example>', ['a@xn--mller-kva.example']],
];

const BAD: readonly string[] = [
  '',
  ' ',
  'Anna',
  'x@evil.example <a@example.org>',
  'a@example.org b@example.org',
  'a@example.org <b@example.org>',
  '<a@example.org> <b@example.org>',
  '<a@example.org> b',
  'a@example.org,',
  ',a@example.org',
  'a@example.org,,b@example.org',
  '<@route.example:a@example.org>',
  '<a @example.org>',
  '<a@ example.org>',
  '<a(x)@example.org>',
  'a (x)@example.org',
  'a@(x)example.org',
  '< a@example.org>',
  '<a@example.org',
  'a@example.org>',
  '"Anna <a@example.org>',
  '(Anna <a@example.org>',
  '<a@[127.0.0.1]>',
  '<a@b@example.org>',
  '<>',
  'g: h: a@example.org;;',
  'g: a@example.org',
  'g: a@example.org; b',
  'a@example.org;',
  'Anna <a@example.org>\0',
  'Anna\r\n <a@example.org>',
  'a\\@b.example',
];

describe('address list', () => {
  for (const [value, expected] of GOOD) {
    it(`reads ${JSON.stringify(value)}`, () => {
      assert.deepEqual(
        parseMailboxes(value)?.map((address) => address.text),
        expected,
      );
    });
  }
  for (const value of BAD) {
    it(`does not read ${JSON.stringify(value)}`, () => assert.equal(parseMailboxes(value), null));
  }

  it('M5 bombs end at once', () => {
    const bombs = ['(', '"', '<', 'a.', ',', 'a@', ':', '\\', '<a@b>', ' ', '"" ', 'a@b.example,'];
    for (const bomb of bombs) assert.equal(parseMailboxes(bomb.repeat(100_000)), null);
    for (const bomb of bombs) parseMailboxes(bomb.repeat(Math.floor(100_000 / bomb.length)));
  });

  it('never throws; what it finds stands in the value', () => {
    const piece = fc.constantFrom('a', '@', 'example.org', '<', '>', '"', '(', ')', ',', ':', ';', ' ', '\\', '.', 'b');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const value = pieces.join('');
        for (const address of parseMailboxes(value) ?? []) {
          assert.ok(value.includes(address.text));
          assert.equal(parseAddress(address.text)?.key, address.key);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
