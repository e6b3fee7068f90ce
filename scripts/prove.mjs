/**
 * `npm run prove -- NAME [options]`: a long proof in its full form. Its short form is part of the tests. Builds first.
 * Without a name, or with one that does not exist, lists what there is.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const FOLDER = 'test/prove';
const [name, ...options] = process.argv.slice(2);
const names = existsSync(FOLDER)
  ? readdirSync(FOLDER)
      .filter((file) => file.endsWith('.ts'))
      .map((file) => file.slice(0, -3))
  : [];

if (name === undefined || !names.includes(name)) {
  console.error('usage: npm run prove -- NAME [options]');
  for (const known of names) console.error(`  ${known.padEnd(20)} ${purposeOf(known)}`);
  process.exit(64);
}
const built = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { stdio: 'inherit' });
if (built.status !== 0) process.exit(1);
const run = spawnSync(process.execPath, [path.join('out', FOLDER, `${name}.js`), ...options], { stdio: 'inherit' });
process.exit(run.status ?? 1);

/** First line of the file's opening comment. */
function purposeOf(known) {
  const [, purpose = ''] =
    /^\/\*\*\s*\*?\s*([^\n]*)/.exec(readFileSync(path.join(FOLDER, `${known}.ts`), 'utf8')) ?? [];
  return purpose.replace(/\s*\*\/$/, '');
}
