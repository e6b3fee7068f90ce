/** What is said in two places, by need, and must be the same in both: defaults, profiles, the sample, the reference. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CONTENT_CIPHERS } from '../../src/cms/algorithms/content-ciphers.ts';
import { AGREEMENT_SCHEMES } from '../../src/cms/algorithms/key-agreements.ts';
import { PROFILES } from '../../src/cms/profile.ts';
import { RECIPIENT_KINDS } from '../../src/cms/recipient-kinds.ts';
import { formatConfigurationReference } from '../../src/config/configuration-reference.ts';
import { findOverrides } from '../../src/config/environment.ts';
import { BUILT_IN } from '../../src/config/language.ts';
import { loadConfiguration } from '../../src/config/load-configuration.ts';
import { formatMistake } from '../../src/config/mistake-list.ts';
import { CONTENT_NAMES, KEY_AGREEMENT_NAMES, KEY_KIND_NAMES, PROFILE_NAMES } from '../../src/config/profile-shape.ts';
import { BUILT_IN_SETTINGS } from '../../src/policy/resolve-settings.ts';
import { parsePasswordHash } from '../../src/smtp/password-hash.ts';
import { ConfigHouse, PASSWORD_HASH } from './config-house.ts';

describe('what must not drift', () => {
  it('the built-in values and profiles of the language', () => {
    assert.deepEqual(BUILT_IN, BUILT_IN_SETTINGS);
    assert.deepEqual([...PROFILE_NAMES], Object.keys(PROFILES));
    const ciphers = Object.entries(CONTENT_CIPHERS).filter(([, { legacy }]) => !legacy);
    assert.deepEqual(
      [...CONTENT_NAMES],
      ciphers.map(([name]) => name),
    );
    assert.deepEqual([...KEY_AGREEMENT_NAMES], ['by-curve', ...Object.keys(AGREEMENT_SCHEMES)]);
    assert.deepEqual([...KEY_KIND_NAMES], [...RECIPIENT_KINDS]);
  });

  it('docs/configuration.md', () => {
    const written = readFileSync(path.join(process.cwd(), 'docs/configuration.md'), 'utf8');
    assert.equal(written, formatConfigurationReference(), 'stale: sealgate reference > docs/configuration.md');
  });

  it('config/sealgate.yaml, which teaches every key and is valid', async () => {
    const text = readFileSync(path.join(process.cwd(), 'config/sealgate.yaml'), 'utf8');
    const house = new ConfigHouse();
    try {
      const result = await loadConfiguration(house.write('sealgate.yaml', text.replaceAll('../', '')));
      assert.deepEqual(result.ok ? [] : result.mistakes.map(formatMistake), []);
    } finally {
      house.remove();
    }
    const keys = Array.from(formatConfigurationReference().matchAll(/^\| `([a-z][^`]*)`/gm), ([, key = '']) => key);
    assert.ok(keys.length > 40);
    const names = new Set(keys.map((key) => key.split('.').at(-1) ?? ''));
    for (const name of names) assert.ok(text.includes(name), `${name} is not in the sample`);
  });

  it('a password hash that the configuration takes, and the door', () => {
    assert.notEqual(parsePasswordHash(PASSWORD_HASH), null);
  });

  it('variables that would override a key are known by name', () => {
    const environment = {
      SEALGATE_CONFIG: 'x',
      SEALGATE_QUEUE_FOLDER: 'x',
      SEALGATE_LOG: 'x',
      SEALGATE_LOGO: 'x',
      PATH: '',
    };
    assert.deepEqual(findOverrides(environment), ['SEALGATE_LOG', 'SEALGATE_QUEUE_FOLDER']);
  });
});
