/**
 * The clear header at the front of a message file: 96 octets that say which key opens the rest and where the record is.
 *
 *     0  8  magic          16  8  spool key id       56 16  salt            88  8  checksum of octets 0..87
 *     8  2  version        24 26  message id         72  8  record offset
 *    10  6  zero           50  6  zero               80  8  zero
 *
 * The salt makes the keys of every file its own even where a report is written anew under the id it had before a
 * crash, so no nonce ever meets two plaintexts. The checksum tells a rotten header from one of a key we do not have;
 * authentic it becomes only as associated data of the record.
 */
import { createHash } from 'node:crypto';
import { isQueueId, QUEUE_ID_CHARACTERS } from '../queue-id.ts';

/** Version written by this code; an older one would be read, a newer one is refused by name. */
const MAIL_FILE_VERSION = 1;

export const HEADER_OCTETS = 96;
export const KEY_ID_OCTETS = 8;
export const SALT_OCTETS = 16;

const MAGIC = Buffer.from('SGSPOOL\n', 'latin1');
const KEY_ID_AT = 16;
const ID_AT = 24;
const SALT_AT = 56;
const RECORD_AT = 72;
const CHECKSUM_AT = 88;

export interface MailFileHeader {
  /** 8 octets. */
  readonly keyId: Buffer;
  readonly id: string;
  /** 16 random octets. */
  readonly salt: Buffer;
  /** Where the record frame begins; 0 until the commit. */
  readonly recordOffset: number;
}

export type HeaderResult =
  | { readonly ok: true; readonly header: MailFileHeader }
  | { readonly ok: false; readonly code: 'queue.damaged' | 'queue.newer-format'; readonly reason: string };

export function formatHeader(header: MailFileHeader): Buffer {
  const octets = Buffer.alloc(HEADER_OCTETS);
  MAGIC.copy(octets);
  octets.writeUInt16BE(MAIL_FILE_VERSION, 8);
  header.keyId.copy(octets, KEY_ID_AT);
  octets.write(header.id, ID_AT, 'latin1');
  header.salt.copy(octets, SALT_AT);
  octets.writeBigUInt64BE(BigInt(header.recordOffset), RECORD_AT);
  checksum(octets).copy(octets, CHECKSUM_AT);
  return octets;
}

/** @param octets the first {@link HEADER_OCTETS} of a file, or fewer when the file is shorter; not trusted */
export function parseHeader(octets: Buffer): HeaderResult {
  const damaged = (reason: string): HeaderResult => ({ ok: false, code: 'queue.damaged', reason });
  if (octets.length < 10 || !octets.subarray(0, 8).equals(MAGIC)) return damaged('not a message file');
  const version = octets.readUInt16BE(8);
  if (version > MAIL_FILE_VERSION) {
    return {
      ok: false,
      code: 'queue.newer-format',
      reason: `file format ${version}, and this version reads up to ${MAIL_FILE_VERSION}`,
    };
  }
  if (octets.length < HEADER_OCTETS) return damaged(`header of ${octets.length} octets`);
  if (!checksum(octets).equals(octets.subarray(CHECKSUM_AT, HEADER_OCTETS))) return damaged('header checksum differs');
  const id = octets.toString('latin1', ID_AT, ID_AT + QUEUE_ID_CHARACTERS);
  if (version < 1 || !isQueueId(id)) return damaged('header is malformed');
  const recordOffset = octets.readBigUInt64BE(RECORD_AT);
  if (recordOffset < HEADER_OCTETS || recordOffset > Number.MAX_SAFE_INTEGER) return damaged('no record in it');
  return {
    ok: true,
    header: {
      keyId: Buffer.from(octets.subarray(KEY_ID_AT, KEY_ID_AT + KEY_ID_OCTETS)),
      id,
      salt: Buffer.from(octets.subarray(SALT_AT, SALT_AT + SALT_OCTETS)),
      recordOffset: Number(recordOffset),
    },
  };
}

function checksum(octets: Buffer): Buffer {
  return createHash('sha256').update(octets.subarray(0, CHECKSUM_AT)).digest().subarray(0, 8);
}
