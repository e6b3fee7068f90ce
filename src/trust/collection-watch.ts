/**
 * Notices that the files of the trusted CA collections are no longer those in use, by looking every few seconds: names,
 * sizes, times and inodes, through symbolic links. Looking rather than listening, because network file systems and
 * mounted volumes tell nobody of a change.
 *
 * A change is told only when the files have stood still from one look to the next, so that a copy under way is not read
 * in halves. What was told and not taken is told again after a while. Nothing is read here but the facts of files.
 */
import { stat } from 'node:fs/promises';
import { filesOf } from './collection-reader.ts';
import type { TrustOptions } from './trust.ts';

/** Milliseconds between two looks. */
export const LOOK_MS = 3_000;
/** After a look nobody looks for so many times as long: many thousand files must not keep the thread pool busy. */
const REST_TIMES = 50;
/** A change that was refused may have been refused for what is not in the files, such as a clock. */
const AGAIN_MS = 5 * 60_000;

/** What the files look like now; two equal texts are the same files, as far as their facts tell. Never rejects. */
export async function stampCollections({ default: standard, named = [], revocation }: TrustOptions): Promise<string> {
  const lines: string[] = [];
  for (const location of [standard, ...named.map(({ from }) => from), ...(revocation?.signers ?? [])]) {
    const files = await filesOf(location).catch(() => null);
    if (files === null) lines.push(`${location} unreadable`);
    for (const file of files ?? []) {
      const facts = await stat(file).catch(() => null);
      lines.push(facts === null ? `${file} gone` : `${file} ${facts.size} ${facts.mtimeMs} ${facts.ino}`);
    }
  }
  return lines.join('\n');
}

export class CollectionWatch {
  readonly #changed: () => Promise<void>;
  readonly #now: () => number;
  #options: TrustOptions | null = null;
  /** Of the files in use, or last refused. */
  #known = '';
  /** Of the last look. */
  #seen = '';
  #refusedAt: number | null = null;
  #looking = false;
  #timer: NodeJS.Timeout | null = null;
  #restUntil = 0;

  /** @param changed told of a change; answers it by {@link follow} or {@link refuse} before it resolves */
  constructor(changed: () => Promise<void>, now: () => number = Date.now) {
    this.#changed = changed;
    this.#now = now;
  }

  /** These collections are in use. @param stamp taken before they were read, so that a change meanwhile is noticed */
  follow(options: TrustOptions, stamp: string): void {
    this.#options = options;
    this.#known = stamp;
    this.#refusedAt = null;
  }

  /** The files with this stamp are not taken. */
  refuse(stamp: string): void {
    this.#known = stamp;
    this.#refusedAt = this.#now();
  }

  start(): void {
    this.#timer = setInterval(() => {
      if (Date.now() >= this.#restUntil) void this.look();
    }, LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** One look. Never rejects. */
  async look(): Promise<void> {
    if (this.#looking || this.#options === null) return;
    this.#looking = true;
    const started = Date.now();
    try {
      const seen = await stampCollections(this.#options);
      const still = seen === this.#seen;
      this.#seen = seen;
      const again = this.#refusedAt !== null && this.#now() - this.#refusedAt >= AGAIN_MS;
      if (still && (seen !== this.#known || again)) await this.#changed();
    } catch {
      // whoever is told logs what is wrong; the next look tells it again
    } finally {
      const ended = Date.now();
      this.#restUntil = ended + (ended - started) * REST_TIMES;
      this.#looking = false;
    }
  }
}
