import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseAddress, parseDomain, sameAddress } from '../src/address.ts';

/** Pairs that name the same mailbox although spelt apart. */
const SAME: readonly (readonly [string, string])[] = [
  ['bob@bank.example', 'BOB@BANK.EXAMPLE'],
  ['bob@m\u00fcller.example', 'bob@xn--mller-kva.example'],
  ['bob@M\u00dcLLER.example', 'bob@xn--mller-kva.example'],
  ['bob@mu\u0308ller.example', 'bob@xn--mller-kva.example'],
  ['bob@XN--MLLER-KVA.example', 'bob@m\u00fcller.example'],
  ['"bob"@bank.example', 'bob@bank.example'],
  ['"b\\ob"@bank.example', 'bob@bank.example'],
  ['bob@\uff42ank.example', 'bob@bank.example'],
  ['bob@bank\u3002example', 'bob@bank.example'],
  ['bob@b\u00fccher.example', 'bob@xn--bcher-kva.example'],
];

/** Pairs that must stay apart. */
const APART: readonly (readonly [string, string])[] = [
  ['bob@bank.example', 'bob@bank.example.org'],
  ['bob@bank.example', 'b0b@bank.example'],
  ['bob@bank.example', 'bob@b\u0430nk.example'],
  ['bob+x@bank.example', 'bob@bank.example'],
  ['b.ob@bank.example', 'bob@bank.example'],
  ['\u212aarl@bank.example', 'karl@bank.example'],
  ['stra\u00dfe@bank.example', 'strasse@bank.example'],
  ['\u0130@bank.example', 'i@bank.example'],
  ['bob@xn--bnk-5cd.example', 'bob@bank.example'],
  ['"bob "@bank.example', 'bob@bank.example'],
];

describe('address', () => {
  describe('S8 Homographs and mixed IDN forms', () => {
    for (const [a, b] of SAME) {
      it(`${JSON.stringify(a)} is ${b}`, () => {
        const [first, second] = [parseAddress(a), parseAddress(b)];
        assert.ok(first && second);
        assert.ok(sameAddress(first, second), `${first.key} ${second.key}`);
      });
    }
    for (const [a, b] of APART) {
      it(`${JSON.stringify(a)} is not ${b}`, () => {
        const [first, second] = [parseAddress(a), parseAddress(b)];
        assert.ok(first === null || second === null || !sameAddress(first, second));
      });
    }
  });

  it('refuses what is no mailbox', () => {
    const bad = [
      '',
      '@',
      'bob',
      'bob@',
      '@bank.example',
      'a@b@',
      '@a,@b:c@d.example',
      'bob@[127.0.0.1]',
      'bob@127.0.0.1',
      'bob@bank..example',
      '.bob@bank.example',
      'bob.@bank.example',
      'b ob@bank.example',
      'bob@bank example',
      'bob@bank.example.',
      'bob\r\n@bank.example',
      'bob@bank.exa\0mple',
      'bob@%62ank.example',
      '"bob@bank.example',
      '"b"ob"@bank.example',
      'bob>@bank.example',
      'bob@-bank.example',
      'bob@xn--a.example',
      'bob@xn--zzzz-.example',
      'bob@bank.xn--',
      `${'a'.repeat(65)}@bank.example`,
      `bob@${'a.'.repeat(130)}example`,
    ];
    for (const text of bad) assert.equal(parseAddress(text), null, JSON.stringify(text));
  });

  it('keeps the local part as its owner wrote it', () => {
    assert.equal(parseAddress('Bob.Smith@Bank.Example')?.text, 'Bob.Smith@bank.example');
  });

  it('never throws, and reads back what it wrote', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
        const address = parseAddress(text);
        if (address !== null) {
          const again = parseAddress(address.text);
          assert.ok(again !== null && sameAddress(address, again));
          assert.doesNotMatch(address.domain, /[^a-z0-9.-]/);
          assert.doesNotMatch(address.key, /[\x00-\x1f\x7f]/);
        }
        parseDomain(text);
      }),
    );
  });
});
