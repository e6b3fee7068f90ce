/**
 * Finds the delimiter lines of all multiparts that are open at a point of an entity (RFC 2046 §5.1.1).
 *
 * A delimiter is the whole line: `--`, the boundary, maybe `--`, then only blanks. RFC 2046 would take a mere
 * beginning, but mail programs compare whole lines, and boundaries that begin alike are daily practice. Only CRLF
 * ends lines. Refused (message.malformed): a boundary that is open twice, and a line that opens one and closes another
 * (catalogue M3). The cost of a line does not grow with the number of open multiparts.
 */
import { gatewayError } from '../errors.ts';

/** RFC 2046 allows 70; longer ones are seen, without end they would be an attack. */
const BOUNDARY_LENGTH_MAX = 200;
/** A longer line is no delimiter; so much must be kept back at the end of a chunk. */
const DELIMITER_OCTETS_MAX = 998;

const HYPHEN = 0x2d;
const SPACE = 0x20;
const TAB = 0x09;
const DELIMITER_START = Buffer.from('\r\n--');
const CRLF = Buffer.from('\r\n');

/** A delimiter line, or how far it is certain that there is none. */
export type Found =
  | { readonly kind: 'none' /** Everything before this index is content. */; readonly certainTo: number }
  | {
      readonly kind: 'delimiter';
      /** Where the CRLF that belongs to the delimiter begins; or its hyphens, at the start of a region. */
      readonly contentEnd: number;
      /** Behind the CRLF that ends the line. */
      readonly lineEnd: number;
      readonly match: Match;
    };

export interface Match {
  /** Which open multipart, 0 being the outermost. */
  readonly depth: number;
  /** True for the end of the multipart, false for the start of its next part. */
  readonly closes: boolean;
}

export class DelimiterFinder {
  readonly #open: string[] = [];
  readonly #depths = new Map<string, number>();

  /** Multiparts open now. */
  get depth(): number {
    return this.#open.length;
  }

  /** Opens a multipart inside the innermost open one. @throws GatewayError message.malformed */
  open(boundary: string): void {
    if (boundary.length > BOUNDARY_LENGTH_MAX || !/^[ -~]*[!-~]$/.test(boundary)) {
      throw gatewayError('message.malformed', 'boundary of a multipart cannot be used');
    }
    if (this.#depths.has(boundary)) throw gatewayError('message.malformed', 'one boundary for two multiparts');
    this.#depths.set(boundary, this.#open.length);
    this.#open.push(boundary);
  }

  /** Ends every multipart deeper than `depth` open ones. */
  closeTo(depth: number): void {
    while (this.#open.length > depth) {
      const boundary = this.#open.pop();
      if (boundary !== undefined) this.#depths.delete(boundary);
    }
  }

  /**
   * Looks for the first delimiter.
   * @param data attacker-chosen
   * @param from where content goes on
   * @param atStart true when `from` is the start of a line that no content precedes
   * @param last true when nothing follows `data`
   * @throws GatewayError message.malformed
   */
  find(data: Buffer, from: number, atStart: boolean, last: boolean): Found {
    if (this.#open.length === 0) return { kind: 'none', certainTo: data.length };
    let contentEnd = from;
    let lineStart = from;
    if (!atStart || !startsAsDelimiter(data, from)) {
      if (atStart && !last && couldBecomeDelimiter(data, from)) return { kind: 'none', certainTo: from };
      contentEnd = data.indexOf(DELIMITER_START, from);
      lineStart = contentEnd + 2;
    }
    while (contentEnd !== -1) {
      const line = lineAt(data, lineStart, last);
      if (line === 'incomplete') return { kind: 'none', certainTo: contentEnd };
      const match = line === 'too-long' ? null : this.match(data, lineStart, line.textEnd);
      if (match !== null && line !== 'too-long') return { kind: 'delimiter', contentEnd, lineEnd: line.end, match };
      contentEnd = data.indexOf(DELIMITER_START, lineStart);
      lineStart = contentEnd + 2;
    }
    return { kind: 'none', certainTo: last ? data.length : data.length - partialStart(data, from) };
  }

  /**
   * Compares a line that begins with two hyphens.
   * @param textEnd where its text ends, without CRLF
   * @throws GatewayError message.malformed
   */
  match(data: Buffer, start: number, textEnd: number): Match | null {
    let end = textEnd;
    while (end > start + 2 && (data[end - 1] === SPACE || data[end - 1] === TAB)) end--;
    const text = data.toString('latin1', start + 2, end);
    const opened = this.#depths.get(text);
    const closed = text.endsWith('--') ? this.#depths.get(text.slice(0, -2)) : undefined;
    if (opened !== undefined && closed !== undefined) {
      throw gatewayError('message.malformed', 'a line opens one multipart and closes another');
    }
    if (opened !== undefined) return { depth: opened, closes: false };
    return closed === undefined ? null : { depth: closed, closes: true };
  }
}

function startsAsDelimiter(data: Buffer, at: number): boolean {
  return data[at] === HYPHEN && data[at + 1] === HYPHEN;
}

/** At the end of a chunk: too little is there to say. */
function couldBecomeDelimiter(data: Buffer, at: number): boolean {
  return at === data.length || (at + 1 === data.length && data[at] === HYPHEN);
}

/** @returns where the text of a line ends, and the line with its CRLF */
function lineAt(
  data: Buffer,
  start: number,
  last: boolean,
): 'incomplete' | 'too-long' | { readonly textEnd: number; readonly end: number } {
  // the next candidate is not before the next CRLF: no octet is searched for two of them
  const at = data.indexOf(CRLF, start);
  if (at !== -1) return at - start > DELIMITER_OCTETS_MAX ? 'too-long' : { textEnd: at, end: at + 2 };
  if (data.length - start >= DELIMITER_OCTETS_MAX + 2) return 'too-long';
  return last ? { textEnd: data.length, end: data.length } : 'incomplete';
}

/** Octets at the end that may be the beginning of `CRLF--`. */
function partialStart(data: Buffer, from: number): number {
  for (let length = Math.min(3, data.length - from); length > 0; length--) {
    if (data.subarray(data.length - length).equals(DELIMITER_START.subarray(0, length))) return length;
  }
  return 0;
}
