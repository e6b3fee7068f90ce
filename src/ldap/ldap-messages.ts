/**
 * LDAP messages of a server, cut from the byte stream and checked before the client library sees them (RFC 4511 §4, §5.1).
 *
 * The library believes every length: one entry of 13 octets whose inner length exceeds the message makes it loop until
 * memory ends, and some thousand small messages in one segment exhaust its stack (both end the process). So: every
 * message is whole, well-formed and answers a request of ours; answers are limited in octets, values and entries; what
 * is not needed (controls, referrals, continuation references, which are never followed) is left out.
 * Refused, ending the connection: anything else, HTTP and noise included, at the first octet that shows it.
 */
import {
  integerOctets,
  type LdapElement,
  LdapViolation,
  readElement,
  readHeader,
  readTagged,
  TAG,
  writeElement,
} from './ldap-ber.ts';

/** One answer: all entries of one search together. */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** All answers that are under way on one connection. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024;
/** Attributes and values of one answer: each becomes an object of a hundred octets. */
const ANSWER_ELEMENTS_MAX = 20_000;

/** Result codes of our own making, of the range for private use (RFC 4520 §3.8). */
export const RESULT = { answerTooLarge: 0x5001, answerIncomplete: 0x5002 } as const;

/** Operations by tag (RFC 4511 §4.2-4.14). */
export const OPERATION = {
  bindResponse: 0x61,
  searchEntry: 0x64,
  searchDone: 0x65,
  searchReference: 0x73,
  extendedResponse: 0x78,
} as const;

const SIZE_LIMIT_EXCEEDED = 4;
/** Tag and length of a message, message ID: what says whose message it is. */
const PREFIX_BYTES = 12;

/** A checked message. */
export interface LdapMessage {
  readonly id: number;
  readonly operation: number;
  /** Of bind, extended and search-done; null else. */
  readonly resultCode: number | null;
  /** The message without controls; for a result without referral. */
  readonly octets: Buffer;
}

interface Answer {
  bytes: number;
  elements: number;
  tooLarge: boolean;
}

/** Incremental: feed octets as they come, take messages as they are complete. */
export class LdapMessages {
  readonly #answers = new Map<number, Answer>();
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** Octets that must be there before anything can be done. */
  #needed = 2;
  /** Octets still to come of a message that is not kept. */
  #skip = 0;

  /** Octets received that belong to no complete message. */
  get unread(): number {
    return this.#buffered;
  }

  /** Notes a request of ours that answers may come for. @param octets one whole message, from our side */
  expect(octets: Buffer): void {
    const message = readElement(octets, 0, octets.length);
    const id = readElement(octets, message.start, message.end);
    this.#answers.set(octets.readUIntBE(id.start, id.end - id.start), { bytes: 0, elements: 0, tooLarge: false });
  }

  /** @throws LdapViolation and the connection is not to be used any more */
  push(chunk: Buffer): LdapMessage[] {
    const messages: LdapMessage[] = [];
    let rest = chunk;
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, rest.length);
      this.#skip -= skipped;
      rest = rest.subarray(skipped);
    }
    if (rest.length === 0) return messages;
    this.#chunks.push(rest);
    this.#buffered += rest.length;
    if (this.#buffered < this.#needed) {
      if (this.#chunks.length === 1 && rest[0] !== TAG.sequence) throw new LdapViolation(notLdap(rest));
      return messages;
    }
    let buffer = this.#chunks.length === 1 ? rest : Buffer.concat(this.#chunks);
    for (let length = this.#next(buffer, messages); length > 0; length = this.#next(buffer, messages)) {
      buffer = buffer.subarray(length);
    }
    this.#chunks = buffer.length > 0 ? [buffer] : [];
    this.#buffered = buffer.length;
    return messages;
  }

  /** @returns octets consumed; 0 when more must come first, and `#needed` says how many */
  #next(buffer: Buffer, messages: LdapMessage[]): number {
    this.#needed = 2;
    if (buffer.length === 0) return 0;
    if (buffer[0] !== TAG.sequence) throw new LdapViolation(notLdap(buffer));
    const header = readHeader(buffer, 0, buffer.length);
    if (header === null) {
      this.#needed = buffer.length + 1;
      return 0;
    }
    const length = header.start + header.length;
    if (length > PENDING_BYTES_MAX) throw new LdapViolation(`message of ${length} octets announced`);
    if (length > ANSWER_BYTES_MAX) {
      if (buffer.length < PREFIX_BYTES) {
        this.#needed = PREFIX_BYTES;
        return 0;
      }
      this.#refuse(this.#idOf(buffer, header.start, length).value, length, messages);
      const here = Math.min(buffer.length, length);
      this.#skip = length - here;
      return here;
    }
    if (buffer.length < length) {
      this.#needed = length;
      return 0;
    }
    this.#read(buffer.subarray(0, length), header.start, messages);
    return length;
  }

  #idOf(buffer: Buffer, at: number, end: number): { value: number; end: number } {
    // the content may not all be here yet: only the integer has to be
    const id = readElement(buffer, at, Math.min(end, buffer.length));
    const bytes = id.end - id.start;
    if (id.tag !== TAG.integer || bytes < 1 || bytes > 4) throw new LdapViolation('message without message ID');
    return { value: buffer.readUIntBE(id.start, bytes), end: id.end };
  }

  #read(message: Buffer, contentAt: number, messages: LdapMessage[]): void {
    const { value: id, end: idEnd } = this.#idOf(message, contentAt, message.length);
    const operation = readElement(message, idEnd, message.length);
    if (operation.end < message.length) {
      const controls = readElement(message, operation.end, message.length);
      if (controls.tag !== TAG.controls || controls.end !== message.length) {
        throw new LdapViolation('message with trailing octets');
      }
    }
    const answer = this.#answers.get(id);
    if (answer === undefined) {
      const why = id === 0 ? 'server ends the connection (notice of disconnection)' : `answer to no request of ours`;
      throw new LdapViolation(why);
    }
    switch (operation.tag) {
      case OPERATION.searchEntry:
      case OPERATION.searchReference: {
        const elements = checkEntry(message, operation);
        const isEntry = operation.tag === OPERATION.searchEntry;
        if (this.#count(id, answer, message.length, elements, messages) && isEntry) {
          const octets = frame(message.subarray(contentAt, idEnd), message.subarray(idEnd, operation.end));
          messages.push({ id, operation: operation.tag, resultCode: null, octets });
        }
        return;
      }
      case OPERATION.bindResponse:
      case OPERATION.searchDone:
      case OPERATION.extendedResponse: {
        this.#answers.delete(id);
        // the answer was ended before: the client has had its result
        if (answer.tooLarge) return;
        const code = readResult(message, operation);
        messages.push(result(id, operation.tag, code.value, code.text));
        return;
      }
      default:
        throw new LdapViolation(`unexpected operation 0x${operation.tag.toString(16)}`);
    }
  }

  /** @returns false when the answer has grown too large and its entries are dropped */
  #count(id: number, answer: Answer, bytes: number, elements: number, messages: LdapMessage[]): boolean {
    answer.bytes += bytes;
    answer.elements += elements;
    let pending = 0;
    for (const one of this.#answers.values()) pending += one.bytes;
    if (pending > PENDING_BYTES_MAX) throw new LdapViolation('answers larger than the limit of the connection');
    if (!answer.tooLarge && (answer.bytes > ANSWER_BYTES_MAX || answer.elements > ANSWER_ELEMENTS_MAX)) {
      answer.tooLarge = true;
      messages.push(result(id, OPERATION.searchDone, RESULT.answerTooLarge, 'answer too large'));
    }
    return !answer.tooLarge;
  }

  #refuse(id: number, bytes: number, messages: LdapMessage[]): void {
    const answer = this.#answers.get(id);
    if (answer === undefined) throw new LdapViolation('answer to no request of ours');
    this.#count(id, answer, bytes, 0, messages);
  }
}

function notLdap(octets: Buffer): string {
  const start = octets.subarray(0, 16).toString('latin1');
  return `not LDAP: begins with ${JSON.stringify(start)}`;
}

/** @returns number of attributes and values (RFC 4511 §4.5.2), or of URIs of a reference */
function checkEntry(buffer: Buffer, operation: LdapElement): number {
  let elements = 1;
  const { octetString, sequence, set } = TAG;
  if (operation.tag === OPERATION.searchReference) {
    for (let at = operation.start; at < operation.end; elements += 1) {
      at = readTagged(buffer, at, operation.end, octetString).end;
    }
    return elements;
  }
  const name = readTagged(buffer, operation.start, operation.end, octetString);
  const attributes = readTagged(buffer, name.end, operation.end, sequence);
  if (attributes.end !== operation.end) throw new LdapViolation('entry with trailing octets');
  for (let at = attributes.start; at < attributes.end; elements += 1) {
    const attribute = readTagged(buffer, at, attributes.end, sequence);
    const type = readTagged(buffer, attribute.start, attribute.end, octetString);
    const values = readTagged(buffer, type.end, attribute.end, set);
    if (values.end !== attribute.end) throw new LdapViolation('attribute with trailing octets');
    for (let value = values.start; value < values.end; elements += 1) {
      value = readTagged(buffer, value, values.end, octetString).end;
    }
    at = attribute.end;
  }
  return elements;
}

function readResult(buffer: Buffer, operation: LdapElement): { value: number; text: string } {
  const code = readTagged(buffer, operation.start, operation.end, TAG.enumerated);
  const bytes = code.end - code.start;
  if (bytes < 1 || bytes > 4) throw new LdapViolation('result code of no length');
  const matched = readTagged(buffer, code.end, operation.end, TAG.octetString);
  const diagnostic = readTagged(buffer, matched.end, operation.end, TAG.octetString);
  const value = buffer.readUIntBE(code.start, bytes);
  const text = buffer.toString('utf8', diagnostic.start, Math.min(diagnostic.end, diagnostic.start + 256));
  // the library takes "size limit exceeded" for success, and the part that came for the whole
  if (operation.tag === OPERATION.searchDone && value === SIZE_LIMIT_EXCEEDED) {
    return { value: RESULT.answerIncomplete, text: 'size limit exceeded' };
  }
  return { value, text };
}

function result(id: number, operation: number, code: number, text: string): LdapMessage {
  const body = Buffer.concat([
    writeElement(TAG.enumerated, integerOctets(code)),
    writeElement(TAG.octetString, Buffer.alloc(0)),
    writeElement(TAG.octetString, Buffer.from(text)),
  ]);
  const octets = frame(writeElement(TAG.integer, integerOctets(id)), writeElement(operation, body));
  return { id, operation, resultCode: code, octets };
}

function frame(id: Buffer, operation: Buffer): Buffer {
  return writeElement(TAG.sequence, Buffer.concat([id, operation]));
}
