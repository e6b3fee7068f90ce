/**
 * The rooms of src/ and the arrows between them, as docs/design.md draws them: every import is read, type imports
 * included. A room may import only what its row allows; nobody imports in a circle; named packages have one door.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

const SRC = path.join(process.cwd(), 'src');
/** Files that anyone may import. */
const SHARED = new Set(['errors.ts', 'address.ts', 'envelope.ts']);
/** What anyone may import but the pure rooms. */
const SIDE_EFFECTS = new Set(['log', 'buffer-reclaim.ts']);
const PURE = new Set(['policy', 'smime', 'cms', 'x509', 'asn1', 'mime']);
const ROOMS = [
  'cli',
  'config',
  'admin',
  'relay',
  'smtp',
  'delivery',
  'queue',
  'policy',
  'directory',
  'trust',
  'keys',
  'smime',
  'cms',
  'x509',
  'asn1',
  'mime',
  'ldap',
  'log',
];

/** `types` marks rooms of which only types may be imported. */
const ARROWS: Readonly<Record<string, { readonly any: readonly string[]; readonly types?: readonly string[] }>> = {
  cli: { any: [...ROOMS, 'gateway.ts', 'open-snapshot.ts'] },
  'gateway.ts': { any: [...ROOMS.filter((room) => room !== 'cli'), 'open-snapshot.ts'] },
  'open-snapshot.ts': { any: ROOMS.filter((room) => room !== 'cli') },
  config: { any: [], types: ['smtp', 'delivery', 'queue', 'policy', 'directory', 'trust', 'keys', 'cms'] },
  admin: { any: [] },
  relay: {
    any: ['policy', 'directory', 'trust', 'smime', 'x509', 'queue', 'mime'],
    types: ['smtp', 'keys', 'cms'],
  },
  smtp: { any: ['mime'] },
  delivery: { any: ['queue', 'cms', 'mime'] },
  queue: { any: [] },
  policy: { any: ['mime'], types: ['x509'] },
  directory: { any: ['ldap', 'cms', 'x509'] },
  trust: { any: ['ldap', 'cms', 'x509'] },
  keys: { any: ['cms', 'x509'] },
  smime: { any: ['cms', 'mime'], types: ['x509'] },
  cms: { any: ['x509', 'asn1'] },
  x509: { any: ['asn1'] },
  asn1: { any: [] },
  mime: { any: [] },
  ldap: { any: [] },
  log: { any: [] },
  'buffer-reclaim.ts': { any: [] },
};

/** Packages that only one room may open, and core modules of the world outside. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  'smtp-server': ['smtp'],
  nodemailer: ['delivery'],
  ldapts: ['directory'],
  commander: ['cli'],
  yaml: ['config'],
  pino: ['log'],
};

interface Import {
  readonly file: string;
  readonly room: string;
  readonly target: string;
  readonly typeOnly: boolean;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name));
}

function roomOf(file: string): string {
  const [first = ''] = path.relative(SRC, file).split(path.sep);
  return first;
}

const IMPORT = /^\s*(import|export)\s+(type\s+)?(?:(?:[^'";]*?)\s+from\s+)?'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'([^']+)'\s*\)/g;

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const found: Import[] = [];
  for (const [, , type, target] of text.matchAll(IMPORT)) {
    if (target !== undefined) found.push({ file, room: roomOf(file), target, typeOnly: type !== undefined });
  }
  for (const [, target] of text.matchAll(DYNAMIC)) {
    if (target !== undefined) found.push({ file, room: roomOf(file), target, typeOnly: false });
  }
  return found;
}

const ALL = sourceFiles(SRC).flatMap(importsOf);
const LOCAL = ALL.filter((entry) => entry.target.startsWith('.')).map((entry) => ({
  ...entry,
  to: path.resolve(path.dirname(entry.file), entry.target),
}));

function where(file: string): string {
  return path.relative(SRC, file);
}

describe('architecture', () => {
  it('reads imports at all', () => {
    assert.ok(ALL.length > 100, `only ${ALL.length} imports found`);
  });

  it('lets each room import only what its row allows', () => {
    const wrong = LOCAL.filter(({ room, to, typeOnly }) => {
      const target = roomOf(to);
      if (target === room || SHARED.has(target)) return false;
      if (SHARED.has(room)) return true;
      const row = ARROWS[room];
      if (row === undefined) return true;
      if (SIDE_EFFECTS.has(target)) return PURE.has(room);
      if (row.any.includes(target)) return false;
      return !(typeOnly && row.types?.includes(target));
    });
    assert.deepEqual(
      wrong.map(({ file, to }) => `${where(file)} -> ${where(to)}`),
      [],
    );
  });

  it('is what docs/design.md draws', () => {
    const text = readFileSync(path.join(process.cwd(), 'docs/design.md'), 'utf8');
    const drawn = new Map<string, string>();
    for (const [, room = '', last = ''] of text.matchAll(/^\| `([\w.-]+)\/?` \|[^|]*\| ([^|]*) \|$/gm))
      drawn.set(room, last);
    // these are drawn in words: everything, every room but cli, option types of rooms
    const rows = Object.entries(ARROWS).filter(
      ([room]) => !['cli', 'gateway.ts', 'open-snapshot.ts', 'config'].includes(room),
    );
    for (const [room, { any, types = [] }] of rows) {
      const cell = [...any, ...types.map((type) => `${type} types`)].sort();
      const said = (drawn.get(room) ?? 'nothing').split(', ').sort();
      assert.deepEqual(said, cell.length === 0 ? ['-'] : cell, room);
    }
    for (const room of ROOMS) assert.ok(drawn.has(room), room);
  });

  it('has no circle of imports', () => {
    const next = new Map<string, string[]>();
    for (const { file, to } of LOCAL) next.set(file, [...(next.get(file) ?? []), to]);
    const state = new Map<string, 'open' | 'done'>();
    const circles: string[] = [];
    const visit = (file: string, trail: readonly string[]): void => {
      if (state.get(file) === 'done') return;
      if (state.get(file) === 'open') {
        circles.push([...trail.slice(trail.indexOf(file)), file].map(where).join(' -> '));
        return;
      }
      state.set(file, 'open');
      for (const to of next.get(file) ?? []) visit(to, [...trail, file]);
      state.set(file, 'done');
    };
    for (const file of next.keys()) visit(file, []);
    assert.deepEqual(circles, []);
  });

  it('opens each library at its one door', () => {
    const wrong = ALL.filter(({ room, target }) => {
      const name = target.split('/')[0] ?? '';
      const door = DOORS[name];
      return door !== undefined && !door.includes(room);
    });
    assert.deepEqual(
      wrong.map(({ file, target }) => `${where(file)} -> ${target}`),
      [],
    );
  });

  it('keeps clock, randomness, sockets and files out of the pure rooms', () => {
    const wrong: string[] = [];
    for (const file of sourceFiles(SRC).filter((name) => PURE.has(roomOf(name)))) {
      const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      const found =
        /\bDate\.now\(|new Date\(\)|Math\.random|randomBytes|randomFill|randomUUID|performance\.now|process\.env|setTimeout/.exec(
          code,
        );
      if (found !== null) wrong.push(`${where(file)}: ${found[0]}`);
    }
    for (const { file, room, target } of ALL) {
      if (PURE.has(room) && /^node:(fs|net|tls|dns|dgram|http|https|child_process|worker_threads)/.test(target)) {
        wrong.push(`${where(file)}: ${target}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  it('exits and reads the environment in one place only', () => {
    const wrong: string[] = [];
    for (const file of sourceFiles(SRC)) {
      const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
      if (/process\.exit(Code)?\b/.test(code) && roomOf(file) !== 'cli') wrong.push(`${where(file)}: process.exit`);
      if (/process\.env\b/.test(code) && !['cli', 'config'].includes(roomOf(file)))
        wrong.push(`${where(file)}: process.env`);
    }
    assert.deepEqual(wrong, []);
  });
});
