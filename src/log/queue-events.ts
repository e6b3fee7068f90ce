/**
 * What the queue says in the log: one function an event, with queue id and trace id wherever there is one. Addresses
 * and replies of next hops go in through printable(); content and keys never. What relay or delivery says of the same
 * moment with more facts is `debug` here.
 */
import type { GatewayError } from '../errors.ts';
import { log, printable } from './logger.ts';

/** Names one message in every line about it. */
export interface MailName {
  readonly queueId: string;
  readonly traceId: string;
}

/** One recipient's result, as it goes into the log. */
export interface RecipientResult {
  readonly address: string;
  readonly attempt: number;
  /** The reply on one line. */
  readonly reply: string;
}

export function queueOpened(waiting: number, held: number, removedIntakes: number): void {
  log().info({ event: 'queue.opened', waiting, held, removedIntakes }, 'queue opened');
}

export function queueClosed(waiting: number, interrupted: number): void {
  log().info({ event: 'queue.closed', waiting, interrupted }, 'queue closed');
}

export function spoolKeyMade(keyFile: string): void {
  log().warn({ event: 'queue.key-made', keyFile }, 'spool key made: back it up, without it waiting mail is lost');
}

export function mailQueued(mail: MailName, groups: number, recipients: number): void {
  log().debug({ event: 'queue.queued', ...mail, groups, recipients }, 'message stored');
}

/** Intake or result could not be written; `full` and `failed` are told apart by the code. */
export function queueWriteFailed(queueId: string, failure: GatewayError): void {
  log().error(
    { event: 'queue.write-failed', queueId, code: failure.code, detail: failure.detail },
    'spool write failed',
  );
}

export function recipientDelivered(mail: MailName, result: RecipientResult): void {
  log().debug({ event: 'queue.delivered', ...mail, ...shown(result) }, 'delivered');
}

export function recipientDeferred(mail: MailName, result: RecipientResult): void {
  log().debug({ event: 'queue.deferred', ...mail, ...shown(result) }, 'deferred');
}

export function recipientFailed(mail: MailName, result: RecipientResult): void {
  log().warn({ event: 'queue.failed', ...mail, ...shown(result) }, 'failed for good');
}

/** The next hop may have taken the message although we saw no 250: the retry may deliver it twice. */
export function outcomeAmbiguous(mail: MailName, address: string): void {
  log().warn({ event: 'queue.ambiguous', ...mail, address: printable(address) }, 'next hop may have accepted it');
}

export function mailFinished(mail: MailName): void {
  log().debug({ event: 'queue.finished', ...mail }, 'nothing waits any more');
}

export function mailRetriesAt(mail: MailName, attempts: number, nextAttemptAt: Date): void {
  log().debug({ event: 'queue.retries-at', ...mail, attempts, nextAttemptAt }, 'waits for its next attempt');
}

export function reportQueued(mail: MailName, reportId: string, recipients: number): void {
  log().info({ event: 'queue.report-queued', ...mail, reportId, recipients }, 'failure report stored');
}

/** Nobody is there to be told: the message had the null sender. */
export function reportNotDue(mail: MailName, recipients: number): void {
  log().warn({ event: 'queue.report-not-due', ...mail, recipients }, 'failed without a report: null sender');
}

/** The courier broke its contract: threw, or answered for other recipients than it was asked. */
export function courierDefect(mail: MailName, thrown: unknown): void {
  log().error({ event: 'queue.courier-defect', ...mail, err: thrown }, 'defect in the courier, deferred');
}

export function mailUnreadable(queueId: string, failure: GatewayError): void {
  log().warn({ event: 'queue.unreadable', queueId, code: failure.code, detail: failure.detail }, 'cannot be read now');
}

export function mailDamaged(queueId: string, detail: string): void {
  log().error({ event: 'queue.damaged', queueId: printable(queueId), detail: printable(detail) }, 'moved to corrupt/');
}

/** It could not even be moved; it stays where it is and is not delivered. */
export function damagedMailStays(queueId: string, thrown: unknown): void {
  log().error(
    { event: 'queue.damaged-stays', queueId: printable(queueId), err: thrown },
    'damaged and cannot be moved',
  );
}

export function mailNewerFormat(queueId: string, detail: string): void {
  log().error({ event: 'queue.newer-format', queueId, detail }, 'of a newer version: left untouched');
}

export function tornUpdateIgnored(queueId: string, offset: number): void {
  log().warn({ event: 'queue.torn-update', queueId, offset }, 'unfinished update of a crash left out');
}

export function mailDropped(queueId: string): void {
  log().warn({ event: 'queue.dropped', queueId, code: 'delivery.dropped' }, 'removed by the administrator');
}

export function mailRetried(queueId: string): void {
  log().info({ event: 'queue.retried', queueId }, 'made due by the administrator');
}

export function schedulerDefect(queueId: string, thrown: unknown): void {
  log().error({ event: 'queue.defect', queueId, err: thrown }, 'defect in the queue, message waits');
}

function shown(result: RecipientResult): RecipientResult {
  return { address: printable(result.address), attempt: result.attempt, reply: printable(result.reply) };
}
