/** What the documentation says of codes, commands, events, limits and tests exists, and what must be in it is. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { buildProgram } from '../src/cli/command-line.ts';
import { formatConfigurationReference } from '../src/config/configuration-reference.ts';
import { loadConfiguration } from '../src/config/load-configuration.ts';
import { formatMistake } from '../src/config/mistake-list.ts';
import { ERROR_TABLE } from '../src/errors.ts';
import { CapturedTerminal } from './cli/captured-terminal.ts';
import { ConfigHouse } from './config/config-house.ts';
import { allPages, anchorsOf, fencedCodeOf, inlineCodeOf, linksOf, loadPage, tableRowsOf } from './support/markdown.ts';

/** Pages that this test holds against the code word by word; the others are generated or have tests of their own. */
const GUIDE = ['README.md', 'docs/admin-guide.md', 'docs/errors.md', 'docs/known-issues.md', 'docs/threat-model.md'];

describe('documentation', () => {
  it('explains every error code, with its reply and text, and no other', () => {
    const rows = tableRowsOf(loadPage('docs/errors.md')).filter(([code = '']) => /^`[a-z]/.test(code));
    const written = rows.map(([code = '', reply, text, meaning = '', advice = '']) => {
      assert.ok(meaning.length > 20 && advice !== '', `${code} says too little`);
      return `${code.replaceAll('`', '')} | ${reply} | ${text}`;
    });
    const due = Object.entries(ERROR_TABLE).map(
      ([code, row]) => `${code} | ${row.reply} ${row.enhanced} | ${row.publicText}`,
    );
    assert.deepEqual([...written].sort(), due.sort());
  });

  it('has no link that leads nowhere', () => {
    const dead: string[] = [];
    for (const page of allPages()) {
      for (const target of linksOf(page)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [file = '', anchor] = target.split('#');
        const linked = file === '' ? page.file : path.join(path.dirname(page.file), file);
        const found = existsSync(linked);
        const there = anchor === undefined || (found && anchorsOf(loadPage(linked)).has(anchor));
        if (!found || !there) dead.push(`${page.file}: ${target}`);
      }
    }
    assert.deepEqual(dead, []);
  });

  it('names commands and options that exist', () => {
    const program = buildProgram(new CapturedTerminal(), () => {});
    const wrong: string[] = [];
    let calls = 0;
    for (const page of GUIDE.map(loadPage)) {
      const code = [...inlineCodeOf(page), ...fencedCodeOf(page).flatMap((block) => block.split('\n'))];
      for (const [, call = ''] of code.flatMap((line) => [...line.matchAll(/\bsealgate(?:\.js)? ([a-z][^|&;)`]*)/g)])) {
        if (/^(?:env|node|sealgate)\b/.test(call)) continue; // a user, a container, an image of that name
        calls += 1;
        const problem = findCallProblem(program, call.trim().split(/\s+/));
        if (problem !== null) wrong.push(`${page.file}: sealgate ${call}: ${problem}`);
      }
    }
    assert.deepEqual(wrong, []);
    assert.ok(calls > 20);
  });

  it('names log events that exist, and every one that is an error', () => {
    const events = loggedEvents();
    const reference = formatConfigurationReference();
    const unknown: string[] = [];
    for (const page of GUIDE.map(loadPage)) {
      for (const code of inlineCodeOf(page)) {
        if (!/^(?:[a-z]+)\.[a-z]+(?:-[a-z0-9]+)*$/.test(code) || /\.(?:md|yaml|pem|crt|key|der|cer|p12)$/.test(code))
          continue;
        const known = events.all.has(code) || code in ERROR_TABLE || reference.includes(code);
        if (!known && !code.endsWith('.example')) unknown.push(`${page.file}: ${code}`);
      }
    }
    assert.deepEqual(unknown, []);
    const guide = loadPage('docs/admin-guide.md');
    const told = new Set(inlineCodeOf(guide));
    assert.deepEqual(
      [...events.errors].filter((event) => !told.has(event)),
      [],
    );
  });

  it('shows configurations that are valid', async () => {
    const [site = '', ...others] = fencedCodeOf(loadPage('docs/admin-guide.md'), 'yaml');
    const rules = others.filter((text) => /^(?:defaults|rules):/.test(text));
    assert.equal(rules.length, 3);
    const lists = others.filter((text) => /^(?:listen|directory):/.test(text));
    assert.equal(lists.length, 2);
    const replaced = lists.map((text) => {
      const key = text.slice(0, text.indexOf(':'));
      return site.replace(new RegExp(`^${key}:\\n(?:[ ].*\\n)+`, 'm'), text);
    });
    for (const text of [site, ...replaced, ...rules.map((text) => site.replace(/^defaults:.*\n/m, text))]) {
      assert.deepEqual(await mistakesOf(text), [], text);
    }
  });
});

describe('threat model', () => {
  const page = loadPage('docs/threat-model.md');

  it('names tests that exist', () => {
    const titles = testFiles()
      .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/\b(?:describe|it)\(\s*(['"`])([^\n]*?)\1/g)])
      .map(([, , title = '']) => title)
      .join('\n');
    const ids = tableRowsOf(page)
      .map((cells) => cells.at(-1) ?? '')
      .filter((cell) => /^[A-Z]\d+(?:, [A-Z]\d+)*$/.test(cell))
      .flatMap((cell) => cell.split(', '));
    assert.ok(ids.length > 40);
    assert.deepEqual(
      ids.filter((id) => !new RegExp(`\\b${id}\\b`).test(titles)),
      [],
    );
  });

  it('gives every limit as the code has it', () => {
    const rows = tableRowsOf(page).filter((cells) => /^`src\//.test(cells[2] ?? ''));
    assert.ok(rows.length > 30);
    const wrong = rows.flatMap(([what, value = '', place = '']) => {
      const [, file = '', name = ''] = /^`([^`]+)` `([^`]+)`$/.exec(place) ?? [];
      const inCode = findNumber(file, name);
      return inCode === octetsOrMs(value) ? [] : [`${what}: ${value}, but ${place} is ${inCode}`];
    });
    assert.deepEqual(wrong, []);
  });
});

/** null when program, subcommand and options are known. */
function findCallProblem(program: Command, words: readonly string[]): string | null {
  let command = program;
  for (const [index, word] of words.entries()) {
    if (word.startsWith('--')) {
      if (!command.options.some(({ long }) => long === word)) return `no option ${word}`;
      continue;
    }
    if (command.commands.length === 0) continue;
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) return index === 0 || words.length > index ? `no command ${word}` : null;
    command = next;
  }
  return null;
}

/** Events of src/log: all of them, and those of level error or fatal. */
function loggedEvents(): { readonly all: ReadonlySet<string>; readonly errors: ReadonlySet<string> } {
  const all = new Set<string>();
  const errors = new Set<string>();
  for (const file of readdirSync('src/log')) {
    const text = readFileSync(path.join('src/log', file), 'utf8');
    for (const [, , event = ''] of text.matchAll(/event: (['`])([^'`]+)\1/g)) all.add(event);
    for (const [, event = ''] of text.matchAll(/log\(\)\.(?:error|fatal)\(\s*\{\s*event: '([^']+)'/g))
      errors.add(event);
  }
  assert.ok(errors.size > 8);
  return { all, errors };
}

async function mistakesOf(text: string): Promise<readonly string[]> {
  const house = new ConfigHouse();
  try {
    house.write('certs/origin', 'a secret of forty-eight letters\n');
    house.write('certs/ldap-password', 'secret\n');
    house.write('certs/ldap-ca.pem', readFileSync(path.join(house.folder, 'certs/trust/root.pem')), 0o644);
    house.write('certs/users.yaml', readFileSync(path.join(house.folder, 'users.yaml')));
    const local = text.replaceAll('/var/lib/sealgate', `${house.folder}/var`);
    const result = await loadConfiguration(house.write('sealgate.yaml', local));
    return result.ok ? [] : result.mistakes.map(formatMistake);
  } finally {
    house.remove();
  }
}

/** The number that a constant, or a member of one, is written as; null when it is not there. */
function findNumber(file: string, name: string): number | null {
  if (!existsSync(file)) return null;
  const text = readFileSync(file, 'utf8');
  const [constant = '', member] = name.split('.');
  const pattern =
    member === undefined
      ? new RegExp(`const ${constant}(?:: number)? = ([\\d_ *]+);`)
      : new RegExp(`const ${constant}\\b[^=]* = \\{[^}]*\\b${member}: ([\\d_ *]+)[,\\s}]`);
  const written = pattern.exec(text)?.[1];
  if (written === undefined) return null;
  return written.split('*').reduce((product, factor) => product * Number(factor.replaceAll('_', '').trim()), 1);
}

const UNITS: Readonly<Record<string, number>> = { '': 1, KiB: 1024, MiB: 1024 ** 2, s: 1000, min: 60_000 };

function octetsOrMs(value: string): number {
  const [, digits = '', unit = ''] = /^(\d+) ?(KiB|MiB|s|min)?$/.exec(value) ?? [];
  return digits === '' ? Number.NaN : Number(digits) * (UNITS[unit] ?? Number.NaN);
}

function testFiles(): readonly string[] {
  const names = readdirSync('test', { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.test.ts')).map((name) => path.join('test', name));
}
