/**
 * The header section of a message (RFC 5322 §2.2) as an ordered list of fields whose octets stay what they were:
 * reading a block and writing it gives identical octets; the only changes are adding on top, adding at the end and
 * removing whole fields.
 *
 * Refused (message.malformed): a line without a colon, a name with spaces or other octets outside 33 to 126, a fold
 * before the first field, bare CR, bare LF, NUL, an empty line inside. Refused (message.limits): more than 1 MB or
 * more than 1,000 fields (catalogue M2). White space between name and colon (RFC 5322 §4.5.8) is read as that field:
 * a reader who sees `From :` as a second From must not be contradicted by us (catalogue M3).
 */
import { isAscii } from 'node:buffer';
import { gatewayError } from '../errors.ts';

/** The whole header section, or that of one part, in octets (catalogue M1, M2). */
export const HEADER_OCTETS_MAX = 1_048_576;
/** Fields in one header section. */
export const HEADER_FIELDS_MAX = 1000;

export interface HeaderField {
  /** Name in lower case, as the key for comparison. */
  readonly name: string;
  /** The whole field with its folds and its final CRLF, as received. */
  readonly raw: Buffer;
  /** Unfolded value (RFC 5322 §2.2.3), trimmed, read as UTF-8 with replacement; attacker-chosen. */
  readonly value: string;
}

export interface HeaderBlock {
  readonly fields: readonly HeaderField[];
  /** Values of every field of that name (any case), in order. */
  all(name: string): readonly string[];
  /** The value when there is exactly one such field; null when there is none or more than one. */
  only(name: string): string | null;
  has(name: string): boolean;
  /** A new block without the fields for which `drop` is true. */
  without(drop: (field: HeaderField) => boolean): HeaderBlock;
  /** A new block with these raw fields (CRLF-ended) on top / at the end. @throws GatewayError message.malformed */
  withTop(raw: Buffer): HeaderBlock;
  withEnd(raw: Buffer): HeaderBlock;
  /** All fields, without the empty line. */
  readonly raw: Buffer;
}

/**
 * Parses a header section that is all there.
 * @param bytes zero or more fields, each ended by CRLF, without the empty line; attacker-chosen
 * @throws GatewayError message.malformed, message.limits
 */
export function parseHeaderBlock(bytes: Buffer): HeaderBlock {
  if (bytes.length > HEADER_OCTETS_MAX) throw gatewayError('message.limits', `header of ${bytes.length} octets`);
  const plain = findPlainHeader(bytes);
  if (plain !== null) return plain;
  checkLines(bytes);
  const fields: HeaderField[] = [];
  for (let start = 0; start < bytes.length; ) {
    if (fields.length === HEADER_FIELDS_MAX) {
      throw gatewayError('message.limits', `more than ${HEADER_FIELDS_MAX} header fields`);
    }
    const end = fieldEnd(bytes, start);
    fields.push(receivedField(bytes.subarray(start, end)));
    start = end;
  }
  return new FieldList(fields, bytes);
}

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;

/** Only CRLF ends a line: other readings of a bare CR or LF would see other fields than we do. */
function checkLines(bytes: Buffer): void {
  if (bytes.includes(0)) throw gatewayError('message.malformed', 'NUL in the header');
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] !== CR) throw gatewayError('message.malformed', 'bare LF in the header');
  }
  for (let at = bytes.indexOf(CR); at !== -1; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] !== LF) throw gatewayError('message.malformed', 'bare CR in the header');
  }
  if (bytes.length > 0 && bytes[bytes.length - 1] !== LF) {
    throw gatewayError('message.malformed', 'last header line has no end');
  }
}

/** Where the field that begins at `start` ends, folds included. Lines were checked. */
function fieldEnd(bytes: Buffer, start: number): number {
  let end = bytes.indexOf(LF, start) + 1;
  while (bytes[end] === SPACE || bytes[end] === TAB) end = bytes.indexOf(LF, end) + 1;
  return end;
}

const NAME = /^[!-9;-~]+$/;

/**
 * A header as nearly all are, in one walk over its text: CRLF at every line end, no NUL, no white space before a colon.
 * @param bytes as for {@link parseHeaderBlock}
 * @returns null for any other: {@link parseHeaderBlock} finds out what is wrong with it
 */
export function findPlainHeader(bytes: Buffer): HeaderBlock | null {
  if (bytes.length > HEADER_OCTETS_MAX) return null;
  const text = bytes.toString('latin1');
  if (text.includes('\0')) return null;
  const readable = isAscii(bytes) ? text : null;
  const fields: HeaderField[] = [];
  for (let start = 0, end = 0; start < text.length; start = end) {
    do {
      const lf = text.indexOf('\n', end);
      if (lf === -1 || text.indexOf('\r', end) !== lf - 1) return null;
      end = lf + 1;
    } while (end < text.length && (text.charCodeAt(end) === SPACE || text.charCodeAt(end) === TAB));
    const colon = text.indexOf(':', start);
    const name = text.slice(start, colon);
    if (colon === -1 || !NAME.test(name) || fields.length === HEADER_FIELDS_MAX) return null;
    fields.push(new ReceivedField(name.toLowerCase(), bytes, start, end, colon + 1, readable));
  }
  return new FieldList(fields, bytes);
}

/** @throws GatewayError message.malformed */
function receivedField(raw: Buffer): HeaderField {
  const colon = raw.indexOf(COLON);
  let end = colon;
  while (end > 0 && (raw[end - 1] === SPACE || raw[end - 1] === TAB)) end--;
  // the first line only: a colon behind a fold, or none, leaves a name with CR in it
  const name = colon === -1 ? '' : raw.toString('latin1', 0, end);
  if (!NAME.test(name)) throw gatewayError('message.malformed', 'header line without a field name');
  return new ReceivedField(name.toLowerCase(), raw, 0, raw.length, colon + 1, null);
}

/** One field of a block; octets and value are taken out when first asked for. */
class ReceivedField implements HeaderField {
  readonly name: string;
  readonly #block: Buffer;
  readonly #start: number;
  readonly #end: number;
  readonly #valueAt: number;
  readonly #text: string | null;
  #raw: Buffer | null = null;
  #value: string | null = null;

  /** The field lies in `block` from `start` to `end`, its value from `valueAt`; `text` is the block's where it is ASCII. */
  constructor(name: string, block: Buffer, start: number, end: number, valueAt: number, text: string | null) {
    this.name = name;
    this.#block = block;
    this.#start = start;
    this.#end = end;
    this.#valueAt = valueAt;
    this.#text = text;
  }

  get raw(): Buffer {
    this.#raw ??= this.#block.subarray(this.#start, this.#end);
    return this.#raw;
  }

  get value(): string {
    if (this.#value === null) {
      const value =
        this.#text?.slice(this.#valueAt, this.#end) ?? this.#block.toString('utf8', this.#valueAt, this.#end);
      const line = value.trim();
      this.#value = line.includes('\r\n') ? line.replaceAll('\r\n', '').trim() : line;
    }
    return this.#value;
  }
}

class FieldList implements HeaderBlock {
  readonly fields: readonly HeaderField[];
  #raw: Buffer | null;

  /** @param raw of all fields, where it is at hand */
  constructor(fields: readonly HeaderField[], raw: Buffer | null = null) {
    this.fields = fields;
    this.#raw = raw;
  }

  get raw(): Buffer {
    this.#raw ??= Buffer.concat(this.fields.map((field) => field.raw));
    return this.#raw;
  }

  all(name: string): readonly string[] {
    const key = name.toLowerCase();
    const values: string[] = [];
    for (const field of this.fields) if (field.name === key) values.push(field.value);
    return values;
  }

  only(name: string): string | null {
    const values = this.all(name);
    return values.length === 1 ? (values[0] ?? null) : null;
  }

  has(name: string): boolean {
    const key = name.toLowerCase();
    return this.fields.some((field) => field.name === key);
  }

  without(drop: (field: HeaderField) => boolean): HeaderBlock {
    return new FieldList(this.fields.filter((field) => !drop(field)));
  }

  withTop(raw: Buffer): HeaderBlock {
    return new FieldList([...parseHeaderBlock(raw).fields, ...this.fields]);
  }

  withEnd(raw: Buffer): HeaderBlock {
    return new FieldList([...this.fields, ...parseHeaderBlock(raw).fields]);
  }
}
