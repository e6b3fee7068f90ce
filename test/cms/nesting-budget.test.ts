/** Layers of CMS inside each other: triple wrapping fits, endless nesting and double compression do not. */
import assert from 'node:assert/strict';
import { NestingBudget } from '../../src/cms/nesting-budget.ts';

describe('NestingBudget', () => {
  it('takes triple wrapping with compression', () => {
    const budget = new NestingBudget();
    for (const type of ['signedData', 'envelopedData', 'compressedData', 'signedData'] as const) {
      assert.equal(budget.enter(type), null);
    }
    assert.equal(budget.layers.length, 4);
    assert.equal(budget.enter('compressedData')?.reason, 'limit');
    assert.equal(budget.layers.length, 4);
  });

  it('stops at eight layers', () => {
    const budget = new NestingBudget();
    for (let layer = 0; layer < 8; layer++) assert.equal(budget.enter('signedData'), null);
    assert.equal(budget.enter('signedData')?.reason, 'limit');
  });
});
