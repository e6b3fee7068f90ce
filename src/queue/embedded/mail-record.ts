/**
 * The plaintext of record and update frames: JSON, written and read by us alone and authenticated before it is parsed.
 * A record of a newer format is refused by name; anything else unexpected is damage.
 */
import { type GatewayError, gatewayError } from '../../errors.ts';
import type { MailUpdate } from '../mail-state.ts';
import { type QueueRecord, RECORD_FORMAT } from '../record.ts';

/** What the writer knows of each body when it ended; checked again when the body is read. */
export interface StoredBody {
  readonly octets: number;
  readonly chunks: number;
}

export interface SealedRecord {
  readonly record: QueueRecord;
  readonly bodies: readonly StoredBody[];
}

export type SealedRecordResult =
  | { readonly ok: true; readonly sealed: SealedRecord }
  | { readonly ok: false; readonly failure: GatewayError };

export function formatSealedRecord(sealed: SealedRecord): Buffer {
  return Buffer.from(JSON.stringify(sealed), 'utf8');
}

export function parseSealedRecord(id: string, octets: Buffer): SealedRecordResult {
  const failed = (code: 'queue.damaged' | 'queue.newer-format', detail: string): SealedRecordResult => ({
    ok: false,
    failure: gatewayError(code, `${id}: ${detail}`),
  });
  const value = parseObject(octets);
  const record = value?.['record'];
  if (!isObject(record) || typeof record['format'] !== 'number') return failed('queue.damaged', 'record has no format');
  if (record['format'] > RECORD_FORMAT) {
    return failed(
      'queue.newer-format',
      `record format ${record['format']}, and this version reads up to ${RECORD_FORMAT}`,
    );
  }
  const sealed = value as unknown as SealedRecord;
  if (!Array.isArray(sealed.bodies) || !Array.isArray(sealed.record.groups)) {
    return failed('queue.damaged', 'record lacks its groups or bodies');
  }
  return { ok: true, sealed };
}

export function formatUpdate(update: MailUpdate): Buffer {
  return Buffer.from(JSON.stringify(update), 'utf8');
}

/** null: not an update. */
export function parseUpdate(octets: Buffer): MailUpdate | null {
  const value = parseObject(octets);
  if (value === null || !Array.isArray(value['changes'])) return null;
  return value as unknown as MailUpdate;
}

function parseObject(octets: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(octets.toString('utf8'));
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
