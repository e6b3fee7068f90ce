/** Which rule wins (docs/configuration.md), with origins. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Address, parseAddress } from '../../src/address.ts';
import { BUILT_IN_SETTINGS, needsCertificate, resolveSettings } from '../../src/policy/resolve-settings.ts';
import type { Level, Origin, PartialSettings, PolicyRules, RecipientRule } from '../../src/policy/rules.ts';
import { LEVELS } from './settings-samples.ts';

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed !== null, text);
  return parsed;
}

function match(pattern: string): RecipientRule['match'] {
  if (pattern.includes('@')) return { kind: 'address', address: address(pattern) };
  return pattern.startsWith('*.')
    ? { kind: 'wildcard', domain: pattern.slice(2) }
    : { kind: 'domain', domain: pattern };
}

function origin(path: string): Origin {
  return { path, file: 'sealgate.yaml', line: 1 };
}

function encrypting(path: string, encrypt: Level): PartialSettings {
  return { encrypt: { value: encrypt, origin: origin(path) } };
}

function rulesOf(to: Readonly<Record<string, Level>>, defaults: PartialSettings = {}): PolicyRules {
  return {
    ours: ['example.org'],
    defaults,
    to: Object.entries(to).map(([pattern, level]) => ({ match: match(pattern), settings: encrypting(pattern, level) })),
  };
}

function encryptOf(rules: PolicyRules, recipient: string): string {
  const { value, origin: from } = resolveSettings(rules, address(recipient)).encrypt;
  return `${value} by ${from.path}`;
}

describe('resolveSettings', () => {
  it('falls back to the built-in values', () => {
    const settings = resolveSettings(rulesOf({}), address('bob@bank.example'));
    for (const [name, value] of Object.entries(BUILT_IN_SETTINGS)) {
      assert.deepEqual(settings[name as keyof typeof settings], {
        value,
        origin: { path: 'built-in', file: null, line: null },
      });
    }
  });

  it('takes the most specific rule, wherever it stands', () => {
    const levels = {
      'bob@a.gov.example': 'never',
      '*.gov.example': 'required',
      'a.gov.example': 'if-possible',
      '*.example': 'never',
      '*.a.gov.example': 'required',
    } as const;
    for (const entries of [Object.entries(levels), Object.entries(levels).reverse()]) {
      const rules = rulesOf(Object.fromEntries(entries), encrypting('defaults', 'required'));
      assert.equal(encryptOf(rules, 'bob@a.gov.example'), 'never by bob@a.gov.example');
      assert.equal(encryptOf(rules, 'BOB@A.GOV.example'), 'never by bob@a.gov.example');
      assert.equal(encryptOf(rules, 'eve@a.gov.example'), 'if-possible by a.gov.example');
      assert.equal(encryptOf(rules, 'eve@b.gov.example'), 'required by *.gov.example');
      assert.equal(encryptOf(rules, 'eve@b.a.gov.example'), 'required by *.a.gov.example');
      assert.equal(encryptOf(rules, 'eve@gov.example'), 'never by *.example');
      assert.equal(encryptOf(rules, 'eve@elsewhere.test'), 'required by defaults');
    }
  });

  it('matches a wildcard at label borders only, and not the domain itself', () => {
    const rules = rulesOf({ '*.gov.example': 'required' });
    assert.equal(encryptOf(rules, 'a@xgov.example'), 'if-possible by built-in');
    assert.equal(encryptOf(rules, 'a@gov.example'), 'if-possible by built-in');
    assert.equal(encryptOf(rules, 'a@x.y.gov.example'), 'required by *.gov.example');
  });

  it('inherits each setting on its own', () => {
    const rules: PolicyRules = {
      ours: [],
      defaults: { unusable: { value: 'plain', origin: origin('defaults') } },
      to: [
        { match: match('bank.example'), settings: encrypting('domain', 'required') },
        {
          match: match('bob@bank.example'),
          settings: { sign: { value: 'never', origin: origin('address') } },
        },
      ],
    };
    const settings = resolveSettings(rules, address('bob@bank.example'));
    assert.equal(settings.sign.origin.path, 'address');
    assert.equal(settings.encrypt.value, 'required');
    assert.equal(settings.unusable.value, 'plain');
    assert.equal(settings.profile.origin.path, 'built-in');
  });

  it('leaves mail to our own domains alone, unless a rule names them', () => {
    const rules = rulesOf({ 'ceo@example.org': 'required' }, encrypting('defaults', 'required'));
    const colleague = resolveSettings(rules, address('bert@example.org'));
    assert.deepEqual([colleague.sign.value, colleague.encrypt.value], ['never', 'never']);
    assert.equal(colleague.encrypt.origin.path, 'built-in for our own domains');
    assert.equal(needsCertificate(colleague), false);
    assert.equal(encryptOf(rules, 'ceo@example.org'), 'required by ceo@example.org');
    assert.equal(encryptOf(rules, 'x@sub.example.org'), 'required by defaults');
  });

  it('does not depend on the order of the rules', () => {
    const patterns = ['*.example', '*.b.example', 'a.b.example', 'x@a.b.example', '*.a.b.example', 'b.example'];
    const rule = fc.record({ pattern: fc.constantFrom(...patterns), level: fc.constantFrom(...LEVELS) });
    const recipients = ['x@a.b.example', 'y@a.b.example', 'y@b.example', 'y@c.a.b.example', 'y@z.example'];
    fc.assert(
      fc.property(
        fc.uniqueArray(rule, { selector: ({ pattern }) => pattern }),
        fc.constantFrom(...recipients),
        fc.func(fc.integer()),
        (list, recipient, order) => {
          const entries = list.map(({ pattern, level }) => [pattern, level] as const);
          const shuffled = entries.toSorted((a, b) => order(a[0]) - order(b[0]));
          assert.equal(
            encryptOf(rulesOf(Object.fromEntries(entries)), recipient),
            encryptOf(rulesOf(Object.fromEntries(shuffled)), recipient),
          );
        },
      ),
    );
  });
});
