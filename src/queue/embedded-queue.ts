/**
 * The embedded engine of one process: a store on the local disk and the scheduler over it, put together behind
 * {@link Queue}. Opened by `openQueue`; it owns the spool until `stop` has returned.
 */
import { asGatewayError } from '../errors.ts';
import * as events from '../log/queue-events.ts';
import { formatEntry } from './mail-state.ts';
import type { Courier, Intake, Queue, QueueEntry } from './queue.ts';
import type { QueueCounters, QueueStatus } from './queue-counters.ts';
import { formatQueueId, parseQueueTime } from './queue-id.ts';
import type { QueueRecord } from './record.ts';
import type { Scheduler } from './schedule/scheduler.ts';
import type { Store } from './store.ts';

/** Files read at once for a listing. */
const LIST_WIDTH = 8;
const RANDOM_OCTETS = 10;

export interface EmbeddedQueueParts {
  readonly store: Store;
  readonly scheduler: Scheduler;
  readonly counters: QueueCounters;
  /** Reports that wait for the failure they tell of to be stored, by the queue id of the message that failed. */
  readonly owedReports: ReadonlyMap<string, string>;
  random(octets: number): Buffer;
  /** Milliseconds since 1970. */
  now(): number;
  /** Gives the spool back. */
  release(): Promise<void>;
}

export class EmbeddedQueue implements Queue {
  readonly #parts: EmbeddedQueueParts;
  #stopped: Promise<void> | null = null;

  constructor(parts: EmbeddedQueueParts) {
    this.#parts = parts;
  }

  counters(): QueueStatus {
    const { counters, scheduler } = this.#parts;
    const { oldest, size: messages } = scheduler;
    return { ...counters, messages, oldestReceivedAt: oldest === null ? null : new Date(parseQueueTime(oldest)) };
  }

  async begin(traceId: string): Promise<Intake> {
    const id = formatQueueId(this.#parts.now(), this.#parts.random(RANDOM_OCTETS));
    try {
      const intake = await this.#parts.store.begin(id, traceId);
      return {
        id,
        body: (binding) => intake.body(binding),
        commit: (record) => this.#commit(intake, record),
        abort: () => intake.abort(),
      };
    } catch (thrown) {
      throw this.#logged(id, thrown);
    }
  }

  start(courier: Courier): void {
    this.#parts.scheduler.start(courier);
  }

  stop(graceMs: number): Promise<void> {
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  async list(): Promise<readonly QueueEntry[]> {
    const ids = this.#parts.scheduler.ids();
    const entries: (QueueEntry | null)[] = [];
    for (let i = 0; i < ids.length; i += LIST_WIDTH) {
      entries.push(...(await Promise.all(ids.slice(i, i + LIST_WIDTH).map((id) => this.#findReadable(id)))));
    }
    return entries.filter((entry) => entry !== null);
  }

  async show(id: string): Promise<QueueEntry | null> {
    if (!this.#parts.scheduler.has(id)) return null;
    const mail = await this.#parts.store.load(id);
    return mail === null ? null : formatEntry(id, mail.record, mail.state, mail.storedBytes);
  }

  async retry(id: string): Promise<boolean> {
    const known = this.#parts.scheduler.retry(id);
    if (known) events.mailRetried(id);
    return known;
  }

  async drop(id: string): Promise<boolean> {
    if (!this.#parts.scheduler.drop(id)) return false;
    await this.#parts.store.remove(id);
    events.mailDropped(id);
    const report = this.#parts.owedReports.get(id);
    // nothing will be stored of the dropped message any more, so its report need not wait
    if (report !== undefined) this.#parts.scheduler.retry(report);
    return true;
  }

  async #commit(intake: Intake, record: QueueRecord): Promise<void> {
    try {
      await intake.commit(record);
    } catch (thrown) {
      throw this.#logged(intake.id, thrown);
    }
    this.#parts.counters.queued += 1;
    const recipients = record.groups.reduce((sum, group) => sum + group.recipients.length, 0);
    events.mailQueued({ queueId: intake.id, traceId: record.traceId }, record.groups.length, recipients);
    const ready = record.groups.some((group) => group.stage === 'ready');
    this.#parts.scheduler.add(intake.id, 0, ready ? this.#parts.now() : null);
  }

  /** One that vanishes or cannot be read meanwhile is left out of a listing, and was logged when it was found so. */
  async #findReadable(id: string): Promise<QueueEntry | null> {
    try {
      return await this.show(id);
    } catch (thrown) {
      events.mailUnreadable(id, asGatewayError(thrown));
      return null;
    }
  }

  async #stop(graceMs: number): Promise<void> {
    const { scheduler, store, release } = this.#parts;
    const interrupted = await scheduler.stop(graceMs);
    await store.close();
    await release();
    events.queueClosed(scheduler.size, interrupted);
  }

  #logged(id: string, thrown: unknown): Error {
    const failure = asGatewayError(thrown);
    events.queueWriteFailed(id, failure);
    return failure;
  }
}
