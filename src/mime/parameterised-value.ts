/**
 * Takes apart a header value with parameters (RFC 2045 §5.1, RFC 2231 §3, §4): the one reader under content-type.ts, which
 * says what the parts mean and when a doubt is one too many.
 *
 * It refuses nothing and never throws: what stands outside the grammar is read as most mail programs read it, and said.
 */

/** Parameters that decide what a message is; these must be beyond doubt. */
export const STRUCTURAL = new Set(['boundary', 'smime-type', 'protocol']);
/** Parameters in one value; more is an attack. */
const PARAMETERS_MAX = 100;

/** A value in its parts. */
export interface Parameterised {
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

/** What nearly all values are: tokens and plain quoted strings, in the grammar that everybody reads alike. */
const PLAIN_HEAD = /[\w!#$&^.+-]+(?:\/[\w!#$&^.+-]+)?/y;
const PLAIN_PARAMETER = /[ \t]*;[ \t]*([A-Za-z0-9-]+)=(?:"([^"\\]*)"|([\w!#$&^.+':/?@=-]+))/y;

/** @returns what {@link readGrammar} gives, or null where that must look closer */
function readPlain(value: string): Parameterised | null {
  PLAIN_HEAD.lastIndex = 0;
  const head = PLAIN_HEAD.exec(value)?.[0];
  if (head === undefined) return null;
  const parameters = new Map<string, string>();
  for (let at = head.length; at < value.length; at = PLAIN_PARAMETER.lastIndex) {
    PLAIN_PARAMETER.lastIndex = at;
    const match = PLAIN_PARAMETER.exec(value);
    if (match === null || parameters.size === PARAMETERS_MAX) return null;
    const name = (match[1] ?? '').toLowerCase();
    if (parameters.has(name)) return null;
    parameters.set(name, match[2] ?? match[3] ?? '');
  }
  return { head, parameters, doubtful: false, contradictory: false, junk: false };
}

/** Never throws. @param value attacker-chosen */
export function readParameterised(value: string): Parameterised {
  return readPlain(value) ?? readGrammar(value);
}

/** The whole grammar, and what is sent in its place. Exported for the test that compares it with the short way. */
export function readGrammar(value: string): Parameterised {
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
