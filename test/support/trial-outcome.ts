/**
 * What the two Postfix servers of a trial hold in the end, by letter and recipient: files delivered, and refusals as
 * the sender reads them in the reports of the first Postfix (RFC 3464).
 */
import { ERROR_TABLE } from '../../src/errors.ts';
import { NUMBER_FIELD } from './hard-mail.ts';
import { splitHeader } from './mail-leaves.ts';
import type { Postfix } from './postfix.ts';

/** Gets a copy of every message that the first Postfix hands to the gateway. */
export const REFERENCE = 'reference@reference.test';

export interface Reply {
  /** From our error table; `mail-server` when the words are not ours. */
  readonly code: string;
  readonly reply: string;
}

export interface Outcomes {
  /** File of the first Postfix by number: the letter as the gateway got it. */
  readonly references: ReadonlyMap<number, string>;
  /** Files of the second Postfix by `number recipient`. */
  readonly arrivals: Map<string, string[]>;
  /** By `number recipient`. */
  readonly refusals: Map<string, Reply[]>;
}

export interface Outcome {
  readonly files: readonly string[];
  readonly refusals: readonly Reply[];
}

export function readOutcomes(up: Postfix, down: Postfix): Outcomes {
  const references = new Map<number, string>();
  const refusals = new Map<string, Reply[]>();
  for (const name of up.delivered()) {
    const { recipient, message } = up.read(name);
    if (recipient === REFERENCE) references.set(numberIn(message), name);
    else readReport(message.toString('latin1'), refusals);
  }
  const arrivals = new Map<string, string[]>();
  for (const name of down.delivered()) {
    const { recipient, message } = down.read(name);
    add(arrivals, `${numberIn(message)} ${recipient}`, name);
  }
  return { references, arrivals, refusals };
}

/** Takes out what is known of one recipient; what stays in the end was expected by nobody. */
export function takeOutcome({ arrivals, refusals }: Outcomes, key: string): Outcome {
  const outcome = { files: arrivals.get(key) ?? [], refusals: refusals.get(key) ?? [] };
  arrivals.delete(key);
  refusals.delete(key);
  return outcome;
}

function readReport(report: string, refusals: Map<string, Reply[]>): void {
  const number = /^X-Test-Letter: (\d+)\r$/m.exec(report)?.[1] ?? '?';
  for (const block of report.split('\r\n\r\n')) {
    const address = /^Final-Recipient: rfc822; (\S+)/m.exec(block)?.[1];
    if (address === undefined) continue;
    const [, diagnostic = '?'] = /^Diagnostic-Code: ([\s\S]*?)\r\n(?![ \t])/m.exec(`${block}\r\n`) ?? [];
    const reply = diagnostic.replace(/\s+/g, ' ').replace(/^smtp; /, '');
    add(refusals, `${number} ${address}`, { code: codeIn(reply), reply });
  }
}

function numberIn(message: Buffer): number {
  const field = splitHeader(message).fields.find(({ name }) => name === NUMBER_FIELD.toLowerCase());
  return field === undefined ? -1 : Number(field.value);
}

function codeIn(reply: string): string {
  for (const [code, row] of Object.entries(ERROR_TABLE)) {
    if (reply.includes(`${row.reply} ${row.enhanced} `) && reply.includes(row.publicText)) return code;
  }
  return 'mail-server';
}

function add<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
