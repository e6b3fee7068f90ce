/**
 * One flush of a folder for all commits that wait for one. A flush that is already running may have begun before our
 * rename, so it never counts for us: we share the next.
 */
import type { SpoolFiles } from './spool-files.ts';

export class FolderFlush {
  readonly #files: SpoolFiles;
  readonly #folder: string;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(files: SpoolFiles, folder: string) {
    this.#files = files;
    this.#folder = folder;
  }

  /** Resolves when every name changed before the call is durable. Rejects for all who share a flush that fails. */
  flush(): Promise<void> {
    if (this.#next !== null) return this.#next;
    if (this.#running === null) return this.#run();
    this.#next = this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        return this.#run();
      });
    return this.#next;
  }

  #run(): Promise<void> {
    const run = this.#files.syncFolder(this.#folder).finally(() => {
      if (this.#running === run) this.#running = null;
    });
    this.#running = run;
    return run;
  }
}
