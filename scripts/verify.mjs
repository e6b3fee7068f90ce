/**
 * `npm run verify`: from a bare clone to a verdict. Installs what the tests need, Debian packages included where it
 * may, builds, checks, and runs all tests on this Node and the unit and system tests on Node 24.
 *
 *   --no-install   use what is there
 *   --only-this    this Node only
 *
 * The last line is `N passed, N failed, N skipped`; exit 0 only when nothing failed (in CI: and nothing was skipped).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(ROOT);
const CI = Boolean(process.env.CI);
const options = new Set(process.argv.slice(2));
const totals = { passed: 0, failed: 0, skipped: 0 };

/** Programs the tests start, and the Debian package of each. */
const PROGRAMS = {
  openssl: 'openssl',
  postfix: 'postfix',
  slapd: 'slapd',
  ldapmodify: 'ldap-utils',
  git: 'git',
  gpgsm: 'gpgsm',
  'gpg-agent': 'gpg-agent',
  cmsutil: 'libnss3-tools',
};

function run(command, args, environment = {}) {
  console.log(`\n> ${command} ${args.join(' ')}`);
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  if (error) console.error(String(error.message));
  return error ? 1 : (status ?? 1);
}

/** One step that must succeed: its failure counts as one failed test and ends the run. */
function must(name, command, args, environment) {
  if (run(command, args, environment) === 0) return;
  console.error(`verify: ${name} failed`);
  totals.failed += 1;
  finish();
}

function onPath(program) {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(path.join(folder, program)));
}

function installPrograms() {
  const missing = Object.entries(PROGRAMS).filter(([program]) => !onPath(program));
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  if (process.getuid?.() !== 0 || !onPath('apt-get')) {
    console.log(`verify: not installed: ${packages.join(' ')}; the tests that need them are skipped`);
    return;
  }
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' };
  must('apt-get update', 'apt-get', ['update', '-qq'], quiet);
  must('apt-get install', 'apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], quiet);
}

/** A Node of another major, as npm carries it for Linux; null where there is none. */
function otherNode(major) {
  if (process.versions.node.startsWith(`${major}.`)) return null;
  if (process.platform !== 'linux') return null;
  const carrier = `node-linux-${process.arch}`;
  const folder = path.join(ROOT, 'var', `node-${major}`);
  const binary = path.join(folder, 'node_modules', carrier, 'bin', 'node');
  if (!existsSync(binary)) {
    must(`Node ${major}`, 'npm', [
      'install',
      '--no-save',
      '--no-package-lock',
      '--prefix',
      folder,
      `${carrier}@${major}`,
    ]);
  }
  return existsSync(binary) ? binary : null;
}

function test(title, node, specs) {
  console.log(`\n=== ${title}`);
  const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-verify-'));
  const counts = path.join(folder, 'counts.json');
  const mocha = path.join('node_modules', 'mocha', 'bin', 'mocha.js');
  const args = [mocha, '--reporter', 'scripts/reporter.cjs', ...specs.flatMap((spec) => ['--spec', spec])];
  const environment = {
    SEALGATE_TEST_COUNTS: counts,
    PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}`,
  };
  const status = run(node, [...args], environment);
  if (!existsSync(counts)) {
    totals.failed += 1;
  } else {
    const { passed, failed, skipped, skippedTitles } = JSON.parse(readFileSync(counts, 'utf8'));
    totals.passed += passed;
    totals.failed += failed === 0 && status !== 0 ? 1 : failed;
    totals.skipped += skipped;
    for (const skippedTitle of skippedTitles) console.log(`skipped: ${skippedTitle}`);
  }
  rmSync(folder, { recursive: true });
}

function finish() {
  const bad = totals.failed > 0 || totals.passed === 0 || (CI && totals.skipped > 0);
  if (CI && totals.skipped > 0) console.error('verify: nothing may be skipped in CI');
  console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
  process.exit(bad ? 1 : 0);
}

if (!options.has('--no-install')) {
  installPrograms();
  must('npm ci', 'npm', ['ci']);
}
must('lockfile', process.execPath, ['scripts/lockfile.mjs', '--check']);
rmSync('out', { recursive: true, force: true });
must('compiler', process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.']);
must('lint', process.execPath, ['node_modules/@biomejs/biome/bin/biome', 'check', '.']);
test(`all tests, Node ${process.versions.node}`, process.execPath, ['out/test/**/*.test.js']);
if (!options.has('--only-this')) {
  const node24 = otherNode(24);
  if (node24 !== null) {
    // interop and fault prove things about peers and disks, not about the Node line
    test('unit and system tests, Node 24', node24, ['out/test/*.test.js', 'out/test/!(interop|fault)/**/*.test.js']);
  }
}
finish();
