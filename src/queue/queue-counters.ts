/** What the queue has done since it was opened; for metrics. Counts recipients, `reports` and `damaged` messages. */
export interface QueueCounters {
  queued: number;
  delivered: number;
  deferred: number;
  failed: number;
  /** The next hop may have taken it although we saw no 250: the upper bound of duplicates we cause (catalogue L1). */
  ambiguous: number;
  reports: number;
  damaged: number;
}

/** The counters, and what is in the queue now. */
export interface QueueStatus extends Readonly<QueueCounters> {
  readonly messages: number;
  /** When the oldest of them was received; null when the queue is empty. */
  readonly oldestReceivedAt: Date | null;
}

export function zeroCounters(): QueueCounters {
  return { queued: 0, delivered: 0, deferred: 0, failed: 0, ambiguous: 0, reports: 0, damaged: 0 };
}
