/** The interval in which a verdict is given again, to the millisecond. */
import assert from 'node:assert/strict';
import { VerdictCache } from '../../src/trust/verdict-cache.ts';
import type { PathResult } from '../../src/x509/path.ts';
import { makeAuthority } from '../support/certificate-builder.ts';

const { certificate } = makeAuthority();
const date = (ms: number): Date => new Date(1_800_000_000_000 + ms);
const accepted: PathResult = {
  ok: true,
  path: {
    certificates: [certificate],
    validFrom: date(-1000),
    validUntil: date(1_000_000),
    policies: [],
    revocation: [],
  },
  attempts: [],
};
const failure = { code: 'no-path', text: '', certificate, rank: 1 } as const;
const refused: PathResult = { ok: false, failure, attempts: [] };

describe('VerdictCache', () => {
  it('keeps an acceptance while the path is valid, before and after it was given', () => {
    const cache = new VerdictCache(10);
    cache.keep('a', accepted, date(0), date(10));
    for (const ms of [-1000, 0, 11, 1_000_000]) assert.equal(cache.find('a', date(ms)), accepted, String(ms));
    for (const ms of [-1001, 1_000_001]) assert.equal(cache.find('a', date(ms)), null, String(ms));
    assert.equal(cache.find('b', date(0)), null);
    assert.equal(cache.find('a', new Date(Number.NaN)), null);
  });

  it('keeps an acceptance no longer than its evidence of revocation, the unknown for a minute', () => {
    const finding = (status: 'good' | 'unknown' | 'not-checked', nextUpdate: Date | null) =>
      ({ status, accepted: true, text: '', thisUpdate: null, nextUpdate }) as const;
    const until = (...findings: ReturnType<typeof finding>[]): number => {
      if (!accepted.ok) return 0;
      const cache = new VerdictCache(10);
      cache.keep('a', { ...accepted, path: { ...accepted.path, revocation: findings } }, date(0), null);
      return [5_000, 60_000, 70_000, 1_000_000].findLast((ms) => cache.find('a', date(ms)) !== null) ?? 0;
    };
    assert.equal(until(finding('good', date(70_000)), finding('good', date(90_000))), 70_000);
    assert.equal(until(finding('unknown', null), finding('good', date(90_000))), 60_000);
    assert.equal(until(finding('good', date(-5))), 60_000, 'stale');
    assert.equal(until(finding('not-checked', null)), 1_000_000);
  });

  it('keeps a refusal for a minute from when it was given', () => {
    const cache = new VerdictCache(10);
    cache.keep('a', refused, date(0), null);
    for (const ms of [0, 60_000]) assert.equal(cache.find('a', date(ms)), refused, String(ms));
    for (const ms of [-1, 60_001]) assert.equal(cache.find('a', date(ms)), null, String(ms));
  });

  it('keeps a refusal until just before a certificate becomes valid', () => {
    const cache = new VerdictCache(10);
    cache.keep('a', refused, date(0), date(10));
    assert.equal(cache.find('a', date(9)), refused);
    assert.equal(cache.find('a', date(10)), null);
  });
});
