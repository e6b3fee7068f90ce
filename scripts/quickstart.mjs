/**
 * `npm run quickstart`: from a bare clone to signed and encrypted mail on this machine, with nothing but Node, npm and
 * openssl. Installs and builds first; nothing of the project is compiled when this file starts.
 *
 *   --once   end after the demonstration: exit 0 if all of it went as shown, else 1
 *
 * Everything it makes lies in var/quickstart/ and is made anew each time. It listens on 127.0.0.1 only.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(ROOT);

const NODE_MINIMUM = [20, 20];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor < NODE_MINIMUM[1])) {
  stop(`Node ${NODE_MINIMUM.join('.')} or newer is needed, this is ${process.versions.node}`);
}
if (spawnSync('openssl', ['version']).status !== 0) {
  stop('openssl is needed to make the demonstration certificates and to open the results', [
    'Debian, Ubuntu:  apt-get install openssl',
    'Fedora, RHEL:    dnf install openssl',
    'macOS:           brew install openssl',
    'Windows:         winget install ShiningLight.OpenSSL.Light',
  ]);
}

// what is made anew would be taken from under it
if (await answers('var/quickstart/spool/control.sock')) {
  stop('one runs already in var/quickstart', ['use that one, or end it first: Ctrl-C where it was started']);
}

/** npm writes this file at the end of an installation. */
const INSTALLED = 'node_modules/.package-lock.json';
if (!existsSync(INSTALLED) || statSync(INSTALLED).mtimeMs < statSync('package-lock.json').mtimeMs) {
  step('Installing packages', 'npm', ['ci']);
}
step('Building', process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json']);
const { demonstrate } = await import('./quickstart/demonstrate.mjs');
process.exitCode = await demonstrate({ root: ROOT, once: process.argv.includes('--once') });

function step(title, command, args) {
  console.log(`${title} ...`);
  // npm is a .cmd file on Windows, which only a shell starts
  const shell = process.platform === 'win32' && command === 'npm';
  const result = spawnSync(command, args, { encoding: 'utf8', shell });
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  stop(`${title.toLowerCase()} failed: ${command} ${args.join(' ')}`);
}

function answers(socket) {
  return new Promise((resolve) => {
    const probe = connect(socket);
    probe.on('error', () => resolve(false));
    probe.on('connect', () => {
      probe.destroy();
      resolve(true);
    });
  });
}

function stop(problem, hints = []) {
  console.error(`quickstart: ${problem}`);
  for (const hint of hints) console.error(`  hint: ${hint}`);
  process.exit(1);
}
