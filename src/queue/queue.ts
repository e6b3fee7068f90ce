/**
 * Accepted mail: what the rest of the house sees of `queue/`. An engine implements {@link Queue}; the conformance
 * tests run against every engine. Engines never interpret content: they store, lease, and remember results.
 */
import type { QueueStatus } from './queue-counters.ts';
import type { QueueGroup, QueueRecord } from './record.ts';

/** Where the spool is and how it delivers; from the `queue` key of the configuration. */
export interface QueueOptions {
  /** Absolute path of the spool folder (0700). */
  readonly folder: string;
  /** Absolute path of the spool key; its folder is outside the spool. Made (0600) when the spool is empty and it is absent. */
  readonly keyFile: string;
  /** Deliveries under way at most, over all routes. */
  readonly concurrency: number;
  readonly retry: RetryOptions;
  /** 452 when fewer octets than this are free on the file system. */
  readonly reserveBytes: number;
}

/** When to try again. The waits double from `firstMs` to `maxMs`; after `lifetimeMs` what waits has failed. */
export interface RetryOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  /** Age at which a recipient fails for good (5.4.7). */
  readonly lifetimeMs: number;
}

/** Accepted mail, from the commit to the last outcome. Queue identifiers are made here and are safe in file names. */
export interface Queue {
  /** Opens the intake of one message. @throws GatewayError queue.full, queue.write-failed */
  begin(traceId: string): Promise<Intake>;
  /**
   * Starts delivering with this courier; never rejects. Mail left by an earlier run is taken up.
   */
  start(courier: Courier): void;
  /** Takes no new deliveries, waits for those under way at most `graceMs`, then closes. */
  stop(graceMs: number): Promise<void>;
  list(): Promise<readonly QueueEntry[]>;
  /** A snapshot, without a look at the disk. */
  counters(): QueueStatus;
  /** null: no such message. */
  show(id: string): Promise<QueueEntry | null>;
  /** Due now, or as soon as the attempt under way has ended. False: no such message. */
  retry(id: string): Promise<boolean>;
  /** Removes it without a report. False: no such message. */
  drop(id: string): Promise<boolean>;
}

/** One message on its way into the queue. Nothing of it exists after `abort` or a crash before `commit` resolved. */
export interface Intake {
  /** Identifier the message will have. */
  readonly id: string;
  /**
   * Adds a body; several may be written interleaved.
   * @param binding digest of what this body is for (group indexes, protection, recipients): bound into every sealed
   *   chunk and checked again at delivery (catalogue C19). 32 octets, from {@link bodyBinding}.
   */
  body(binding: Buffer): BodyWriter;
  /**
   * The commit point: resolves once everything is durable (file and folder flushed). All bodies must have ended.
   * @throws GatewayError queue.full, queue.write-failed; then nothing is stored
   */
  commit(record: QueueRecord): Promise<void>;
  /** Removes what was written. Never throws; harmless after commit. */
  abort(): Promise<void>;
}

/** Takes the octets of one body. They are spool-sealed as they come, and lost unless the intake is committed. */
export interface BodyWriter {
  readonly index: number;
  /** @throws GatewayError queue.full, queue.write-failed */
  write(chunk: Buffer): Promise<void>;
  end(): Promise<void>;
}

/** One message as administrators see it: transport facts, no content. */
export interface QueueEntry {
  readonly id: string;
  readonly record: QueueRecord;
  readonly storedBytes: number;
  /** Per group and recipient, in record order. */
  readonly recipients: readonly RecipientState[];
  readonly nextAttemptAt: Date | null;
  readonly attempts: number;
}

/** What has become of one recipient. */
export interface RecipientState {
  readonly group: number;
  readonly address: string;
  readonly state: 'waiting' | 'held' | 'delivered' | 'failed';
  readonly lastReply: string | null;
}

/** Takes one copy to its next hop. `delivery/` implements it. */
export interface Courier {
  /**
   * Delivers one group to those of its recipients who still wait.
   * @returns one outcome for each entry of `recipients`, same order. Never rejects: what it cannot do is an outcome.
   */
  deliver(delivery: Delivery, signal: AbortSignal): Promise<readonly RecipientOutcome[]>;
  /** The report (RFC 3464) about recipients who failed for good; null when none is due (null sender). */
  report(failures: FailureReport): ReportMessage | null;
}

/** One group of one message, handed to the courier. All of it comes from the authenticated record. */
export interface Delivery {
  readonly queueId: string;
  readonly record: QueueRecord;
  readonly groupIndex: number;
  readonly group: QueueGroup;
  /** Addresses still waiting. */
  readonly recipients: readonly string[];
  /** 1 at the first try. */
  readonly attempt: number;
  /** Authenticated octets of the group's body, in chunks; throws GatewayError queue.damaged before any octet of a bad chunk leaves. */
  openBody(): AsyncIterable<Buffer>;
  /** Octets that `openBody` will give, where the engine knows; then a clear copy is announced with SIZE= (RFC 1870). */
  readonly bodyBytes?: number;
}

/** What the courier says of one recipient. */
export interface RecipientOutcome {
  readonly address: string;
  readonly result: 'delivered' | 'deferred' | 'failed';
  readonly reply: Reply;
  /** True when the next hop may have taken it although we saw no 250: a retry may duplicate. */
  readonly ambiguous: boolean;
}

/** One status value from the wire to the DSN, never reworded. */
export interface Reply {
  /** SMTP code; 0 when there was no reply. */
  readonly code: number;
  /** `5.1.1`. */
  readonly enhanced: string;
  /** Text of the reply, or our own words; one line, printable. */
  readonly text: string;
  /** `host:port` that said it; null when it is our own finding. */
  readonly hop: string | null;
}

/** Final failures of one message that were found together: what one report tells of. */
export interface FailureReport {
  readonly queueId: string;
  readonly record: QueueRecord;
  readonly failures: readonly { readonly address: string; readonly reply: Reply }[];
  readonly at: Date;
}

/** A message of ours to be queued, whole in memory (headers only, a few KB). */
export interface ReportMessage {
  readonly record: Omit<QueueRecord, 'format'>;
  readonly body: Buffer;
}
