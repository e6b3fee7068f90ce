/** The health answer as Prometheus reads it: every line well-formed, whatever the gateway answered. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatMetrics } from '../../src/cli/metrics-text.ts';

const HEALTH = {
  healthy: true,
  version: '0.1.0',
  configuration: '0123456789ab',
  startedAt: '2026-11-25T00:00:00.500Z',
  routes: { internal: { up: true, waiting: 0 }, outside: { up: false, waiting: 3 } },
  queue: {
    messages: 3,
    oldestReceivedAt: '2026-11-25T00:00:00.000Z',
    queued: 9,
    delivered: 5,
    deferred: 4,
    failed: 1,
    ambiguous: 0,
    reports: 1,
    damaged: 0,
  },
  directory: [{ source: 'folder "a\\b"\n', entries: 7, lastFailureAt: null }],
  trust: [
    {
      name: 'default',
      anchors: 2,
      intermediates: 1,
      earliestExpiry: '2027-01-01T00:00:00.000Z',
      earliest: 'ab',
      earliestThumbprint: 'CD',
    },
  ],
  trustMistakes: ['x', 'y'],
  identities: {
    count: 2,
    soonest: [{ addresses: ['anna@example.org'], sha256: 'ef', notAfter: '2026-12-01T00:00:00Z' }],
  },
  revocation: null,
  verdicts: { cached: 9, made: 4 },
};

describe('formatMetrics', () => {
  it('has names, kinds and labels that stay', () => {
    const lines = formatMetrics(HEALTH).split('\n');
    const values = lines.filter((line) => !line.startsWith('#'));
    assert.deepEqual(values, [
      'sealgate_up 1',
      'sealgate_healthy 1',
      'sealgate_info{version="0.1.0",configuration="0123456789ab"} 1',
      'sealgate_start_time_seconds 1795564800.5',
      'sealgate_route_up{route="internal"} 1',
      'sealgate_route_up{route="outside"} 0',
      'sealgate_route_waiting{route="internal"} 0',
      'sealgate_route_waiting{route="outside"} 3',
      'sealgate_queue_messages 3',
      'sealgate_queue_oldest_received_seconds 1795564800',
      'sealgate_queue_queued_total 9',
      'sealgate_queue_recipients_total{result="delivered"} 5',
      'sealgate_queue_recipients_total{result="deferred"} 4',
      'sealgate_queue_recipients_total{result="failed"} 1',
      'sealgate_queue_ambiguous_total 0',
      'sealgate_queue_damaged_total 0',
      'sealgate_directory_entries{source="folder \\"a\\\\b\\"\\n"} 7',
      'sealgate_collection_certificates{collection="default",kind="anchors"} 2',
      'sealgate_collection_certificates{collection="default",kind="intermediates"} 1',
      'sealgate_collection_not_after_seconds{collection="default",thumbprint="CD"} 1798761600',
      'sealgate_collection_change_mistakes 2',
      'sealgate_identities 2',
      'sealgate_identity_not_after_seconds{address="anna@example.org",sha256="ef"} 1796083200',
      'sealgate_verdicts_cached_total 9',
      'sealgate_verdicts_made_total 4',
    ]);
    assert.ok(lines.includes('# TYPE sealgate_verdicts_cached_total counter'));
  });

  it('has no series twice, though two sources have one name', () => {
    const source = { source: 'ldap ldaps://dc1:636', entries: 1, lastFailureAt: null };
    const lines = formatMetrics({ directory: [source, source] }).split('\n');
    assert.deepEqual(
      lines.filter((line) => line.startsWith('sealgate_directory_entries')),
      [
        'sealgate_directory_entries{source="ldap ldaps://dc1:636"} 1',
        'sealgate_directory_entries{source="ldap ldaps://dc1:636 (2)"} 1',
      ],
    );
  });

  it('gives no age where the queue is empty', () => {
    const lines = formatMetrics({ queue: { ...HEALTH.queue, messages: 0, oldestReceivedAt: null } }).split('\n');
    assert.ok(lines.includes('sealgate_queue_messages 0'));
    assert.ok(!lines.some((line) => line.startsWith('sealgate_queue_oldest')));
  });

  it('says that nobody answers', () => {
    assert.equal(formatMetrics(null).split('\n').at(-1), 'sealgate_up 0');
  });

  it('makes well-formed lines of whatever was answered', () => {
    const line =
      /^(# (HELP|TYPE) sealgate_[a-z_]+ .+|sealgate_[a-z_]+(\{([a-z0-9]+="([^"\\\n]|\\["\\n])*",?)+\})? -?[0-9.e+-]+)$/;
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(...Object.keys(HEALTH)), (value, name) => {
        for (const text of [formatMetrics(value), formatMetrics({ ...HEALTH, [name]: value })]) {
          for (const one of text.split('\n')) assert.match(one, line);
        }
      }),
    );
  });
});
