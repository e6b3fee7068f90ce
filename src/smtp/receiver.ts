/**
 * What the SMTP door needs from the house behind it. `smtp/` declares it, `relay/` is it.
 * The calls come in protocol order: `begin` at MAIL, `recipient` once for each RCPT, then either `message` at DATA or
 * `abandon`. RSET, a new MAIL and a lost connection all end a transaction through `abandon`.
 */
import type { Address } from '../address.ts';
import type { Envelope, Submitter } from '../envelope.ts';

/** What is known at MAIL. Address and parameters are well-formed; what they say is the client's word. */
export interface MailCommand {
  readonly traceId: string;
  /** null is the null sender. */
  readonly from: Address | null;
  readonly body: '7BIT' | '8BITMIME';
  readonly declaredBytes: number | null;
  readonly submitter: Submitter;
}

/** What stands behind the door: it is told of each transaction. `relay/` implements it. */
export interface Receiver {
  /** MAIL FROM. The transaction keeps the configuration snapshot of this moment to its end. @throws GatewayError */
  begin(mail: MailCommand): Transaction;
}

/** One mail transaction (RFC 5321 §3.3), from MAIL to its reply or its end. */
export interface Transaction {
  /** RCPT TO. Resolves when the recipient is accepted. @throws GatewayError the reply for this recipient alone */
  recipient(address: Address): Promise<void>;

  /**
   * DATA. Reads the whole stream and resolves when the message is durable: the resolved value is what 250 says.
   * @param stream CRLF-true octets without dot-stuffing and without the final dot. It ends normally only if the
   *   message is complete; it throws GatewayError (`smtp.bare-newline`, `smtp.too-large`, `smtp.interrupted`) else,
   *   and the transaction must then leave nothing behind and let that error pass. The consumer may stop reading early:
   *   the door then drains the rest.
   * @throws GatewayError the reply to the message
   */
  message(envelope: Envelope, stream: AsyncIterable<Buffer>): Promise<Receipt>;

  /** The transaction ends without a message, or `message` was called and the connection is gone. Never throws. */
  abandon(): void;
}

/** What the 250 acknowledges: the message is durable. */
export interface Receipt {
  /** Identifier of the stored message, for the 250 line and the log. */
  readonly queueId: string;
}
