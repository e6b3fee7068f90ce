/**
 * Reads the mailboxes of From and Sender (RFC 5322 §3.4, §3.6.2), strictly: promise 8 signs for whoever From names,
 * so a value that two programs may read as two persons is not read at all.
 *
 * Accepted: `addr`, `<addr>` behind a display name of atoms, dots, quoted strings and encoded words (left alone),
 * comments between words, groups (RFC 6854; their members count). Refused (null): an unquoted `@` in a display name,
 * routes, white space or comments inside an address, empty list items, address literals, control characters,
 * anything left over. One pass, no regular expression over the whole value (catalogue M5).
 */
import { type Address, parseAddress } from '../address.ts';

/** Address headers longer than this in sum are an attack (catalogue M1). */
const VALUE_LENGTH_MAX = 102_400;
const MAILBOXES_MAX = 1000;

/**
 * Parses the value of a From or Sender field.
 * @param value unfolded; attacker-chosen
 * @returns every mailbox in order (none for an empty group), or null when it cannot be read in one way only
 */
export function parseMailboxes(value: string): Address[] | null {
  if (value.length > VALUE_LENGTH_MAX || /[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return null;
  const reader = new MailboxReader(value);
  return reader.list() ? reader.found : null;
}

/** Ends a run of atom text: RFC 5322 §3.2.3 specials but the dot, and white space. */
const ATOM_ENDS = new Set([' ', '\t', '(', ')', '<', '>', '[', ']', ':', ';', '@', '\\', ',', '"']);

class MailboxReader {
  readonly found: Address[] = [];
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** mailbox-list with groups, to the end of the value. */
  list(): boolean {
    do {
      if (!this.#member(true)) return false;
    } while (this.#take(','));
    return this.#at === this.#text.length;
  }

  /** One mailbox, or a group where `groups` allows one. */
  #member(groups: boolean): boolean {
    if (this.found.length === MAILBOXES_MAX || !this.#blank()) return false;
    const start = this.#at;
    const words = this.#phrase();
    if (words === null) return false;
    const next = this.#text[this.#at];
    if (next === '<') return this.#angle();
    if (next === '@' && words === 1) return this.#bare(start);
    if (next === ':' && words > 0 && groups) return this.#group();
    return false;
  }

  /** Words of a display name; null when one is malformed. Stops before what is no word. */
  #phrase(): number | null {
    let words = 0;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) return words;
      if (char === '"') {
        if (!this.#quoted()) return null;
      } else if (!this.#atom()) return words;
      words++;
      // `local@domain`: white space before the @ would make it a second word or a second reading
      if (this.#text[this.#at] === '@') return words;
      if (!this.#blank()) return null;
      if (this.#text[this.#at] === '@') return null;
    }
  }

  #atom(): boolean {
    const start = this.#at;
    while (this.#at < this.#text.length && !ATOM_ENDS.has(this.#text[this.#at] ?? '')) this.#at++;
    return this.#at > start;
  }

  /** A quoted string; false when it does not end. */
  #quoted(): boolean {
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at];
      if (char === '\\') this.#at++;
      else if (char === '"') {
        this.#at++;
        return true;
      }
    }
    return false;
  }

  /** `<addr>`; nothing else inside. */
  #angle(): boolean {
    const start = this.#at + 1;
    this.#at = start;
    if (this.#text[start] === '"') {
      if (!this.#quoted()) return false;
    } else this.#atom();
    return this.#address(start) && this.#take('>') && this.#blank();
  }

  /** `addr` that began at `start`, the @ being next. */
  #bare(start: number): boolean {
    return this.#address(start) && this.#blank();
  }

  /** The @ is next and the local part began at `start`. */
  #address(start: number): boolean {
    if (this.#text[this.#at] !== '@') return false;
    this.#at++;
    this.#atom();
    const address = parseAddress(this.#text.slice(start, this.#at));
    if (address === null) return false;
    this.found.push(address);
    return true;
  }

  /** The colon is next. */
  #group(): boolean {
    this.#at++;
    if (!this.#blank()) return false;
    if (this.#text[this.#at] !== ';') {
      do {
        if (!this.#member(false)) return false;
      } while (this.#take(','));
    }
    return this.#take(';') && this.#blank();
  }

  #take(wanted: string): boolean {
    if (this.#text[this.#at] !== wanted) return false;
    this.#at++;
    return true;
  }

  /** Passes white space and comments; false when a comment does not end. */
  #blank(): boolean {
    let depth = 0;
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text[this.#at];
      if (char === '(') depth++;
      else if (depth > 0 && char === ')') depth--;
      else if (depth > 0 && char === '\\') this.#at++;
      else if (depth === 0 && char !== ' ' && char !== '\t') return true;
    }
    return depth === 0;
  }
}
