/**
 * The outcomes of one delivery as they come in: each recipient is settled once, whoever is left counts as waiting, and
 * the log gets one line for each distinct reply.
 */

import { gatewayError } from '../errors.ts';
import {
  type DeliveryAnswer,
  type DeliverySubject,
  logAmbiguous,
  logDeferred,
  logDelivered,
  logFailed,
} from '../log/delivery-events.ts';
import type { Delivery, RecipientOutcome, Reply } from '../queue/queue.ts';
import { findingReply } from './smtp-reply.ts';

type Settled = Omit<RecipientOutcome, 'address'>;

export class OutcomeSheet {
  readonly subject: DeliverySubject;
  /** How long the last transaction took and whether it went over TLS; for the log. */
  tookMs = 0;
  tls = false;
  readonly #delivery: Delivery;
  readonly #settled = new Map<string, Settled>();

  constructor(delivery: Delivery) {
    this.#delivery = delivery;
    this.subject = {
      traceId: delivery.record.traceId,
      queueId: delivery.queueId,
      groupIndex: delivery.groupIndex,
      attempt: delivery.attempt,
    };
  }

  /** Recipients without an outcome, in order, none twice. */
  get waiting(): readonly string[] {
    return [...new Set(this.#delivery.recipients)].filter((address) => !this.#settled.has(address));
  }

  settle(address: string, result: RecipientOutcome['result'], reply: Reply, ambiguous = false): void {
    if (!this.#settled.has(address)) this.#settled.set(address, { result, reply, ambiguous });
  }

  settleRest(result: RecipientOutcome['result'], reply: Reply): void {
    for (const address of this.waiting) this.settle(address, result, reply);
  }

  /** One outcome for each entry of the delivery, in order, logged. */
  finish(): readonly RecipientOutcome[] {
    this.settleRest('deferred', findingReply(gatewayError('defect', 'a recipient was left without an outcome')));
    this.#log();
    return this.#delivery.recipients.flatMap((address) => {
      const settled = this.#settled.get(address);
      return settled === undefined ? [] : [{ address, ...settled }];
    });
  }

  #log(): void {
    // recipients who share a reply share the object
    const byReply = new Map<Reply, { settled: Settled; recipients: string[] }>();
    for (const [address, settled] of this.#settled) {
      const line = byReply.get(settled.reply);
      if (line === undefined) byReply.set(settled.reply, { settled, recipients: [address] });
      else line.recipients.push(address);
    }
    for (const { settled, recipients } of byReply.values()) this.#logLine(settled, recipients);
  }

  #logLine({ result, reply, ambiguous }: Settled, recipients: readonly string[]): void {
    const answer: DeliveryAnswer = { recipients, route: this.#delivery.group.route, ...reply };
    if (result === 'delivered') logDelivered(this.subject, answer, this.tls, this.tookMs);
    else if (result === 'failed') logFailed(this.subject, answer);
    else logDeferred(this.subject, answer);
    if (ambiguous) logAmbiguous(this.subject, answer);
  }
}
