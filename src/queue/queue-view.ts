/**
 * A queue entry as people and machines may see it (`sealgate queue list|show`, `--json`): facts of transport only. No
 * header field, no subject, no octet of content, and nothing of the RecipientInfos but the certificates decided.
 */
import type { QueueEntry } from './queue.ts';

export interface QueueView {
  readonly id: string;
  readonly trace: string;
  readonly direction: string;
  /** ISO 8601. */
  readonly receivedAt: string;
  /** `<>` for the null sender. */
  readonly from: string;
  readonly storedBytes: number;
  readonly configuration: string;
  readonly attempts: number;
  /** ISO 8601; null when nothing waits for a time. */
  readonly nextAttemptAt: string | null;
  readonly recipients: readonly RecipientView[];
}

export interface RecipientView {
  readonly address: string;
  readonly state: string;
  readonly route: string;
  readonly protection: string;
  readonly treatment: string;
  /** SHA-256 of the certificate this copy is encrypted to. */
  readonly certificate: string | null;
  readonly lastReply: string | null;
}

export function viewOf(entry: QueueEntry): QueueView {
  const { record } = entry;
  return {
    id: entry.id,
    trace: record.traceId,
    direction: record.direction,
    receivedAt: new Date(record.receivedAt).toISOString(),
    from: record.reversePath ?? '<>',
    storedBytes: entry.storedBytes,
    configuration: record.configuration,
    attempts: entry.attempts,
    nextAttemptAt: entry.nextAttemptAt?.toISOString() ?? null,
    recipients: entry.recipients.map((recipient) => {
      const group = record.groups[recipient.group];
      const known = group?.recipients.find(({ address }) => address === recipient.address);
      return {
        address: recipient.address,
        state: recipient.state,
        route: group?.route ?? '?',
        protection: group?.protection ?? '?',
        treatment: group?.treatment ?? '?',
        certificate: known?.certificateSha256 ?? null,
        lastReply: recipient.lastReply,
      };
    }),
  };
}
