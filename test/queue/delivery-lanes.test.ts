/** The turn of the three lanes, and what a message already begun may do that a new one may not. */
import assert from 'node:assert/strict';
import { DeliveryLanes } from '../../src/queue/schedule/delivery-lanes.ts';

function lanes(): DeliveryLanes<string> {
  const made = new DeliveryLanes<string>();
  for (const item of ['new 1', 'new 2', 'new 3']) made.fresh.push(item);
  for (const item of ['old 1', 'old 2']) made.deferred.push(item);
  for (const item of ['more 1', 'more 2']) made.further.push(item);
  return made;
}

function takeAll(from: DeliveryLanes<string>, mayBegin: boolean): string[] {
  const taken: string[] = [];
  for (let item = from.take(mayBegin); item !== undefined; item = from.take(mayBegin)) taken.push(item);
  return taken;
}

describe('queue: delivery lanes', () => {
  it('serves the three in rotation, and what is left when one is empty', () => {
    assert.deepEqual(takeAll(lanes(), true), ['new 1', 'old 1', 'more 1', 'new 2', 'old 2', 'more 2', 'new 3']);
  });

  it('serves only what is begun when no more may be begun', () => {
    assert.deepEqual(takeAll(lanes(), false), ['more 1', 'more 2']);
  });
});
