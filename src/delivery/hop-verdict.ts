/**
 * The whole policy for trouble in a transaction, by how far it reaches: one recipient (RCPT), the message (MAIL, DATA,
 * the final reply), or the connection. Pure.
 *
 * - A reply of class 5 is final and one of class 4 is temporary, for those it was said to.
 * - No reply, or something that is no reply, is temporary; from the first body octet on it is ambiguous besides: a hop
 *   that takes what a broken connection left behind would have the message.
 * - A recipient's own rejection stays his, whatever happened to the message afterwards.
 */
import type SMTPConnection from 'nodemailer/lib/smtp-connection';
import { asGatewayError, gatewayError } from '../errors.ts';
import type { Reply } from '../queue/queue.ts';
import { findingReply, garbageReply, parseReply, resultOf } from './smtp-reply.ts';

/** An error as SMTPConnection calls back with it. */
export type HopError = NonNullable<Parameters<Parameters<SMTPConnection['send']>[2]>[0]>;

/** What ended the sending. */
export type SendEnd =
  | { readonly kind: 'reply'; readonly text: string }
  | { readonly kind: 'error'; readonly error: HopError }
  | { readonly kind: 'lost' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'aborted' }
  | { readonly kind: 'thrown'; readonly thrown: unknown };

/** One transaction, over. */
export interface Transaction {
  readonly hop: string;
  readonly end: SendEnd;
  /** The error at MAIL, whatever ended the transaction later; undefined when MAIL was taken or not answered. */
  readonly refusedMail: HopError | undefined;
  /** Errors at RCPT, each with its recipient. */
  readonly rejections: readonly HopError[];
  /** The first body octet was asked for. */
  readonly begun: boolean;
  /** The final dot was handed over. */
  readonly complete: boolean;
  /** What the body threw; undefined when it did not. */
  readonly failure: unknown;
  /** Any reply came after MAIL was sent. */
  readonly answered: boolean;
}

/** How one transaction ended. */
export interface HopResult {
  /** The reply to each recipient who was rejected at RCPT. */
  readonly rejected: ReadonlyMap<string, Reply>;
  /** What all others share. */
  readonly reply: Reply;
  /** True when the hop may have taken the message although no reply said so. */
  readonly ambiguous: boolean;
  /** True when the connection failed before MAIL was answered: as if nothing had been tried. */
  readonly untouched: boolean;
}

/** {@link HopResult} with what becomes of the connection. */
export interface Verdict extends HopResult {
  /** The next command may follow on the same connection. */
  readonly inStep: boolean;
  /** The hop still has an open transaction. */
  readonly transactionOpen: boolean;
}

/** Never throws. */
export function readVerdict(transaction: Transaction): Verdict {
  const { end, hop, begun, complete } = transaction;
  const own = readRejections(transaction);
  const doubt = (reply: Reply): Verdict => ({
    rejected: own.rejected,
    reply,
    ambiguous: begun,
    untouched: !transaction.answered && !begun,
    inStep: false,
    transactionOpen: false,
  });
  // our own fault comes first: the final dot was not sent, so nothing is in doubt but the connection
  if (transaction.failure !== undefined) {
    return { ...doubt(findingReply(asGatewayError(transaction.failure))), ambiguous: false };
  }
  if (transaction.refusedMail !== undefined) return readError(transaction, transaction.refusedMail, own.inStep, doubt);
  if (end.kind === 'thrown') return doubt(findingReply(asGatewayError(end.thrown)));
  if (end.kind === 'aborted') return doubt(findingReply(gatewayError('smtp.shutting-down', 'aborted')));
  if (end.kind === 'timeout') return doubt(lost(`${hop}: time-out`));
  if (end.kind === 'lost') return doubt(lost(hop));
  if (end.kind === 'error') return readError(transaction, end.error, own.inStep, doubt);
  const reply = parseReply(end.text, hop);
  if (reply === null || resultOf(reply) !== 'delivered') return doubt(garbageReply(end.text, hop));
  if (!complete) return doubt(garbageReply('a reply before the end of the message', hop));
  return { ...doubt(reply), ambiguous: false, untouched: false, inStep: own.inStep };
}

function readError(
  transaction: Transaction,
  error: HopError,
  inStep: boolean,
  doubt: (reply: Reply) => Verdict,
): Verdict {
  const { hop, begun, complete } = transaction;
  if (typeof error.response !== 'string') {
    const reason = error.timeoutType === undefined ? (error.originalCode ?? error.code) : 'time-out';
    return doubt(lost(`${hop}: ${reason}`));
  }
  const reply = parseReply(error.response, hop);
  const unasked = error.command === undefined || error.command === 'CONN';
  if (reply === null || reply.code < 400 || (unasked && reply.code !== 421)) {
    return doubt(garbageReply(error.response, hop));
  }
  const atMail = error === transaction.refusedMail;
  if (reply.code === 421) {
    // at MAIL it is the farewell to an idle connection that crossed our command: nothing was tried on it
    return { ...doubt(reply), ambiguous: false, untouched: atMail };
  }
  return {
    ...doubt(reply),
    ambiguous: false,
    untouched: false,
    // a refusal in the middle of the body leaves the rest of it to be read as commands
    inStep: inStep && transaction.end.kind === 'error' && begun === complete,
    transactionOpen: !begun && !atMail,
  };
}

function readRejections(transaction: Transaction): { rejected: Map<string, Reply>; inStep: boolean } {
  const rejected = new Map<string, Reply>();
  let inStep = true;
  // what was said to recipients sent along with a refused MAIL (RFC 2920) follows from that alone
  if (transaction.refusedMail !== undefined) return { rejected, inStep };
  for (const { recipient, response } of transaction.rejections) {
    if (recipient === undefined) continue;
    const reply = parseReply(response ?? '', transaction.hop);
    if (reply !== null && reply.code >= 400) {
      rejected.set(recipient, reply);
      continue;
    }
    inStep = false;
    rejected.set(recipient, garbageReply(response ?? '', transaction.hop));
  }
  return { rejected, inStep };
}

function lost(where: string): Reply {
  return findingReply(gatewayError('delivery.ambiguous', where), where);
}
