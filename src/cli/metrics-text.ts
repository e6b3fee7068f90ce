/**
 * The health answer of a gateway in the text form of Prometheus (exposition format 0.0.4), for its textfile collector or
 * any program that reads it. Times are seconds since 1970, so that an alarm is `... - time() < 30 * 86400`.
 *
 * The answer is not trusted to be of a certain form: what is missing gives no line, and no value can end its line.
 */

/** Names after `sealgate_`, each with its kind and what it says. */
const METRICS = {
  up: ['gauge', 'Whether the gateway answers.'],
  healthy: ['gauge', 'Whether it takes mail.'],
  info: ['gauge', 'Version and configuration.'],
  start_time_seconds: ['gauge', 'When it was started.'],
  route_up: ['gauge', 'Whether the next hop answers.'],
  route_waiting: ['gauge', 'Deliveries in line for a connection.'],
  queue_messages: ['gauge', 'Messages that wait, reports among them.'],
  queue_oldest_received_seconds: ['gauge', 'When the oldest of them was received.'],
  queue_queued_total: ['counter', 'Messages taken into the queue.'],
  queue_recipients_total: ['counter', 'Recipients by the result of an attempt; one may be deferred many times.'],
  queue_ambiguous_total: ['counter', 'Recipients whose copy the next hop may have taken without saying so.'],
  queue_damaged_total: ['counter', 'Stored messages that could not be read.'],
  directory_entries: ['gauge', 'Certificates that a source holds.'],
  directory_last_failure_seconds: ['gauge', 'When a source failed last.'],
  collection_certificates: ['gauge', 'Certificates of a trusted CA collection.'],
  collection_not_after_seconds: ['gauge', 'When the first certificate of a collection expires.'],
  collection_change_mistakes: ['gauge', 'Mistakes in changed files of the collections, which are not in use.'],
  identities: ['gauge', 'Mailboxes of ours that can sign.'],
  identity_not_after_seconds: ['gauge', 'When certificates of ours expire, the soonest.'],
  revocation_lists: ['gauge', 'CRLs at hand, fetched and brought by hand.'],
  revocation_responses: ['gauge', 'OCSP answers at hand.'],
  revocation_unknown_accepted_total: ['counter', 'Verdicts for which the status was unknown, and accepted.'],
  revocation_revoked_total: ['counter', 'Verdicts that found a certificate revoked.'],
  verdicts_cached_total: ['counter', 'Verdicts on certificates given from the cache.'],
  verdicts_made_total: ['counter', 'Verdicts on certificates by a validation.'],
} as const;

type Metric = keyof typeof METRICS;
type Labels = Readonly<Record<string, unknown>>;

/** @param health the body of the answer; null: nobody answered */
export function formatMetrics(health: unknown): string {
  const sheet = new Sheet();
  sheet.add('up', health === null ? 0 : 1);
  if (health !== null) addAll(sheet, health);
  return sheet.text;
}

function addAll(sheet: Sheet, health: unknown): void {
  sheet.add('healthy', field(health, 'healthy'));
  sheet.add('info', 1, { version: field(health, 'version'), configuration: field(health, 'configuration') });
  sheet.add('start_time_seconds', secondsOf(field(health, 'startedAt')));
  for (const [route, status] of pairs(field(health, 'routes'))) {
    sheet.add('route_up', field(status, 'up'), { route });
    sheet.add('route_waiting', field(status, 'waiting'), { route });
  }
  addQueue(sheet, field(health, 'queue'));
  const met = new Map<unknown, number>();
  for (const source of items(field(health, 'directory'))) {
    const name = field(source, 'source');
    const nth = (met.get(name) ?? 0) + 1;
    met.set(name, nth);
    // one server may be two sources, with two bases; two lines with the same labels would void the whole answer
    const labels = { source: nth === 1 ? name : `${name} (${nth})` };
    sheet.add('directory_entries', field(source, 'entries'), labels);
    sheet.add('directory_last_failure_seconds', secondsOf(field(source, 'lastFailureAt')), labels);
  }
  for (const collection of items(field(health, 'trust'))) {
    const name = field(collection, 'name');
    for (const kind of ['anchors', 'intermediates']) {
      sheet.add('collection_certificates', field(collection, kind), { collection: name, kind });
    }
    const labels = { collection: name, thumbprint: field(collection, 'earliestThumbprint') };
    sheet.add('collection_not_after_seconds', secondsOf(field(collection, 'earliestExpiry')), labels);
  }
  sheet.add('collection_change_mistakes', items(field(health, 'trustMistakes')).length);
  const identities = field(health, 'identities');
  sheet.add('identities', field(identities, 'count'));
  for (const one of items(field(identities, 'soonest'))) {
    const labels = { address: items(field(one, 'addresses'))[0], sha256: field(one, 'sha256') };
    sheet.add('identity_not_after_seconds', secondsOf(field(one, 'notAfter')), labels);
  }
  addCounters(sheet, health);
}

function addQueue(sheet: Sheet, queue: unknown): void {
  sheet.add('queue_messages', field(queue, 'messages'));
  sheet.add('queue_oldest_received_seconds', secondsOf(field(queue, 'oldestReceivedAt')));
  sheet.add('queue_queued_total', field(queue, 'queued'));
  for (const result of ['delivered', 'deferred', 'failed']) {
    sheet.add('queue_recipients_total', field(queue, result), { result });
  }
  sheet.add('queue_ambiguous_total', field(queue, 'ambiguous'));
  sheet.add('queue_damaged_total', field(queue, 'damaged'));
}

function addCounters(sheet: Sheet, health: unknown): void {
  const revocation = field(health, 'revocation');
  sheet.add('revocation_lists', field(revocation, 'lists'));
  sheet.add('revocation_responses', field(revocation, 'responses'));
  sheet.add('revocation_unknown_accepted_total', field(revocation, 'unknownAccepted'));
  sheet.add('revocation_revoked_total', field(revocation, 'revoked'));
  const verdicts = field(health, 'verdicts');
  sheet.add('verdicts_cached_total', field(verdicts, 'cached'));
  sheet.add('verdicts_made_total', field(verdicts, 'made'));
}

/** Lines by metric, because those of one must stand together. */
class Sheet {
  readonly #lines = new Map<Metric, string[]>();

  /** Nothing but numbers and truths becomes a line. */
  add(metric: Metric, value: unknown, labels: Labels = {}): void {
    const number = typeof value === 'boolean' ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isFinite(number)) return;
    const pairs = Object.entries(labels).filter(([, label]) => typeof label === 'string');
    const text = pairs.map(([name, label]) => `${name}="${escaped(String(label))}"`).join(',');
    const line = `sealgate_${metric}${text === '' ? '' : `{${text}}`} ${number}`;
    this.#lines.set(metric, [...(this.#lines.get(metric) ?? []), line]);
  }

  /** Ends without a line end, as every command's answer does. */
  get text(): string {
    const blocks = [...this.#lines].map(([metric, lines]) => {
      const [kind, help] = METRICS[metric];
      return [`# HELP sealgate_${metric} ${help}`, `# TYPE sealgate_${metric} ${kind}`, ...lines].join('\n');
    });
    return blocks.join('\n');
  }
}

function escaped(label: string): string {
  return label
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replace(/[\r\n]/g, '\\n');
}

function secondsOf(time: unknown): number | null {
  const milliseconds = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  return Number.isNaN(milliseconds) ? null : milliseconds / 1000;
}

function pairs(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

function field(value: unknown, name: string): unknown {
  return pairs(value).find(([key]) => key === name)?.[1];
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
