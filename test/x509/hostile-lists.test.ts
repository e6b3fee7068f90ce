/** C20, C21: each hostile list and response gets the answer meant for it. Its time is for `npm run prove -- paths`. */
import assert from 'node:assert/strict';
import { hostileLists } from '../support/hostile-lists.ts';

describe('hostile revocation lists', () => {
  for (const { name, expected, make } of hostileLists(1 / 64)) {
    it(name, () => {
      const run = make()();
      let step = run.next();
      while (step.done !== true) step = run.next();
      assert.match(step.value, expected);
    });
  }
});
