/**
 * Reads the files that a configuration names, relative to the folder it stands in, and reports what is wrong with them
 * at the place where they are named. A file that holds a secret is refused when anybody but its owner may read it, when
 * it belongs to somebody else, or when it is a symbolic link (catalogue O3).
 */
import { lstat, readFile, stat } from 'node:fs/promises';
import nodePath from 'node:path';
import type { Located, MistakeList } from './mistake-list.ts';

/** The file system, as far as the configuration looks at it. */
export interface FileAccess {
  /** @throws an error with a `code` such as ENOENT */
  read(path: string): Promise<Buffer>;
  /** @throws an error with a `code` such as ENOENT */
  facts(path: string): Promise<FileFacts>;
}

export interface FileFacts {
  readonly kind: 'file' | 'folder' | 'other';
  /** Permission bits. */
  readonly mode: number;
  /** True when the owner is this process's user or root. */
  readonly trustedOwner: boolean;
  /** True when the path itself is a symbolic link; the other facts are of what it leads to. */
  readonly symbolicLink: boolean;
  readonly bytes: number;
}

/** Certificates, keys and user lists are a few KB; a path to something huge is a slip. */
const NAMED_FILE_BYTES_MAX = 1024 * 1024;

/** The real file system. */
export const diskFiles: FileAccess = {
  read: (path) => readFile(path),
  async facts(path) {
    const [own, target] = await Promise.all([lstat(path), stat(path)]);
    return {
      kind: target.isFile() ? 'file' : target.isDirectory() ? 'folder' : 'other',
      mode: target.mode & 0o777,
      trustedOwner: target.uid === 0 || target.uid === process.getuid?.(),
      symbolicLink: own.isSymbolicLink(),
      bytes: target.size,
    };
  },
};

export class NamedFiles {
  readonly #access: FileAccess;
  readonly #base: string;
  readonly #list: MistakeList;

  /** @param base absolute path of the folder that relative paths start from */
  constructor(access: FileAccess, base: string, list: MistakeList) {
    this.#access = access;
    this.#base = base;
    this.#list = list;
  }

  /** The same files, with mistakes going to another list: for a file that is named by the first. */
  reportingTo(list: MistakeList): NamedFiles {
    return new NamedFiles(this.#access, this.#base, list);
  }

  /** Absolute path. */
  resolve(path: string): string {
    return nodePath.resolve(this.#base, path);
  }

  /** Content of a file that anybody may read. @returns null after a mistake was reported */
  async readPublic(path: Located<string>): Promise<Buffer | null> {
    const facts = await this.#factsOf(path);
    return facts !== null && this.#isFile(path, facts) ? this.#read(path) : null;
  }

  /** Content of a file that holds a secret. @returns null after a mistake was reported */
  async readPrivate(path: Located<string>): Promise<Buffer | null> {
    const facts = await this.#factsOf(path);
    if (facts === null || !this.#isFile(path, facts) || !this.#isPrivate(path, facts)) return null;
    return this.#read(path);
  }

  /** A secret of one line. @returns null after a mistake was reported */
  async readSecretLine(path: Located<string>): Promise<string | null> {
    const bytes = await this.readPrivate(path);
    if (bytes === null) return null;
    const line = bytes.toString('utf8').replace(/\r?\n$/, '');
    if (/^[^\p{C}]+$/u.test(line)) return line;
    this.#list.mistake(path, `${path.value} holds no secret`, 'one line of text');
    return null;
  }

  /** Checks that a folder is there. */
  async expectFolder(path: Located<string>): Promise<void> {
    const facts = await this.#factsOf(path);
    if (facts !== null && facts.kind !== 'folder') this.#list.mistake(path, `${path.value} is no folder`, 'a folder');
  }

  /** Checks that a file or folder is there. */
  async expectAny(path: Located<string>): Promise<void> {
    const facts = await this.#factsOf(path);
    if (facts?.kind === 'other') this.#list.mistake(path, `${path.value} is no file`, 'a file or a folder');
  }

  /** Like {@link readPrivate} without reading; a file that is not there yet is fine. */
  async expectPrivateIfPresent(path: Located<string>): Promise<void> {
    const facts = await this.#findFacts(path.value);
    if (typeof facts === 'string') {
      if (facts !== 'ENOENT') this.#list.mistake(path, `${path.value} cannot be read (${facts})`, '');
    } else if (this.#isFile(path, facts)) {
      this.#isPrivate(path, facts);
    }
  }

  /** A folder that will be made if it is not there: something else in its place is a mistake. */
  async expectFolderIfPresent(path: Located<string>): Promise<void> {
    const facts = await this.#findFacts(path.value);
    if (typeof facts !== 'string' && facts.kind !== 'folder') {
      this.#list.mistake(path, `${path.value} is no folder`, 'a folder');
    }
  }

  async #read(path: Located<string>): Promise<Buffer | null> {
    try {
      return await this.#access.read(this.resolve(path.value));
    } catch (error) {
      this.#list.mistake(path, `${path.value} cannot be read (${codeOf(error)})`, '');
      return null;
    }
  }

  async #factsOf(path: Located<string>): Promise<FileFacts | null> {
    const facts = await this.#findFacts(path.value);
    if (typeof facts !== 'string') return facts;
    if (facts === 'ENOENT') this.#list.mistake(path, `${path.value} does not exist`, '');
    else this.#list.mistake(path, `${path.value} cannot be read (${facts})`, '');
    return null;
  }

  async #findFacts(path: string): Promise<FileFacts | string> {
    try {
      return await this.#access.facts(this.resolve(path));
    } catch (error) {
      return codeOf(error);
    }
  }

  #isFile(path: Located<string>, facts: FileFacts): boolean {
    if (facts.kind !== 'file') this.#list.mistake(path, `${path.value} is no file`, 'a file');
    else if (facts.bytes > NAMED_FILE_BYTES_MAX) this.#list.mistake(path, `${path.value} is larger than 1 MiB`, '');
    else return true;
    return false;
  }

  #isPrivate(path: Located<string>, facts: FileFacts): boolean {
    if (facts.symbolicLink) this.#list.mistake(path, `${path.value} is a symbolic link`, 'the file itself');
    else if ((facts.mode & 0o077) !== 0) {
      this.#list.mistake(
        path,
        `${path.value} may be read by others (mode ${octal(facts.mode)})`,
        `chmod 600 ${path.value}`,
      );
    } else if (!facts.trustedOwner) {
      this.#list.mistake(path, `${path.value} belongs to another user`, 'owned by the user who runs sealgate');
    } else return true;
    return false;
  }
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unreadable';
}
