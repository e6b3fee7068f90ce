/**
 * The mail transactions of one session (RFC 5321 §3.3, §4.1.1): who may relay, what MAIL and RCPT may say, and what
 * becomes of the message. Every refusal is answered with its row of errors.ts and no other word (catalogue S1, S6, S7,
 * S12, S13); an Error's own text never reaches a peer.
 *
 * Strangers are refused at MAIL with 550 5.7.1, before anything of theirs is parsed; after that RCPT says the same.
 * Where a login would help, it is 530 5.7.0. The null sender is nobody's own address: a login may not send as `<>`.
 */
import { sameAddress } from '../address.ts';
import { asGatewayError, type GatewayError, gatewayError } from '../errors.ts';
import { type DialogueStage, logMessageAccepted, logTransactionRefused } from '../log/smtp-events.ts';
import type { Admission } from './client-rules.ts';
import { DoorSession } from './door-session.ts';
import { InputParser } from './input-parser.ts';
import { MailTransaction } from './mail-transaction.ts';
import { MessageStream } from './message-stream.ts';
import { type MailArguments, parseMail, parseRecipient } from './path-command.ts';
import { acceptedReply, REPLY, type Reply, replyOf } from './replies.ts';
import { makeTraceId } from './trace-id.ts';

export class DoorConnection extends DoorSession {
  #transaction: MailTransaction | null = null;

  /** A MAIL while a transaction is open ends that one and begins anew. */
  override handler_MAIL(command: Buffer, callback: () => void): void {
    this.endTransaction();
    try {
      this.#transaction = this.#beginTransaction(command);
      this.say(REPLY.senderAccepted);
    } catch (thrown) {
      this.say(this.#refusal('mail', thrown, null, command));
    }
    callback();
  }

  override handler_RCPT(command: Buffer, callback: () => void): void {
    const transaction = this.#transaction;
    this.#addRecipient(transaction, command)
      .catch((thrown: unknown) => this.#refusal('rcpt', thrown, transaction, command))
      .then((reply) => {
        this.say(reply);
        callback();
      })
      .catch((thrown: unknown) => this.#breakOff('rcpt', thrown));
  }

  override handler_DATA(command: Buffer, callback: () => void): void {
    const transaction = this.#transaction;
    const parser = this._parser;
    if (command.toString('latin1').trim().length !== 'DATA'.length) this.say(REPLY.noArguments);
    else if (transaction === null) this.say(REPLY.needMail);
    else if (transaction.recipientCount === 0) this.say(REPLY.needRecipient);
    else if (parser instanceof InputParser) {
      const stream = new MessageStream(this.door.options.messageBytesMax);
      parser.startMessage(stream);
      this.say(REPLY.startMessage);
      this.#receive(transaction, stream, parser).catch((thrown: unknown) => this.#breakOff('data', thrown));
    }
    callback();
  }

  /** Silence counts against the client only while it is the one to speak. */
  override _onTimeout(): void {
    if (!this._closing && this.#transaction?.stream?.owesNothing) this._armTimeout();
    else super._onTimeout();
  }

  protected override endTransaction(reason?: GatewayError): void {
    const transaction = this.#transaction;
    this.#transaction = null;
    transaction?.abandon(reason);
  }

  protected override get inTransaction(): boolean {
    return this.#transaction !== null;
  }

  protected override get receiving(): boolean {
    return this.#transaction !== null && this.#transaction.stream !== null;
  }

  #beginTransaction(command: Buffer): MailTransaction {
    const { user, vouches } = this.#admit();
    const parsed = parseMail(command, this.authOffered);
    if (!parsed.ok) throw parsed.failure;
    const { from, body, declaredBytes } = parsed.value;
    if (user !== null && (from === null || !user.addresses.some((address) => sameAddress(address, from)))) {
      throw gatewayError('smtp.sender-denied', `login ${user.name} as ${from?.text ?? '<>'}`);
    }
    this.#checkSize(parsed.value);
    const submitter = {
      ip: this.ip,
      helo: String(this.hostNameAppearsAs),
      listener: this.listener.name,
      tls: this.secure,
      login: user?.name ?? null,
      loginAddresses: user?.addresses.map((address) => address.key) ?? [],
      vouches,
    };
    return new MailTransaction(this.door.receiver, { traceId: makeTraceId(), from, body, declaredBytes, submitter });
  }

  /** @throws GatewayError for a stranger */
  #admit(): Admission {
    const admission = this.listener.rules.admit(this.ip, this.login);
    if (admission !== null) return admission;
    throw !this._isDisabled('AUTH') && this.login === null
      ? gatewayError('smtp.login-needed', `client ${this.ip} fits no network rule and has not logged in`)
      : gatewayError('smtp.relay-denied', `client ${this.ip} fits no rule`);
  }

  #checkSize({ declaredBytes }: MailArguments): void {
    if (declaredBytes !== null && declaredBytes > this.door.options.messageBytesMax) {
      throw gatewayError('smtp.too-large', `SIZE=${declaredBytes}`);
    }
  }

  async #addRecipient(transaction: MailTransaction | null, command: Buffer): Promise<Reply> {
    if (transaction === null) {
      this.#admit();
      this.blame();
      return REPLY.needMail;
    }
    const parsed = parseRecipient(command, this.door.options.hostname);
    if (!parsed.ok) throw parsed.failure;
    await transaction.addRecipient(parsed.value, this.door.options.recipientsMax);
    return REPLY.recipientAccepted;
  }

  async #receive(transaction: MailTransaction, stream: MessageStream, parser: InputParser): Promise<void> {
    const outcome = await transaction.receive(stream);
    const gone = this._closing || this._closed;
    if (outcome.ok) {
      logMessageAccepted(transaction.envelope, outcome.queueId, stream.bytes, !gone);
      this.forgive();
    }
    const reply = outcome.ok ? acceptedReply(outcome.queueId) : this.#refusal('data', outcome.failure, transaction);
    if (gone) return;
    this.#transaction = null;
    this._transactionCounter += 1;
    this._unrecognizedCommands = 0;
    this.say(reply);
    if (this.door.draining) this.drain();
    parser.continue();
  }

  /** Logs what was thrown and makes its reply. */
  #refusal(stage: DialogueStage, thrown: unknown, transaction: MailTransaction | null, command?: Buffer): Reply {
    const refusal = asGatewayError(thrown);
    if (refusal.code.startsWith('smtp.') && refusal.permanent) this.blame();
    logTransactionRefused(stage, refusal, {
      listener: this.listener.name,
      ip: this.ip,
      traceId: transaction?.mail.traceId ?? null,
      from: transaction?.mail.from?.text ?? null,
      said: command?.toString('latin1') ?? null,
    });
    return replyOf(refusal);
  }

  /** A defect of ours in the middle of a session: better no session than a wrong reply. */
  #breakOff(stage: DialogueStage, thrown: unknown): void {
    this.#refusal(stage, thrown, this.#transaction);
    this.destroy();
  }
}
