/**
 * One mail transaction between a connection and the receiver (RFC 5321 §3.3): it keeps the calls in order, names no
 * mailbox twice, ends exactly once, and lets nobody say 250 for a message that was not read to its end.
 */
import type { Address } from '../address.ts';
import type { Envelope } from '../envelope.ts';
import { asGatewayError, type GatewayError, gatewayError } from '../errors.ts';
import type { MessageStream } from './message-stream.ts';
import type { MailCommand, Receiver, Transaction } from './receiver.ts';

export type MessageOutcome =
  | { readonly ok: true; readonly queueId: string }
  | { readonly ok: false; readonly failure: GatewayError };

/** Tries beyond the accepted recipients; a sender with that many refusals is guessing addresses (S11). */
const REFUSED_RECIPIENTS_MAX = 100;

/** From MAIL to the reply after the message, or to RSET, EHLO, the next MAIL or the end of the connection. */
export class MailTransaction {
  readonly mail: MailCommand;
  readonly #transaction: Transaction;
  readonly #recipients = new Map<string, Address>();
  #refusedRecipients = 0;
  #stream: MessageStream | null = null;
  #over = false;

  /** @throws whatever the receiver says to MAIL */
  constructor(receiver: Receiver, mail: MailCommand) {
    this.mail = mail;
    this.#transaction = receiver.begin(mail);
  }

  get recipientCount(): number {
    return this.#recipients.size;
  }

  /** The message under way, or null before DATA. */
  get stream(): MessageStream | null {
    return this.#stream;
  }

  /** MAIL and the recipients accepted so far. */
  get envelope(): Envelope {
    return { ...this.mail, recipients: [...this.#recipients.values()] };
  }

  /**
   * RCPT. A mailbox named before is accepted again without asking.
   * @throws GatewayError `smtp.too-many-recipients`, or whatever the receiver says
   */
  async addRecipient(address: Address, recipientsMax: number): Promise<void> {
    if (this.#recipients.has(address.key)) return;
    if (this.#recipients.size >= recipientsMax || this.#refusedRecipients >= REFUSED_RECIPIENTS_MAX) {
      throw gatewayError(
        'smtp.too-many-recipients',
        `${this.#recipients.size} accepted, ${this.#refusedRecipients} not`,
      );
    }
    try {
      await this.#transaction.recipient(address);
    } catch (thrown) {
      this.#refusedRecipients += 1;
      throw thrown;
    }
    this.#recipients.set(address.key, address);
  }

  /** DATA. Resolves when the message is decided and its last octet came, or the connection is gone. Never rejects. */
  async receive(stream: MessageStream): Promise<MessageOutcome> {
    this.#stream = stream;
    let outcome: MessageOutcome;
    try {
      const receipt = await this.#transaction.message(this.envelope, stream);
      outcome = { ok: true, queueId: receipt.queueId };
    } catch (thrown) {
      outcome = { ok: false, failure: asGatewayError(thrown) };
    }
    this.#over = true;
    if (outcome.ok && !stream.readToEnd) {
      const failure =
        stream.failure ?? gatewayError('defect', 'receiver accepted a message it had not read to its end');
      outcome = { ok: false, failure };
    }
    stream.discard();
    await stream.over;
    return outcome.ok ? outcome : { ok: false, failure: stream.failure ?? outcome.failure };
  }

  /**
   * Ends the transaction unless the receiver has decided already. A message under way fails for `reason`.
   * @param reason `smtp.interrupted` unless something better is known
   */
  abandon(
    reason: GatewayError = gatewayError('smtp.interrupted', 'connection gone before the end of the message'),
  ): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream?.fail(reason);
    this.#transaction.abandon();
  }
}
