/**
 * Promise 4, catalogue L1, for the gateway as a whole, in short: killed under load, it loses and truncates nothing.
 * `npm run prove -- kill` is the full form.
 */
import assert from 'node:assert/strict';
import { DUPLICATES_A_KILL_MAX, runKills } from '../prove/support/kill-run.ts';

const KILLS = 8;

describe('kill -9 of the gateway (L1)', function () {
  this.timeout(120_000);

  it(`loses and truncates nothing in ${KILLS} kills under load`, async () => {
    const report = await runKills({ kills: KILLS, sessions: 4, lifeMs: 700, sampled: 2 });
    console.log(
      `      ${report.acknowledged} acknowledged, ${report.lost.length} lost, ${report.killedBetween} duplicates, ${report.unacknowledged} arrived unacknowledged`,
    );
    assert.ok(report.acknowledged >= KILLS, `only ${report.acknowledged} acknowledged`);
    assert.deepEqual(report.lost, [], 'acknowledged and lost');
    assert.deepEqual(report.wrong, [], 'truncated or altered');
    assert.deepEqual(report.unexplained, [], 'duplicates that no kill explains');
    assert.ok(report.killedBetween <= KILLS * DUPLICATES_A_KILL_MAX, `${report.killedBetween} duplicates`);
    assert.deepEqual(report.left, [], 'left in the spool');
    assert.deepEqual([...report.alarms], [], 'alarms in the log');
    assert.equal(report.refused, 0);
    assert.ok(report.openedByOpenssl > 0);
  });
});
