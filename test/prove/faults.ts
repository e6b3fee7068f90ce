/**
 * Proves that the gateway fails closed: every fault of the matrix (C19, C28) x 200 messages, and 200 reloads (O5).
 *
 *     npm run prove -- faults [--messages 200] [--only TEXT] [--reloads [200]]
 *
 * Prints a line for each fault: reply, messages, octets that went to the next hop, and how many streams of them held
 * the word that had to be sealed, which must be 0. `--reloads` does the reloads alone. Exit 1 when anything failed.
 */
import { parseArgs } from 'node:util';
import { SLOW_FAULTS } from '../support/directory-faults.ts';
import { FAULTS } from '../support/fault-catalogue.ts';
import { type FaultResult, runFault } from '../support/fault-scene.ts';
import { runReloads } from '../support/reload-run.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    messages: { type: 'string', default: '200' },
    only: { type: 'string', default: '' },
    reloads: { type: 'boolean', default: false },
  },
});

const held = values.reloads ? await proveReloads(Number(positionals[0] ?? 200)) : await proveFaults();
process.exit(held ? 0 : 1);

async function proveFaults(): Promise<boolean> {
  const messages = Number(values.messages);
  let failures = 0;
  let total = 0;
  console.log(row('fault', 'reply', 'messages', 'octets out', 'in clear'));
  const chosen = [...FAULTS, ...SLOW_FAULTS].filter(({ name }) => name.includes(values.only));
  for (const fault of chosen) {
    const reason = fault.impossible?.() ?? null;
    if (reason !== null) {
      failures += 1;
      console.log(`${fault.name}: not possible here: ${reason}`);
      continue;
    }
    const result = await runFault(fault, messages);
    total += result.messages;
    if (!printed(result)) failures += 1;
  }
  const verdict = failures === 0 ? 'nothing in clear, nothing lost' : `${failures} FAILED`;
  console.log(`\n${chosen.length} faults, ${total} messages: ${verdict}`);
  return failures === 0 && total > 0;
}

/** @returns true when it held */
function printed({ name, reply, messages, octets, inClear, problems }: FaultResult): boolean {
  console.log(row(name, reply, String(messages), String(octets), String(inClear)));
  for (const problem of problems.slice(0, 5)) console.log(`    ${problem}`);
  return inClear === 0 && problems.length === 0;
}

async function proveReloads(reloads: number): Promise<boolean> {
  const { refused, loaded, accepted, arrived, inClear, problems } = await runReloads(reloads);
  console.log(`${refused} broken configurations refused and ${loaded} good ones loaded under load`);
  console.log(`${accepted} mails accepted, ${arrived} arrived, ${inClear} in clear`);
  for (const problem of problems.slice(0, 20)) console.log(`    ${problem}`);
  return problems.length === 0 && inClear === 0 && accepted > 0;
}

function row(name: string, ...rest: readonly string[]): string {
  return `${name.padEnd(46)} ${rest.map((text) => text.padStart(12)).join('')}`;
}
