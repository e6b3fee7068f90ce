/**
 * A message of any size that is made while it is sent: multipart/mixed with a text and one base64 attachment whose
 * every block of lines differs from every other, so that no octet can be missing, doubled or moved unnoticed.
 */
import { createHash, type Hash, randomBytes } from 'node:crypto';

/** Whole lines of 78 octets, about 1 MB. */
const LINES_A_BLOCK = 13_000;
const LINE_OCTETS = 57;

export class LargeMail {
  /** Octets of the whole message. */
  octets = 0;
  readonly #to: string;
  readonly #size: number;
  readonly #hash: Hash = createHash('sha256');
  #digest: string | null = null;

  /** @param size octets at least; at most a block more */
  constructor(to: string, size: number) {
    this.#to = to;
    this.#size = size;
  }

  /** SHA-256 of the MIME entity (Content-* fields and body): what a signature covers. Once all was sent. */
  get digest(): string {
    if (this.#digest === null) throw new Error('the message was not sent to its end');
    return this.#digest;
  }

  /** The message, once. No line begins with a dot. */
  *send(): Generator<Buffer> {
    const boundary = `=_${randomBytes(12).toString('hex')}`;
    const type = `Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n`;
    yield this.#plain(
      `From: <anna@example.org>\r\nTo: <${this.#to}>\r\nSubject: large\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n`,
    );
    yield this.#entity(Buffer.from(type));
    yield this.#entity(
      Buffer.from(
        `--${boundary}\r\nContent-Type: text/plain\r\n\r\nSee the attachment.\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n`,
      ),
    );
    const block = randomLines(Math.min(LINES_A_BLOCK, Math.ceil(this.#size / (LINE_OCTETS + 21))));
    for (let number = 0; this.octets < this.#size; number += 1) {
      yield this.#entity(Buffer.from(`${numberLine(number)}\r\n`));
      yield this.#entity(block);
    }
    yield this.#entity(Buffer.from(`--${boundary}--\r\n`));
    this.#digest = this.#hash.digest('hex');
  }

  #plain(text: string): Buffer {
    this.octets += text.length;
    return Buffer.from(text);
  }

  #entity(octets: Buffer): Buffer {
    this.octets += octets.length;
    this.#hash.update(octets);
    return octets;
  }
}

function numberLine(number: number): string {
  const octets = Buffer.alloc(LINE_OCTETS);
  octets.writeUInt32BE(number);
  return octets.toString('base64');
}

function randomLines(count: number): Buffer {
  const lines: string[] = [];
  for (let i = 0; i < count; i += 1) lines.push(`${randomBytes(LINE_OCTETS).toString('base64')}\r\n`);
  return Buffer.from(lines.join(''));
}
