/**
 * Opens the embedded queue: folders, lock, key, then one look at everything stored. Whatever an administrator must mend
 * is a mistake, all of them at once (the caller exits 78); until then nothing in the spool has been changed.
 */
import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import path from 'node:path';
import * as events from '../log/queue-events.ts';
import { EmbeddedStore, prepareSpool } from './embedded/embedded-store.ts';
import { nodeSpoolFiles, type SpoolFiles } from './embedded/spool-files.ts';
import { takeSpoolLock } from './embedded/spool-lock.ts';
import { EmbeddedQueue } from './embedded-queue.ts';
import { hasState } from './mail-state.ts';
import type { QueueOptions } from './queue.ts';
import { zeroCounters } from './queue-counters.ts';
import { reportQueueId } from './queue-id.ts';
import { Scheduler } from './schedule/scheduler.ts';
import { openSpoolKeys } from './spool-key.ts';
import type { StoredMail } from './store.ts';

/** What tests replace. */
export interface QueueParts {
  readonly files: SpoolFiles;
  /** Octets from a secure source. */
  random(octets: number): Buffer;
  /** Milliseconds since 1970. */
  now(): number;
  monotonicMs(): number;
}

/** A queue that owns its spool, or what an administrator has to mend first. */
export type OpenQueueResult =
  | { readonly ok: true; readonly queue: EmbeddedQueue; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly mistakes: readonly string[] };

const OWN_PARTS: QueueParts = {
  files: nodeSpoolFiles,
  random: randomBytes,
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/**
 * Opens the spool for this process alone. Nothing is delivered before `start`.
 * @param parts replaces parts of the surroundings, for tests
 */
export async function openQueue(options: QueueOptions, parts: Partial<QueueParts> = {}): Promise<OpenQueueResult> {
  const own = { ...OWN_PARTS, ...parts };
  const warnings: string[] = [];
  try {
    const mistake = await checkFolder(options.folder, own.files, warnings);
    if (mistake !== null) return { ok: false, mistakes: [mistake] };
    const lockFolder = path.join(options.folder, 'lock');
    await fs.mkdir(lockFolder, { recursive: true, mode: 0o700 });
    const lock = await takeSpoolLock(lockFolder);
    if (!lock.ok) return { ok: false, mistakes: [`${options.folder}: ${lock.mistake}`] };
    const opened = await openLocked(options, own, warnings, () => lock.lock.release()).catch(
      async (thrown: unknown) => {
        await lock.lock.release();
        throw thrown;
      },
    );
    if (!opened.ok) await lock.lock.release();
    return opened;
  } catch (thrown) {
    return { ok: false, mistakes: [`${options.folder}: ${thrown instanceof Error ? thrown.message : String(thrown)}`] };
  }
}

async function openLocked(
  options: QueueOptions,
  own: QueueParts,
  warnings: string[],
  release: () => Promise<void>,
): Promise<OpenQueueResult> {
  const holdsMail = await prepareSpool(own.files, options.folder);
  const keys = await openSpoolKeys(options.keyFile, options.folder, holdsMail);
  if (!keys.ok) return keys;
  if (keys.made) {
    events.spoolKeyMade(options.keyFile);
    warnings.push(`${options.keyFile}: made; back it up, without it waiting mail is lost`);
  }
  const counters = zeroCounters();
  const { random, now, monotonicMs } = own;
  const store = new EmbeddedStore(options, { files: own.files, keys: keys.keys, random, monotonicMs });
  const { retry, concurrency } = options;
  const spread = (): number => random(4).readUInt32BE() / 2 ** 32;
  const scheduler = new Scheduler({ store, retry, concurrency, counters, now, monotonicMs, random: spread });
  const found = new FoundMail();
  const scan = await store.scan((mail) => found.add(mail));
  if (scan.missingKeys.size > 0) {
    const mistakes = [...scan.missingKeys].map(
      ([id, messages]) =>
        `queue.key-missing: ${messages} stored messages need spool key ${id}: put it into ${options.keyFile}.old/`,
    );
    return { ok: false, mistakes };
  }
  const owedReports = found.schedule(scheduler);
  events.queueOpened(found.waiting, found.held, scan.removedIntakes);
  const queue = new EmbeddedQueue({ store, scheduler, counters, owedReports, random, now, release });
  return { ok: true, queue, warnings };
}

/** What the scan found, as little of each message as the scheduler needs. */
class FoundMail {
  readonly #mail: { readonly id: string; readonly attempts: number; readonly nextAttemptAt: number | null }[] = [];
  readonly #owed = new Map<string, string>();
  waiting = 0;
  held = 0;

  add(mail: StoredMail): void {
    const { state, id } = mail;
    const failing = state.recipients.filter((recipient) => recipient.state === 'failing');
    if (failing.length > 0) this.#owed.set(id, reportQueueId(id, failing));
    const held = hasState(state, 'held') && !hasState(state, 'waiting', 'failing');
    if (held) this.held += 1;
    else this.waiting += 1;
    // an owed report is due at once; so is a message that was finished but not yet removed
    const nextAttemptAt = hasState(state, 'waiting') && failing.length === 0 ? state.nextAttemptAt : 0;
    this.#mail.push({ id, attempts: state.attempts, nextAttemptAt: held ? null : nextAttemptAt });
  }

  /** @returns reports that must not leave before the failure they tell of is stored, by the message that failed */
  schedule(scheduler: Scheduler): ReadonlyMap<string, string> {
    const parked = new Set(this.#owed.values());
    for (const { id, attempts, nextAttemptAt } of this.#mail.sort((a, b) => (a.id < b.id ? -1 : 1))) {
      scheduler.add(id, attempts, parked.has(id) ? null : nextAttemptAt);
    }
    return this.#owed;
  }
}

/** The spool folder: made 0700, ours, and closed to others (a volume of a container often comes open). */
async function checkFolder(folder: string, files: SpoolFiles, warnings: string[]): Promise<string | null> {
  const before = await findStats(folder);
  await files.makeFolder(folder);
  if (before === null) await files.syncFolder(path.dirname(folder));
  const found = await fs.stat(folder);
  if (!found.isDirectory()) return `${folder}: is not a folder`;
  if (found.uid !== process.getuid?.()) return `${folder}: belongs to another user`;
  if ((found.mode & 0o077) !== 0) {
    await fs.chmod(folder, 0o700);
    warnings.push(`${folder}: was open to others; closed (0700)`);
  }
  return null;
}

async function findStats(folder: string): Promise<Stats | null> {
  try {
    return await fs.stat(folder);
  } catch {
    return null;
  }
}
