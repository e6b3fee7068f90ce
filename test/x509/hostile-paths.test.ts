/** C4 to C7: each hostile set of certificates gets the answer meant for it. Its time is for `npm run prove -- paths`. */
import assert from 'node:assert/strict';
import { validatePath } from '../../src/x509/path-validator.ts';
import { hostilePaths } from '../support/hostile-paths.ts';

describe('hostile paths', () => {
  for (const { name, expected, request, budget } of hostilePaths()) {
    it(`${name}: ${expected}`, function () {
      this.timeout(20_000);
      const result = validatePath(request(), budget);
      assert.equal(result.ok ? 'valid' : result.failure.code, expected, result.ok ? '' : result.failure.text);
    });
  }
});
