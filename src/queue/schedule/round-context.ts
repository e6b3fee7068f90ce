/** What a round of deliveries works with: the same for every message of a queue. */
import type { Courier, RetryOptions } from '../queue.ts';
import type { QueueCounters } from '../queue-counters.ts';
import type { Store } from '../store.ts';

export interface RoundContext {
  readonly store: Store;
  readonly courier: Courier;
  readonly retry: RetryOptions;
  readonly counters: QueueCounters;
  /** Milliseconds since 1970. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** True when a message of this id is stored. */
  isStored(id: string): boolean;
}
