/**
 * What has become of a queued message so far: one state a recipient, changed by updates that are stored behind the
 * record. Pure. The record itself never changes after the commit.
 *
 * `failing` is the state between a final failure and its report: the failure is stored, so the next hop is not asked
 * again, and the report is still owed. Seen from outside it is `failed`.
 */
import type { QueueEntry, RecipientState, Reply } from './queue.ts';
import type { QueueRecord } from './record.ts';

/** States that are stored; see above for `failing`. */
export type StoredRecipientState = 'waiting' | 'held' | 'delivered' | 'failing' | 'failed';

/** One recipient's new state. */
export interface RecipientChange {
  readonly group: number;
  /** Index within the group. */
  readonly recipient: number;
  readonly state: StoredRecipientState;
  /** null leaves the last reply as it is. */
  readonly reply: Reply | null;
}

/** What one stored update says. */
export interface MailUpdate {
  readonly changes: readonly RecipientChange[];
  /** Set when a round of deliveries ended. */
  readonly schedule: { readonly attempts: number; readonly nextAttemptAt: number } | null;
}

/** One recipient with its place in the record; `reply` is the last one heard, null before the first. */
export interface MailRecipient {
  readonly group: number;
  readonly recipient: number;
  readonly address: string;
  state: StoredRecipientState;
  reply: Reply | null;
}

/** In record order; changed only by {@link applyUpdate}. */
export interface MailState {
  attempts: number;
  /** Milliseconds since 1970. */
  nextAttemptAt: number;
  readonly recipients: readonly MailRecipient[];
}

/** The state at the commit: everybody waits, except in held groups; due at once. */
export function initialState(record: QueueRecord): MailState {
  return {
    attempts: 0,
    nextAttemptAt: record.receivedAt,
    recipients: record.groups.flatMap((group, index) =>
      group.recipients.map((recipient, place) => ({
        group: index,
        recipient: place,
        address: recipient.address,
        state: group.stage === 'held' ? ('held' as const) : ('waiting' as const),
        reply: null,
      })),
    ),
  };
}

/** Applies an update; applying it twice changes nothing more. False when it speaks of a recipient that is not there. */
export function applyUpdate(state: MailState, update: MailUpdate): boolean {
  const firstOfGroup = new Map<number, number>();
  state.recipients.forEach((recipient, place) => {
    if (recipient.recipient === 0) firstOfGroup.set(recipient.group, place);
  });
  for (const change of update.changes) {
    const first = firstOfGroup.get(change.group);
    const found = first === undefined ? undefined : state.recipients[first + change.recipient];
    if (found === undefined || found.group !== change.group) return false;
    found.state = change.state;
    if (change.reply !== null) found.reply = change.reply;
  }
  if (update.schedule !== null) {
    state.attempts = update.schedule.attempts;
    state.nextAttemptAt = update.schedule.nextAttemptAt;
  }
  return true;
}

/** True when any recipient is in one of these states. */
export function hasState(state: MailState, ...wanted: readonly StoredRecipientState[]): boolean {
  return state.recipients.some((recipient) => wanted.includes(recipient.state));
}

/** The view of it that the rest of the house sees. */
export function formatEntry(id: string, record: QueueRecord, state: MailState, storedBytes: number): QueueEntry {
  return {
    id,
    record,
    storedBytes,
    recipients: state.recipients.map(
      (recipient): RecipientState => ({
        group: recipient.group,
        address: recipient.address,
        state: recipient.state === 'failing' ? 'failed' : recipient.state,
        lastReply: recipient.reply === null ? null : formatReply(recipient.reply),
      }),
    ),
    nextAttemptAt: hasState(state, 'waiting', 'failing') ? new Date(state.nextAttemptAt) : null,
    attempts: state.attempts,
  };
}

/** `550 5.1.1 no such user (mx.example.net:25)`. */
export function formatReply(reply: Reply): string {
  const said = [reply.code === 0 ? '' : String(reply.code), reply.enhanced, reply.text].filter((part) => part !== '');
  return reply.hop === null ? said.join(' ') : `${said.join(' ')} (${reply.hop})`;
}
