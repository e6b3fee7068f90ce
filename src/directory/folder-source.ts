/**
 * A folder of certificates as a source, watched: what changes in it is found within about a second, without a restart.
 *
 * Two ways to notice, because neither is enough: the file system's notification (lost on network file systems, when
 * watches run out, when a link is turned), and reading the folder again every few seconds. The index is swapped whole. A folder
 * that cannot be read is a failed source, never an empty one (catalogue C28).
 */
import { type FSWatcher, watch } from 'node:fs';
import type { Address } from '../address.ts';
import {
  folderNotWatched,
  folderReloaded,
  problemFile,
  sourceFailed,
  sourceRecovered,
} from '../log/directory-events.ts';
import type { SourceOptions, SourceStatus } from './directory.ts';
import type { FirstSeen } from './first-seen.ts';
import { buildFolderIndex, type FolderIndex } from './folder-index.ts';
import { type FolderSnapshot, scanFolder } from './folder-scan.ts';
import type { Source, SourceAnswer } from './source.ts';

type FolderOptions = Extract<SourceOptions, { kind: 'folder' }>;

/** Writers come in bursts: a name, octets, times. Short enough for "within about a second". */
const GATHER_MS = 150;
/** While something in the folder is half done. */
const UNSETTLED_MS = 400;
const RESCAN_MS = 5000;
/** A folder that cannot be read is tried again so often. */
const RETRY_MS = 1000;
/** A large folder is not read all the time: pause as many times longer as the scan took. */
const PAUSE_FACTOR = 20;

export class FolderSource implements Source {
  readonly name: string;
  readonly domains: readonly string[] | null;
  readonly #options: FolderOptions;
  readonly #rank: number;
  readonly #firstSeen: FirstSeen;
  readonly #clock: () => number;
  readonly #watchers = new Map<string, { identity: string; watcher: FSWatcher }>();
  #snapshot: FolderSnapshot | null = null;
  #index: FolderIndex = { mailboxes: new Map(), certificates: 0, files: 0 };
  #failure: { reason: string; at: Date } | null = null;
  #lastFailure: { reason: string; at: Date } | null = null;
  #timer: NodeJS.Timeout | null = null;
  #timerAt = 0;
  #scanning: Promise<void> | null = null;
  #again = false;
  #watchRefused = false;
  #closed = false;

  constructor(options: FolderOptions, rank: number, firstSeen: FirstSeen, clock: () => number) {
    this.name = `folder ${options.label.replace(/\/+$/, '')}`;
    this.domains = options.for;
    this.#options = options;
    this.#rank = rank;
    this.#firstSeen = firstSeen;
    this.#clock = clock;
  }

  /**
   * First reading.
   * @returns null, or why the folder cannot be read
   */
  async start(): Promise<string | null> {
    await this.#scan();
    return this.#failure?.reason ?? null;
  }

  /** One line a file that holds something else than certificates. */
  problems(): readonly string[] {
    const lines: string[] = [];
    for (const file of this.#snapshot?.files.values() ?? []) {
      for (const problem of file.problems) lines.push(`${this.name}/${file.relative}: ${problem}`);
    }
    return lines;
  }

  find(address: Address): SourceAnswer {
    // nobody looks at the folder any more: a transaction that outlived its configuration must not be told "none" by it
    if (this.#closed) return { ok: false, reason: 'shutting down' };
    if (this.#failure !== null) return { ok: false, reason: this.#failure.reason };
    return { ok: true, candidates: this.#index.mailboxes.get(address.key) ?? [] };
  }

  status(): SourceStatus {
    const last = this.#lastFailure;
    return {
      source: this.name,
      entries: this.#index.certificates,
      lastFailure: last === null ? null : { source: this.name, reason: last.reason },
      lastFailureAt: last?.at ?? null,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#unwatch();
    await this.#scanning;
  }

  /** Scans one after the other; a change during a scan leads to one more. */
  #scan(): Promise<void> {
    if (this.#scanning !== null) {
      this.#again = true;
      return this.#scanning;
    }
    this.#scanning = this.#scanUntilQuiet().finally(() => {
      this.#scanning = null;
    });
    return this.#scanning;
  }

  async #scanUntilQuiet(): Promise<void> {
    const began = performance.now();
    this.#again = false;
    try {
      const snapshot = await scanFolder(this.#options.folder, this.#snapshot, this.#clock());
      if (this.#closed) return;
      await this.#adopt(snapshot);
      // what changed in a folder between its listing and its first watch would wait for the periodic scan
      if (this.#watchAll(snapshot)) this.#again = true;
    } catch (error) {
      if (this.#closed) return;
      this.#fail(error instanceof Error ? error.message : String(error));
    }
    const tookMs = performance.now() - began;
    if (this.#again) this.#schedule(GATHER_MS);
    else if (this.#failure !== null) this.#schedule(RETRY_MS);
    else if (this.#snapshot?.unsettled) this.#schedule(UNSETTLED_MS);
    else this.#schedule(Math.max(this.#watchRefused ? RETRY_MS : RESCAN_MS, PAUSE_FACTOR * tookMs));
  }

  async #adopt(snapshot: FolderSnapshot): Promise<void> {
    const before = this.#snapshot;
    const changed = before === null || !sameFiles(before, snapshot);
    const { name: source } = this;
    const index = changed
      ? await buildFolderIndex(snapshot.files.values(), { source, rank: this.#rank, firstSeen: this.#firstSeen })
      : this.#index;
    if (this.#closed) return;
    this.#snapshot = snapshot;
    this.#index = index;
    // a failure ends with the index that follows it: the one before knew less
    if (this.#failure !== null) {
      this.#failure = null;
      sourceRecovered(this.name);
    }
    if (!changed) return;
    for (const file of snapshot.files.values()) {
      // a file still being written is reported when it stays broken
      if (file.stamp === '' || before?.files.get(file.relative) === file) continue;
      for (const problem of file.problems) problemFile(this.name, file.relative, problem);
    }
    const { files, certificates, mailboxes } = this.#index;
    folderReloaded(this.name, { files, certificates, mailboxes: mailboxes.size });
  }

  #fail(reason: string): void {
    const isNew = this.#failure === null;
    this.#failure = { reason, at: new Date(this.#clock()) };
    this.#lastFailure = this.#failure;
    this.#unwatch();
    if (isNew) sourceFailed(this.name, reason, RETRY_MS);
  }

  #schedule(delayMs: number): void {
    if (this.#closed) return;
    const at = performance.now() + delayMs;
    if (this.#timer !== null) {
      if (this.#timerAt <= at) return;
      clearTimeout(this.#timer);
    }
    this.#timerAt = at;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#scan();
    }, delayMs);
    this.#timer.unref();
  }

  #noticed(): void {
    if (this.#scanning !== null) this.#again = true;
    else this.#schedule(GATHER_MS);
  }

  /** @returns true when another scan is needed: a watch was added, or a folder vanished */
  #watchAll(snapshot: FolderSnapshot): boolean {
    for (const [folder, { identity, watcher }] of this.#watchers) {
      if (snapshot.folders.get(folder) === identity) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    let added = false;
    for (const [folder, identity] of snapshot.folders) {
      if (this.#watchers.has(folder) || this.#watchRefused) continue;
      try {
        const watcher = watch(folder, { persistent: false }, () => this.#noticed());
        watcher.on('error', (error) => this.#refuseWatch(error));
        this.#watchers.set(folder, { identity, watcher });
        added = true;
      } catch (error) {
        // gone since it was listed: another scan finds out
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') added = true;
        else this.#refuseWatch(error);
      }
    }
    return added;
  }

  #refuseWatch(error: unknown): void {
    if (this.#closed) return;
    if (!this.#watchRefused) folderNotWatched(this.name, error instanceof Error ? error.message : String(error));
    this.#watchRefused = true;
    this.#schedule(GATHER_MS);
  }

  #unwatch(): void {
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }
}

/** The scan hands on the object of an unchanged file, so identity is enough. */
function sameFiles(a: FolderSnapshot, b: FolderSnapshot): boolean {
  if (a.files.size !== b.files.size) return false;
  for (const [relative, file] of b.files) if (a.files.get(relative) !== file) return false;
  return true;
}
