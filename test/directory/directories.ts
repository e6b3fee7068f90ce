/** What the tests of `directory/` share: options with short times, a folder that goes away, waiting for a change. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Address, parseAddress } from '../../src/address.ts';
import type { Directory, DirectoryAnswer, DirectoryOptions, SourceOptions } from '../../src/directory/directory.ts';
import { openDirectory } from '../../src/directory/open-directory.ts';

export function address(text: string): Address {
  return parseAddress(text) ?? assert.fail(`no address: ${text}`);
}

export function directoryOptions(...sources: SourceOptions[]): DirectoryOptions {
  return {
    sources,
    cache: { entriesMax: 10_000, positiveTtlMs: 3_600_000, negativeTtlMs: 600_000 },
    deadlineMs: 2000,
    failFastMs: 30_000,
  };
}

export function folderSource(folder: string, domains: readonly string[] | null = null): SourceOptions {
  return { kind: 'folder', folder, for: domains, label: 'certs/partners' };
}

type LdapSourceOptions = Extract<SourceOptions, { kind: 'ldap' }>;

export function ldapSource(url: string, more: Partial<LdapSourceOptions> = {}): LdapSourceOptions {
  const base = 'dc=partner,dc=example';
  return { kind: 'ldap', url, base, startTls: false, bind: null, ca: null, for: null, label: 'test server', ...more };
}

/** Folders and directories of one test; {@link Workshop.clear} belongs in `afterEach`. */
export class Workshop {
  readonly #undo: (() => Promise<void> | void)[] = [];

  folder(): string {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'sealgate-directory-'));
    this.#undo.push(() => rmSync(folder, { recursive: true, force: true }));
    return folder;
  }

  async open(options: DirectoryOptions, clock?: () => number): Promise<Directory> {
    const opened = await openDirectory(options, clock);
    if (!opened.ok) return assert.fail(opened.mistakes.join('; '));
    this.later(() => opened.directory.close());
    return opened.directory;
  }

  later(undo: () => Promise<void> | void): void {
    this.#undo.push(undo);
  }

  async clear(): Promise<void> {
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) await undo();
  }
}

/** Looks up until the answer is as expected; the runner's timeout ends it. */
export async function eventually(
  directory: Directory,
  mailbox: string,
  expected: (answer: DirectoryAnswer) => boolean,
): Promise<DirectoryAnswer> {
  for (;;) {
    const answer = await directory.find(address(mailbox));
    if (expected(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What an answer says, in a word: the states of catalogue C28. */
export function stateOf({ candidates, failures }: DirectoryAnswer): string {
  const what = candidates.map(({ certificate }) => (certificate === null ? 'malformed' : 'certificate'));
  const failed = failures.length > 0 ? ['failure'] : [];
  return [...what, ...failed].join('+') || 'none';
}
