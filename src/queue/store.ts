/**
 * What the scheduler needs from an engine's storage. The embedded engine keeps one file a message; another engine may
 * keep rows. Everything here is durable when its promise resolves, except where it says otherwise.
 */
import type { MailState, MailUpdate } from './mail-state.ts';
import type { Intake } from './queue.ts';
import type { QueueRecord } from './record.ts';

/** The storage of one engine. */
export interface Store {
  /** Opens the intake of a message that will have this id. @throws GatewayError queue.full, queue.write-failed */
  begin(id: string, traceId: string): Promise<Intake>;
  /** Reads record and state, not the bodies. @throws GatewayError queue.damaged, queue.newer-format, queue.key-missing; null: no such message */
  load(id: string): Promise<StoredMail | null>;
  /** Removes the message: it is finished or dropped. */
  remove(id: string): Promise<void>;
  /** Puts a damaged message where nobody delivers it and nobody deletes it. */
  setAside(id: string): Promise<void>;
  /** After this every call fails: the storage may have another owner. */
  close(): Promise<void>;
}

/** One stored message. Its calls must not overlap. */
export interface StoredMail {
  readonly id: string;
  readonly record: QueueRecord;
  readonly storedBytes: number;
  /** The stored state with every update so far. */
  readonly state: MailState;
  /** Stores an update that was already applied to `state`. @throws GatewayError queue.full, queue.write-failed; then it is not stored */
  append(update: MailUpdate): Promise<void>;
  /** Authenticated octets of a body. @throws GatewayError queue.damaged before any octet of a bad chunk leaves */
  readBody(bodyIndex: number): AsyncIterable<Buffer>;
  /** Octets that {@link readBody} will give; null when there is no such body. */
  bodyBytes(bodyIndex: number): number | null;
}
