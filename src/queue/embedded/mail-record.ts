/**
 * The plaintext of record and update frames: JSON, written and read by us alone and authenticated before it is parsed.
 * A header that groups share, as all copies of one body do, is stored once, and each group has its place in the list:
 * a thousand hidden recipients times half a megabyte of header would be more than anybody can hold (promise 5).
 * A record of a newer format is refused by name; anything else unexpected is damage.
 */
import { type GatewayError, gatewayError } from '../../errors.ts';
import type { MailUpdate } from '../mail-state.ts';
import { type QueueGroup, type QueueRecord, RECORD_FORMAT } from '../record.ts';

/** What the writer knows of each body when it ended; checked again when the body is read. */
export interface StoredBody {
  readonly octets: number;
  readonly chunks: number;
}

export interface SealedRecord {
  readonly record: QueueRecord;
  readonly bodies: readonly StoredBody[];
}

/** As it is written. */
interface StoredRecord {
  readonly record: Omit<QueueRecord, 'groups'> & {
    readonly groups: readonly (Omit<QueueGroup, 'header'> & { readonly header: number })[];
  };
  readonly headers: readonly string[];
  readonly bodies: readonly StoredBody[];
}

export type SealedRecordResult =
  | { readonly ok: true; readonly sealed: SealedRecord }
  | { readonly ok: false; readonly failure: GatewayError };

export function formatSealedRecord({ record, bodies }: SealedRecord): Buffer {
  const places = new Map<string, number>();
  const groups = record.groups.map((group) => {
    const place = places.get(group.header) ?? places.size;
    places.set(group.header, place);
    return { ...group, header: place };
  });
  return Buffer.from(JSON.stringify({ record: { ...record, groups }, headers: [...places.keys()], bodies }), 'utf8');
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
  const { bodies, record: stored, headers } = value as unknown as StoredRecord;
  if (!Array.isArray(bodies) || !Array.isArray(stored.groups) || !Array.isArray(headers)) {
    return failed('queue.damaged', 'record lacks its groups, headers or bodies');
  }
  if (stored.groups.some(({ header }) => typeof headers[header] !== 'string')) {
    return failed('queue.damaged', 'a group has no header');
  }
  const groups = stored.groups.map((group) => ({ ...group, header: headers[group.header] ?? '' }));
  return { ok: true, sealed: { record: { ...stored, groups }, bodies } };
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
