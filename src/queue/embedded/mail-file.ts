/**
 * One message file that is in the queue: appends updates to it and reads its bodies. An update counts once its flush
 * returned. A failed append is cut off again, at the latest before the next one, so that good frames stay in one piece.
 */
import { GatewayError } from '../../errors.ts';
import type { MailState, MailUpdate } from '../mail-state.ts';
import type { QueueRecord } from '../record.ts';
import type { StoredMail } from '../store.ts';
import { frameTag } from './mail-file-frames.ts';
import { type MailFileTail, type ReadMail, readBody } from './mail-file-reader.ts';
import { formatUpdate } from './mail-record.ts';
import { type SpoolFile, type SpoolFiles, writeFailure } from './spool-files.ts';

export class MailFile implements StoredMail {
  readonly id: string;
  readonly record: QueueRecord;
  readonly state: MailState;
  readonly storedBytes: number;
  readonly #files: SpoolFiles;
  readonly #path: string;
  readonly #mail: ReadMail;
  readonly #requireOpen: () => void;
  #tail: MailFileTail;

  /** @param requireOpen throws once the store is closed: the file may belong to another process then */
  constructor(files: SpoolFiles, path: string, mail: ReadMail, requireOpen: () => void) {
    this.id = mail.header.id;
    this.record = mail.sealed.record;
    this.state = mail.state;
    this.storedBytes = mail.storedBytes;
    this.#files = files;
    this.#path = path;
    this.#mail = mail;
    this.#requireOpen = requireOpen;
    this.#tail = mail.tail;
  }

  async append(update: MailUpdate): Promise<void> {
    this.#requireOpen();
    const { offset, previousTag } = this.#tail;
    const frame = Buffer.concat(this.#mail.frames.sealUpdate(offset, previousTag, formatUpdate(update)));
    try {
      const file = await this.#files.open(this.#path, 'update');
      try {
        await this.#cutTorn(file);
        this.#tail = { offset, previousTag, torn: true };
        await file.write(frame, offset);
        await file.sync();
        this.#tail = { offset: offset + frame.length, previousTag: frameTag(frame), torn: false };
      } finally {
        await file.close();
      }
    } catch (thrown) {
      throw thrown instanceof GatewayError ? thrown : writeFailure(thrown, `${this.id}: storing a result`);
    }
  }

  bodyBytes(bodyIndex: number): number | null {
    return this.#mail.sealed.bodies[bodyIndex]?.octets ?? null;
  }

  readBody(bodyIndex: number): AsyncIterable<Buffer> {
    return readBody(this.#files, this.#path, this.#mail, bodyIndex);
  }

  /** Flushed before anything is written in its place: else a crash could leave old octets behind a good new frame. */
  async #cutTorn(file: SpoolFile): Promise<void> {
    if (!this.#tail.torn) return;
    await file.truncate(this.#tail.offset);
    await file.sync();
  }
}
