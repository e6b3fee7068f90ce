/** What a configuration is refused for beyond the folders of test/system/bad-configs: owners, secrets, unreadable files, noise. */
import assert from 'node:assert/strict';
import path from 'node:path';
import fc from 'fast-check';
import { loadConfiguration, parseConfiguration } from '../../src/config/load-configuration.ts';
import { formatMistake } from '../../src/config/mistake-list.ts';
import { diskFiles, type FileAccess } from '../../src/config/named-files.ts';
import { ConfigHouse, GOOD_SITE } from './config-house.ts';

describe('loadConfiguration refuses', () => {
  let house: ConfigHouse;
  before(() => {
    house = new ConfigHouse();
  });
  after(() => house.remove());

  const load = (text: string) => loadConfiguration(house.write('sealgate.yaml', text));
  const site = (from: string, to: string) => {
    assert.ok(GOOD_SITE.includes(from), from);
    return GOOD_SITE.replace(from, to);
  };

  it('refuses a secret that belongs to somebody else (O3)', async () => {
    const files: FileAccess = {
      read: (name) => diskFiles.read(name),
      facts: async (name) => ({ ...(await diskFiles.facts(name)), trustedOwner: !name.endsWith('secret') }),
    };
    const text = site('always', '{ header: X-Proof, value-from: keys/secret }');
    const result = await parseConfiguration(text, path.join(house.folder, 'sealgate.yaml'), files, new Date());
    assert.deepEqual(!result.ok && result.mistakes.map(({ problem }) => problem), [
      'keys/secret belongs to another user',
    ]);
  });

  it('says of a file that cannot be read only that', async () => {
    const missing = await loadConfiguration(path.join(house.folder, 'none.yaml'));
    assert.deepEqual(!missing.ok && missing.mistakes.map(({ problem }) => problem), ['does not exist']);
    const folder = await loadConfiguration(house.folder);
    assert.deepEqual(!folder.ok && folder.mistakes.map(({ problem }) => problem), ['cannot be read (EISDIR)']);
    const binary = await loadConfiguration(house.write('binary.yaml', Buffer.from([0xff, 0xfe, 0x00])));
    assert.deepEqual(!binary.ok && binary.mistakes.map(({ problem }) => problem), ['is not UTF-8']);
  });

  it('never echoes what may be a secret', async () => {
    house.write(
      'users-slip.yaml',
      'anna: hunter2hunter2\nbert: { password: hunter2hunter2, addresses: [b@example.org] }\n',
    );
    const text = site(
      '    clients: [{ network: 127.0.0.0/8, vouches: always }]',
      '    tls: { certificate: certs/tls.crt, key: certs/tls.key }\n    clients: [{ login: users-slip.yaml }]',
    );
    const result = await load(text);
    assert.ok(!result.ok && result.mistakes.length === 2);
    assert.ok(!result.mistakes.some((mistake) => formatMistake(mistake).includes('hunter2')));
  });

  it('O5: 200 mutated files are each accepted whole or refused with a place, and never throw', async () => {
    const letters = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      '*',
      '&',
      '!',
      '#',
      '-',
      ' ',
      '\n',
      '\t',
      'x',
      '\u0000',
      '?',
      '|',
      '>',
      '%',
      '@',
    );
    const edit = fc.record({
      at: fc.nat({ max: GOOD_SITE.length }),
      cut: fc.nat({ max: 12 }),
      put: fc.string({ unit: letters, maxLength: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
        const text = edits.reduce(
          (site, { at, cut, put }) => site.slice(0, at) + put + site.slice(at + cut),
          GOOD_SITE,
        );
        const result = await parseConfiguration(text, path.join(house.folder, 'sealgate.yaml'), diskFiles, new Date());
        if (result.ok) return;
        assert.ok(result.mistakes.length > 0);
        for (const mistake of result.mistakes) {
          assert.ok(mistake.line >= 1 && mistake.line <= text.split('\n').length && mistake.column >= 1);
          assert.ok(mistake.problem !== '');
        }
      }),
      { numRuns: 200 },
    );
  });
});
