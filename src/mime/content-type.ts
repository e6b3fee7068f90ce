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

/** Parameters that decide what a message is; these must be beyond doubt. */
const STRUCTURAL = new Set(['boundary', 'smime-type', 'protocol']);
/** Parameters in one value; more is an attack. */
const PARAMETERS_MAX = 100;

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

/** Parses a Content-Transfer-Encoding value, unfolded. Never throws. @param value attacker-chosen */
export function parseTransferEncoding(value: string): TransferEncoding {
  const read = readParameterised(value);
  const mechanism = read.head.toLowerCase();
  return { mechanism: mechanism === '' ? '7bit' : mechanism, ambiguous: /[\s;,"()]/.test(mechanism) || read.junk };
}

/** Parses a Content-Disposition value, unfolded. Never throws. @param value attacker-chosen */
export function parseContentDisposition(value: string): ContentDisposition {
  const read = readParameterised(value);
  return { disposition: read.head.toLowerCase(), parameters: read.parameters, ambiguous: read.contradictory };
}

interface Parameterised {
  readonly head: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** Something was there that not everybody reads alike. */
  readonly doubtful: boolean;
  /** A parameter came twice with two values, or in pieces that do not fit. */
  readonly contradictory: boolean;
  /** Text stood between the head and the first semicolon. */
  readonly junk: boolean;
}

/** One parameter as written: `name*0*=value` gives name, section 0, extended. */
interface Piece {
  readonly section: number | null;
  readonly extended: boolean;
  readonly text: string;
}

function readParameterised(value: string): Parameterised {
  const scan = new ValueScanner(value);
  const head = scan.word(';');
  const junk = scan.skipTo(';');
  const pieces = new Map<string, Piece[]>();
  let contradictory = false;
  for (let budget = PARAMETERS_MAX; scan.take(';'); budget--) {
    if (budget === 0) {
      contradictory = true;
      break;
    }
    const attribute = scan.word('=;').toLowerCase();
    if (!scan.take('=')) {
      if (attribute !== '') scan.doubtful = true;
      scan.skipTo(';');
      continue;
    }
    const parsed = parseAttribute(attribute);
    const text = scan.parameterValue(STRUCTURAL.has(parsed.name));
    const piece = { section: parsed.section, extended: parsed.extended, text };
    pieces.set(parsed.name, [...(pieces.get(parsed.name) ?? []), piece]);
  }
  const parameters = new Map<string, string>();
  for (const [name, given] of pieces) {
    const joined = joinPieces(given);
    if (!joined.agreed && (joined.twice || STRUCTURAL.has(name))) contradictory = true;
    parameters.set(name, joined.text);
  }
  return { head, parameters, doubtful: scan.doubtful || junk, contradictory, junk };
}

/** Splits `name*1*` (RFC 2231 §3, §4). */
function parseAttribute(attribute: string): { name: string; section: number | null; extended: boolean } {
  const match = /^([^*]+)(?:\*(\d{1,3}))?(\*)?$/.exec(attribute);
  if (match === null) return { name: attribute, section: null, extended: false };
  const [, name = '', section, star] = match;
  return { name, section: section === undefined ? null : Number(section), extended: star !== undefined };
}

/**
 * One value out of everything given for one name. `agreed`: all readings give the same; `twice`: two of the same form
 * contradict each other (a plain value beside an encoded one is daily practice for file names, not a contradiction).
 */
function joinPieces(given: readonly Piece[]): { text: string; agreed: boolean; twice: boolean } {
  const plain = given.filter((piece) => piece.section === null && !piece.extended);
  const encoded = given.filter((piece) => piece.section === null && piece.extended);
  const sections = given.filter((piece) => piece.section !== null);
  const twice =
    plain.some((piece) => piece.text !== plain[0]?.text) || encoded.some((piece) => piece.text !== encoded[0]?.text);
  const ordered = [...sections].sort((a, b) => (a.section ?? 0) - (b.section ?? 0));
  const gapless = ordered.every((piece, index) => piece.section === index);
  const readings: string[] = [];
  if (encoded[0] !== undefined) readings.push(decodeExtended(encoded[0].text, true));
  if (ordered.length > 0) {
    readings.push(
      ordered.map((piece, i) => (piece.extended ? decodeExtended(piece.text, i === 0) : piece.text)).join(''),
    );
  }
  if (plain[0] !== undefined) readings.push(plain[0].text);
  const text = readings[0] ?? '';
  const agreed = !twice && gapless && readings.every((reading) => reading === text);
  return { text, agreed, twice: twice || !gapless };
}

/** Percent-decodes an extended value (RFC 2231 §4); the charset is taken as a superset of ASCII. */
function decodeExtended(text: string, first: boolean): string {
  const encoded = first ? text.replace(/^[^']*'[^']*'/, '') : text;
  const octets = encoded.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return octets;
}

/** Walks one value once, left to right: time is linear in its length whatever it holds. */
class ValueScanner {
  doubtful = false;
  /** A quoted string without an end, or a parameter behind a forgotten semicolon. */
  #broken = false;
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Takes one character if it is next, after white space and comments. */
  take(wanted: string): boolean {
    this.#skipBlank();
    if (this.#text[this.#at] !== wanted) return false;
    this.#at++;
    return true;
  }

  /** Text up to white space, a comment or one of `stops`. */
  word(stops: string): string {
    this.#skipBlank();
    const start = this.#at;
    while (this.#at < this.#text.length && !isStop(this.#text, this.#at, stops)) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  /** Moves to the next of `stop` or the end; true when anything but blank was passed. */
  skipTo(stop: string): boolean {
    this.#skipBlank();
    const start = this.#at;
    const found = this.#text.indexOf(stop, start);
    this.#at = found === -1 ? this.#text.length : found;
    return this.#at > start;
  }

  /**
   * A quoted string, or whatever stands there up to the semicolon.
   * @param strict true for a parameter that decides structure: then anything but the plain grammar is a doubt. In the
   * others `name=two words.pdf` and `name="C:\\file"` are common and change nothing we build on
   */
  parameterValue(strict: boolean): string {
    const before = this.doubtful;
    this.#skipBlank();
    const quoted = this.#text[this.#at] === '"';
    const text = quoted ? this.#quoted() : this.word(';');
    this.#skipBlank();
    const start = this.#at;
    const junk = this.skipTo(';');
    const rest = this.#text.slice(start, this.#at).trimEnd();
    // a forgotten semicolon hides a parameter that others may find
    if (junk && rest.includes('=')) this.#broken = true;
    this.doubtful = this.#broken || (strict ? this.doubtful || junk : before);
    return quoted || !junk ? text : `${text} ${rest}`;
  }

  #quoted(): string {
    let text = '';
    let start = ++this.#at;
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at];
      if (char === '"') {
        text += this.#text.slice(start, this.#at++);
        return text;
      }
      if (char === '\\') {
        text += this.#text.slice(start, this.#at);
        start = ++this.#at;
        // QUIRK: programs that do not unescape see the backslash too
        this.doubtful = true;
      }
    }
    this.#broken = true;
    return text + this.#text.slice(start);
  }

  /** White space and comments (RFC 5322 §3.2.2). A comment is legal and yet not known to every program. */
  #skipBlank(): void {
    let depth = 0;
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at];
      if (char === '(') {
        depth++;
        this.doubtful = true;
      } else if (depth > 0 && char === ')') depth--;
      else if (depth > 0 && char === '\\') this.#at++;
      else if (depth === 0 && char !== ' ' && char !== '\t') return;
    }
  }
}

function isStop(text: string, at: number, stops: string): boolean {
  const char = text[at] ?? '';
  return char === ' ' || char === '\t' || char === '(' || stops.includes(char);
}
