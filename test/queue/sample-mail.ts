/** Records, bodies and couriers for the tests of the queue. */
import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { bodyBinding } from '../../src/queue/body-binding.ts';
import type {
  Courier,
  Delivery,
  FailureReport,
  Queue,
  QueueOptions,
  RecipientOutcome,
  Reply,
  ReportMessage,
} from '../../src/queue/queue.ts';
import { type QueueGroup, type QueueRecord, RECORD_FORMAT } from '../../src/queue/record.ts';

export const ACCEPTED: Reply = { code: 250, enhanced: '2.0.0', text: 'ok', hop: '127.0.0.1:25' };
export const BUSY: Reply = { code: 451, enhanced: '4.3.0', text: 'busy', hop: '127.0.0.1:25' };
export const UNKNOWN_USER: Reply = { code: 550, enhanced: '5.1.1', text: 'no such user', hop: '127.0.0.1:25' };

export interface SampleGroup {
  readonly to: readonly string[];
  readonly body?: number;
  readonly stage?: 'ready' | 'held';
  readonly protection?: 'must-encrypt' | 'may-be-clear';
}

export function sampleGroup(group: SampleGroup): QueueGroup {
  return {
    protection: group.protection ?? 'may-be-clear',
    stage: group.stage ?? 'ready',
    route: 'outside',
    recipients: group.to.map((address) => ({
      address,
      certificateSha256:
        group.protection === 'must-encrypt' ? createHash('sha256').update(address).digest('hex') : null,
      orcpt: null,
      notify: null,
    })),
    header: 'From: anna@example.org\r\nSubject: ...\r\n',
    content: { kind: 'clear', bodyIndex: group.body ?? 0, eightBit: false },
    treatment: 'plain (test)',
  };
}

export function sampleRecord(groups: readonly SampleGroup[], changes: Partial<QueueRecord> = {}): QueueRecord {
  return {
    format: RECORD_FORMAT,
    traceId: 'trace-1',
    direction: 'outbound',
    receivedAt: Date.now(),
    reversePath: 'anna@example.org',
    configuration: '0123456789ab',
    body: '7BIT',
    envid: null,
    ret: null,
    smtpUtf8: false,
    reportHeader: 'From: anna@example.org\r\n',
    groups: groups.map(sampleGroup),
    ...changes,
  };
}

/** Stores a message with its bodies; resolves with its id once it is durable. */
export async function enqueue(
  queue: Queue,
  record: QueueRecord = sampleRecord([{ to: ['bob@bank.example'] }]),
  bodies: readonly Buffer[] = [Buffer.from('hello\r\n')],
): Promise<string> {
  const intake = await queue.begin(record.traceId);
  try {
    for (const [index, octets] of bodies.entries()) {
      const writer = intake.body(bodyBinding(record.groups, index));
      await writer.write(octets);
      await writer.end();
    }
    await intake.commit(record);
  } catch (thrown) {
    await intake.abort();
    throw thrown;
  }
  return intake.id;
}

/** What a {@link RecordingCourier} saw of one delivery. */
export interface SeenDelivery {
  readonly queueId: string;
  readonly traceId: string;
  readonly direction: QueueRecord['direction'];
  readonly group: number;
  readonly recipients: readonly string[];
  readonly attempt: number;
  /** null when the body could not be read. */
  readonly body: Buffer | null;
  readonly bodyFailure: unknown;
}

export type Answer = (delivery: Delivery, address: string) => Omit<RecipientOutcome, 'address'>;

export const deliverAll: Answer = () => ({ result: 'delivered', reply: ACCEPTED, ambiguous: false });
export const deferAll: Answer = () => ({ result: 'deferred', reply: BUSY, ambiguous: false });
export const failAll: Answer = () => ({ result: 'failed', reply: UNKNOWN_USER, ambiguous: false });

/** Reads every body, remembers what it saw, answers as told. */
export class RecordingCourier implements Courier {
  readonly seen: SeenDelivery[] = [];
  readonly reports: FailureReport[] = [];
  answer: Answer;
  /** Awaited before each answer. */
  beforeAnswer: (delivery: Delivery, signal: AbortSignal) => Promise<void> = async () => undefined;

  constructor(answer: Answer = deliverAll) {
    this.answer = answer;
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<readonly RecipientOutcome[]> {
    let body: Buffer | null = null;
    let bodyFailure: unknown = null;
    try {
      body = await readAll(delivery.openBody());
    } catch (thrown) {
      bodyFailure = thrown;
    }
    const { queueId, groupIndex, recipients, attempt, record } = delivery;
    const { traceId, direction } = record;
    this.seen.push({ queueId, traceId, direction, group: groupIndex, recipients, attempt, body, bodyFailure });
    await this.beforeAnswer(delivery, signal);
    if (bodyFailure !== null) {
      return recipients.map((address) => ({ address, result: 'deferred', reply: BUSY, ambiguous: false }));
    }
    return recipients.map((address) => ({ address, ...this.answer(delivery, address) }));
  }

  report(failures: FailureReport): ReportMessage | null {
    this.reports.push(failures);
    if (failures.record.reversePath === null) return null;
    return sampleReport(failures);
  }

  /** Deliveries of mail that is not a report. */
  get mail(): readonly SeenDelivery[] {
    return this.seen.filter((delivery) => delivery.direction !== 'report');
  }

  get delivered(): readonly SeenDelivery[] {
    return this.seen.filter((delivery) => delivery.body !== null);
  }
}

export function sampleReport(failures: FailureReport): ReportMessage {
  const { format: _, ...record } = sampleRecord([{ to: [failures.record.reversePath ?? ''] }], {
    direction: 'report',
    reversePath: null,
    traceId: failures.record.traceId,
  });
  return { record, body: Buffer.from(`failed: ${failures.failures.map(({ address }) => address).join(' ')}\r\n`) };
}

export async function readAll(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Looks again until it holds; fails loudly after ten seconds rather than hang. */
export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 2000; i += 1) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`waited in vain: ${what}`);
}

/** A folder that is removed when the test file ends; keys and spool inside. */
export class TestFolder {
  #path = '';

  async make(): Promise<void> {
    this.#path = await fs.mkdtemp(path.join(os.tmpdir(), 'sealgate-queue-'));
  }

  async remove(): Promise<void> {
    await fs.rm(this.#path, { recursive: true, force: true });
  }

  path(...names: readonly string[]): string {
    return path.join(this.#path, ...names);
  }

  options(changes: Partial<QueueOptions> = {}): QueueOptions {
    return {
      folder: this.path('spool'),
      keyFile: this.path('keys', 'spool.key'),
      concurrency: 4,
      retry: { firstMs: 60_000, maxMs: 600_000, lifetimeMs: 3_600_000 },
      reserveBytes: 0,
      ...changes,
    };
  }
}

/** Octets that do not repeat, so that a chunk out of place shows. */
export function sampleOctets(length: number): Buffer {
  return randomBytes(length);
}
