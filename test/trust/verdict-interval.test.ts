/** For how long a verdict is the same, to the millisecond. */
import assert from 'node:assert/strict';
import { VerdictFooting } from '../../src/trust/verdict-footing.ts';
import { verdictInterval } from '../../src/trust/verdict-interval.ts';
import type { PathResult, RevocationFinding } from '../../src/x509/path.ts';
import { makeAuthority } from '../support/certificate-builder.ts';

const HOUR = 3_600_000;
const NOON = Date.UTC(2027, 0, 15, 12);
const { certificate } = makeAuthority();
const date = (ms: number): Date => new Date(NOON + ms);
const dated = (begins: number, ends: number) => ({ ...certificate, notBefore: date(begins), notAfter: date(ends) });
const forever = dated(-1000 * HOUR, 1000 * HOUR);

function accepted(...revocation: RevocationFinding[]): PathResult {
  const path = {
    certificates: [certificate] as const,
    validFrom: date(-1000),
    validUntil: date(99 * HOUR),
    policies: [],
  };
  return { ok: true, path: { ...path, revocation }, attempts: [] };
}
const finding = (status: RevocationFinding['status'], next: number | null): RevocationFinding => ({
  status,
  accepted: true,
  text: '',
  thisUpdate: null,
  nextUpdate: next === null ? null : date(next),
});
const failure = { code: 'no-path', text: '', certificate, rank: 1 } as const;
const refused: PathResult = { ok: false, failure, attempts: [] };

function spanOf(result: PathResult, certificates = [forever], footing: VerdictFooting | null = null, at = 0): number[] {
  const { from, until } = verdictInterval(result, date(at), [certificates], footing);
  return [from - NOON, until - NOON];
}

describe('verdictInterval', () => {
  it('of an acceptance: while the path is valid, before and after it was given', () => {
    assert.deepEqual(spanOf(accepted()), [-1000, 99 * HOUR]);
  });

  it('of an acceptance: no longer than its evidence, an hour at most, the unknown and the stale a minute', () => {
    const until = (...findings: RevocationFinding[]): number => spanOf(accepted(...findings))[1] ?? 0;
    assert.equal(until(finding('good', 70_000), finding('good', 90_000)), 70_000);
    assert.equal(until(finding('unknown', null), finding('good', 90_000)), 60_000);
    assert.equal(until(finding('good', -5)), 60_000, 'stale');
    assert.equal(until(finding('not-checked', null)), HOUR);
    assert.equal(until(finding('good', 50 * HOUR)), HOUR);
  });

  it('of a refusal: a minute from when it was given, not past a date of a candidate or the end of the day', () => {
    assert.deepEqual(spanOf(refused), [0, 60_000]);
    assert.deepEqual(spanOf(refused, [forever, dated(10, HOUR)]), [0, 9]);
    assert.deepEqual(spanOf(refused, [forever, dated(-10, 10)]), [0, 10]);
    assert.deepEqual(spanOf(refused, [dated(-10, 0)]), [0, 0]);
    assert.deepEqual(spanOf(refused, [dated(-10, -1), dated(-10, HOUR)]), [0, 60_000]);
    assert.deepEqual(spanOf(refused, [forever], null, 12 * HOUR - 5), [12 * HOUR - 5, 12 * HOUR - 1]);
  });

  it('of both: between the moments that evidence was compared with', () => {
    const footing = new VerdictFooting(date(0));
    for (const moment of [-900, -50, -300, 40, 500, 7]) footing.passMoment(NOON + moment);
    assert.deepEqual(spanOf(accepted(), [forever], footing), [-49, 6]);
    assert.deepEqual(spanOf(refused, [forever], footing), [0, 6]);
    footing.passMoment(NOON);
    assert.deepEqual(spanOf(accepted(), [forever], footing), [0, 0]);
  });
});
