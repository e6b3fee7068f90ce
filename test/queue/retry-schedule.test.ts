import assert from 'node:assert/strict';
import fc from 'fast-check';
import { planNextAttempt, retryDelayMs } from '../../src/queue/schedule/retry-schedule.ts';

const MINUTE = 60_000;
const OPTIONS = { firstMs: 5 * MINUTE, maxMs: 67 * MINUTE, lifetimeMs: 5 * 24 * 60 * MINUTE };

describe('the retry schedule', () => {
  it('doubles from the first delay to the largest', () => {
    const minutes = [1, 2, 3, 4, 5, 6, 100].map((attempts) => retryDelayMs(attempts, 0.5, OPTIONS) / MINUTE);
    assert.deepEqual(minutes, [5, 10, 20, 40, 67, 67, 67]);
  });

  it('spreads by a fifth either way and never more', () => {
    assert.equal(retryDelayMs(1, 0, OPTIONS), 4 * MINUTE);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        (n, random) => {
          const ratio = retryDelayMs(n, random, OPTIONS) / retryDelayMs(n, 0.5, OPTIONS);
          assert.ok(ratio > 0.799 && ratio < 1.201);
        },
      ),
    );
  });

  it('ends with an attempt at the end of the lifetime, and with none after it', () => {
    const facts = { attempts: 9, receivedAt: 0, random: 0.5 };
    const end = OPTIONS.lifetimeMs;
    assert.equal(planNextAttempt({ ...facts, now: end - MINUTE }, OPTIONS), end);
    assert.equal(planNextAttempt({ ...facts, now: end - 1 }, OPTIONS), end);
    assert.equal(planNextAttempt({ ...facts, now: end }, OPTIONS), null);
    assert.equal(planNextAttempt({ ...facts, now: end + 1 }, OPTIONS), null);
  });

  it('always comes to an end', () => {
    let now = 0;
    let attempts = 0;
    for (let next: number | null = 0; next !== null && attempts < 1000; ) {
      now = next;
      attempts += 1;
      next = planNextAttempt({ attempts, receivedAt: 0, now, random: 0.3 }, OPTIONS);
    }
    assert.equal(now, OPTIONS.lifetimeMs);
    assert.ok(attempts > 100 && attempts < 150, `${attempts} attempts`);
  });
});
