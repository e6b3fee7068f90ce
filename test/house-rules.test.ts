/** What every file keeps to, so that the next reader finds what the last one left: size, names, an opening, no leftovers. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const LINES_MAX = 300;

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
}

const SOURCES = filesOf('src').map((file) => ({ file, text: readFileSync(file, 'utf8') }));

function namesWhere(holds: (source: { file: string; text: string }) => boolean): string[] {
  return SOURCES.filter(holds).map(({ file }) => file);
}

/** Names of packages imported anywhere in these files. */
function packagesIn(files: readonly string[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const file of files) {
    for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(
      /(?:^(?:import|export|\}).* from |^import |\bimport\()'(@?[a-z][\w./:-]*)'/gm,
    )) {
      if (target.startsWith('node:')) continue;
      const [scope = '', name = ''] = target.split('/');
      found.add(scope.startsWith('@') ? `${scope}/${name}` : scope);
    }
  }
  return found;
}

describe('house rules', () => {
  it('keeps every source file under 300 lines', () => {
    assert.deepEqual(
      namesWhere(({ text }) => text.split('\n').length - 1 > LINES_MAX),
      [],
    );
  });

  it('opens every source file with what it is for', () => {
    assert.deepEqual(
      namesWhere(({ text }) => !/^(?:#!.*\n)?\/\*\*/.test(text)),
      [],
    );
  });

  it('names files after one noun, in kebab-case, and none after a bag', () => {
    assert.deepEqual(
      namesWhere(({ file }) => {
        const name = path.basename(file, '.ts');
        return (
          !/^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name) || /(?:^|-)(?:utils?|helpers?|manager|service|common)$/.test(name)
        );
      }),
      [],
    );
  });

  it('leaves nothing for later', () => {
    assert.deepEqual(
      namesWhere(({ text }) => /\b(?:TODO|FIXME|XXX|HACK)\b|\bconsole\.log\(|\bdebugger\b/.test(text)),
      [],
    );
  });

  it('needs every package it names, and names every package it needs', () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, Record<string, string>>;
    const runtime = Object.keys(manifest['dependencies'] ?? {}).sort();
    assert.deepEqual([...packagesIn(SOURCES.map(({ file }) => file))].sort(), runtime);
    const known = new Set([...runtime, ...Object.keys(manifest['devDependencies'] ?? {})]);
    const others = [...packagesIn([...filesOf('test'), ...filesOf('benchmarks')])].filter((name) => !known.has(name));
    assert.deepEqual(others, []);
    const page = readFileSync('docs/dependencies.md', 'utf8');
    assert.deepEqual(
      [...known].filter((name) => !name.startsWith('@types/') && !page.includes(name)),
      [],
    );
  });
});
