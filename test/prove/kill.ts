/**
 * Proves that a gateway killed with kill -9 at random moments under load loses and truncates nothing (promise 4, L1).
 *
 *     npm run prove -- kill [--kills 200] [--sessions 6] [--life 1200]
 */
import { parseArgs } from 'node:util';
import { printTable, printVerdict, seconds } from './support/figure-table.ts';
import { DUPLICATES_A_KILL_MAX, type KillReport, runKills } from './support/kill-run.ts';

const SAMPLED_MIN = 200;

function rows(report: KillReport): string[][] {
  const starts = [...report.startMs].sort((a, b) => a - b);
  return [
    ['kill -9', String(report.kills)],
    ['  of them before the gateway answered', String(report.killedStarting)],
    ['messages', String(report.messages)],
    ['attempts to submit them', String(report.attempts)],
    ['acknowledged with 250', String(report.acknowledged)],
    ['refused', String(report.refused)],
    ['copies that arrived', String(report.arrivals)],
    ['acknowledged and lost', String(report.lost.length)],
    ['truncated or altered', String(report.wrong.length)],
    ['duplicates: killed between the next hop and our commit', String(report.killedBetween)],
    ['  longest time from the 250 to that kill', `${report.longestGapMs.toFixed(0)} ms`],
    ['duplicates without explanation', String(report.unexplained.length)],
    ['arrived although no 250 reached the client', String(report.unacknowledged)],
    ['messages sent again by the client that arrived twice', String(report.sentAgain)],
    ['copies cut off on the wire', String(report.cutAtHop)],
    ['updates cut short by a kill and left out', String(report.tornUpdates)],
    ['copies opened and verified by openssl', String(report.openedByOpenssl)],
    ['files left in the spool', String(report.left.length)],
    ['start to first answer, median', `${(starts[Math.floor(starts.length / 2)] ?? 0).toFixed(0)} ms`],
    ['start to first answer, longest', `${(starts.at(-1) ?? 0).toFixed(0)} ms`],
    ['wall time', seconds(report.seconds)],
  ];
}

async function prove(): Promise<number> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '200' },
      sessions: { type: 'string', default: '6' },
      life: { type: 'string', default: '1200' },
    },
  });
  const kills = Number(values.kills);
  const report = await runKills({
    kills,
    sessions: Number(values.sessions),
    lifeMs: Number(values.life),
    sampled: Math.ceil((2 * SAMPLED_MIN) / kills),
  });
  printTable(`kill -9 under load; Node ${process.versions.node}`, [['what', 'count'], ...rows(report)]);
  const failures = [
    ...report.lost.map((key) => `lost: ${key}`),
    ...report.wrong,
    ...report.unexplained.map((key) => `duplicate: ${key}`),
    ...report.left.map((file) => `left in the spool: ${file}`),
    ...[...report.alarms].map(([event, count]) => `${count} times ${event}`),
  ];
  if (report.killedBetween > kills * DUPLICATES_A_KILL_MAX) failures.push(`${report.killedBetween} duplicates`);
  if (report.refused > 0) failures.push(`${report.refused} refused`);
  if (report.acknowledged < kills) failures.push(`only ${report.acknowledged} acknowledged`);
  return printVerdict(failures);
}

process.exitCode = await prove();
