/**
 * Keeps package-lock.json usable on every platform and free of download addresses.
 *
 * A lockfile made on one platform can lack the optional packages of the others (compilers and linters ship one binary
 * package a platform), and then `npm ci` there stops with EUSAGE. This adds a stub entry for each one missing.
 *
 *   node scripts/lockfile.mjs          repairs the lockfile
 *   node scripts/lockfile.mjs --check  says what is wrong and exits 1
 */
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const problems = [];

for (const [path, entry] of Object.entries({ ...lock.packages })) {
  if (entry.resolved !== undefined) {
    problems.push(`${path}: records a download address`);
    delete entry.resolved;
  }
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const hoisted = `node_modules/${name}`;
    if (lock.packages[hoisted] !== undefined || lock.packages[`${path}/node_modules/${name}`] !== undefined) continue;
    problems.push(`${path}: optional package ${name} has no entry`);
    lock.packages[hoisted] = { version: range, optional: true, ...platformOf(name) };
  }
}

/** os, cpu and libc as the package names of this kind spell them: `...-linux-x64-musl`, `...-darwin-arm64`. */
function platformOf(name) {
  const match = /(aix|android|darwin|freebsd|linux|netbsd|openbsd|sunos|win32)-([a-z0-9]+)(?:-(musl|gnu|glibc))?$/.exec(
    name,
  );
  if (match === null) return {};
  const [, os, cpu, libc] = match;
  return { os: [os], cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc === 'musl' ? 'musl' : 'glibc'] }) };
}

if (process.argv.includes('--check')) {
  for (const problem of problems) console.error(`package-lock.json: ${problem}`);
  if (problems.length > 0) console.error('package-lock.json: run: node scripts/lockfile.mjs');
  process.exitCode = problems.length > 0 ? 1 : 0;
} else {
  const packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  writeFileSync(file, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
  console.log(`package-lock.json: ${problems.length} repaired`);
}
