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
  TAG_OCTETS,
  UPDATE_KIND,
} from './mail-file-frames.ts';
import { HEADER_OCTETS, type MailFileHeader, parseHeader } from './mail-file-header.ts';
import { parseSealedRecord, parseUpdate, type SealedRecord } from './mail-record.ts';
import type { SpoolFile, SpoolFiles } from './spool-files.ts';

/** Most small messages are read whole with their header. */
const FIRST_READ_OCTETS = 16 * 1024;
/** Reading ahead while a body streams. */
const READ_AHEAD_OCTETS = 256 * 1024;
/** Places behind a bad update that are tried for a good one. */
const CANDIDATES_MAX = 64;

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
    const opened = openUpdateAt(frames, header, rest, at, previousTag);
    if (opened === null) {
      if (hasUpdateAfter(frames, header, rest, at)) throw damaged(header.id, `update at ${offset} is not authentic`);
      tornUpdateIgnored(header.id, offset);
      return { offset, previousTag, torn: true };
    }
    const update = parseUpdate(opened.plain);
    if (update === null || !applyUpdate(state, update)) throw damaged(header.id, `update at ${offset} makes no sense`);
    previousTag = frameTag(opened.frame);
    at += opened.frame.length;
  }
  return { offset: header.recordOffset + at, previousTag, torn: false };
}

/** null: no authentic update begins at this place of `rest`. */
function openUpdateAt(
  frames: MailFileFrames,
  header: MailFileHeader,
  rest: Buffer,
  at: number,
  previousTag: Buffer,
): { readonly frame: Buffer; readonly plain: Buffer } | null {
  if (rest.length - at < FRAME_HEAD_OCTETS) return null;
  const head = parseFrameHead(rest.subarray(at, at + FRAME_HEAD_OCTETS));
  if (head?.kind !== 'update' || at + frameOctets(head) > rest.length) return null;
  const frame = rest.subarray(at, at + frameOctets(head));
  const plain = frames.openUpdate(header.recordOffset + at, previousTag, frame);
  return plain === null ? null : { frame, plain };
}

/**
 * Tells damage from a torn append. Only one append is ever under way, and a crash may leave any sectors of it and zeros
 * for the others, so nothing in it need make sense; but no good update follows it. One that does was flushed after the
 * bad one, and so the bad one was good once. Its tag is the 16 octets before the good one, whatever became of its length.
 */
function hasUpdateAfter(frames: MailFileFrames, header: MailFileHeader, rest: Buffer, at: number): boolean {
  let candidates = 0;
  for (let place = at + TAG_OCTETS; place < rest.length; place += 1) {
    if (!looksLikeUpdate(rest.subarray(place, place + FRAME_HEAD_OCTETS))) continue;
    candidates += 1;
    // chance makes none; so many were put there, to have us try them all
    if (candidates > CANDIDATES_MAX) return true;
    if (openUpdateAt(frames, header, rest, place, rest.subarray(place - TAG_OCTETS, place)) !== null) return true;
  }
  return false;
}

/** All but four octets of the head of an update are fixed. */
function looksLikeUpdate(start: Buffer): boolean {
  if (start.length < FRAME_HEAD_OCTETS) return false;
  // the head of most octets in a file is refused by the first
  const head = start[0] === UPDATE_KIND ? parseFrameHead(start) : null;
  return head?.kind === 'update' && !head.end && head.bodyIndex === 0 && head.counter === 0;
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
