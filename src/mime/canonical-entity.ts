/**
 * Makes an entity fit to be signed while it streams by (RFC 8551 §3.1, §3.1.2, §3.1.3): 7-bit data, lines of at most
 * 998 octets, nothing that a relay would change. What is fit already comes out octet for octet.
 *
 * Multiparts are walked; each leaf is passed, re-encoded (converted-leaf.ts) or mended where it is not what its label
 * says (encoded-leaf.ts). message/*, multipart/signed and multipart/encrypted may not be re-encoded, nor may what only
 * claims to be a multipart or has an unknown encoding: these pass, and `untouchedEightBit` says when they, a preamble,
 * an epilogue or a part header are not 7-bit data. Nothing is spilled, nothing read twice; held are one leaf's 64 KiB
 * and one part's header.
 *
 * Refused: message.limits (depth 100, 1,000 parts, 1 MB of header per part; catalogue M1), message.malformed (what
 * two parsers could read in two ways, M3; 8-bit data under a base64 label, told after the end), message.partial.
 */
import { gatewayError } from '../errors.ts';
import { type ContentType, parseContentType } from './content-type.ts';
import { ConvertedLeaf, isPlainBody } from './converted-leaf.ts';
import { DelimiterFinder, type Match } from './delimiter-finder.ts';
import { EncodedLeaf } from './encoded-leaf.ts';
import { isUntouchable, isWalkable, loadMechanism, loadType } from './entity-type.ts';
import { HEADER_OCTETS_MAX, type HeaderBlock, parseHeaderBlock } from './header-block.ts';
import { type Body, PassingBody } from './passing-body.ts';
import { SevenBitScan } from './seven-bit-scan.ts';

/** Multiparts inside each other (catalogue M1). */
export const MULTIPART_DEPTH_MAX = 100;
/** Parts of all multiparts together. */
export const PARTS_MAX = 1000;

const CRLF = Buffer.from('\r\n');
const NOTHING = Buffer.alloc(0);
const EMPTY_LINE = Buffer.from('\r\n\r\n');
const LINE_OF_HYPHENS = Buffer.from('\n--');
/** A longer header is read line by line, and so are its limits. */
const PLAIN_HEADER_OCTETS_MAX = 4096;
const HYPHEN = 0x2d;
const CR = 0x0d;
const LF = 0x0a;
const IDENTITY = new Set(['7bit', '8bit', 'binary']);

/** An open multipart. */
interface Multipart {
  /** Parts without a Content-Type are message/rfc822 (RFC 2046 §5.1.5). */
  readonly digest: boolean;
}

export class CanonicalEntity {
  readonly #finder = new DelimiterFinder();
  readonly #multiparts: Multipart[] = [];
  #parts = 0;
  /** Input that cannot be judged yet. */
  #carry: Buffer[] = [];
  #carryOctets = 0;
  /** The stretch of content under way; null inside a part header. */
  #body: Body | null = null;
  /** No content of the stretch was seen yet. */
  #atStart = true;
  /** Lines of the part header under way. */
  #header: Buffer[] = [];
  #headerOctets = 0;
  #untouchedEightBit = false;
  #encodingBroken = false;
  /** All of the body is there and is known to be fit as it is. */
  #plain = false;
  /** What the constructor wrote. */
  #first: Buffer[] = [];

  /**
   * @param contentFields the entity's own Content-* fields, in order; attacker-chosen
   * @throws GatewayError message.malformed, message.limits, message.partial
   */
  constructor(contentFields: HeaderBlock) {
    const type = contentFields.all('content-type')[0];
    if (type !== undefined && parseContentType(type).mediaType === 'message/partial') {
      throw gatewayError('message.partial', 'message/partial');
    }
    this.#startBody(contentFields, true, this.#first);
  }

  /** Something that may not be re-encoded is not 7-bit data; final only after `end`. */
  get untouchedEightBit(): boolean {
    return this.#untouchedEightBit;
  }

  /**
   * Takes the next body octets, CRLF-true, cut anywhere. The chunk belongs to the entity from now on.
   * @returns octets of the canonical entity; they may be slices of `chunk`
   * @throws GatewayError message.malformed, message.limits; the entity is then lost
   */
  write(chunk: Buffer): Buffer[] {
    return this.#advance(chunk, false);
  }

  /**
   * The whole body at once: the octets that {@link write} and {@link end} would give. Where one look finds it to be 7-bit
   * data that no relay changes, only its structure is walked. Nothing may be written before or behind it.
   * @throws GatewayError message.malformed, message.limits
   */
  whole(body: Buffer): Buffer[] {
    this.#plain = isPlainBody(body);
    const out = this.#advance(body, true);
    this.#finish(out);
    return out;
  }

  /** The body ended. @throws GatewayError message.malformed */
  end(): Buffer[] {
    const out = this.#advance(NOTHING, true);
    this.#finish(out);
    return out;
  }

  #finish(out: Buffer[]): void {
    if (this.#body === null) this.#endHeaderOnly(out);
    else this.#body.end(out, false);
    if (this.#encodingBroken) {
      throw gatewayError('message.malformed', 'a base64 or quoted-printable leaf is no such thing');
    }
  }

  #advance(chunk: Buffer, last: boolean): Buffer[] {
    const out = this.#first;
    this.#first = [];
    if (this.#body === null && !last && !chunk.includes(LF)) {
      this.#carryHeader(chunk);
      return out;
    }
    const data = this.#carry.length === 0 ? chunk : Buffer.concat([...this.#carry, chunk]);
    let at = 0;
    for (;;) {
      const next =
        this.#body === null ? this.#readHeaderLine(data, at, last, out) : this.#readBody(data, at, last, out);
      at = next.at;
      if (next.waits) break;
    }
    this.#carry = at < data.length ? [data.subarray(at)] : [];
    this.#carryOctets = data.length - at;
    return out;
  }

  /** Part of a header line. Joined anew with each small chunk, a long line would cost the square of its length. */
  #carryHeader(chunk: Buffer): void {
    this.#carry.push(chunk);
    this.#carryOctets += chunk.length;
    if (this.#headerOctets + this.#carryOctets > HEADER_OCTETS_MAX) throw headerTooLarge();
    if (this.#carry.length >= 1024) this.#carry = [Buffer.concat(this.#carry)];
  }

  /** Content up to the next delimiter, and the delimiter. */
  #readBody(data: Buffer, from: number, last: boolean, out: Buffer[]): { at: number; waits: boolean } {
    const found = this.#finder.find(data, from, this.#atStart, last);
    const end = found.kind === 'none' ? found.certainTo : found.contentEnd;
    if (end > from) {
      this.#atStart = false;
      this.#body?.write(data.subarray(from, end), out, this.#plain);
    }
    if (found.kind === 'none') return { at: end, waits: true };
    this.#body?.end(out, true);
    out.push(data.subarray(end, found.lineEnd));
    this.#passDelimiter(found.match);
    return { at: found.lineEnd, waits: false };
  }

  /** One line of a part header; all of it where it lies there without anything like a delimiter. */
  #readHeaderLine(data: Buffer, from: number, last: boolean, out: Buffer[]): { at: number; waits: boolean } {
    if (this.#headerOctets === 0) {
      const header = findWholeHeader(data, from);
      if (header !== null) {
        this.#startBody(parseHeaderBlock(header), false, out);
        return { at: from + header.length + 2, waits: false };
      }
    }
    const at = data.indexOf(CRLF, from);
    if (at === -1 && !(last && from < data.length)) {
      if (this.#headerOctets + data.length - from > HEADER_OCTETS_MAX) throw headerTooLarge();
      return { at: from, waits: true };
    }
    const end = at === -1 ? data.length : at + 2;
    const line = data.subarray(from, end);
    if (at === from) {
      const header = parseHeaderBlock(Buffer.concat(this.#header));
      this.#header = [];
      this.#startBody(header, false, out);
      return { at: end, waits: false };
    }
    const hyphens = line[0] === HYPHEN && line[1] === HYPHEN;
    const match = hyphens ? this.#finder.match(line, 0, withoutLineEnd(line)) : null;
    if (match !== null) {
      this.#endHeaderOnly(out);
      out.push(line);
      this.#passDelimiter(match);
      return { at: end, waits: false };
    }
    this.#headerOctets += line.length;
    if (this.#headerOctets > HEADER_OCTETS_MAX) throw headerTooLarge();
    this.#header.push(line);
    // a million folds of three octets would cost a hundred each as slices of their own
    if (this.#header.length >= 1024) this.#header = [Buffer.concat(this.#header)];
    return { at: end, waits: false };
  }

  /** A part ended inside its header: it has no body, not even an empty one, and must still be beyond doubt. */
  #endHeaderOnly(out: Buffer[]): void {
    const lines = Buffer.concat(this.#header);
    const header = parseHeaderBlock(lines.at(-1) === LF || lines.length === 0 ? lines : Buffer.concat([lines, CRLF]));
    loadType(header, false);
    loadMechanism(header);
    this.#writeHeader([lines], out);
  }

  /** Goes where a delimiter leads: to the next part, or behind its multipart. Ends every multipart inside. */
  #passDelimiter(match: Match): void {
    const open = match.closes ? match.depth : match.depth + 1;
    this.#finder.closeTo(open);
    while (this.#multiparts.length > open) this.#multiparts.pop();
    this.#atStart = true;
    this.#header = [];
    this.#headerOctets = 0;
    if (match.closes) {
      this.#body = new PassingBody(this.#cannotTouch);
      return;
    }
    this.#body = null;
    if (++this.#parts > PARTS_MAX) throw gatewayError('message.limits', `more than ${PARTS_MAX} parts`);
  }

  /** Decides by its header what becomes of a body. */
  #startBody(header: HeaderBlock, root: boolean, out: Buffer[]): void {
    this.#atStart = true;
    const type = loadType(header, this.#multiparts.at(-1)?.digest ?? false);
    const mechanism = loadMechanism(header);
    const identity = IDENTITY.has(mechanism);
    if (identity && !isUntouchable(type)) {
      this.#watchHeader(header.raw);
      const text = type.mediaType.startsWith('text/');
      this.#body = new ConvertedLeaf(header, text, root && !header.has('content-type'));
      return;
    }
    const declare = root && !header.has('content-type') ? Buffer.from('Content-Type: text/plain\r\n') : NOTHING;
    this.#writeHeader([declare, header.raw, CRLF], out);
    const encoded = mechanism === 'base64' || mechanism === 'quoted-printable';
    this.#body =
      encoded && !isUntouchable(type)
        ? new EncodedLeaf(mechanism, this.#breakEncoding)
        : new PassingBody(this.#cannotTouch);
    if (identity && isWalkable(type)) this.#openMultipart(type);
  }

  #openMultipart(type: ContentType): void {
    if (this.#finder.depth === MULTIPART_DEPTH_MAX) {
      throw gatewayError('message.limits', `multiparts deeper than ${MULTIPART_DEPTH_MAX}`);
    }
    this.#finder.open(type.parameters.get('boundary') ?? '');
    this.#multiparts.push({ digest: type.mediaType === 'multipart/digest' });
  }

  #writeHeader(lines: readonly Buffer[], out: Buffer[]): void {
    for (const line of lines) {
      this.#watchHeader(line);
      out.push(line);
    }
  }

  #watchHeader(raw: Buffer): void {
    if (this.#plain) return;
    const scan = new SevenBitScan();
    scan.update(raw);
    if (scan.end()) this.#untouchedEightBit = true;
  }

  readonly #cannotTouch = (): void => {
    this.#untouchedEightBit = true;
  };

  readonly #breakEncoding = (): void => {
    this.#encodingBroken = true;
  };
}

function withoutLineEnd(line: Buffer): number {
  return line.subarray(-2).equals(CRLF) ? line.length - 2 : line.length;
}

/** The header of at least one line that begins at `from`, without its empty line; null where it must be read line by line. */
function findWholeHeader(data: Buffer, from: number): Buffer | null {
  if (data[from] === HYPHEN || data[from] === CR) return null;
  const at = data.indexOf(EMPTY_LINE, from);
  if (at === -1 || at + 2 - from > PLAIN_HEADER_OCTETS_MAX) return null;
  const header = data.subarray(from, at + 2);
  return header.includes(LINE_OF_HYPHENS) ? null : header;
}

function headerTooLarge(): Error {
  return gatewayError('message.limits', `part header over ${HEADER_OCTETS_MAX} octets`);
}
