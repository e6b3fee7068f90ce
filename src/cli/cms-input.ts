/**
 * What `sealgate cms` reads: `--in`, or standard input. A regular file, redirected ones too, is read at places as often as
 * is needed, through one descriptor, so that no other file can take its place; its size and times say whether it stayed
 * the same. A pipe that must be read twice is spooled (cms-spool.ts).
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { octetsPassed } from '../buffer-reclaim.ts';
import { gatewayError } from '../errors.ts';
import type { RangedSource } from '../smime/ranged-source.ts';
import { spool } from './cms-spool.ts';
import { CmsStop } from './cms-stop.ts';
import { EXIT } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

/**
 * A file that was changed this short a time ago may be changed again without its times telling (they tick in steps of some
 * milliseconds): it does not vouch for itself, so that its octets are compared instead.
 */
const FRESH_MS = 1000;
/** Octets of one read: what digests and ciphers like best. */
const READ_OCTETS = 64 * 1024;

export interface CmsInput {
  readonly source: RangedSource;
  close(): Promise<void>;
}

/**
 * @param file `--in`; undefined: standard input
 * @param twice true when more than one reading is needed
 * @throws CmsStop for a folder; Error of the file system
 */
export async function openInput(file: string | undefined, twice: boolean, terminal: Terminal): Promise<CmsInput> {
  const descriptor = file === undefined ? terminal.inputFile() : openSync(file, 'r');
  if (descriptor !== null && fstatSync(descriptor).isDirectory()) {
    if (file !== undefined) closeSync(descriptor);
    throw new CmsStop(EXIT.noInput, `${file ?? 'standard input'} cannot be read: it is a folder`);
  }
  if (descriptor !== null && fstatSync(descriptor).isFile()) {
    const start = file === undefined ? positionOf(descriptor) : 0;
    return {
      source: fileSource(descriptor, start),
      close: async () => {
        if (file !== undefined) closeSync(descriptor);
      },
    };
  }
  const octets = file === undefined || descriptor === null ? terminal.input() : pipeOf(descriptor);
  const close = async (): Promise<void> => {
    if (file !== undefined && descriptor !== null) closeSync(descriptor);
  };
  if (!twice) return { source: onceOnly(octets), close };
  const spooled = await spool(octets, { folder: tmpdir() });
  return {
    source: spooled.source,
    close: async () => {
      await spooled.close();
      await close();
    },
  };
}

/** Synchronous reads: this process has nothing else to do, and each costs a third of one through the thread pool. */
function fileSource(descriptor: number, start: number): RangedSource {
  return {
    async *open(from = 0, to = Number.MAX_SAFE_INTEGER, scratch = false): AsyncGenerator<Buffer, void, undefined> {
      // fresh memory costs more than the reading
      const reused = scratch ? Buffer.allocUnsafeSlow(READ_OCTETS) : null;
      for (let at = from; at < to; ) {
        const chunk = reused ?? Buffer.allocUnsafeSlow(Math.min(READ_OCTETS, to - at));
        const octets = readSync(descriptor, chunk, 0, Math.min(READ_OCTETS, to - at), start + at);
        if (octets === 0) return;
        at += octets;
        octetsPassed(octets);
        yield octets === chunk.length ? chunk : chunk.subarray(0, octets);
      }
    },
    readInto(target, from, remade = false) {
      const octets = readSync(descriptor, target, 0, target.length, start + from);
      octetsPassed(octets, remade);
      return octets;
    },
    async identity() {
      const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = fstatSync(descriptor, { bigint: true });
      if (Math.abs(Date.now() - Number(ctimeMs)) < FRESH_MS) return null;
      return [dev, ino, size, mtimeNs, ctimeNs].join();
    },
  };
}

/** A named pipe or a device. */
async function* pipeOf(descriptor: number): AsyncGenerator<Buffer, void, undefined> {
  for (;;) {
    const chunk = Buffer.allocUnsafeSlow(READ_OCTETS);
    const octets = readSync(descriptor, chunk, 0, READ_OCTETS, null);
    if (octets === 0) return;
    octetsPassed(octets);
    yield chunk.subarray(0, octets);
  }
}

function onceOnly(octets: AsyncIterable<Buffer>): RangedSource {
  let opened = false;
  return {
    open() {
      if (opened) throw gatewayError('defect', 'a pipe was to be read twice');
      opened = true;
      return octets;
    },
  };
}

/** Whoever redirected a file may have read the front of it. Linux says so; elsewhere it is read from its start. */
function positionOf(descriptor: number): number {
  try {
    const [, position = '0'] = /^pos:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1')) ?? [];
    return Number(position);
  } catch {
    return 0;
  }
}
