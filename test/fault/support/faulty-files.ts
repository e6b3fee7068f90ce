/** A file system that fails where a test says so, in front of the real one. */
import { nodeSpoolFiles, type SpoolFile, type SpoolFiles } from '../../../src/queue/embedded/spool-files.ts';

export type FileCall =
  | 'create'
  | 'open'
  | 'write'
  | 'read'
  | 'size'
  | 'truncate'
  | 'sync'
  | 'rename'
  | 'unlink'
  | 'syncFolder';

/** Asked before each call with its number, from 1; a code makes the call fail. */
export type FaultPlan = (call: FileCall, path: string, number: number) => string | null;

export class FaultyFiles implements SpoolFiles {
  plan: FaultPlan = () => null;
  /** Answer to the question for free octets; null asks the file system. */
  free: number | null = null;
  readonly calls: FileCall[] = [];
  faults = 0;

  async create(path: string): Promise<SpoolFile> {
    this.#ask('create', path);
    return this.#wrap(path, await nodeSpoolFiles.create(path));
  }

  async open(path: string, access: 'read' | 'update'): Promise<SpoolFile> {
    this.#ask('open', path);
    return this.#wrap(path, await nodeSpoolFiles.open(path, access));
  }

  async rename(from: string, to: string): Promise<void> {
    this.#ask('rename', from);
    await nodeSpoolFiles.rename(from, to);
  }

  async unlink(path: string): Promise<void> {
    this.#ask('unlink', path);
    await nodeSpoolFiles.unlink(path);
  }

  async syncFolder(path: string): Promise<void> {
    this.#ask('syncFolder', path);
    await nodeSpoolFiles.syncFolder(path);
  }

  list(folder: string): Promise<readonly string[]> {
    return nodeSpoolFiles.list(folder);
  }

  makeFolder(path: string): Promise<void> {
    return nodeSpoolFiles.makeFolder(path);
  }

  async room(folder: string): Promise<{ octets: number; names: number | null }> {
    return this.free === null ? nodeSpoolFiles.room(folder) : { octets: this.free, names: null };
  }

  #ask(call: FileCall, path: string): void {
    this.calls.push(call);
    const code = this.plan(call, path, this.calls.length);
    if (code === null) return;
    this.faults += 1;
    throw Object.assign(new Error(`${code}: made by the test, ${call}`), { code });
  }

  #wrap(path: string, file: SpoolFile): SpoolFile {
    return {
      write: async (data, position) => {
        try {
          this.#ask('write', path);
        } catch (thrown) {
          // a full disk takes part of what it is given
          await file.write(data.subarray(0, data.length >> 1), position);
          throw thrown;
        }
        await file.write(data, position);
      },
      read: async (into, position) => {
        this.#ask('read', path);
        return file.read(into, position);
      },
      size: async () => {
        this.#ask('size', path);
        return file.size();
      },
      truncate: async (octets) => {
        this.#ask('truncate', path);
        await file.truncate(octets);
      },
      sync: async () => {
        this.#ask('sync', path);
        await file.sync();
      },
      close: () => file.close(),
    };
  }
}
