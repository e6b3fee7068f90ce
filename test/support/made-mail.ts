/**
 * What a made message is, and the fields that most of them have. Latin1 strings, CRLF line ends, no fields of the
 * envelope (From, To, Date and so on).
 */
import type { ErrorCode } from '../../src/errors.ts';

/**
 * Why and when a message is refused: `always`, or when some copy of it is `protected` (signed or encrypted by the
 * gateway), or when some copy is `signed` and not encrypted.
 */
export interface Refusal {
  readonly code: ErrorCode;
  readonly when: 'always' | 'protected' | 'signed';
}

export interface MadeMail {
  readonly fields: readonly string[];
  readonly body: string;
  readonly refusal?: Refusal;
}

export const MIME = 'MIME-Version: 1.0';
export const TEXT = 'Content-Type: text/plain; charset=utf-8';
export const LATIN = 'Content-Type: text/plain; charset=iso-8859-1';
export const BINARY = 'Content-Type: application/octet-stream; name="data.bin"';
export const EIGHT = 'Content-Transfer-Encoding: 8bit';
export const SEVEN = 'Content-Transfer-Encoding: 7bit';
export const QP = 'Content-Transfer-Encoding: quoted-printable';
export const BASE64 = 'Content-Transfer-Encoding: base64';

export const MALFORMED: Refusal = { code: 'message.malformed', when: 'protected' };
export const MALFORMED_ROOT: Refusal = { code: 'message.malformed', when: 'always' };
export const TOO_MUCH: Refusal = { code: 'message.limits', when: 'protected' };
export const NOT_CONVERTIBLE: Refusal = { code: 'message.not-convertible', when: 'signed' };

export function plain(body: string, fields: readonly string[] = [MIME, TEXT, EIGHT]): MadeMail {
  return { fields, body };
}
