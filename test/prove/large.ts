/**
 * Proves that a message of 1 GB costs the memory of one of 1 MB (promise 5, catalogue L7).
 *
 *     npm run prove -- large [--megabytes 1000]
 *
 * Each figure comes from a gateway process of its own. A message is made while it is sent, signed, encrypted, stored,
 * delivered, and opened by openssl while it arrives; the digest of what was sent and of what came out must be equal.
 */
import { parseArgs } from 'node:util';
import { megabytes, printTable, printVerdict, seconds } from './support/figure-table.ts';
import { type LargeFigures, measureLarge } from './support/large-measurement.ts';

const MEGABYTE = 1_000_000;
/** What a message of any size may cost above one of 1 MB. */
const GROWTH_MAX = 64 * MEGABYTE;

/** One row a measurement. */
function largeRow(name: string, figures: LargeFigures, base: number): string[] {
  const rate = (cpuOrWall: number): string => (figures.octets / MEGABYTE / cpuOrWall).toFixed(0);
  return [
    name,
    megabytes(figures.restRss),
    megabytes(figures.peakRss),
    megabytes(figures.peakRss - base),
    seconds(figures.acceptSeconds),
    rate(figures.acceptSeconds),
    seconds(figures.acceptCpu),
    rate(figures.acceptCpu),
    seconds(figures.totalSeconds),
    seconds(figures.totalCpu),
    megabytes(figures.spoolPeak),
    megabytes(figures.wireOctets),
    `${figures.intact}/${figures.sessions}`,
  ];
}

const HEAD = [
  'messages',
  'RSS at rest',
  'peak RSS',
  'above 1 MB',
  'to the 250',
  'MB/s',
  'its CPU',
  'MB/CPU s',
  'to the next hop',
  'CPU in all',
  'spool peak',
  'on the wire',
  'intact',
];

async function prove(): Promise<number> {
  const { values } = parseArgs({ options: { megabytes: { type: 'string', default: '1000' } } });
  const large = Number(values.megabytes);
  const plan = [
    { name: '1 x 1 MB', octets: MEGABYTE, sessions: 1 },
    { name: `1 x ${large} MB`, octets: large * MEGABYTE, sessions: 1 },
    { name: '8 x 1 MB', octets: MEGABYTE, sessions: 8 },
    { name: '8 x 25 MB', octets: 25 * MEGABYTE, sessions: 8 },
    { name: '8 x 100 MB', octets: 100 * MEGABYTE, sessions: 8 },
  ];
  const rows = [HEAD];
  const failures: string[] = [];
  let base = 0;
  for (const { name, octets, sessions } of plan) {
    const figures = await measureLarge(octets, sessions);
    if (base === 0) base = figures.peakRss;
    rows.push(largeRow(name, figures, base));
    if (figures.intact !== sessions) failures.push(`${name}: ${figures.intact} of ${sessions} came out as sent`);
    // L7: base + 64 MB a message
    if (figures.peakRss - base > GROWTH_MAX * sessions)
      failures.push(`${name}: ${megabytes(figures.peakRss - base)} more`);
  }
  printTable(
    `large messages, signed and encrypted (RSA-2048), openssl opens them; Node ${process.versions.node}`,
    rows,
  );
  return printVerdict(failures);
}

process.exitCode = await prove();
