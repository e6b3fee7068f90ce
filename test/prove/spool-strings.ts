/**
 * Proves that nothing of any mail rests in clear: spool, log, temporary files, environment (promise 2, catalogue O1).
 *
 *     npm run prove -- spool-strings [--messages 1000]
 */
import { parseArgs } from 'node:util';
import { type CanaryReport, runCanaries } from './support/canary-run.ts';
import { megabytes, printTable, printVerdict } from './support/figure-table.ts';

function findFailures(report: CanaryReport): string[] {
  const failures = [...report.hits];
  for (const { name, sent, asExpected } of report.fates) {
    if (asExpected !== sent) failures.push(`${name}: ${sent - asExpected} of ${sent} were answered otherwise`);
  }
  if (report.reports === 0) failures.push('no failure report waited in the spool');
  if (!report.searches.some(({ intakes }) => intakes > 0)) failures.push('no intake was on the disk in DATA');
  return failures;
}

async function prove(): Promise<number> {
  const { values } = parseArgs({ options: { messages: { type: 'string', default: '1000' } } });
  const report = await runCanaries(Number(values.messages));
  printTable(`mail full of canaries; Node ${process.versions.node}`, [
    ['fate', 'messages', 'answered as it must be'],
    ...report.fates.map(({ name, sent, asExpected }) => [name, String(sent), String(asExpected)]),
  ]);
  printTable('searches', [
    ['when', 'files', 'searched', 'messages waiting', 'intakes under way'],
    ...report.searches.map(({ when, files, octets, waiting, intakes }) => [
      when,
      String(files),
      megabytes(octets),
      String(waiting),
      String(intakes),
    ]),
  ]);
  console.log(`\n  failure reports in the spool: ${report.reports}\n  canaries found: ${report.hits.length}`);
  return printVerdict(findFailures(report));
}

process.exitCode = await prove();
