/** What the relay decided, one line a recipient: enough to answer "why was this not encrypted" from the log alone. */
import { log, printable } from './logger.ts';

export interface DecisionLine {
  readonly trace: string;
  readonly from: string | null;
  readonly to: string;
  /** At RCPT, or again when the header was known. */
  readonly stage: 'rcpt' | 'header';
  readonly outcome: string;
  readonly sign: string;
  readonly encrypt: string;
  /** Where the rules were written: `rules.to.bank.example (sealgate.yaml:22)`. */
  readonly signRule: string;
  readonly encryptRule: string;
  /** SHA-256 of the certificate encrypted to; null when there is none. */
  readonly certificate: string | null;
  /** Why others were not used, or why there is none; a sentence each. */
  readonly reasons: readonly string[];
}

export function recipientDecided(line: DecisionLine): void {
  log().info(
    {
      event: 'recipient.decided',
      ...named(line),
      from: line.from === null ? '<>' : printable(line.from),
      to: printable(line.to),
      reasons: line.reasons.slice(0, 10).map(printable),
    },
    `${line.stage}: ${line.outcome}`,
  );
}

export interface QueuedLine {
  readonly trace: string;
  readonly queueId: string;
  readonly from: string | null;
  readonly recipients: number;
  readonly treatments: readonly string[];
  /** Octets of the message as received. */
  readonly octets: number;
  readonly milliseconds: number;
  readonly configuration: string;
}

export function messageQueued(line: QueuedLine): void {
  log().info(
    { event: 'message.queued', ...named(line), from: line.from === null ? '<>' : printable(line.from) },
    `queued as ${line.queueId}`,
  );
}

/** A message that was not signed although its rules would sign it if possible. */
export function messageUnsigned(trace: string, reason: string, problem: string): void {
  log().info(
    { event: 'message.unsigned', traceId: trace, reason, problem: printable(problem) },
    `not signed: ${reason}`,
  );
}

/** Every room calls the trace identifier `traceId` in its lines, so one search finds all of a message. */
function named<Line extends { readonly trace: string }>({ trace, ...rest }: Line) {
  return { traceId: trace, ...rest };
}
