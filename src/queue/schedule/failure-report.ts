/**
 * The report of final failures (RFC 3464), stored as a message of its own. Its id follows from the failures, so the
 * report that was stored just before a crash is found again rather than written twice.
 */
import * as events from '../../log/queue-events.ts';
import { bodyBinding } from '../body-binding.ts';
import type { MailRecipient } from '../mail-state.ts';
import type { Reply, ReportMessage } from '../queue.ts';
import { reportQueueId } from '../queue-id.ts';
import { RECORD_FORMAT } from '../record.ts';
import type { StoredMail } from '../store.ts';
import type { RoundContext } from './round-context.ts';

/** Of a recipient who failed in a version that kept no reply. */
const UNKNOWN: Reply = { code: 0, enhanced: '5.0.0', text: 'delivery failed', hop: null };

/**
 * Stores the report of these failures, unless it is stored already. The failures themselves are stored before.
 * @returns its id; null when none is due
 * @throws GatewayError queue.full, queue.write-failed; no report is stored then
 */
export async function storeFailureReport(
  context: RoundContext,
  mail: StoredMail,
  failing: readonly MailRecipient[],
): Promise<string | null> {
  const id = reportQueueId(mail.id, failing);
  if (context.isStored(id)) return id;
  const name = { queueId: mail.id, traceId: mail.record.traceId };
  const report = context.courier.report({
    queueId: mail.id,
    record: mail.record,
    failures: failing.map(({ address, reply }) => ({ address, reply: reply ?? UNKNOWN })),
    at: new Date(context.now()),
  });
  if (report === null) {
    events.reportNotDue(name, failing.length);
    return null;
  }
  await commitReport(context, id, report);
  context.counters.reports += 1;
  events.reportQueued(name, id, failing.length);
  return id;
}

async function commitReport({ store }: RoundContext, id: string, report: ReportMessage): Promise<void> {
  const record = { ...report.record, format: RECORD_FORMAT };
  const intake = await store.begin(id, record.traceId);
  try {
    const body = intake.body(bodyBinding(record.groups, 0));
    await body.write(report.body);
    await body.end();
    await intake.commit(record);
  } catch (thrown) {
    await intake.abort();
    throw thrown;
  }
}
