import assert from 'node:assert/strict';
import { Breaker, type Ticket } from '../../src/directory/breaker.ts';

describe('directory: breaker', () => {
  let now = 1_000_000;
  const admitted = (breaker: Breaker): Ticket => breaker.admit() ?? assert.fail('not admitted');

  it('lets one probe through after the period, and all after it succeeded', () => {
    const breaker = new Breaker(30_000, () => now);
    assert.equal(breaker.failed(admitted(breaker)), true);
    assert.equal(breaker.admit(), null);
    now += 29_999;
    assert.equal(breaker.admit(), null);
    now += 1;
    const probe = admitted(breaker);
    assert.equal(breaker.admit(), null, 'a second probe');
    assert.equal(breaker.answered(probe), true, 'recovery is told once');
    assert.equal(breaker.answered(admitted(breaker)), false);
  });

  it('starts a new period when the probe fails', () => {
    const breaker = new Breaker(30_000, () => now);
    breaker.failed(admitted(breaker));
    now += 30_000;
    assert.equal(breaker.failed(admitted(breaker)), true);
    assert.equal(breaker.admit(), null);
    now += 30_000;
    assert.notEqual(breaker.admit(), null);
  });

  it('counts one crash once, and believes no answer from before it', () => {
    const breaker = new Breaker(30_000, () => now);
    const tickets = Array.from({ length: 5 }, () => admitted(breaker));
    assert.deepEqual(
      tickets.slice(1).map((ticket) => breaker.failed(ticket)),
      [true, false, false, false],
    );
    assert.equal(breaker.answered(tickets[0] ?? assert.fail()), false);
    assert.equal(breaker.admit(), null);
    assert.equal(breaker.isCurrent(tickets[0] ?? assert.fail()), false);
  });
});
