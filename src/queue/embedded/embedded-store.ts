/**
 * The store of the embedded engine: one folder, one file a message (docs/queue.md has the table of states).
 *
 *     tmp/<id>      an intake under way; of an earlier run: deleted at the start
 *     mail/<id>     a message we answered 250 for
 *     corrupt/<id>  damaged; never deleted, never delivered
 *     lock/         the socket of the process that owns the folder
 *
 * All mail is in one folder, not in hundreds: the commits that wait at the same moment then share one folder flush,
 * and file systems of today find a name among a million as fast as among a hundred.
 */
import path from 'node:path';
import { asGatewayError, gatewayError } from '../../errors.ts';
import {
  damagedMailStays,
  mailDamaged,
  mailNewerFormat,
  mailUnreadable,
  queueWriteFailed,
} from '../../log/queue-events.ts';
import type { Intake, QueueOptions } from '../queue.ts';
import { isQueueId } from '../queue-id.ts';
import type { SpoolKeys } from '../spool-key.ts';
import type { Store, StoredMail } from '../store.ts';
import { FolderFlush } from './folder-flush.ts';
import { FreeRoom } from './free-room.ts';
import { MailFile } from './mail-file.ts';
import { SALT_OCTETS } from './mail-file-header.ts';
import { readMail } from './mail-file-reader.ts';
import { MailFileWriter } from './mail-file-writer.ts';
import { type SpoolFiles, systemCode, writeFailure } from './spool-files.ts';

/** Files read at once at the start: enough to keep the disk busy, few open files. */
const SCAN_WIDTH = 16;

export interface EmbeddedParts {
  readonly files: SpoolFiles;
  readonly keys: SpoolKeys;
  readonly random: (octets: number) => Buffer;
  readonly monotonicMs: () => number;
}

/** What the start found. */
export interface SpoolScan {
  /** Intakes of an earlier run that were deleted. */
  readonly removedIntakes: number;
  /** Hexadecimal ids of keys that mail needs and the ring lacks, with how many messages need each. */
  readonly missingKeys: ReadonlyMap<string, number>;
}

/** Makes the folders of a spool. @returns true when it holds mail, readable or not */
export async function prepareSpool(files: SpoolFiles, folder: string): Promise<boolean> {
  for (const name of ['tmp', 'mail', 'corrupt']) await files.makeFolder(path.join(folder, name));
  // names made just now must outlive a power cut, or the first mail would go with its folder
  await files.syncFolder(folder);
  return (await files.list(path.join(folder, 'mail'))).length > 0;
}

export class EmbeddedStore implements Store {
  readonly #folder: string;
  readonly #parts: EmbeddedParts;
  readonly #room: FreeRoom;
  readonly #mailFlush: FolderFlush;
  /** Intakes under way. */
  readonly #intakes = new Set<Intake>();
  #closed = false;

  constructor(options: Pick<QueueOptions, 'folder' | 'reserveBytes'>, parts: EmbeddedParts) {
    this.#folder = options.folder;
    this.#parts = parts;
    this.#room = new FreeRoom(parts.files, options.folder, options.reserveBytes, parts.monotonicMs);
    this.#mailFlush = new FolderFlush(parts.files, this.#path('mail'));
  }

  /**
   * Looks at every stored message once: hands on what is good, sets aside what is damaged, leaves what is newer.
   * With a missing key nothing has been changed, and the caller must not go on.
   */
  async scan(found: (mail: StoredMail) => void): Promise<SpoolScan> {
    const missingKeys = new Map<string, number>();
    const damaged: { name: string; detail: string }[] = [];
    const names = [...(await this.#parts.files.list(this.#path('mail')))].sort();
    await inParallel(names, SCAN_WIDTH, async (name) => {
      try {
        if (!isQueueId(name)) throw gatewayError('queue.damaged', 'not the name of a message');
        const mail = await this.load(name);
        if (mail !== null) found(mail);
      } catch (thrown) {
        const failure = asGatewayError(thrown);
        if (failure.code === 'queue.damaged') damaged.push({ name, detail: failure.detail });
        else if (failure.code === 'queue.newer-format') mailNewerFormat(name, failure.detail);
        else if (failure.code === 'queue.key-missing') count(missingKeys, failure.detail.replace(/^.*spool key /, ''));
        else mailUnreadable(name, failure);
      }
    });
    if (missingKeys.size > 0) return { removedIntakes: 0, missingKeys };
    for (const { name, detail } of damaged) {
      mailDamaged(name, detail);
      await this.setAside(name);
    }
    return { removedIntakes: await this.#removeIntakes(), missingKeys };
  }

  async begin(id: string): Promise<Intake> {
    this.#requireOpen();
    const { files, keys, random } = this.#parts;
    await this.#room.claim(0);
    const intake = new MailFileWriter(id, random(SALT_OCTETS), {
      files,
      key: keys.current,
      temporary: this.#path('tmp', id),
      final: this.#path('mail', id),
      claimRoom: async (octets) => {
        this.#requireOpen();
        await this.#room.claim(octets);
      },
      flushMailFolder: () => this.#mailFlush.flush(),
      ended: (ended) => this.#intakes.delete(ended),
    });
    this.#intakes.add(intake);
    return intake;
  }

  async load(id: string): Promise<StoredMail | null> {
    const { files, keys } = this.#parts;
    const file = this.#path('mail', id);
    try {
      return new MailFile(files, file, await readMail(files, file, id, keys), () => this.#requireOpen());
    } catch (thrown) {
      if (systemCode(thrown) === 'ENOENT') return null;
      // a link, folder or device under a message's name is nothing of ours
      if (['ELOOP', 'EISDIR', 'ENXIO'].includes(systemCode(thrown))) {
        throw gatewayError('queue.damaged', `${id}: not a file`, thrown);
      }
      throw thrown;
    }
  }

  /**
   * The removal is the commit of "delivered". Its folder flush is asked for at once but not waited for: a power cut
   * within those milliseconds brings the message back and delivers it twice, which is the window that a crash between
   * the next hop's 250 and the removal has anyway; a delivery slot that waited for the disk would buy nothing more.
   */
  async remove(id: string): Promise<void> {
    this.#requireOpen();
    try {
      await this.#parts.files.unlink(this.#path('mail', id));
    } catch (thrown) {
      if (systemCode(thrown) !== 'ENOENT') throw writeFailure(thrown, `${id}: removing it`);
    }
    this.#mailFlush
      .flush()
      .catch((thrown: unknown) => queueWriteFailed(id, writeFailure(thrown, 'flushing a removal')));
  }

  async setAside(id: string): Promise<void> {
    this.#requireOpen();
    const stamp = this.#parts.random(4).toString('hex');
    try {
      // an earlier wreck of that name stays what it is
      await this.#parts.files.rename(this.#path('mail', id), this.#path('corrupt', `${id}.${stamp}`));
      await this.#parts.files.syncFolder(this.#path('corrupt'));
      await this.#mailFlush.flush();
    } catch (thrown) {
      damagedMailStays(id, thrown);
    }
  }

  /** Gives up what is still coming in; a commit under way is waited for, its 250 is due. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#intakes].map((intake) => intake.abort()));
    await this.#mailFlush.flush().catch(() => undefined);
  }

  /** We own the spool, so every unfinished file is of a process that is gone. */
  async #removeIntakes(): Promise<number> {
    const names = await this.#parts.files.list(this.#path('tmp'));
    for (const name of names) await this.#parts.files.unlink(this.#path('tmp', name));
    return names.length;
  }

  #path(...names: readonly string[]): string {
    return path.join(this.#folder, ...names);
  }

  #requireOpen(): void {
    if (this.#closed) throw gatewayError('queue.write-failed', 'the queue is closed');
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
