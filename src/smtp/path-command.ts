/**
 * Parses MAIL and RCPT (RFC 5321 §4.1.1.2, §4.1.1.3, §4.1.2; RFC 1870, RFC 6152, RFC 4954 §5) from the octets that came,
 * not from smtp-server's reading of them, which turns A-labels into U-labels and drops source routes.
 *
 * Refused (catalogue S6, S7, S8): control characters, non-ASCII addresses, parameters that were not offered or come
 * twice, malformed values, source routes and address literals.
 * DEVIATION RFC 5321 §4.1.2: a source route is refused, not ignored: it has no use today and hides a recipient.
 * QUIRK: many clients put spaces between the colon and the path; they are accepted.
 */
import { type Address, parseAddress } from '../address.ts';
import { type ErrorCode, type GatewayError, gatewayError } from '../errors.ts';

export interface MailArguments {
  /** null is the null sender. */
  readonly from: Address | null;
  readonly body: '7BIT' | '8BITMIME';
  /** SIZE= in octets; null when absent. */
  readonly declaredBytes: number | null;
}

type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: GatewayError };

interface PathCommand {
  /** Between the angle brackets. */
  readonly path: string;
  /** By upper-case keyword; null is a keyword without a value. */
  readonly parameters: ReadonlyMap<string, string | null>;
}

/** RFC 5321 §4.5.3.1.3, without the brackets */
const PATH_OCTETS_MAX = 254;
const PARAMETER = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~]+))?$/;

/**
 * Parses `MAIL FROM:<path> [parameters]`.
 * @param line attacker-chosen, without CRLF
 * @param authOffered whether AUTH= may stand there; its value is ignored, as if the client were not trusted with it
 */
export function parseMail(line: Buffer, authOffered: boolean): Parsed<MailArguments> {
  const command = parsePathCommand(line, /^MAIL FROM: */i, 'smtp.bad-sender-address');
  if (!command.ok) return command;
  let body: '7BIT' | '8BITMIME' = '7BIT';
  let declaredBytes: number | null = null;
  for (const [keyword, value] of command.value.parameters) {
    if (keyword === 'BODY') {
      const wanted = value?.toUpperCase();
      if (wanted !== '7BIT' && wanted !== '8BITMIME') return failed('smtp.bad-parameter', 'BODY value');
      body = wanted;
    } else if (keyword === 'SIZE') {
      if (value === null || !/^\d{1,20}$/.test(value)) return failed('smtp.bad-parameter', 'SIZE value');
      declaredBytes = Number(value);
    } else if (keyword === 'AUTH' && authOffered) {
      if (value === null) return failed('smtp.bad-parameter', 'AUTH without value');
    } else return failed('smtp.unknown-parameter', keyword);
  }
  if (command.value.path === '') return { ok: true, value: { from: null, body, declaredBytes } };
  const from = parseAddress(command.value.path);
  if (from === null) return failed('smtp.bad-sender-address', 'not a mailbox');
  return { ok: true, value: { from, body, declaredBytes } };
}

/**
 * Parses `RCPT TO:<path>`; no extension that was offered has a parameter there.
 * @param line attacker-chosen, without CRLF
 * @param hostname ours: the domain of `<Postmaster>`, which every server must accept (RFC 5321 §4.5.1)
 */
export function parseRecipient(line: Buffer, hostname: string): Parsed<Address> {
  const command = parsePathCommand(line, /^RCPT TO: */i, 'smtp.bad-address');
  if (!command.ok) return command;
  for (const keyword of command.value.parameters.keys()) return failed('smtp.unknown-parameter', keyword);
  const path = /^postmaster$/i.test(command.value.path) ? `postmaster@${hostname}` : command.value.path;
  const address = parseAddress(path);
  return address === null ? failed('smtp.bad-address', 'not a mailbox') : { ok: true, value: address };
}

function parsePathCommand(line: Buffer, verb: RegExp, badPath: ErrorCode): Parsed<PathCommand> {
  const text = line.toString('latin1');
  if (/[\x00-\x1f\x7f]/.test(text)) return failed(badPath, 'control character');
  const verbOctets = verb.exec(text)?.[0].length;
  if (verbOctets === undefined) return failed('smtp.bad-parameter', 'not MAIL FROM: or RCPT TO:');
  const end = endOfPath(text, verbOctets);
  if (end === -1) return failed(badPath, 'no path in angle brackets');
  const path = text.slice(verbOctets + 1, end);
  if (/[\x80-\xff]/.test(path)) return failed('smtp.utf8-address', 'non-ASCII octet');
  if (path.length > PATH_OCTETS_MAX) return failed(badPath, 'path too long');
  const rest = text.slice(end + 1);
  if (rest !== '' && !rest.startsWith(' ')) return failed('smtp.bad-parameter', 'no space after the path');
  const parameters = new Map<string, string | null>();
  for (const word of rest.split(' ')) {
    if (word === '') continue;
    const match = PARAMETER.exec(word);
    const keyword = match?.[1]?.toUpperCase();
    if (keyword === undefined) return failed('smtp.bad-parameter', 'parameter syntax');
    if (parameters.has(keyword)) return failed('smtp.bad-parameter', `${keyword} twice`);
    parameters.set(keyword, match?.[2] ?? null);
  }
  return { ok: true, value: { path, parameters } };
}

/** The index of the closing bracket, or -1; one within a quoted string does not close (RFC 5321 §4.1.2). */
function endOfPath(text: string, start: number): number {
  if (text[start] !== '<') return -1;
  let quoted = false;
  for (let i = start + 1; i < text.length; i += 1) {
    const character = text[i];
    if (quoted && character === '\\') i += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === '>') return i;
    else if (!quoted && (character === '<' || character === ' ')) return -1;
  }
  return -1;
}

function failed(code: ErrorCode, detail: string): { ok: false; failure: GatewayError } {
  return { ok: false, failure: gatewayError(code, detail) };
}
