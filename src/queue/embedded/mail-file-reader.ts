/**
 * Reads a message file: the record and its updates when it is loaded, a body when it is delivered. Nothing of a frame
 * is believed before its tag is verified. What is not authentic is damage (`queue.damaged`), with one exception: a bad
 * last update is the trace of a crash in the middle of an append. Its flush never returned, so nobody relied on it: it
 * is left out, and cut off before the next append.
 */
import { gatewayError } from '../../errors.ts';
import { tornUpdateIgnored } from '../../log/queue-events.ts';
import { bodyBinding } from '../body-binding.ts';
import { applyUpdate, initialState, type MailState } from '../mail-state.ts';
import type { SpoolKeys } from '../spool-key.ts';
import {
  CHUNK_OCTETS,
  FRAME_HEAD_OCTETS,
  type FrameHead,
  frameOctets,
  frameTag,
  MailFileFrames,
  parseFrameHead,
} from './mail-file-frames.ts';
import { HEADER_OCTETS, type MailFileHeader, parseHeader } from './mail-file-header.ts';
import { parseSealedRecord, parseUpdate, type SealedRecord } from './mail-record.ts';
import type { SpoolFile, SpoolFiles } from './spool-files.ts';

/** Most small messages are read whole with their header. */
const FIRST_READ_OCTETS = 16 * 1024;
/** Reading ahead while a body streams. */
const READ_AHEAD_OCTETS = 256 * 1024;

/** Where the next update goes. */
export interface MailFileTail {
  readonly offset: number;
  /** Tag of the last good frame. */
  readonly previousTag: Buffer;
  /** Octets of a torn append stand behind it. */
  readonly torn: boolean;
}

export interface ReadMail {
  readonly header: MailFileHeader;
  readonly frames: MailFileFrames;
  readonly sealed: SealedRecord;
  readonly state: MailState;
  readonly tail: MailFileTail;
  readonly storedBytes: number;
}

/**
 * Reads header, record and updates.
 * @param id the name the file has; a file under another's name is damage
 * @throws GatewayError queue.damaged, queue.newer-format, queue.key-missing; errors of the system as they are
 */
export async function readMail(files: SpoolFiles, path: string, id: string, keys: SpoolKeys): Promise<ReadMail> {
  const file = await files.open(path, 'read');
  try {
    const start = await readOctets(file, 0, FIRST_READ_OCTETS);
    const size = start.length < FIRST_READ_OCTETS ? start.length : await file.size();
    const header = loadHeader(start, id);
    const key = keys.find(header.keyId);
    if (key === null) throw gatewayError('queue.key-missing', `${id}: spool key ${header.keyId.toString('hex')}`);
    const rest =
      size <= start.length
        ? start.subarray(Math.min(header.recordOffset, size))
        : await readOctets(file, header.recordOffset, size - header.recordOffset);
    const frames = new MailFileFrames(key.key, header);
    const record = openRecord(frames, header, rest);
    const state = initialState(record.sealed.record);
    const tail = applyUpdates(frames, header, rest, record.octets, state);
    return { header, frames, sealed: record.sealed, state, tail, storedBytes: size };
  } finally {
    await file.close();
  }
}

/**
 * Streams one body, chunk by chunk, each verified before it leaves. Whoever takes fewer octets than all has not seen
 * the end mark and must not treat them as the whole.
 * @throws GatewayError queue.damaged
 */
export async function* readBody(
  files: SpoolFiles,
  path: string,
  mail: ReadMail,
  bodyIndex: number,
): AsyncGenerator<Buffer, void, undefined> {
  const stored = mail.sealed.bodies[bodyIndex];
  if (stored === undefined) throw damaged(mail.header.id, `no body ${bodyIndex}`);
  const binding = bodyBinding(mail.sealed.record.groups, bodyIndex);
  const file = await files.open(path, 'read');
  try {
    const window = new ReadWindow(file, mail.header.recordOffset);
    let position = HEADER_OCTETS;
    let chunks = 0;
    let octets = 0;
    // every turn goes forward by a frame at least, and ends at the record
    for (;;) {
      const head = await chunkHead(window, position, mail.header);
      if (head.bodyIndex === bodyIndex) {
        const plain = mail.frames.openChunk(await window.read(position, frameOctets(head)), binding);
        const inOrder = head.counter === chunks && (head.end || head.octets === CHUNK_OCTETS);
        if (plain === null || !inOrder) throw damaged(mail.header.id, `body ${bodyIndex}, chunk ${chunks}`);
        chunks += 1;
        octets += plain.length;
        if (head.end && (chunks !== stored.chunks || octets !== stored.octets)) {
          throw damaged(mail.header.id, `body ${bodyIndex} ends after ${octets} of ${stored.octets} octets`);
        }
        if (plain.length > 0) yield plain;
        if (head.end) return;
      }
      position += frameOctets(head);
    }
  } finally {
    await file.close();
  }
}

async function chunkHead(window: ReadWindow, position: number, header: MailFileHeader): Promise<FrameHead> {
  const head = parseFrameHead(await window.read(position, FRAME_HEAD_OCTETS));
  if (head === null || head.kind !== 'body' || position + frameOctets(head) > header.recordOffset) {
    throw damaged(header.id, `no chunk at ${position}`);
  }
  return head;
}

function loadHeader(start: Buffer, id: string): MailFileHeader {
  const parsed = parseHeader(start.subarray(0, HEADER_OCTETS));
  if (!parsed.ok) throw gatewayError(parsed.code, `${id}: ${parsed.reason}`);
  if (parsed.header.id !== id) throw damaged(id, `file of message ${parsed.header.id}`);
  return parsed.header;
}

/** @param rest the file from the record on */
function openRecord(
  frames: MailFileFrames,
  header: MailFileHeader,
  rest: Buffer,
): { sealed: SealedRecord; octets: number } {
  const head = rest.length < FRAME_HEAD_OCTETS ? null : parseFrameHead(rest);
  if (head === null || head.kind !== 'record' || frameOctets(head) > rest.length) throw damaged(header.id, 'no record');
  const plain = frames.openRecord(header.recordOffset, rest.subarray(0, frameOctets(head)));
  if (plain === null) throw damaged(header.id, 'record is not authentic');
  const parsed = parseSealedRecord(header.id, plain);
  if (!parsed.ok) throw parsed.failure;
  return { sealed: parsed.sealed, octets: frameOctets(head) };
}

function applyUpdates(
  frames: MailFileFrames,
  header: MailFileHeader,
  rest: Buffer,
  recordOctets: number,
  state: MailState,
): MailFileTail {
  let at = recordOctets;
  let previousTag = frameTag(rest.subarray(0, recordOctets));
  while (at < rest.length) {
    const offset = header.recordOffset + at;
    const frame = rest.subarray(at, at + updateOctets(header.id, rest.subarray(at)));
    const plain = frames.openUpdate(offset, previousTag, frame);
    if (plain === null) {
      if (at + frame.length < rest.length) throw damaged(header.id, `update at ${offset} is not authentic`);
      tornUpdateIgnored(header.id, offset);
      return { offset, previousTag, torn: true };
    }
    const update = parseUpdate(plain);
    if (update === null || !applyUpdate(state, update)) throw damaged(header.id, `update at ${offset} makes no sense`);
    previousTag = frameTag(frame);
    at += frame.length;
  }
  return { offset: header.recordOffset + at, previousTag, torn: false };
}

/**
 * Octets of the update frame at the front, all there are where it was cut short. A crash may also leave the file longer
 * than what was written to it, with zeros in place of a frame head: then all the rest is one torn append, for only one
 * is ever under way.
 */
function updateOctets(id: string, rest: Buffer): number {
  const start = rest.subarray(0, FRAME_HEAD_OCTETS);
  if (start.length < FRAME_HEAD_OCTETS || start.every((octet) => octet === 0)) return rest.length;
  const head = parseFrameHead(start);
  if (head?.kind !== 'update') throw damaged(id, 'what stands behind the record is no update');
  return Math.min(frameOctets(head), rest.length);
}

/** Fewer octets than asked for when the file is shorter. */
async function readOctets(file: SpoolFile, position: number, octets: number): Promise<Buffer> {
  const into = Buffer.allocUnsafe(Math.max(0, octets));
  const read = await file.read(into, position);
  return into.subarray(0, read);
}

/** Serves short reads from one long one; never reads past the record. */
class ReadWindow {
  readonly #file: SpoolFile;
  readonly #end: number;
  #octets: Buffer = Buffer.alloc(0);
  #start = 0;

  constructor(file: SpoolFile, end: number) {
    this.#file = file;
    this.#end = end;
  }

  /** Fewer octets than asked for only at the end; a view that the next call may not change. */
  async read(position: number, octets: number): Promise<Buffer> {
    const from = position - this.#start;
    if (from < 0 || from + octets > this.#octets.length) {
      this.#octets = await readOctets(this.#file, position, Math.min(READ_AHEAD_OCTETS, this.#end - position));
      this.#start = position;
    }
    return this.#octets.subarray(position - this.#start, position - this.#start + octets);
  }
}

function damaged(id: string, detail: string): Error {
  return gatewayError('queue.damaged', `${id}: ${detail}`);
}
