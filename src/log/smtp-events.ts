/**
 * What the door writes to the log: connections refused, logins failed, transactions refused, messages accepted, and
 * the trouble of sockets. Whatever a peer said is cut and escaped (catalogue S16); no password, no content.
 */
import type { Envelope } from '../envelope.ts';
import type { GatewayError } from '../errors.ts';
import { log, printable } from './logger.ts';

/** Where in the dialogue a refusal fell. */
export type DialogueStage = 'auth' | 'mail' | 'rcpt' | 'data';

/** A connection was turned away before or instead of a transaction. */
export function logConnectionRefused(listener: string, ip: string, refusal: GatewayError): void {
  log().warn({ event: 'smtp.connection-refused', listener, ip, code: refusal.code, detail: printable(refusal.detail) });
}

/** A listener serves, or serves no more. */
export function logListener(listener: string, port: number, state: 'opened' | 'changed' | 'closed'): void {
  log().info({ event: `smtp.listener-${state}`, listener, port });
}

/** A name and password were wrong. */
export function logLoginFailed(listener: string, ip: string, login: string): void {
  log().warn({ event: 'smtp.login-failed', listener, ip, login: printable(login) });
}

/**
 * MAIL, one RCPT or the message was refused. A defect comes with its stack.
 * `said` is the command line of MAIL or RCPT, for an address that could not be parsed has no better form.
 */
export function logTransactionRefused(
  stage: DialogueStage,
  refusal: GatewayError,
  facts: { listener: string; ip: string; traceId: string | null; from: string | null; said: string | null },
): void {
  const line = {
    event: 'smtp.transaction-refused',
    stage,
    listener: facts.listener,
    ip: facts.ip,
    traceId: facts.traceId,
    from: facts.from === null ? null : printable(facts.from),
    ...(facts.said === null ? {} : { said: printable(facts.said) }),
    code: refusal.code,
    reply: `${refusal.reply} ${refusal.enhanced}`,
    detail: printable(refusal.detail),
  };
  if (refusal.code === 'defect') {
    const cause = refusal.cause instanceof Error ? refusal.cause : refusal;
    log().error({ ...line, stack: cause.stack });
  } else log().info(line);
}

/** 250 was decided: the message is durable. `acknowledged` is false when the client was gone before the reply. */
export function logMessageAccepted(envelope: Envelope, queueId: string, bytes: number, acknowledged: boolean): void {
  log().info({
    event: 'smtp.message-accepted',
    traceId: envelope.traceId,
    queueId,
    listener: envelope.submitter.listener,
    ip: envelope.submitter.ip,
    login: envelope.submitter.login === null ? null : printable(envelope.submitter.login),
    from: envelope.from === null ? '' : printable(envelope.from.text),
    recipients: envelope.recipients.length,
    bytes,
    acknowledged,
  });
}

/** A socket or TLS session ended badly: part of daily life. */
export function logSocketError(listener: string, error: Error): void {
  log().debug({ event: 'smtp.socket-error', listener, detail: printable(error.message) });
}
