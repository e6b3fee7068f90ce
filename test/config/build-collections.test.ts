/** `trust` of a rule: names that exist, for recipients that the collections may vouch for (catalogue C29). */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { parseAddress } from '../../src/address.ts';
import { loadConfiguration } from '../../src/config/load-configuration.ts';
import { formatMistake } from '../../src/config/mistake-list.ts';
import { resolveSettings } from '../../src/policy/resolve-settings.ts';
import { ConfigHouse, GOOD_SITE } from './config-house.ts';

const COLLECTIONS = `trust:
  default: certs/trust
  bank: { from: certs/bank, only-for: [bank.example, "*.bank.example"] }
  gov: { from: certs/gov, only-for: ["*.a.gov.example"] }
  mozilla: { from: certs/mozilla }`;

describe('trust of a rule', () => {
  let house: ConfigHouse;
  before(() => {
    house = new ConfigHouse();
    for (const name of ['bank', 'gov', 'mozilla']) mkdirSync(path.join(house.folder, 'certs', name));
  });
  after(() => house.remove());

  /** Rules under `to:`, one a line; the first stands in line 16. */
  const load = (rules: readonly string[], defaults = 'trust: [bank, gov, mozilla, default]') => {
    const to = rules.map((rule) => `    ${rule}\n`).join('');
    const text = GOOD_SITE.replace('trust: { default: certs/trust }', COLLECTIONS)
      .replace('    bank.example: { encrypt: required }\n', to)
      .replace('rules:', `defaults: { ${defaults} }\nrules:`);
    return loadConfiguration(house.write('sealgate.yaml', text));
  };
  const mistakesOf = async (rules: readonly string[], defaults?: string) => {
    const result = await load(rules, defaults);
    const found = result.ok ? result.warnings : result.mistakes;
    return found.map((one) => formatMistake(one).replace(/^.*sealgate\.yaml:(\d+):\d+/, '$1'));
  };

  it('is inherited on its own, and says where it stands', async () => {
    const result = await load(['bank.example: { trust: bank }', '"*.bank.example": { trust: [default, bank] }']);
    assert.ok(result.ok, JSON.stringify(result));
    const chosen = (recipient: string) => {
      const to = parseAddress(recipient);
      assert.ok(to !== null);
      const { value, origin } = resolveSettings(result.configuration.policy, to).trust;
      return `${value?.join(' ')} by ${origin.path}:${origin.line}`;
    };
    assert.equal(chosen('x@bank.example'), 'bank by rules.to.bank.example:16');
    assert.equal(chosen('x@mail.bank.example'), 'default bank by rules.to.*.bank.example:17');
    assert.equal(chosen('x@else.example'), 'bank gov mozilla default by defaults:13');
    const { collections } = result.configuration.policy;
    assert.equal(collections?.['bank']?.line, 8);
    assert.equal(collections?.['bank']?.path, 'trust.bank.only-for');
    assert.equal(collections?.['mozilla'], undefined);
    assert.deepEqual(
      result.configuration.trust.named?.map(({ onlyFor }) => onlyFor),
      [['bank.example', '*.bank.example'], ['*.a.gov.example'], null],
    );
  });

  it('refuses a name that is not there, with the one that was meant', async () => {
    assert.deepEqual(await mistakesOf(['bank.example: { trust: bnak }', 'b.example: { trust: energy }']), [
      '16: rules.to.bank.example.trust: there is no collection "bnak": default, bank, gov, mozilla',
      '17: rules.to.b.example.trust: there is no collection "energy": default, bank, gov, mozilla',
    ]);
    assert.deepEqual(await mistakesOf(['bank.example: { trust: [bank, defaul] }']), [
      '16: rules.to.bank.example.trust[1]: there is no collection "defaul": did you mean default?',
    ]);
  });

  it('refuses a collection that may not vouch for these recipients (C29)', async () => {
    const found = await mistakesOf([
      'other.example: { trust: bank }',
      'x@other.example: { trust: [default, bank] }',
      '"*.other.example": { trust: bank }',
      'a.gov.example: { trust: gov }',
      '"*.example": { trust: gov }',
    ]);
    assert.deepEqual(found, [
      '16: rules.to.other.example.trust: "bank" vouches only for bank.example, *.bank.example (line 8): other.example in its only-for, or another collection',
      '17: rules.to.x@other.example.trust[1]: "bank" vouches only for bank.example, *.bank.example (line 8): other.example in its only-for, or another collection',
      '18: rules.to.*.other.example.trust: "bank" vouches only for bank.example, *.bank.example (line 8): *.other.example in its only-for, or another collection',
      '19: rules.to.a.gov.example.trust: "gov" vouches only for *.a.gov.example (line 9): a.gov.example in its only-for, or another collection',
    ]);
  });

  it('takes one that covers the rule, and warns where it covers a part', async () => {
    const covering = [
      'x@bank.example: { trust: bank }',
      '"*.bank.example": { trust: bank }',
      '"*.deep.bank.example": { trust: bank }',
      '"*.b.a.gov.example": { trust: gov }',
      '"*.a.gov.example": { trust: gov }',
      '"*.example": { trust: [gov, default] }',
    ];
    assert.deepEqual(await mistakesOf(covering), []);
    assert.deepEqual(await mistakesOf(['"*.gov.example": { trust: [gov] }']), [
      '16: rules.to.*.gov.example.trust: nobody vouches for recipients in *.gov.example outside the domains of gov: add default if somebody should',
    ]);
  });

  it('refuses defaults in which nobody is left for most, a name twice, an empty list', async () => {
    assert.deepEqual(await mistakesOf(['b.example: { trust: mozilla }'], 'trust: [bank, gov]'), [
      '13: defaults.trust: nobody vouches for recipients outside the domains of bank, gov: add default',
    ]);
    assert.deepEqual(await mistakesOf(['b.example: { trust: [mozilla, mozilla] }', 'c.example: { trust: [] }']), [
      '16: rules.to.b.example.trust[1]: "mozilla" stands there twice: each collection once',
      '17: rules.to.c.example.trust: is empty: a name under `trust`, or a list of them',
    ]);
  });

  it('warns of a collection that defaults leave out, unless a rule names it', async () => {
    assert.deepEqual(await mistakesOf(['bank.example: { trust: bank }'], 'trust: [mozilla, default]'), [
      '13: defaults.trust: leaves out "gov" (line 9), so that it is not asked for *.a.gov.example: add gov here or to a rule',
    ]);
  });

  it('refuses a collection that nobody asks', async () => {
    assert.deepEqual(await mistakesOf(['b.example: { sign: never }'], 'sign: required'), [
      '10: trust.mozilla: nobody asks it: only-for: [DOMAIN] beside its from, or trust: mozilla in a rule',
    ]);
  });
});
