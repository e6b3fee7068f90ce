/**
 * The corpus of hard mail: every message of vectors/mime and the made ones, as a mail program of ours would send them.
 *
 * A vector keeps its body and its fields, odd ones too, but gets an author, recipients and a number of ours: what was
 * signed for or routed by would otherwise be somebody else's business. Broken headers stay broken.
 */
import { type MessageVector, messageVectors } from '../mime/message-vectors.ts';
import { HARD_OCTETS } from './hard-octets.ts';
import { HARD_STRUCTURE } from './hard-structure.ts';
import { MALFORMED, MALFORMED_ROOT, type Refusal } from './made-mail.ts';
import { splitHeader } from './mail-leaves.ts';

export interface HardMail {
  readonly name: string;
  /** Fields that are not of the envelope, CRLF-ended, and the body. */
  readonly fields: Buffer;
  readonly body: Buffer;
  /** When it is refused; null when it must arrive. */
  readonly refusal: Refusal | null;
}

/** What the gateway must think of the root Content-Type (it came protected already). */
export type Claim = 'none' | 'signed' | 'encrypted';

/** Where a letter goes. */
export interface Letter {
  readonly number: number;
  readonly from: string;
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly bcc: readonly string[];
}

/** The field that says which letter a message is. */
export const NUMBER_FIELD = 'X-Test-Letter';

/** Vectors that are refused. The broken headers are not among them: Postfix ends a header where it stops being one. */
const REFUSED_VECTORS: Readonly<Record<string, Refusal>> = {
  // structure in doubt (M3)
  'cpython/data/msg_15.txt': MALFORMED,
  'cpython/data/msg_25.txt': MALFORMED_ROOT,
  'cpython/data/msg_39.txt': MALFORMED,
  'mikel-mail/spec/fixtures/emails/error_emails/content_transfer_encoding_qp_with_space.eml': MALFORMED,
  'mikel-mail/spec/fixtures/emails/error_emails/multiple_content_types.eml': MALFORMED_ROOT,
  'mime4j/core/src/test/resources/mimetools-testmsgs/multi-bad.msg': MALFORMED_ROOT,
  'mime4j/core/src/test/resources/testmsgs/very-long-boundary.msg': MALFORMED,
  'mime4j/core/src/test/resources/testmsgs/very-very-long-boundary.msg': MALFORMED,
  'mime4j/core/src/test/resources/testmsgs/weird-boundary.msg': MALFORMED,
  // parts with lines in their header that are no fields
  'cpython/data/msg_38.txt': MALFORMED,
  'enmime/testdata/low-quality/bad-header-wrap.raw': MALFORMED,
  'enmime/testdata/parts/multi-malformed.raw': MALFORMED,
};

/** Fields that the letter writes itself, or that would take the right to sign from its author (promise 8). */
const REPLACED =
  /^(from|sender|to|cc|bcc|date|message-id|return-path|delivered-to|x-original-to|received|apparently-to|resent-.*|list-.*|arc-.*)$/;

/** @param vectors the folder of the test vectors */
export function hardMail(vectors: string): HardMail[] {
  return [...messageVectors(vectors).map(fromVector), ...madeMail()];
}

/** Those that need no vectors. */
export function madeMail(): HardMail[] {
  return Object.entries({ ...HARD_OCTETS, ...HARD_STRUCTURE }).map(([name, { fields, body, refusal }]) => ({
    name,
    fields: Buffer.from(fields.map((field) => `${field}\r\n`).join(''), 'latin1'),
    body: Buffer.from(body, 'latin1'),
    refusal: refusal ?? null,
  }));
}

function fromVector({ name, bytes }: MessageVector): HardMail {
  const { fields, body } = splitHeader(bytes);
  const kept = fields.filter((field) => !REPLACED.test(field.name)).map(({ raw }) => raw);
  return { name, fields: Buffer.from(kept.join(''), 'latin1'), body, refusal: REFUSED_VECTORS[name] ?? null };
}

/** The whole message. */
export function writeLetter(mail: Pick<HardMail, 'fields' | 'body'>, letter: Letter): Buffer {
  const list = (name: string, addresses: readonly string[]): string =>
    addresses.length === 0 ? '' : `${name}: ${addresses.map((address) => `<${address}>`).join(',\r\n ')}\r\n`;
  const head =
    `${NUMBER_FIELD}: ${letter.number}\r\n` +
    `Message-ID: <letter-${letter.number}@prove.example.org>\r\n` +
    'Date: Tue, 24 Nov 2026 09:00:00 +0000\r\n' +
    list('From', [letter.from]) +
    list('To', letter.to) +
    list('Cc', letter.cc) +
    list('Bcc', letter.bcc);
  return Buffer.concat([Buffer.from(head, 'latin1'), mail.fields, Buffer.from('\r\n'), mail.body]);
}

/** Reads the root Content-Type of a message the simple way. */
export function claimOf(message: Buffer): Claim {
  const { fields } = splitHeader(message);
  const valuesOf = (name: string): string =>
    fields
      .filter((field) => field.name === name)
      .map(({ value }) => value)
      .join(' ');
  const type = valuesOf('content-type').toLowerCase();
  if (/^multipart\/signed\b/.test(type)) return /protocol\*?=[^;]*(pkcs7|pgp)-signature/.test(type) ? 'signed' : 'none';
  if (/^multipart\/encrypted\b/.test(type)) return 'encrypted';
  if (/^application\/(x-)?pkcs7-mime\b/.test(type)) {
    if (/smime-type="?(certs-only|compressed-data)/.test(type)) return 'none';
    return /smime-type="?signed-/.test(type) ? 'signed' : 'encrypted';
  }
  if (!/^application\/octet-stream\b/.test(type)) return 'none';
  return /\.p7m/.test(type + valuesOf('content-disposition').toLowerCase()) ? 'encrypted' : 'none';
}
