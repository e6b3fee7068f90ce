/**
 * A file system in memory that writes down what is done to it, and can then be rebuilt as a power cut after any of
 * those steps would leave it: octets count for sure only after a flush of their file, names only after a flush of their
 * folder, and whatever was not flushed may be there, not there, or half there.
 */
import path from 'node:path';
import type { SpoolFile, SpoolFiles } from '../../../src/queue/embedded/spool-files.ts';

type Step =
  | { readonly kind: 'write'; readonly inode: number; readonly position: number; readonly data: Buffer }
  | { readonly kind: 'truncate'; readonly inode: number; readonly octets: number }
  | { readonly kind: 'sync'; readonly inode: number }
  | { readonly kind: 'name'; readonly folder: string; readonly name: string; readonly inode: number | null }
  | { readonly kind: 'syncFolder'; readonly folder: string }
  | { readonly kind: 'mark'; readonly text: string };

/**
 * What a cut does to steps that were not flushed. `keep-all` is a killed process. `lose-data` keeps names alone: the
 * classic rename of an unflushed file. `random` keeps, loses or tears every write, and keeps names in order up to some point.
 */
export type Cut = 'keep-all' | 'lose-all' | 'lose-data' | 'lose-names' | 'random';

export interface Forgetting {
  /** Negative controls: a disk that lies about flushes must be found out. */
  readonly ignoreSync?: boolean;
  readonly ignoreSyncFolder?: boolean;
}

export class ForgetfulFiles implements SpoolFiles {
  readonly #steps: Step[] = [];
  readonly #inodes = new Map<number, Buffer>();
  readonly #names = new Map<string, Map<string, number>>();
  readonly #forgetting: Forgetting;

  constructor(forgetting: Forgetting = {}) {
    this.#forgetting = forgetting;
  }

  get stepCount(): number {
    return this.#steps.length;
  }

  /** Notes something that happened outside, in order with the steps. */
  mark(text: string): void {
    this.#steps.push({ kind: 'mark', text });
  }

  marksBefore(step: number): readonly string[] {
    return this.#steps.slice(0, step).flatMap((each) => (each.kind === 'mark' ? [each.text] : []));
  }

  /** The file system that a power cut after the first `step` steps leaves. @param random in [0, 1) */
  cut(step: number, how: Cut, random: () => number): ForgetfulFiles {
    const done = this.#steps.slice(0, step);
    const left = new ForgetfulFiles();
    for (const [inode, octets] of cutData(done, how, random)) left.#inodes.set(inode, octets);
    for (const folder of this.#names.keys()) left.#names.set(folder, new Map());
    for (const [folder, names] of cutNames(done, how, random)) {
      const there = left.#names.get(folder) ?? new Map<string, number>();
      for (const [name, inode] of names) {
        there.set(name, inode);
        if (!left.#inodes.has(inode)) left.#inodes.set(inode, Buffer.alloc(0));
      }
      left.#names.set(folder, there);
    }
    return left;
  }

  async create(file: string): Promise<SpoolFile> {
    if (this.#folder(file).has(path.basename(file))) throw failure('EEXIST', file);
    const inode = Math.max(0, ...this.#inodes.keys()) + 1;
    this.#inodes.set(inode, Buffer.alloc(0));
    this.#name(file, inode);
    return this.#file(inode);
  }

  async open(file: string): Promise<SpoolFile> {
    const inode = this.#folder(file).get(path.basename(file));
    if (inode === undefined) throw failure('ENOENT', file);
    return this.#file(inode);
  }

  async rename(from: string, to: string): Promise<void> {
    const inode = this.#folder(from).get(path.basename(from));
    if (inode === undefined) throw failure('ENOENT', from);
    this.#name(to, inode);
    this.#name(from, null);
  }

  async unlink(file: string): Promise<void> {
    if (!this.#folder(file).has(path.basename(file))) throw failure('ENOENT', file);
    this.#name(file, null);
  }

  async list(folder: string): Promise<readonly string[]> {
    return [...(this.#names.get(folder)?.keys() ?? [])];
  }

  async makeFolder(folder: string): Promise<void> {
    if (!this.#names.has(folder)) this.#names.set(folder, new Map());
  }

  async syncFolder(folder: string): Promise<void> {
    await pause();
    if (this.#forgetting.ignoreSyncFolder !== true) this.#steps.push({ kind: 'syncFolder', folder });
    await pause();
  }

  async room(): Promise<{ octets: number; names: number | null }> {
    return { octets: Number.MAX_SAFE_INTEGER, names: null };
  }

  #folder(file: string): Map<string, number> {
    const folder = this.#names.get(path.dirname(file));
    if (folder === undefined) throw failure('ENOENT', file);
    return folder;
  }

  #name(file: string, inode: number | null): void {
    const name = path.basename(file);
    if (inode === null) this.#folder(file).delete(name);
    else this.#folder(file).set(name, inode);
    this.#steps.push({ kind: 'name', folder: path.dirname(file), name, inode });
  }

  #file(inode: number): SpoolFile {
    const octets = (): Buffer => this.#inodes.get(inode) ?? Buffer.alloc(0);
    return {
      write: async (data, position) => {
        await pause();
        this.#inodes.set(inode, written(octets(), Buffer.from(data), position));
        this.#steps.push({ kind: 'write', inode, position, data: Buffer.from(data) });
      },
      read: async (into, position) => octets().copy(into, 0, position),
      size: async () => octets().length,
      truncate: async (length) => {
        this.#inodes.set(inode, octets().subarray(0, length));
        this.#steps.push({ kind: 'truncate', inode, octets: length });
      },
      sync: async () => {
        await pause();
        if (this.#forgetting.ignoreSync !== true) this.#steps.push({ kind: 'sync', inode });
      },
      close: async () => undefined,
    };
  }
}

function cutData(steps: readonly Step[], how: Cut, random: () => number): Map<number, Buffer> {
  const flushed = new Map<number, number>();
  steps.forEach((step, at) => {
    if (step.kind === 'sync') flushed.set(step.inode, at);
  });
  const octets = new Map<number, Buffer>();
  steps.forEach((step, at) => {
    if (step.kind !== 'write' && step.kind !== 'truncate') return;
    const before = octets.get(step.inode) ?? Buffer.alloc(0);
    const safe = at < (flushed.get(step.inode) ?? -1) || how === 'keep-all' || how === 'lose-names';
    const fate = safe ? 1 : how === 'random' ? random() : 0;
    if (fate < 0.4) return;
    if (step.kind === 'truncate') octets.set(step.inode, before.subarray(0, step.octets));
    else if (fate > 0.7) octets.set(step.inode, written(before, step.data, step.position));
    else octets.set(step.inode, written(before, torn(step.data, random), step.position));
  });
  return octets;
}

function cutNames(steps: readonly Step[], how: Cut, random: () => number): Map<string, Map<string, number>> {
  const flushed = new Map<string, number>();
  steps.forEach((step, at) => {
    if (step.kind === 'syncFolder') flushed.set(step.folder, at);
  });
  const keepUnflushed = how === 'keep-all' || how === 'lose-data';
  const limit = how === 'random' ? Math.floor(random() * (steps.length + 1)) : 0;
  const folders = new Map<string, Map<string, number>>();
  steps.forEach((step, at) => {
    if (step.kind !== 'name') return;
    if (at > (flushed.get(step.folder) ?? -1) && !keepUnflushed && at >= limit) return;
    const names = folders.get(step.folder) ?? new Map<string, number>();
    if (step.inode === null) names.delete(step.name);
    else names.set(step.name, step.inode);
    folders.set(step.folder, names);
  });
  return folders;
}

/** The front or, with zeros before it, the rear of a write. */
function torn(data: Buffer, random: () => number): Buffer {
  const at = Math.floor(random() * data.length);
  return random() < 0.5 ? data.subarray(0, at) : Buffer.concat([Buffer.alloc(at), data.subarray(at)]);
}

function written(before: Buffer, data: Buffer, position: number): Buffer {
  const after = Buffer.alloc(Math.max(before.length, position + data.length));
  before.copy(after);
  data.copy(after, position);
  return after;
}

function failure(code: string, file: string): Error {
  return Object.assign(new Error(`${code}: ${file}`), { code });
}

/** Lets other work in between, as a disk does. */
function pause(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
