/**
 * Reads the values of Content-Type, Content-Transfer-Encoding and Content-Disposition (RFC 2045 §5 and §6, RFC 2183,
 * RFC 2231 for parameters in pieces).
 *
 * Mail in the wild breaks the grammar daily, so reading is tolerant: values without quotes that need them, parameters
 * without a value, octets above 127. But where two mail programs may read two structures out of one value, the result
 * says `ambiguous`, and who builds on it must refuse rather than guess (catalogue M3): a parameter given twice with
 * two values, a boundary or smime-type with a comment, with text after its quotes or both plain and in pieces, a
 * structured type with anything unreadable. Parameters are a Map: `__proto__` is a name like any other (M6).
 */
import { readParameterised, STRUCTURAL } from './parameterised-value.ts';

export interface ContentType {
  /** `type/subtype` in lower case, without parameters; `text/plain` for an empty value (RFC 2045 §5.2). */
  readonly mediaType: string;
  /** By lower-case name; pieces joined and decoded (RFC 2231). The first value where a name came twice. */
  readonly parameters: ReadonlyMap<string, string>;
  /** True when mail programs may disagree about what this says. */
  readonly ambiguous: boolean;
}

export interface TransferEncoding {
  /** The mechanism in lower case: `7bit`, `8bit`, `binary`, `base64`, `quoted-printable` or a foreign one. */
  readonly mechanism: string;
  readonly ambiguous: boolean;
}

export interface ContentDisposition {
  /** `inline`, `attachment` or another word, lower case. */
  readonly disposition: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly ambiguous: boolean;
}

/** The value parsed last: every step that asks for the type of one entity asks for the same. */
let lastValue = '';
let lastType: ContentType | null = null;

/** Parses a Content-Type value, unfolded. Never throws. @param value attacker-chosen */
export function parseContentType(value: string): ContentType {
  if (lastType === null || value !== lastValue) {
    lastType = parseFresh(value);
    lastValue = value;
  }
  return lastType;
}

function parseFresh(value: string): ContentType {
  const read = readParameterised(value);
  const mediaType = read.head.toLowerCase();
  if (mediaType === '' && read.parameters.size === 0) {
    return { mediaType: 'text/plain', parameters: new Map(), ambiguous: read.doubtful };
  }
  const wellFormed = /^[!-.0-~]+\/[!-.0-~]+$/.test(mediaType);
  // a type that holds other entities, or protects one, decides what everything behind it means
  const structured = /multipart|message|pkcs7/.test(mediaType) || [...STRUCTURAL].some((p) => read.parameters.has(p));
  const ambiguous = read.contradictory || (structured && (read.doubtful || !wellFormed));
  return { mediaType, parameters: read.parameters, ambiguous };
}

/** As they are nearly always written. */
const PLAIN_ENCODINGS: ReadonlyMap<string, TransferEncoding> = new Map(
  ['7bit', '8bit', 'binary', 'base64', 'quoted-printable'].map((mechanism) => [
    mechanism,
    { mechanism, ambiguous: false },
  ]),
);

/** Parses a Content-Transfer-Encoding value, unfolded. Never throws. @param value attacker-chosen */
export function parseTransferEncoding(value: string): TransferEncoding {
  const plain = PLAIN_ENCODINGS.get(value);
  if (plain !== undefined) return plain;
  const read = readParameterised(value);
  const mechanism = read.head.toLowerCase();
  return { mechanism: mechanism === '' ? '7bit' : mechanism, ambiguous: /[\s;,"()]/.test(mechanism) || read.junk };
}

/** Parses a Content-Disposition value, unfolded. Never throws. @param value attacker-chosen */
export function parseContentDisposition(value: string): ContentDisposition {
  const read = readParameterised(value);
  return { disposition: read.head.toLowerCase(), parameters: read.parameters, ambiguous: read.contradictory };
}
