/**
 * Keeps octets that can be read only once (a pipe) for a second reading: in memory up to a limit, beyond it in a temporary
 * file of ciphertext. No clear octet of a message touches a disk (promise 2).
 *
 * The file is AES-256-GCM in frames under a key that lives in this process only; it is made for its owner alone and
 * unlinked before the first octet is written. Each frame has its number for its nonce, so frames that are changed,
 * swapped or left out are noticed when they are read.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import { gatewayError } from '../errors.ts';
import type { RangedSource } from '../smime/ranged-source.ts';

/** Octets kept in memory before a file is made. */
export const SPOOL_MEMORY_OCTETS = 16 * 1024 * 1024;
/** Clear octets of a frame; the last may have fewer. */
const FRAME_OCTETS = 64 * 1024;
const TAG_OCTETS = 16;

export interface SpoolOptions {
  /** Where the file is made. */
  readonly folder: string;
  readonly memoryOctets?: number;
}

/** What was read, to be read again. */
export interface Spooled {
  readonly source: RangedSource;
  /** True when it lies in a file. */
  readonly onDisk: boolean;
  close(): Promise<void>;
}

/** Reads a stream to its end. @throws what the stream and the file system throw */
export async function spool(octets: AsyncIterable<Buffer>, options: SpoolOptions): Promise<Spooled> {
  const { folder, memoryOctets = SPOOL_MEMORY_OCTETS } = options;
  const pieces: Buffer[] = [];
  let held = 0;
  let file: SpoolFile | null = null;
  try {
    for await (const piece of octets) {
      pieces.push(piece);
      held += piece.length;
      if (file === null && held <= memoryOctets) continue;
      if (file !== null && held < FRAME_OCTETS) continue;
      file ??= SpoolFile.make(folder);
      held = file.write(pieces, false);
    }
    if (file === null) return inMemory(pieces);
    file.write(pieces, true);
    return file;
  } catch (thrown) {
    await file?.close();
    throw thrown;
  }
}

function inMemory(pieces: readonly Buffer[]): Spooled {
  const source: RangedSource = {
    async *open(from = 0, to = Number.MAX_SAFE_INTEGER): AsyncGenerator<Buffer, void, undefined> {
      let at = 0;
      for (const piece of pieces) {
        const part = piece.subarray(Math.max(0, from - at), Math.max(0, to - at));
        at += piece.length;
        if (part.length > 0) yield part;
        if (at >= to) return;
      }
    },
    identity: async () => 'memory',
  };
  return { source, onDisk: false, close: async () => {} };
}

class SpoolFile implements Spooled {
  readonly onDisk = true;
  /** Synchronous calls: this process has nothing else to do, and each costs a third of one through the thread pool. */
  private readonly descriptor: number;
  private readonly key = randomBytes(32);
  private frames = 0;
  private octets = 0;

  private constructor(descriptor: number) {
    this.descriptor = descriptor;
  }

  static make(folder: string): SpoolFile {
    const name = path.join(folder, `.sealgate-${randomBytes(12).toString('hex')}`);
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const descriptor = openSync(name, flags, 0o600);
    unlinkSync(name);
    return new SpoolFile(descriptor);
  }

  /** Takes whole frames out of `pieces`, and the rest too when it is the last. @returns octets left in `pieces` */
  write(pieces: Buffer[], last: boolean): number {
    const all = Buffer.concat(pieces.splice(0));
    let at = 0;
    for (; all.length - at >= FRAME_OCTETS; at += FRAME_OCTETS) this.writeFrame(all.subarray(at, at + FRAME_OCTETS));
    const rest = all.subarray(at);
    if (last && rest.length > 0) this.writeFrame(rest);
    else if (rest.length > 0) pieces.push(rest);
    return rest.length;
  }

  get source(): RangedSource {
    return {
      open: (from = 0, to = this.octets) => this.read(from, Math.min(to, this.octets)),
      // what is read back is what was written, or an error: the tags see to that
      identity: async () => 'spool',
    };
  }

  async close(): Promise<void> {
    this.key.fill(0);
    closeSync(this.descriptor);
  }

  private writeFrame(clear: Buffer): void {
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce(this.frames));
    const frame = Buffer.concat([cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
    let written = 0;
    while (written < frame.length) {
      const at = this.frames * (FRAME_OCTETS + TAG_OCTETS) + written;
      written += writeSync(this.descriptor, frame, written, frame.length - written, at);
    }
    this.frames += 1;
    this.octets += clear.length;
  }

  private async *read(from: number, to: number): AsyncGenerator<Buffer, void, undefined> {
    for (let frame = Math.floor(from / FRAME_OCTETS); frame * FRAME_OCTETS < to; frame++) {
      const clear = this.readFrame(frame);
      const start = frame * FRAME_OCTETS;
      yield clear.subarray(Math.max(0, from - start), Math.min(clear.length, to - start));
    }
  }

  private readFrame(frame: number): Buffer {
    const octets = Math.min(FRAME_OCTETS, this.octets - frame * FRAME_OCTETS);
    const sealed = Buffer.allocUnsafe(octets + TAG_OCTETS);
    const octetsRead = readSync(this.descriptor, sealed, 0, sealed.length, frame * (FRAME_OCTETS + TAG_OCTETS));
    if (octetsRead !== sealed.length) throw gatewayError('cms.source-changed', 'temporary file is cut short');
    const decipher = createDecipheriv('aes-256-gcm', this.key, nonce(frame), { authTagLength: TAG_OCTETS });
    decipher.setAuthTag(sealed.subarray(octets));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(0, octets)), decipher.final()]);
    } catch (thrown) {
      throw gatewayError('cms.source-changed', 'temporary file was changed', thrown);
    }
  }
}

/** One key a file and one use of each number: no nonce comes twice. */
function nonce(frame: number): Buffer {
  const octets = Buffer.alloc(12);
  octets.writeUIntBE(frame, 6, 6);
  return octets;
}
