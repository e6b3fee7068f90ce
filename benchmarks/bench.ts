/**
 * `npm run bench [-- seal|relay|trust] [--rounds N]`: runs the benchmarks and writes benchmarks/results/NAME.md and .json with
 * commit, Node version and machine. Trust the ratios: they come from interleaved rounds of one run.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { machineFacts } from './machine.ts';
import { benchRelay, formatRelay } from './relay.ts';
import { benchSeal, formatSeal } from './seal.ts';
import { benchTrust, formatTrust } from './trust.ts';
import { benchCrl, formatCrl } from './trust-crl.ts';

const words = process.argv.slice(2);
const roundsAt = words.indexOf('--rounds');
const rounds = roundsAt < 0 ? 5 : Number(words[roundsAt + 1]);
const wanted = words.filter((word, index) => !word.startsWith('--') && (roundsAt < 0 || index !== roundsAt + 1));
const RESULTS = 'benchmarks/results';
const unknown = wanted.filter((name) => !['seal', 'relay', 'trust'].includes(name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}: seal, relay, trust`);
  process.exitCode = 64;
}

function save(name: string, title: string, table: string, rows: unknown): void {
  const facts = machineFacts(rounds);
  mkdirSync(RESULTS, { recursive: true });
  const list = Object.entries(facts).map(([key, value]) => `- ${key}: ${value}`);
  writeFileSync(`${RESULTS}/${name}.md`, `# ${title}\n\n${list.join('\n')}\n\n${table}\n`);
  writeFileSync(`${RESULTS}/${name}.json`, `${JSON.stringify({ ...facts, rows }, null, 2)}\n`);
  console.log(`\n${title}\n${table}\n-> ${RESULTS}/${name}.md`);
}

if (wanted.length === 0 || wanted.includes('seal')) {
  const rows = benchSeal(rounds);
  save('seal', 'Sealing: sign and encrypt, RSA-2048, AES-256-CBC, one thread', formatSeal(rows), rows);
}
if (wanted.length === 0 || wanted.includes('relay')) {
  const rows = await benchRelay(Math.min(rounds, 3));
  if (rows === null) console.log('relay: smtp-source and smtp-sink are not installed (Debian package postfix)');
  else save('relay', 'Relaying: smtp-source, gateway, smtp-sink on one machine', formatRelay(rows), rows);
}
if (wanted.length === 0 || wanted.includes('trust')) {
  const validations = await benchTrust(rounds);
  const crl = await benchCrl(rounds);
  const table = `${formatTrust(validations)}\n\n${formatCrl(crl)}`;
  save('trust', 'Trust: paths and revocation lists, one thread', table, { validations, crl });
}
