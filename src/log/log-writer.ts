/**
 * Writes log lines to a file descriptor and never fails: a log that nobody reads any more, or whose disk is full, must
 * neither stop the mail nor make a message that was stored look as if it was not (promise 4).
 *
 * A pipe that is full keeps lines waiting, up to a megabyte. What cannot be written is lost and counted; the first line
 * that can be written again is followed by one that says how many were lost.
 */
import { writeSync } from 'node:fs';

const WAITING_OCTETS_MAX = 1024 * 1024;
const RETRY_MS = 100;

export class LogWriter {
  readonly #write: (octets: Buffer) => number;
  #waiting: Buffer = Buffer.alloc(0);
  #lost = 0;
  #retry: NodeJS.Timeout | null = null;

  /** @param write takes some of the octets and says how many, or throws; by default the standard error */
  constructor(write: (octets: Buffer) => number = (octets) => writeSync(2, octets)) {
    this.#write = write;
  }

  /** @param line with its line feed */
  write(line: string): void {
    const octets = Buffer.from(line);
    if (this.#waiting.length + octets.length > WAITING_OCTETS_MAX) this.#lost += 1;
    else this.#waiting = this.#waiting.length === 0 ? octets : Buffer.concat([this.#waiting, octets]);
    if (this.#retry === null) this.#flush();
  }

  #flush(): void {
    try {
      this.#drain();
      if (this.#lost === 0) return;
      const facts = { level: 40, time: new Date().toISOString(), event: 'log.lost', lines: this.#lost };
      this.#lost = 0;
      this.#waiting = Buffer.from(`${JSON.stringify({ ...facts, msg: 'log lines could not be written' })}\n`);
      this.#drain();
    } catch (thrown) {
      const full = thrown instanceof Error && 'code' in thrown && thrown.code === 'EAGAIN';
      if (full) this.#tryAgain();
      else this.#lose();
    }
  }

  #drain(): void {
    while (this.#waiting.length > 0) this.#waiting = this.#waiting.subarray(this.#write(this.#waiting));
  }

  #lose(): void {
    for (const octet of this.#waiting) if (octet === LINE_FEED) this.#lost += 1;
    this.#waiting = Buffer.alloc(0);
  }

  #tryAgain(): void {
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#flush();
    }, RETRY_MS);
    // the log alone keeps no process alive
    this.#retry.unref();
  }
}

const LINE_FEED = 0x0a;
