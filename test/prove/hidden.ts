/**
 * Proves that a message to 100 hidden recipients is encrypted and stored once, and that no copy names another (C18).
 *
 *     npm run prove -- hidden [--megabytes 25] [--recipients 100]
 */
import { parseArgs } from 'node:util';
import { megabytes, printTable, printVerdict, seconds } from './support/figure-table.ts';
import { type HiddenFigures, measureHidden } from './support/hidden-measurement.ts';

const MEGABYTE = 1_000_000;
/** A group's header, RecipientInfos and results in the spool. */
const SPOOL_A_RECIPIENT_MAX = 8192;

const HEAD = [
  'hidden recipients',
  'message',
  'to the 250',
  'its CPU',
  'spool peak',
  'peak RSS',
  'to the next hop',
  'CPU in all',
  'copies',
  'each',
  'opened',
];

function row(figures: HiddenFigures): string[] {
  return [
    String(figures.recipients),
    megabytes(figures.octets),
    seconds(figures.acceptSeconds),
    seconds(figures.acceptCpu),
    megabytes(figures.spoolPeak),
    megabytes(figures.peakRss),
    seconds(figures.totalSeconds),
    seconds(figures.totalCpu),
    String(figures.copies),
    megabytes(figures.wireOctets),
    String(figures.opened),
  ];
}

async function prove(): Promise<number> {
  const { values } = parseArgs({
    options: { megabytes: { type: 'string', default: '25' }, recipients: { type: 'string', default: '100' } },
  });
  const octets = Number(values.megabytes) * MEGABYTE;
  const one = await measureHidden(octets, 1);
  const many = await measureHidden(octets, Number(values.recipients));
  printTable(`hidden recipients, signed and encrypted; Node ${process.versions.node}`, [HEAD, row(one), row(many)]);
  const grown = many.spoolPeak - one.spoolPeak;
  const failures = [...one.faults, ...many.faults];
  if (grown > SPOOL_A_RECIPIENT_MAX * many.recipients) failures.push(`the spool grew by ${megabytes(grown)}`);
  console.log(`\n  spool: ${grown} octets more, ${Math.round(grown / many.recipients)} a recipient`);
  return printVerdict(failures);
}

process.exitCode = await prove();
