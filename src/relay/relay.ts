/**
 * The path of one message, as docs/design.md lists it. This is the `Receiver` behind the SMTP door:
 *
 *   MAIL  the configuration snapshot is taken, and kept to the end
 *   RCPT  facts are gathered and the recipient is decided: refused here if that is already sure
 *   DATA  decided again with the header, sealed while it streams, committed in one durable step
 */
import type { Address } from '../address.ts';
import type { Entropy } from '../cms/signer.ts';
import type { Envelope } from '../envelope.ts';
import { gatewayError } from '../errors.ts';
import type { Queue } from '../queue/queue.ts';
import type { MailCommand, Receipt, Receiver, Transaction } from '../smtp/receiver.ts';
import { acceptMessage } from './accept-message.ts';
import { concludeAssessment, gatherFacts, type RecipientFacts } from './assess-recipient.ts';
import { assumeSigner, type SignerAssessment } from './assess-signer.ts';
import { logDecision } from './log-decision.ts';
import { refusalOf } from './refusal.ts';
import type { Snapshot } from './snapshot.ts';

/** What one gateway's relay works with. */
export interface RelayOptions {
  /** The snapshot in force at this moment. */
  snapshot(): Snapshot;
  readonly queue: Queue;
  readonly entropy: Entropy;
  now(): Date;
}

/** The relay as the door sees it. It holds nothing open. */
export function openRelay(options: RelayOptions): Receiver {
  return { begin: (mail) => new RelayTransaction(options, mail) };
}

class RelayTransaction implements Transaction {
  readonly #options: RelayOptions;
  readonly #mail: MailCommand;
  readonly #snapshot: Snapshot;
  /** Begun at MAIL, for it may have to wait; asked for at RCPT. */
  readonly #signer: Promise<SignerAssessment>;
  /** By address key. */
  readonly #facts = new Map<string, RecipientFacts>();

  constructor(options: RelayOptions, mail: MailCommand) {
    this.#options = options;
    this.#mail = mail;
    this.#snapshot = options.snapshot();
    this.#signer = assumeSigner(this.#snapshot, mail.from, mail.submitter, options.now());
    // a mail that has no recipient asks nobody
    this.#signer.catch(() => {});
  }

  async recipient(address: Address): Promise<void> {
    const facts = await gatherFacts(this.#snapshot, address, this.#options.now());
    const assessment = concludeAssessment(facts, this.#mail.from, (await this.#signer).facts, 'none');
    logDecision(this.#mail.traceId, 'rcpt', assessment);
    const refusal = refusalOf(assessment);
    if (refusal !== null) throw refusal;
    this.#facts.set(address.key, facts);
  }

  async message(envelope: Envelope, stream: AsyncIterable<Buffer>): Promise<Receipt> {
    const facts = envelope.recipients.map((address) => {
      const known = this.#facts.get(address.key);
      if (known === undefined) throw gatewayError('defect', `${address.text} was never accepted`);
      return known;
    });
    const { queue, entropy, now } = this.#options;
    return acceptMessage({ snapshot: this.#snapshot, queue, entropy, now }, envelope, facts, stream);
  }

  abandon(): void {
    this.#facts.clear();
  }
}
