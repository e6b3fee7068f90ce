/**
 * Replies of the next hop as values (RFC 5321 §4.2, RFC 3463, RFC 2034), and our own findings in the same form.
 *
 * One {@link Reply} flows from the socket to the queue, the log and the report, never reworded: only its lines are
 * joined and what is not printable is escaped. What is not a reply of class 2 to 5 is no reply: code 0, temporary,
 * because a peer that does not speak SMTP has not said that the message is refused.
 */
import type { GatewayError } from '../errors.ts';
import { printable } from '../log/logger.ts';
import type { Reply } from '../queue/queue.ts';

const REPLY_LINE = /^([2-5][0-5]\d)(?:[ -](.*))?$/;
const ENHANCED = /^([245])\.(\d{1,3})\.(\d{1,3})(?= |$)/;

/**
 * Parses the text of a reply, all its lines.
 * @param text attacker-chosen, lines parted by LF or CRLF
 * @param hop `host:port` that said it
 * @returns null when it is not an SMTP reply, or its lines carry different codes
 */
export function parseReply(text: string, hop: string): Reply | null {
  const lines = text.split(/\r?\n/);
  let code = 0;
  let enhanced = '';
  const words: string[] = [];
  for (const line of lines) {
    const match = REPLY_LINE.exec(line);
    if (match === null) return null;
    const lineCode = Number(match[1]);
    if (code !== 0 && lineCode !== code) return null;
    code = lineCode;
    const rest = match[2] ?? '';
    const status = ENHANCED.exec(rest)?.[0];
    // a status of another class than the reply's is a mistake of the peer: the reply decides (RFC 2034 §4)
    if (status === undefined || status[0] !== String(code)[0]) {
      words.push(rest);
      continue;
    }
    if (enhanced === '') enhanced = status;
    words.push(rest.slice(status.length + 1));
  }
  if (enhanced === '') enhanced = `${String(code)[0]}.0.0`;
  return { code, enhanced, text: oneLine(words.join(' ')), hop };
}

/** A finding of our own as a reply: the public text of its row, code 0 because nobody said it. */
export function findingReply(error: GatewayError, where = ''): Reply {
  const text = where === '' ? error.publicText : `${error.publicText} (${where})`;
  return { code: 0, enhanced: error.enhanced, text: oneLine(text), hop: null };
}

/** The peer answered with something that is no SMTP reply. */
export function garbageReply(text: string, hop: string): Reply {
  const said = text === '' ? '' : `: ${text}`;
  return { code: 0, enhanced: '4.5.0', text: oneLine(`${hop} did not answer with an SMTP reply${said}`), hop: null };
}

/** `failed` for a reply of class 5, `delivered` for class 2, else `deferred`. Own findings follow their enhanced code. */
export function resultOf(reply: Reply): 'delivered' | 'deferred' | 'failed' {
  const kind = reply.code === 0 ? reply.enhanced[0] : String(reply.code)[0];
  if (kind === '2') return 'delivered';
  return kind === '5' ? 'failed' : 'deferred';
}

function oneLine(text: string): string {
  return printable(text.replace(/[\t\r\n ]+/g, ' ').trim());
}
