/** What delivery tells: one function an event. Addresses and hosts are named, content and header values never are. */
import { log, printable } from './logger.ts';

/** Which copy an event is about. */
export interface DeliverySubject {
  readonly traceId: string;
  readonly queueId: string;
  readonly groupIndex: number;
  readonly attempt: number;
}

/** One reply and the recipients whom it answers. */
export interface DeliveryAnswer {
  readonly recipients: readonly string[];
  readonly route: string;
  /** `host:port`; null when it is our own finding. */
  readonly hop: string | null;
  readonly code: number;
  readonly enhanced: string;
  readonly text: string;
}

function fields(subject: DeliverySubject, answer: DeliveryAnswer): object {
  return { ...subject, ...answer, recipients: answer.recipients.map(printable), text: printable(answer.text) };
}

/** The next hop took the copy for these recipients. */
export function logDelivered(subject: DeliverySubject, answer: DeliveryAnswer, tls: boolean, tookMs: number): void {
  log().info({ event: 'delivery.delivered', ...fields(subject, answer), tls, tookMs: Math.round(tookMs) }, 'delivered');
}

/** These recipients are tried again later. */
export function logDeferred(subject: DeliverySubject, answer: DeliveryAnswer): void {
  log().warn({ event: 'delivery.deferred', ...fields(subject, answer) }, 'deferred');
}

/** These recipients failed for good. */
export function logFailed(subject: DeliverySubject, answer: DeliveryAnswer): void {
  log().warn({ event: 'delivery.failed', ...fields(subject, answer) }, 'failed');
}

/** The hop may have taken the copy although no reply said so: a retry may duplicate it. Counted, not hidden. */
export function logAmbiguous(subject: DeliverySubject, answer: DeliveryAnswer): void {
  log().warn({ event: 'delivery.ambiguous', ...fields(subject, answer) }, 'delivered or not: no reply');
}

/**
 * ALARM: a copy that must be encrypted is not, or not for these recipients. Nothing was sent. A defect or tampering:
 * somebody must look.
 * @param failure which check failed; no content
 */
export function logNotSealed(subject: DeliverySubject, recipients: readonly string[], failure: string): void {
  log().fatal(
    { event: 'delivery.not-sealed', ...subject, recipients: recipients.map(printable), failure },
    'ALARM: not encrypted for its recipients, held back',
  );
}

/** Connecting to the next hop fails; said once until it is up again. */
export function logRouteDown(route: string, hop: string, text: string): void {
  log().error({ event: 'delivery.route-down', route, hop, text: printable(text) }, 'next hop is down');
}

/** The next hop answers again. */
export function logRouteUp(route: string, hop: string, downMs: number): void {
  log().info({ event: 'delivery.route-up', route, hop, downMs: Math.round(downMs) }, 'next hop is up again');
}

/** Something thrown that is no outcome: a defect of ours, with its stack. */
export function logDeliveryDefect(subject: DeliverySubject, error: Error): void {
  log().error({ event: 'delivery.defect', ...subject, err: error }, 'delivery failed by a defect');
}
