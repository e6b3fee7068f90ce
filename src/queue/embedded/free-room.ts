/**
 * Keeps a reserve free on the file system of the spool: intake is refused (452 4.3.1) before the disk is full, so that
 * results, reports and removals of accepted mail still find room (they do not ask here).
 */
import { gatewayError } from '../../errors.ts';
import { type SpoolFiles, writeFailure } from './spool-files.ts';

/** How long an answer of the file system counts; what we write meanwhile is subtracted from it. */
const ANSWER_AGE_MS = 1000;

export class FreeRoom {
  readonly #files: SpoolFiles;
  readonly #folder: string;
  readonly #reserve: number;
  readonly #monotonicMs: () => number;
  #left = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;

  constructor(files: SpoolFiles, folder: string, reserveBytes: number, monotonicMs: () => number) {
    this.#files = files;
    this.#folder = folder;
    this.#reserve = reserveBytes;
    this.#monotonicMs = monotonicMs;
  }

  /** Claims room for octets about to be written. @throws GatewayError queue.full, queue.write-failed */
  async claim(octets: number): Promise<void> {
    if (this.#monotonicMs() - this.#askedAt >= ANSWER_AGE_MS) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = null;
      });
      await this.#asking;
    }
    if (this.#left - octets < this.#reserve) {
      throw gatewayError('queue.full', `${this.#left} octets free, ${this.#reserve} kept in reserve, ${octets} needed`);
    }
    this.#left -= octets;
  }

  async #ask(): Promise<void> {
    try {
      const room = await this.#files.room(this.#folder);
      // no name free: nothing can be created, whatever the octets say
      this.#left = room.names === 0 ? 0 : room.octets;
      this.#askedAt = this.#monotonicMs();
    } catch (thrown) {
      throw writeFailure(thrown, 'asking for free room');
    }
  }
}
