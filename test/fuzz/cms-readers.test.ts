/**
 * Damaged CMS objects, whole and in any pieces: every one is opened, refused by a reason, or found invalid; nothing is
 * thrown, nothing hangs, and pieces change nothing (catalogue C1, L15). The long form is `npm run prove -- fuzz-cms`.
 */
import assert from 'node:assert/strict';
import { fuzzReaders } from '../support/cms-fuzz.ts';

const INPUTS = 3000;

describe('readers of CMS under damage', function () {
  this.timeout(120_000);

  it('answer every input, the same in pieces', async () => {
    const result = await fuzzReaders(1, INPUTS);
    assert.deepEqual(result.findings, []);
    assert.equal(result.inputs, INPUTS);
    assert.ok(result.accepted > 0, 'no input was left sound: the damage is too great to reach the depth');
  });
});
