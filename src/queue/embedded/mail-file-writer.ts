/**
 * Writes one message file: the intake of the embedded engine. It grows as `tmp/<id>`, and nothing of it counts until
 * `commit` has done, in this order: write everything, flush the file, rename it to `mail/<id>`, flush the folder.
 *
 * Why that order holds: before the rename the name in `mail/` does not exist; the rename is atomic; and since the file
 * was flushed first, whatever a crash leaves under that name is whole. The folder flush makes the name survive.
 * A failure anywhere leaves nothing behind and is the failure of every later call.
 *
 * A message of up to a chunk a body costs one open, one write, one flush, one rename and a share of a folder flush.
 */
import { GatewayError, gatewayError } from '../../errors.ts';
import { bodyBinding } from '../body-binding.ts';
import type { BodyWriter, Intake } from '../queue.ts';
import { type QueueRecord, RECORD_FORMAT } from '../record.ts';
import type { SpoolKey } from '../spool-key.ts';
import { BODIES_MAX, CHUNK_OCTETS, MailFileFrames, SEALED_JSON_OCTETS_MAX } from './mail-file-frames.ts';
import { formatHeader, HEADER_OCTETS, type MailFileHeader } from './mail-file-header.ts';
import { formatSealedRecord } from './mail-record.ts';
import { type SpoolFile, type SpoolFiles, writeFailure } from './spool-files.ts';

/** Sealed frames are gathered to this size before a write: large writes cost the disk less, and bound what we hold. */
const WRITE_OCTETS = 256 * 1024;

/** Where a file is written and what it may use. */
export interface MailFilePlace {
  readonly files: SpoolFiles;
  readonly key: SpoolKey;
  /** `tmp/<id>` and `mail/<id>`. */
  readonly temporary: string;
  readonly final: string;
  /** @throws GatewayError queue.full */
  claimRoom(octets: number): Promise<void>;
  flushMailFolder(): Promise<void>;
  /** The intake was committed, or is gone. */
  ended(intake: Intake): void;
}

interface BodyUnderWay {
  readonly binding: Buffer;
  /** Plaintext of the chunk that is filling; null while empty. A full one waits until it is known whether it is the last. */
  chunk: Buffer | null;
  filled: number;
  chunks: number;
  octets: number;
  ended: boolean;
}

export class MailFileWriter implements Intake {
  readonly id: string;
  readonly #place: MailFilePlace;
  readonly #header: MailFileHeader;
  readonly #frames: MailFileFrames;
  readonly #bodies: BodyUnderWay[] = [];
  #pending: Buffer[] = [];
  #pendingOctets = 0;
  /** End of the frames handed to the file; the header's place is kept free. */
  #written = HEADER_OCTETS;
  #file: SpoolFile | null = null;
  #writing: Promise<void> = Promise.resolve();
  /** Settles, never rejects, when a commit or the removal has ended. */
  #ending: Promise<void> = Promise.resolve();
  #failure: GatewayError | null = null;
  #stage: 'open' | 'committing' | 'committed' | 'gone' = 'open';
  /** Only then is the name in `mail/` ours to remove. */
  #renamed = false;

  constructor(id: string, salt: Buffer, place: MailFilePlace) {
    this.id = id;
    this.#place = place;
    this.#header = { keyId: place.key.id, id, salt, recordOffset: 0 };
    this.#frames = new MailFileFrames(place.key.key, this.#header);
  }

  body(binding: Buffer): BodyWriter {
    if (binding.length !== 32) throw gatewayError('defect', `body binding of ${binding.length} octets`);
    const index = this.#bodies.length;
    if (index >= BODIES_MAX) throw gatewayError('queue.write-failed', 'too many bodies in one message');
    const body = { binding: Buffer.from(binding), chunk: null, filled: 0, chunks: 0, octets: 0, ended: false };
    this.#bodies.push(body);
    return {
      index,
      write: (chunk) => this.#writeBody(index, body, chunk),
      end: () => this.#endBody(index, body),
    };
  }

  async commit(record: QueueRecord): Promise<void> {
    this.#requireOpen();
    this.#checkRecord(record);
    this.#stage = 'committing';
    const commit = this.#commit(record);
    this.#ending = commit.catch(() => undefined);
    await commit;
  }

  /** While a commit is under way it decides (the client may vanish just before its 250): then this waits for it. */
  async abort(): Promise<void> {
    if (this.#stage === 'open') this.#ending = this.#removeAll();
    await this.#ending;
  }

  async #commit(record: QueueRecord): Promise<void> {
    try {
      await this.#writing;
      await this.#writeRecord(record);
      await this.#place.files.rename(this.#place.temporary, this.#place.final);
      this.#renamed = true;
      await this.#place.flushMailFolder();
      this.#stage = 'committed';
      this.#place.ended(this);
    } catch (thrown) {
      const failure = this.#fail(thrown, 'committing');
      await this.#removeAll();
      throw failure;
    }
  }

  async #writeBody(index: number, body: BodyUnderWay, data: Buffer): Promise<void> {
    this.#requireOpen();
    if (body.ended) throw gatewayError('defect', `body ${index} has ended`);
    let rest = data;
    while (rest.length > 0) {
      if (body.filled === CHUNK_OCTETS) {
        this.#sealChunk(index, body, false);
        if (this.#pendingOctets >= WRITE_OCTETS) await this.#writePending();
      }
      body.chunk ??= Buffer.allocUnsafe(CHUNK_OCTETS);
      const taken = rest.copy(body.chunk, body.filled, 0, Math.min(rest.length, CHUNK_OCTETS - body.filled));
      body.filled += taken;
      rest = rest.subarray(taken);
    }
  }

  async #endBody(index: number, body: BodyUnderWay): Promise<void> {
    this.#requireOpen();
    if (body.ended) throw gatewayError('defect', `body ${index} has ended`);
    body.ended = true;
    this.#sealChunk(index, body, true);
    body.chunk = null;
    if (this.#pendingOctets >= WRITE_OCTETS) await this.#writePending();
  }

  #sealChunk(bodyIndex: number, body: BodyUnderWay, end: boolean): void {
    const plain = body.chunk?.subarray(0, body.filled) ?? Buffer.alloc(0);
    this.#gather(this.#frames.sealChunk({ bodyIndex, counter: body.chunks, end }, body.binding, plain));
    body.chunks += 1;
    body.octets += body.filled;
    body.filled = 0;
  }

  #gather(frame: readonly Buffer[]): void {
    for (const part of frame) {
      this.#pending.push(part);
      this.#pendingOctets += part.length;
    }
  }

  /** Hands the gathered frames to the file, in order; resolves when they are written (not flushed). */
  async #writePending(): Promise<void> {
    const data = this.#takePending();
    const position = this.#written;
    this.#written += data.length;
    const writing = this.#writing.then(async () => {
      await this.#place.claimRoom(data.length);
      const file = await this.#openFile();
      await file.write(data, position);
    });
    this.#writing = writing;
    try {
      await writing;
    } catch (thrown) {
      throw this.#fail(thrown, 'writing');
    }
  }

  async #writeRecord(record: QueueRecord): Promise<void> {
    const recordOffset = this.#written + this.#pendingOctets;
    const bodies = this.#bodies.map((body) => ({ octets: body.octets, chunks: body.chunks }));
    const plain = formatSealedRecord({ record, bodies });
    // a frame that its reader refuses would be acknowledged mail that nobody delivers
    if (plain.length > SEALED_JSON_OCTETS_MAX) throw gatewayError('message.limits', `record of ${plain.length} octets`);
    this.#gather(this.#frames.sealRecord(recordOffset, plain));
    const header = formatHeader({ ...this.#header, recordOffset });
    const rest = this.#takePending();
    await this.#place.claimRoom(rest.length);
    const untouched = this.#file === null;
    const file = await this.#openFile();
    if (untouched) {
      await file.write(Buffer.concat([header, rest]), 0);
    } else {
      await file.write(rest, this.#written);
      await file.write(header, 0);
    }
    await file.sync();
    this.#file = null;
    await file.close();
  }

  #takePending(): Buffer {
    const data = Buffer.concat(this.#pending, this.#pendingOctets);
    this.#pending = [];
    this.#pendingOctets = 0;
    return data;
  }

  async #openFile(): Promise<SpoolFile> {
    // a write that was under way when the intake was aborted must not make the file anew
    if (this.#stage === 'gone') throw gatewayError('queue.write-failed', `${this.id}: intake is gone`);
    this.#file ??= await this.#place.files.create(this.#place.temporary);
    return this.#file;
  }

  /** What would fail at delivery fails here, before anything is acknowledged. */
  #checkRecord(record: QueueRecord): void {
    const wrong = (detail: string): GatewayError => gatewayError('defect', `${this.id}: ${detail}`);
    if (record.format !== RECORD_FORMAT) throw wrong(`record format ${record.format}`);
    if (record.groups.length === 0) throw wrong('record without groups');
    if (record.groups.some((group) => group.recipients.length === 0)) throw wrong('group without recipients');
    if (record.groups.some((group) => this.#bodies[group.content.bodyIndex] === undefined)) throw wrong('no such body');
    this.#bodies.forEach((body, index) => {
      if (!body.ended) throw wrong(`body ${index} has not ended`);
      if (!bodyBinding(record.groups, index).equals(body.binding))
        throw wrong(`body ${index} is bound to other groups`);
    });
  }

  #requireOpen(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#stage !== 'open') throw gatewayError('queue.write-failed', `${this.id}: intake is ${this.#stage}`);
  }

  #fail(thrown: unknown, doing: string): GatewayError {
    this.#failure ??= thrown instanceof GatewayError ? thrown : writeFailure(thrown, `${this.id}: ${doing}`);
    return this.#failure;
  }

  /**
   * Removes the file under either name. What cannot be removed now goes at the next start if it is in `tmp/`; in
   * `mail/`, after a folder flush that failed, it would be delivered then: a duplicate, which is the lesser evil.
   */
  async #removeAll(): Promise<void> {
    this.#stage = 'gone';
    this.#pending = [];
    this.#pendingOctets = 0;
    await this.#writing.catch(() => undefined);
    const file = this.#file;
    this.#file = null;
    await file?.close().catch(() => undefined);
    await this.#place.files.unlink(this.#place.temporary).catch(() => undefined);
    if (this.#renamed) await this.#place.files.unlink(this.#place.final).catch(() => undefined);
    this.#place.ended(this);
  }
}
