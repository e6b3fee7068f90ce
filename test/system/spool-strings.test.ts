/** Promise 2, catalogue O1, in short: 60 messages full of canaries. `npm run prove -- spool-strings` is the full form. */
import assert from 'node:assert/strict';
import { runCanaries } from '../prove/support/canary-run.ts';

describe('system: nothing rests in clear (promise 2)', function () {
  this.timeout(120_000);

  it('O1 leaves no canary in spool, log, temporary files or environment', async () => {
    const report = await runCanaries(60);
    assert.deepEqual(report.hits, []);
    for (const { name, sent, asExpected } of report.fates) assert.equal(asExpected, sent, name);
    assert.ok(report.reports > 0, 'no failure report waited in the spool');
    assert.ok(
      report.searches.some(({ intakes }) => intakes > 0),
      'no intake was on the disk in DATA',
    );
  });
});
