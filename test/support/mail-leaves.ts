/**
 * A second reader of MIME for tests, independent of src/mime and simpler: whole messages in memory, no limits, and it
 * refuses nothing. It says what a mail program would find in an entity: its leaves, decoded.
 */
import { createHash } from 'node:crypto';

/** What a mail program finds at one place of the tree. */
export interface Leaf {
  /** Places from the root, such as `1.2`. */
  readonly place: string;
  readonly type: string;
  /** Name of the file, as it stands there. */
  readonly name: string;
  /** The mechanism, lower case. */
  readonly encoding: string;
  /** Octets after decoding, and their SHA-256. */
  readonly octets: number;
  readonly sha256: string;
}

export interface Field {
  /** Lower case. */
  readonly name: string;
  /** With folds and final CRLF, latin1. */
  readonly raw: string;
  /** Unfolded, trimmed. */
  readonly value: string;
}

/** Splits at the first empty line. Lines end in CRLF. */
export function splitHeader(message: Buffer): { fields: Field[]; body: Buffer } {
  if (message.subarray(0, 2).toString('latin1') === '\r\n') return { fields: [], body: message.subarray(2) };
  const at = message.indexOf('\r\n\r\n');
  const header = message.subarray(0, at === -1 ? message.length : at + 2).toString('latin1');
  const body = at === -1 ? Buffer.alloc(0) : message.subarray(at + 4);
  const fields = header
    .split(/(?<=\r\n)(?![ \t])/)
    .filter((raw) => raw !== '')
    .map((raw) => {
      const colon = raw.indexOf(':');
      return {
        name: raw.slice(0, Math.max(colon, 0)).trim().toLowerCase(),
        raw,
        value: raw
          .slice(colon + 1)
          .replaceAll('\r\n', '')
          .trim(),
      };
    });
  return { fields, body };
}

/** The Content-* fields, an empty line and the body: what S/MIME protects. */
export function entityOf(message: Buffer): Buffer {
  const { fields, body } = splitHeader(message);
  const own = fields.filter(({ name }) => name.startsWith('content-')).map(({ raw }) => raw);
  return Buffer.concat([Buffer.from(`${own.join('')}\r\n`, 'latin1'), body]);
}

/** Every leaf of an entity, in order. */
export function leavesOf(entity: Buffer): Leaf[] {
  const leaves: Leaf[] = [];
  walk(entity, '1', 'text/plain', leaves);
  return leaves;
}

/** What must be the same before and after sealing: everything but how it was encoded. */
export function contentOf(entity: Buffer): string {
  return leavesOf(entity)
    .map(({ place, type, name, octets, sha256 }) => `${place} ${type} ${name} ${octets} ${sha256}`)
    .join('\n');
}

function walk(entity: Buffer, place: string, fallback: string, leaves: Leaf[]): void {
  const { fields, body } = splitHeader(entity);
  const first = (name: string): string => fields.find((field) => field.name === name)?.value ?? '';
  const contentType = first('content-type');
  const type = (/^[^\s;()]+/.exec(contentType)?.[0] ?? fallback).toLowerCase();
  const encoding = (/^[^\s;()]+/.exec(first('content-transfer-encoding'))?.[0] ?? '7bit').toLowerCase();
  const boundary = parameter(contentType, 'boundary');
  const parts = type.startsWith('multipart/') && boundary !== '' ? partsOf(body, boundary) : [];
  if (parts.length > 0) {
    const inner = type === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
    for (const [index, part] of parts.entries()) walk(part, `${place}.${index + 1}`, inner, leaves);
    return;
  }
  const content = decode(body, encoding);
  const name = parameter(first('content-disposition'), 'filename') || parameter(contentType, 'name');
  const sha256 = createHash('sha256').update(content).digest('hex');
  leaves.push({ place, type, name, encoding, octets: content.length, sha256 });
}

function parameter(value: string, name: string): string {
  const match = new RegExp(`;\\s*${name}\\*?=\\s*(?:"([^"]*)"|([^\\s;]+))`, 'i').exec(value);
  return match?.[1] ?? match?.[2] ?? '';
}

/** Parts between whole delimiter lines; the CRLF in front of one belongs to it. */
function partsOf(body: Buffer, boundary: string): Buffer[] {
  const parts: Buffer[] = [];
  const delimiter = Buffer.from(`--${boundary}`, 'latin1');
  let start = -1;
  for (let at = body.indexOf(delimiter); at !== -1; at = body.indexOf(delimiter, at + 1)) {
    if (at > 0 && body[at - 1] !== 0x0a) continue;
    const lineEnd = body.indexOf('\r\n', at);
    const rest = body.subarray(at + delimiter.length, lineEnd === -1 ? body.length : lineEnd).toString('latin1');
    const closes = /^--[ \t]*$/.test(rest);
    if (!closes && rest.trim() !== '') continue;
    if (start !== -1) parts.push(body.subarray(start, Math.max(start, at - 2)));
    start = closes || lineEnd === -1 ? -1 : lineEnd + 2;
    if (closes) return parts;
  }
  if (start !== -1) parts.push(body.subarray(start));
  return parts;
}

function decode(body: Buffer, encoding: string): Buffer {
  if (encoding === 'base64') return Buffer.from(body.toString('latin1'), 'base64');
  if (encoding !== 'quoted-printable') return body;
  const text = body
    .toString('latin1')
    .replace(/[ \t]+(?=\r\n|$)/g, '')
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(text, 'latin1');
}
