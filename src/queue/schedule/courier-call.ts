/**
 * One call of the courier for one group. What it says is believed only in the shape of its contract: one outcome a
 * recipient, in the order asked. Anything else, and anything thrown, is a defect of ours and defers every recipient.
 */
import { ERROR_TABLE, GatewayError } from '../../errors.ts';
import * as events from '../../log/queue-events.ts';
import type { MailRecipient } from '../mail-state.ts';
import type { Courier, Delivery, RecipientOutcome, Reply } from '../queue.ts';
import type { QueueGroup } from '../record.ts';
import type { StoredMail } from '../store.ts';

export interface CourierAnswer {
  /** One a recipient, in their order. */
  readonly outcomes: readonly RecipientOutcome[];
  /** What is wrong with the stored body, whatever the courier made of it; null: nothing was seen. */
  readonly damage: string | null;
}

/** @param recipients of `group`, those who still wait */
export async function callCourier(
  courier: Courier,
  mail: StoredMail,
  groupIndex: number,
  group: QueueGroup,
  recipients: readonly MailRecipient[],
  signal: AbortSignal,
): Promise<CourierAnswer> {
  let damage: string | null = null;
  const addresses = recipients.map((recipient) => recipient.address);
  const bodyBytes = mail.bodyBytes(group.content.bodyIndex);
  const delivery: Delivery = {
    queueId: mail.id,
    record: mail.record,
    groupIndex,
    group,
    recipients: addresses,
    attempt: mail.state.attempts + 1,
    ...(bodyBytes === null ? {} : { bodyBytes }),
    openBody: () =>
      watchBody(mail.readBody(group.content.bodyIndex), (detail) => {
        damage = detail;
      }),
  };
  try {
    const outcomes = await courier.deliver(delivery, signal);
    if (answers(outcomes, addresses)) return { outcomes, damage };
    throw new Error(`${outcomes.length} outcomes that do not match ${addresses.length} recipients`);
  } catch (thrown) {
    events.courierDefect({ queueId: mail.id, traceId: mail.record.traceId }, thrown);
    const row = ERROR_TABLE.defect;
    const reply: Reply = { code: row.reply, enhanced: row.enhanced, text: row.publicText, hop: null };
    return { outcomes: addresses.map((address) => ({ address, result: 'deferred', reply, ambiguous: true })), damage };
  }
}

function answers(outcomes: readonly RecipientOutcome[], addresses: readonly string[]): boolean {
  return outcomes.length === addresses.length && outcomes.every(({ address }, i) => address === addresses[i]);
}

/** Passes a body on and tells of damage in it. */
async function* watchBody(
  body: AsyncIterable<Buffer>,
  onDamage: (detail: string) => void,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* body;
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'queue.damaged') onDamage(thrown.detail);
    throw thrown;
  }
}
