/** `trust.revocation`: absent is off, present is on with its defaults, and each key says its own. */
import assert from 'node:assert/strict';
import path from 'node:path';
import { loadConfiguration } from '../../src/config/load-configuration.ts';
import { formatMistake } from '../../src/config/mistake-list.ts';
import type { RevocationOptions } from '../../src/trust/revocation-options.ts';
import { ConfigHouse, GOOD_SITE } from './config-house.ts';

describe('trust.revocation', () => {
  let house: ConfigHouse;
  beforeEach(() => {
    house = new ConfigHouse();
  });
  afterEach(() => house.remove());

  const load = async (trust: string): Promise<RevocationOptions | null | string[]> => {
    const text = GOOD_SITE.replace('trust: { default: certs/trust }', `trust: ${trust}`);
    const result = await loadConfiguration(house.write('sealgate.yaml', text));
    return result.ok ? (result.configuration.trust.revocation ?? null) : result.mistakes.map(formatMistake);
  };

  it('absent: not checked', async () => {
    assert.equal(await load('{ default: certs/trust }'), null);
  });

  it('present: checked, the unknown refused, a cache beside the spool', async () => {
    assert.deepEqual(await load('{ default: certs/trust, revocation: {} }'), {
      check: true,
      whenUnreachable: 'refuse',
      stalenessMaxMs: 3 * 86_400_000,
      fetchTimeoutMs: 10_000,
      validationTimeoutMs: 10_000,
      refreshMs: 3_600_000,
      allow: [],
      ldapHost: null,
      ldapCa: null,
      fetchIntermediates: false,
      crls: [],
      signers: [],
      cache: path.join(house.folder, 'spool-revocation'),
      withoutSource: 'accept',
      fetch: true,
      patient: false,
    });
  });

  it('a key of it beside it is called that', async () => {
    const mistakes = await load('{ default: certs/trust, fetch-intermediates: true }');
    assert.ok(Array.isArray(mistakes));
    assert.match(
      mistakes.join('\n'),
      /trust\.fetch-intermediates: is no collection: did you mean trust\.revocation\.fetch-i/,
    );
  });

  it('text in place of a list: what each of it is', async () => {
    const [mistake] = (await load(
      '{ default: certs/trust, b: { from: certs/trust, only-for: b.example } }',
    )) as string[];
    assert.match(mistake ?? '', /only-for: is text: a list in brackets, each a domain, or \*\.domain/);
  });

  it('every key', async () => {
    const map =
      '{ check: false, when-unreachable: accept, staleness-max: 1h, fetch-timeout: 2s, validation-timeout: 3s, ' +
      'refresh: 4m, allow: [10.0.0.0/8, "fd00::/8"], crls: certs/trust, cache: elsewhere, ' +
      'ldap-host: "ldaps://dc1.example.org", fetch-intermediates: true }';
    const found = await load(`{ default: certs/trust, revocation: ${map} }`);
    assert.ok(found !== null && !Array.isArray(found));
    assert.deepEqual(
      [found.check, found.whenUnreachable, found.stalenessMaxMs, found.fetchTimeoutMs, found.validationTimeoutMs],
      [false, 'accept', 3_600_000, 2_000, 3_000],
    );
    assert.deepEqual([found.refreshMs, found.allow], [240_000, ['10.0.0.0/8', 'fd00::/8']]);
    assert.deepEqual(found.crls, [path.join(house.folder, 'certs/trust')]);
    assert.equal(found.cache, path.join(house.folder, 'elsewhere'));
    assert.deepEqual([found.ldapHost, found.fetchIntermediates], ['ldaps://dc1.example.org:636', true]);
  });

  it('mistakes are told with their key', async () => {
    const found = await load(
      '{ default: certs/trust, revocation: { when-unreachable: plain, allow: [10.0.0.1/8], crl: x } }',
    );
    assert.ok(Array.isArray(found));
    assert.match(found.join('\n'), /trust\.revocation\.when-unreachable: .*refuse/);
    assert.match(found.join('\n'), /trust\.revocation\.allow/);
    assert.match(found.join('\n'), /trust\.revocation\.crl: unknown key: did you mean crls/);
  });
});
