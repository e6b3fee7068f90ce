/**
 * Decides which message is delivered when: what is due goes into its lane, and the lanes are served in rotation as
 * slots become free. At most `concurrency` deliveries run, and as many messages are held open.
 *
 * In memory is one small entry a message: records stay on disk until their turn. Waiting is measured on the monotonic
 * clock, so a clock that is set forward does not make the whole queue due at once.
 */
import { asGatewayError } from '../../errors.ts';
import * as events from '../../log/queue-events.ts';
import type { Courier, RetryOptions } from '../queue.ts';
import type { QueueCounters } from '../queue-counters.ts';
import type { Store, StoredMail } from '../store.ts';
import { DeliveryLanes } from './delivery-lanes.ts';
import { type CarriedOver, DeliveryRound, NOTHING_CARRIED, type RoundEnd } from './delivery-round.ts';
import { DeliverySlots } from './delivery-slots.ts';
import { DueHeap, type DueItem } from './due-heap.ts';
import type { RoundContext } from './round-context.ts';

/** A timer of Node overflows after 24 days; looking again every hour costs nothing. */
const TIMER_MS_MAX = 3_600_000;
/** After the grace of a stop: time for aborted deliveries to store what they know. */
const ABORT_SETTLE_MS = 1000;

/** What a scheduler works with. Clock and chance are arguments, so that tests own them. */
export interface SchedulerParts {
  readonly store: Store;
  readonly retry: RetryOptions;
  readonly concurrency: number;
  readonly counters: QueueCounters;
  /** Milliseconds since 1970. */
  now(): number;
  monotonicMs(): number;
  /** In [0, 1). */
  random(): number;
}

interface Entry extends DueItem {
  readonly id: string;
  attempts: number;
  phase: 'waits' | 'ready' | 'active' | 'gone';
  /** Somebody asked for it while it was under way: what then still waits is due at once. */
  again: boolean;
  carried: CarriedOver;
  round: DeliveryRound | null;
}

/** Owns the entries of one queue: each stored message once, whether it waits, is ready, or is being delivered. */
export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #entries = new Map<string, Entry>();
  readonly #due = new DueHeap<Entry>();
  readonly #lanes = new DeliveryLanes<Entry>();
  readonly #slots: DeliverySlots;
  /** Messages whose round is under way. */
  readonly #open = new Set<Entry>();
  #courier: Courier | null = null;
  #stopping = false;
  #timer: NodeJS.Timeout | null = null;
  #pumpAsked = false;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    this.#slots = new DeliverySlots(parts.concurrency);
  }

  /**
   * Takes up a stored message; harmless when it is known.
   * @param nextAttemptAt milliseconds since 1970; null: nothing of it is to be delivered now
   */
  add(id: string, attempts: number, nextAttemptAt: number | null): void {
    if (this.#entries.has(id)) return;
    const entry: Entry = {
      id,
      attempts,
      phase: 'waits',
      again: false,
      carried: NOTHING_CARRIED,
      round: null,
      dueMs: Number.POSITIVE_INFINITY,
    };
    this.#entries.set(id, entry);
    this.#wait(entry, nextAttemptAt);
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** Oldest first. */
  ids(): readonly string[] {
    return [...this.#entries.keys()].sort();
  }

  /** null: there is none. */
  get oldest(): string | null {
    let oldest: string | null = null;
    for (const id of this.#entries.keys()) if (oldest === null || id < oldest) oldest = id;
    return oldest;
  }

  get size(): number {
    return this.#entries.size;
  }

  start(courier: Courier): void {
    this.#courier = courier;
    this.#askPump();
  }

  /** Due now, or as soon as the attempt under way has ended. False: no such message. */
  retry(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined) return false;
    if (entry.phase === 'waits') this.#wait(entry, Number.NEGATIVE_INFINITY);
    else if (entry.phase === 'active') entry.again = true;
    return true;
  }

  /** Forgets a message and gives up its deliveries; the caller removes it. False: no such message. */
  drop(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined) return false;
    entry.round?.drop();
    this.#forget(entry);
    if (entry.round === null) for (const report of entry.carried.reports) this.#releaseReport(report);
    return true;
  }

  /**
   * Starts nothing more; resolves when nothing runs, or a moment after the grace is over.
   * @returns deliveries that did not end
   */
  async stop(graceMs: number): Promise<number> {
    this.#stopping = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (!(await this.#slots.idle(graceMs))) {
      for (const entry of this.#entries.values()) entry.round?.abort();
      await this.#slots.idle(ABORT_SETTLE_MS);
    }
    return this.#slots.taken;
  }

  #wait(entry: Entry, nextAttemptAt: number | null): void {
    const { retry, now, monotonicMs } = this.#parts;
    entry.phase = 'waits';
    entry.dueMs = Number.POSITIVE_INFINITY;
    if (nextAttemptAt === null) return;
    // a wall clock set back must not put the attempt off by more than the schedule ever would
    const delayMs = Math.min(Math.max(0, nextAttemptAt - now()), 2 * retry.maxMs);
    entry.dueMs = monotonicMs() + delayMs;
    this.#due.push(entry);
    this.#askPump();
  }

  #forget(entry: Entry): void {
    entry.phase = 'gone';
    entry.dueMs = Number.NaN;
    this.#entries.delete(entry.id);
  }

  /** Many messages that come in one turn of the event loop need one look. */
  #askPump(): void {
    if (this.#pumpAsked || this.#courier === null || this.#stopping) return;
    this.#pumpAsked = true;
    setImmediate(() => {
      this.#pumpAsked = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#courier === null || this.#stopping) return;
    const nowMs = this.#parts.monotonicMs();
    for (let entry = this.#due.take(nowMs); entry !== null; entry = this.#due.take(nowMs)) {
      if (entry.phase !== 'waits') continue;
      entry.phase = 'ready';
      (entry.attempts === 0 ? this.#lanes.fresh : this.#lanes.deferred).push(entry);
    }
    while (this.#slots.free && this.#startNext(this.#courier)) {
      // every turn takes a slot or an entry that is gone
    }
    this.#setTimer(nowMs);
  }

  /** False when there is nothing to start. */
  #startNext(courier: Courier): boolean {
    // no message is opened beyond the number of slots: its record would wait in memory
    const entry = this.#lanes.take(this.#open.size < this.#slots.limit);
    if (entry === undefined) return false;
    if (entry.phase === 'gone') return true;
    this.#slots.take();
    const running = entry.round === null ? this.#openRound(entry, courier) : this.#deliverGroup(entry, entry.round);
    running
      .catch((thrown: unknown) => this.#defect(entry, thrown))
      .finally(() => {
        this.#slots.release();
        this.#askPump();
      });
    return true;
  }

  async #openRound(entry: Entry, courier: Courier): Promise<void> {
    entry.phase = 'active';
    this.#open.add(entry);
    const mail = await this.#load(entry);
    if (mail === null || this.#entries.get(entry.id) !== entry) {
      this.#open.delete(entry);
      return;
    }
    const { store, retry, counters, now, random } = this.#parts;
    const context: RoundContext = { store, courier, retry, counters, now, random, isStored: (id) => this.has(id) };
    const round = new DeliveryRound(context, mail, entry.carried);
    entry.round = round;
    await round.settleOwedReports();
    await this.#deliverGroup(entry, round);
  }

  async #deliverGroup(entry: Entry, round: DeliveryRound): Promise<void> {
    const group = round.takeGroup();
    if (round.hasMoreGroups) {
      this.#lanes.further.push(entry);
      this.#askPump();
    }
    if (group !== null) await round.deliver(group);
    if (!round.takeFinish()) return;
    this.#settle(entry, await round.finish(), round);
  }

  #settle(entry: Entry, end: RoundEnd, round: DeliveryRound): void {
    entry.round = null;
    this.#open.delete(entry);
    for (const report of round.reports) this.#releaseReport(report);
    if (this.#entries.get(entry.id) !== entry) return;
    if (end.kind === 'gone') {
      this.#forget(entry);
      return;
    }
    entry.attempts = end.attempts;
    entry.carried = end.carried;
    // null: nothing of it is to be delivered, whoever asks
    this.#wait(entry, entry.again && end.nextAttemptAt !== null ? Number.NEGATIVE_INFINITY : end.nextAttemptAt);
    entry.again = false;
  }

  /** A report is delivered only once the failure it tells of is stored as told (see delivery-round.ts). */
  #releaseReport(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) this.add(id, 0, Number.NEGATIVE_INFINITY);
    else if (entry.phase === 'waits') this.#wait(entry, Number.NEGATIVE_INFINITY);
  }

  /** null: not there, or not now; then the entry is settled. */
  async #load(entry: Entry): Promise<StoredMail | null> {
    try {
      const mail = await this.#parts.store.load(entry.id);
      if (mail === null) this.#forget(entry);
      return mail;
    } catch (thrown) {
      const failure = asGatewayError(thrown);
      if (this.#stopping || entry.phase === 'gone') return null;
      switch (failure.code) {
        case 'queue.damaged':
          events.mailDamaged(entry.id, failure.detail);
          this.#parts.counters.damaged += 1;
          this.#forget(entry);
          await this.#parts.store.setAside(entry.id);
          return null;
        case 'queue.newer-format':
          events.mailNewerFormat(entry.id, failure.detail);
          this.#forget(entry);
          return null;
        default:
          events.mailUnreadable(entry.id, failure);
          this.#wait(entry, this.#parts.now() + this.#parts.retry.firstMs);
          return null;
      }
    }
  }

  /** Nothing here should throw; if it does, the message waits rather than vanish. */
  #defect(entry: Entry, thrown: unknown): void {
    events.schedulerDefect(entry.id, thrown);
    this.#open.delete(entry);
    entry.round = null;
    if (this.#entries.get(entry.id) === entry) this.#wait(entry, this.#parts.now() + this.#parts.retry.firstMs);
  }

  #setTimer(nowMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const earliest = this.#due.earliestMs();
    if (earliest === null) return;
    const delayMs = Math.min(Math.max(1, Math.ceil(earliest - nowMs)), TIMER_MS_MAX);
    this.#timer = setTimeout(() => this.#pump(), delayMs);
    // waiting mail alone does not keep a process alive that has nothing else to do
    this.#timer.unref();
  }
}
