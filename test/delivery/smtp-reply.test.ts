import assert from 'node:assert/strict';
import fc from 'fast-check';
import { findingReply, garbageReply, parseReply, resultOf } from '../../src/delivery/smtp-reply.ts';
import { gatewayError } from '../../src/errors.ts';

const HOP = 'mx.example:25';

describe('delivery/smtp-reply', () => {
  for (const [text, code, enhanced, words] of [
    ['250 2.0.0 Ok: queued as 4711', 250, '2.0.0', 'Ok: queued as 4711'],
    ['550 5.1.1 no such user', 550, '5.1.1', 'no such user'],
    ['550-5.7.1 one\n550 5.7.1 two', 550, '5.7.1', 'one two'],
    ['550-first\r\n550 5.1.2 second', 550, '5.1.2', 'first second'],
    ['451 try later', 451, '4.0.0', 'try later'],
    ['451', 451, '4.0.0', ''],
    ['550 4.7.1 a status of another class', 550, '5.0.0', '4.7.1 a status of another class'],
    ['550 5.1.1000 no status', 550, '5.0.0', '5.1.1000 no status'],
    ['550 \x1b[31mred\u202e\tand  wide', 550, '5.0.0', '\\u001b[31mred\\u202e and wide'],
  ] as const) {
    it(`parses ${JSON.stringify(text)}`, () => {
      assert.deepEqual(parseReply(text, HOP), { code, enhanced, text: words, hop: HOP });
    });
  }

  for (const text of [
    '',
    'hello',
    '25 short',
    '2500 long',
    '650 odd',
    '250ok',
    '220-a\n250 b',
    '550 a\ngarbage',
    '199 x',
  ]) {
    it(`takes ${JSON.stringify(text)} for no reply`, () => {
      assert.equal(parseReply(text, HOP), null);
    });
  }

  it('gives one printable line whatever the peer says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 500 }), (text) => {
        for (const reply of [parseReply(`550 ${text}`, HOP), garbageReply(text, HOP)]) {
          if (reply !== null) assert.doesNotMatch(reply.text, /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
        }
      }),
    );
  });

  it('reads class 5 as failed, class 2 as delivered, all else as deferred', () => {
    const result = (text: string): string => resultOf(parseReply(text, HOP) ?? garbageReply(text, HOP));
    assert.equal(result('250 ok'), 'delivered');
    assert.equal(result('550 no'), 'failed');
    assert.equal(result('450 wait'), 'deferred');
    assert.equal(result('354 odd'), 'deferred');
    assert.equal(result('garbage'), 'deferred');
    assert.equal(resultOf(findingReply(gatewayError('delivery.no-8bit', ''))), 'failed');
    assert.equal(resultOf(findingReply(gatewayError('delivery.not-sealed', ''))), 'deferred');
  });
});
