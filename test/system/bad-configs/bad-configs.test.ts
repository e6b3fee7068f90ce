/**
 * Broken configurations, a folder each: `site`, the file, and `expected`, every mistake as `sealgate check` says it. A file
 * refused for the wrong reason, at the wrong place or with one mistake too few fails. Dropping in a folder adds a case.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { check } from '../../../src/cli/check-command.ts';
import { EXIT } from '../../../src/cli/exit-code.ts';
import { CapturedTerminal } from '../../cli/captured-terminal.ts';
import { ConfigHouse } from '../../config/config-house.ts';

const CASES = path.join(process.cwd(), 'test/system/bad-configs');

describe('bad configurations (O3, O5)', () => {
  let house: ConfigHouse;
  before(() => {
    house = new ConfigHouse();
  });
  after(() => house.remove());

  const names = readdirSync(CASES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);

  it('has them', () => assert.ok(names.length >= 40, `only ${names.length}`));

  for (const name of names) {
    it(name, async () => {
      const text = readFileSync(path.join(CASES, name, 'site'));
      const expected = readFileSync(path.join(CASES, name, 'expected'), 'utf8');
      const file = house.write('sealgate.yaml', text, 0o644);
      const terminal = new CapturedTerminal();
      const code = await check({ config: file }, terminal);
      assert.equal(terminal.said.join('').replaceAll(file, 'sealgate.yaml'), expected);
      assert.equal(code, EXIT.configuration);
      assert.equal(terminal.results.join(''), '');
    });
  }
});
