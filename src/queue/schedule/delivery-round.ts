/**
 * One round of deliveries of one message: every group with waiting recipients once, the results stored, then what
 * follows from them: removal, the next attempt, or for final failures the report (RFC 3464) and only then `failed`.
 *
 * A final failure goes through three durable steps: it is stored as `failing`; its report is stored under an id that
 * follows from the failures; the recipients are stored as `failed` and the report may leave. A crash after any step is
 * taken up at that step: the next hop is not asked again, and the report is neither lost nor written twice.
 */
import { asGatewayError, ERROR_TABLE } from '../../errors.ts';
import * as events from '../../log/queue-events.ts';
import { formatReply, hasState, type MailRecipient, type RecipientChange } from '../mail-state.ts';
import type { RecipientOutcome } from '../queue.ts';
import type { StoredMail } from '../store.ts';
import { callCourier } from './courier-call.ts';
import { storeFailureReport } from './failure-report.ts';
import { MailLedger } from './mail-ledger.ts';
import { planNextAttempt } from './retry-schedule.ts';
import type { RoundContext } from './round-context.ts';

/** What is left of a message after a round: nothing to deliver, or something to come back to. */
export type RoundEnd =
  | { readonly kind: 'gone' }
  | {
      readonly kind: 'waits';
      readonly attempts: number;
      /** Milliseconds since 1970; null when only held recipients are left. */
      readonly nextAttemptAt: number | null;
      readonly carried: CarriedOver;
    };

/** What a round could not store and the next one begins with. */
export interface CarriedOver {
  readonly changes: readonly RecipientChange[];
  /** Stored reports that may leave only when the changes are stored. */
  readonly reports: readonly string[];
}

/** Of a message that begins afresh. */
export const NOTHING_CARRIED: CarriedOver = { changes: [], reports: [] };

/** Its calls come from the scheduler, in this order: owed reports, groups (several may be under way), the finish. */
export class DeliveryRound {
  readonly #context: RoundContext;
  readonly #mail: StoredMail;
  readonly #ledger: MailLedger;
  readonly #name: events.MailName;
  readonly #abort = new AbortController();
  readonly #groups: number[];
  /** Reports that may leave when the round has ended: the failures they tell of are stored as told. */
  readonly reports: string[] = [];
  /** Stored reports that may not leave yet. */
  #heldReports: string[];
  #underWay = 0;
  #asked = false;
  #finishing = false;
  #dropped = false;
  #damage: string | null = null;

  constructor(context: RoundContext, mail: StoredMail, carried: CarriedOver) {
    this.#context = context;
    this.#mail = mail;
    this.#ledger = new MailLedger(mail);
    this.#name = { queueId: mail.id, traceId: mail.record.traceId };
    this.#heldReports = [...carried.reports];
    this.#ledger.change(carried.changes);
    const waiting = mail.state.recipients.filter((recipient) => recipient.state === 'waiting');
    this.#groups = [...new Set(waiting.map((recipient) => recipient.group))];
  }

  /** Stores the reports that an earlier run still owed. False: not possible now, and nothing may be delivered. */
  async settleOwedReports(): Promise<boolean> {
    try {
      if (!hasState(this.#mail.state, 'failing')) return true;
      await this.#report();
      await this.#ledger.save(null);
      this.#releaseReports();
      return true;
    } catch (thrown) {
      events.queueWriteFailed(this.#mail.id, asGatewayError(thrown));
      this.#groups.length = 0;
      return false;
    }
  }

  /** The next group to deliver; null when all were taken. */
  takeGroup(): number | null {
    const group = this.#groups.shift();
    if (group === undefined) return null;
    this.#underWay += 1;
    return group;
  }

  get hasMoreGroups(): boolean {
    return this.#groups.length > 0;
  }

  /** Delivers one group that was taken; its results are stored here or, for the last group, by {@link finish}. Never rejects. */
  async deliver(groupIndex: number): Promise<void> {
    const group = this.#mail.record.groups[groupIndex];
    const recipients = this.#mail.state.recipients.filter(
      (recipient) => recipient.group === groupIndex && recipient.state === 'waiting',
    );
    if (group !== undefined && recipients.length > 0) {
      this.#asked = true;
      const { courier } = this.#context;
      const signal = this.#abort.signal;
      const { outcomes, damage } = await callCourier(courier, this.#mail, groupIndex, group, recipients, signal);
      this.#damage ??= damage;
      if (!this.#dropped)
        this.#ledger.change(outcomes.map((outcome, place) => this.#judge(recipients[place], outcome)));
    }
    const last = this.#underWay === 1 && !this.hasMoreGroups;
    if (!last && !this.#dropped) {
      // what cannot be stored now stays in memory and is tried again when the round ends
      await this.#ledger
        .save(null)
        .catch((thrown: unknown) => events.queueWriteFailed(this.#mail.id, asGatewayError(thrown)));
    }
    this.#underWay -= 1;
  }

  /** True once: when every group was taken and none is under way, the caller ends the round. */
  takeFinish(): boolean {
    if (this.#finishing || this.#underWay > 0 || this.hasMoreGroups) return false;
    this.#finishing = true;
    return true;
  }

  /** Ends a round with no delivery under way. Never rejects. */
  async finish(): Promise<RoundEnd> {
    if (this.#dropped) return this.#gone();
    const { state } = this.#mail;
    const nextAttemptAt = this.#plan();
    const attempts = state.attempts + (this.#asked ? 1 : 0);
    try {
      if (hasState(state, 'failing')) {
        await this.#ledger.save({ attempts, nextAttemptAt });
        await this.#report();
      }
      if (this.#damage !== null) return await this.#setAside();
      if (!hasState(state, 'waiting', 'held')) {
        await this.#context.store.remove(this.#mail.id);
        events.mailFinished(this.#name);
        return this.#gone();
      }
      await this.#ledger.save({ attempts, nextAttemptAt });
      this.#releaseReports();
      const waits = hasState(state, 'waiting');
      if (waits) events.mailRetriesAt(this.#name, attempts, new Date(nextAttemptAt));
      return { kind: 'waits', attempts, nextAttemptAt: waits ? nextAttemptAt : null, carried: NOTHING_CARRIED };
    } catch (thrown) {
      if (this.#dropped) return this.#gone();
      events.queueWriteFailed(this.#mail.id, asGatewayError(thrown));
      const soon = this.#context.now() + this.#context.retry.firstMs;
      const carried = { changes: this.#ledger.unsaved, reports: this.#heldReports };
      return { kind: 'waits', attempts, nextAttemptAt: soon, carried };
    }
  }

  /** Tells the courier to give up what is under way. */
  abort(): void {
    this.#abort.abort();
  }

  /** The message was removed meanwhile: nothing more is stored of it. */
  drop(): void {
    this.#dropped = true;
    this.#groups.length = 0;
    this.abort();
  }

  #judge(recipient: MailRecipient | undefined, outcome: RecipientOutcome): RecipientChange {
    if (recipient === undefined) throw new RangeError('more outcomes than recipients');
    const { counters } = this.#context;
    const attempt = this.#mail.state.attempts + 1;
    const result = { address: recipient.address, attempt, reply: formatReply(outcome.reply) };
    if (outcome.ambiguous) {
      counters.ambiguous += 1;
      events.outcomeAmbiguous(this.#name, recipient.address);
    }
    counters[outcome.result] += 1;
    const place = { group: recipient.group, recipient: recipient.recipient, reply: outcome.reply };
    switch (outcome.result) {
      case 'delivered':
        events.recipientDelivered(this.#name, result);
        return { ...place, state: 'delivered' };
      case 'failed':
        events.recipientFailed(this.#name, result);
        return { ...place, state: 'failing' };
      case 'deferred':
        events.recipientDeferred(this.#name, result);
        return { ...place, state: 'waiting' };
    }
  }

  /** The next attempt of what waits; what is too old fails here. A message is asked for once more before it expires. */
  #plan(): number {
    const { retry } = this.#context;
    const now = this.#context.now();
    const { receivedAt } = this.#mail.record;
    const attempts = this.#mail.state.attempts + 1;
    const planned = planNextAttempt({ attempts, receivedAt, now, random: this.#context.random() }, retry);
    if (planned !== null) return planned;
    if (this.#asked && this.#damage === null) this.#expire();
    return now + retry.firstMs;
  }

  #expire(): void {
    const row = ERROR_TABLE['delivery.expired'];
    const waiting = this.#mail.state.recipients.filter((recipient) => recipient.state === 'waiting');
    this.#ledger.change(
      waiting.map((recipient) => {
        const last = recipient.reply === null ? '' : `; last: ${formatReply(recipient.reply)}`;
        const reply = { code: row.reply, enhanced: row.enhanced, text: `${row.publicText}${last}`, hop: null };
        const attempt = this.#mail.state.attempts + 1;
        events.recipientFailed(this.#name, { address: recipient.address, attempt, reply: formatReply(reply) });
        this.#context.counters.failed += 1;
        return { group: recipient.group, recipient: recipient.recipient, state: 'failing', reply };
      }),
    );
  }

  /** Stores the report of everything that is `failing`, then calls it `failed`. The failures are stored already. */
  async #report(): Promise<void> {
    const failing = this.#mail.state.recipients.filter((recipient) => recipient.state === 'failing');
    const id = await storeFailureReport(this.#context, this.#mail, failing);
    if (id !== null) this.#heldReports.push(id);
    this.#ledger.change(failing.map(({ group, recipient }) => ({ group, recipient, state: 'failed', reply: null })));
  }

  async #setAside(): Promise<RoundEnd> {
    await this.#ledger.save(null);
    events.mailDamaged(this.#mail.id, this.#damage ?? '');
    this.#context.counters.damaged += 1;
    await this.#context.store.setAside(this.#mail.id);
    return this.#gone();
  }

  #gone(): RoundEnd {
    this.#releaseReports();
    return { kind: 'gone' };
  }

  #releaseReports(): void {
    this.reports.push(...this.#heldReports.splice(0));
  }
}
