import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DueHeap } from '../../src/queue/schedule/due-heap.ts';
import { Lane } from '../../src/queue/schedule/lane.ts';

describe('the heap of due messages', () => {
  it('gives items in the order they are due, also when they change their mind', () => {
    const moves = fc.array(fc.tuple(fc.nat(9), fc.nat(1000)), { maxLength: 60 });
    fc.assert(
      fc.property(moves, (pushes) => {
        const heap = new DueHeap<{ name: number; dueMs: number }>();
        const items = Array.from({ length: 10 }, (_, name) => ({ name, dueMs: Number.POSITIVE_INFINITY }));
        for (const [name, dueMs] of pushes) {
          const item = items[name];
          if (item === undefined) continue;
          item.dueMs = dueMs;
          heap.push(item);
        }
        const taken: number[] = [];
        const seen = new Set<number>();
        for (let item = heap.take(1000); item !== null; item = heap.take(1000)) {
          taken.push(item.dueMs);
          seen.add(item.name);
        }
        assert.deepEqual(
          taken,
          [...taken].sort((a, b) => a - b),
        );
        assert.deepEqual(seen, new Set(pushes.map(([name]) => name)));
      }),
    );
  });

  it('gives nothing before its time, and nothing that was given up', () => {
    const heap = new DueHeap<{ dueMs: number }>();
    const later = { dueMs: 10 };
    const gone = { dueMs: 5 };
    heap.push(later);
    heap.push(gone);
    gone.dueMs = Number.NaN;
    assert.equal(heap.take(9), null);
    assert.equal(heap.earliestMs(), 10);
    assert.equal(heap.take(10), later);
    assert.equal(heap.earliestMs(), null);
  });
});

describe('a lane', () => {
  it('is first in, first out', () => {
    const lane = new Lane<number>();
    lane.push(1);
    lane.push(2);
    assert.equal(lane.take(), 1);
    lane.push(3);
    assert.deepEqual([lane.take(), lane.take(), lane.take()], [2, 3, undefined]);
  });
});
