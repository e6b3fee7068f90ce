/**
 * Cuts the body of a multipart/signed into its two parts while it goes by (RFC 1847 §2.1, RFC 2046 §5.1.1), so that the
 * pass that finds the parts is the one that digests the first.
 *
 * The signed part is every octet from behind the first delimiter line to before the line end in front of the second.
 * Line ends may be LF or CRLF, each by itself: OpenSSL writes both into one message. A delimiter is the whole line.
 * Kept are the signature part and some hundred octets that may begin a delimiter. Refused: see `end`.
 */
import { gatewayError } from '../errors.ts';

/** The signature part, encoded. SLH-DSA signatures of many signers are smaller. */
export const SIGNATURE_PART_OCTETS_MAX = 2 * 1_048_576;
const LF = 0x0a;
const CR = 0x0d;
const HYPHEN = 0x2d;
/** Blanks that may follow a delimiter on its line. */
const PADDING_OCTETS_MAX = 256;
/** A line end in front of a delimiter belongs to it. */
const LINE_END_OCTETS = 2;
/** What of a chunk is joined with the octets kept before it: more than any delimiter line. */
const SEAM_OCTETS = 4096;
const DELIMITERS_MAX = 4;
const NOTHING = Buffer.alloc(0);

/** A delimiter line, as places of the whole. */
interface Delimiter {
  /** Before the line end in front of the line. */
  readonly contentEnd: number;
  readonly lineStart: number;
  /** Behind the line's own end. */
  readonly lineEnd: number;
  readonly closes: boolean;
}

/** Where the signed part is, and what the other one holds. */
export interface SplitParts {
  readonly from: number;
  readonly to: number;
  /** The second part with its header; attacker-chosen. */
  readonly signature: Buffer;
}

export class SignedSplitter {
  readonly #wanted: Buffer;
  readonly #bodyAt: number;
  readonly #watch: (part: Buffer) => void;
  readonly #found: Delimiter[] = [];
  readonly #signature: Buffer[] = [];
  #signatureOctets = 0;
  /** The last octets, in which a delimiter may begin, and its place. */
  #held: Buffer = NOTHING;
  #heldAt: number;
  /** Where the next delimiter may begin. */
  #searched: number;
  /** Everything before was handed on. */
  #given: number;

  /**
   * @param boundary attacker-chosen
   * @param bodyAt place of the first octet that will be written
   * @param watch is shown the signed part, in order; a piece is void when it returns
   * @throws GatewayError message.malformed for a boundary that cannot be used
   */
  constructor(boundary: string, bodyAt: number, watch: (part: Buffer) => void) {
    if (boundary.length > 200 || !/^[ -~]*[!-~]$/.test(boundary)) throw malformed('its boundary cannot be used');
    this.#wanted = Buffer.from(`--${boundary}`, 'latin1');
    this.#bodyAt = bodyAt;
    this.#watch = watch;
    this.#heldAt = bodyAt;
    this.#searched = bodyAt;
    this.#given = bodyAt;
  }

  /** True when nothing that follows matters. */
  get done(): boolean {
    return this.#found.length === DELIMITERS_MAX || this.#found.at(-1)?.closes === true;
  }

  /** Takes the next octets of the body. @throws GatewayError message.limits for a signature part over 2 MB */
  write(chunk: Buffer): void {
    if (this.done || chunk.length === 0) return;
    if (this.#held.length === 0) this.#search(chunk, false);
    else if (chunk.length <= 2 * SEAM_OCTETS) this.#search(Buffer.concat([this.#held, chunk]), false);
    else {
      this.#search(Buffer.concat([this.#held, chunk.subarray(0, SEAM_OCTETS)]), false);
      // what is held now lies inside the chunk: no copy of the rest
      this.#search(chunk.subarray(SEAM_OCTETS - this.#held.length), false);
    }
  }

  /** The body ended. @throws GatewayError message.malformed for another number of parts than two, message.limits */
  end(): SplitParts {
    if (!this.done) this.#search(this.#held, true);
    const [first, second, last] = this.#found;
    if (first === undefined || second === undefined || last === undefined) throw malformed('it has not two parts');
    if (first.closes || second.closes || !last.closes) throw malformed('it has not exactly two parts');
    if (second.lineStart < first.lineEnd || last.lineStart < second.lineEnd) throw malformed('it has an empty part');
    const from = first.lineEnd;
    return { from, to: Math.max(from, second.contentEnd), signature: Buffer.concat(this.#signature) };
  }

  /** @param octets from the place of what is held on */
  #search(octets: Buffer, last: boolean): void {
    const at = this.#heldAt;
    const reach = this.#wanted.length + PADDING_OCTETS_MAX + 4;
    let from = this.#searched - at;
    for (;;) {
      const next = octets.indexOf(this.#wanted, from);
      if (next === -1 || (!last && octets.length - next < reach)) {
        from = next === -1 ? Math.max(from, octets.length - this.#wanted.length + 1) : next;
        break;
      }
      from = next + 1;
      const delimiter = this.#delimiterAt(octets, next);
      if (delimiter === null) continue;
      this.#give(octets, delimiter.contentEnd);
      this.#found.push(delimiter);
      this.#given = delimiter.lineEnd;
      if (this.done) return;
    }
    const certain = last ? octets.length : Math.max(0, from - LINE_END_OCTETS);
    this.#give(octets, at + certain);
    // a copy: the chunk may be used again by its owner
    this.#held = Buffer.from(octets.subarray(certain));
    this.#heldAt = at + certain;
    this.#searched = at + from;
  }

  /** Hands on to `to` what stands between two delimiters. */
  #give(octets: Buffer, to: number): void {
    if (to <= this.#given) return;
    const part = octets.subarray(this.#given - this.#heldAt, to - this.#heldAt);
    this.#given = to;
    if (this.#found.length === 1) this.#watch(part);
    if (this.#found.length !== 2) return;
    this.#signatureOctets += part.length;
    if (this.#signatureOctets > SIGNATURE_PART_OCTETS_MAX) {
      throw gatewayError('message.limits', 'signature part over 2 MB');
    }
    this.#signature.push(Buffer.from(part));
  }

  /** The line that begins at `at`, if it is a line, and nothing but the delimiter. */
  #delimiterAt(octets: Buffer, at: number): Delimiter | null {
    const lineStart = this.#heldAt + at;
    if (lineStart !== this.#bodyAt && octets[at - 1] !== LF) return null;
    let end = at + this.#wanted.length;
    const closes = octets[end] === HYPHEN && octets[end + 1] === HYPHEN;
    if (closes) end += 2;
    for (let blanks = 0; octets[end] === 0x20 || octets[end] === 0x09; end++) {
      if (++blanks > PADDING_OCTETS_MAX) return null;
    }
    if (octets[end] === CR && octets[end + 1] === LF) end += 2;
    else if (octets[end] === LF) end += 1;
    else if (end < octets.length || !closes) return null;
    const front = lineStart === this.#bodyAt ? 0 : octets[at - 2] === CR && lineStart - this.#bodyAt > 1 ? 2 : 1;
    return { contentEnd: lineStart - front, lineStart, lineEnd: this.#heldAt + end, closes };
  }
}

/** message.malformed, to be thrown. */
export function malformed(problem: string): Error {
  return gatewayError('message.malformed', `multipart/signed: ${problem}`);
}
