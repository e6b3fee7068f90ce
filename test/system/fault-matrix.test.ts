/** C19, C28, L9, L10: whatever fails, nothing that must be sealed leaves in clear, and the sender is told the truth. */
import assert from 'node:assert/strict';
import { CLEAR_SAMPLES, clearSample } from '../support/clear-samples.ts';
import { FAULTS } from '../support/fault-catalogue.ts';
import { assertHeld, FaultHouse, runFault } from '../support/fault-scene.ts';
import { submit } from '../support/gateway-house.ts';
import { CANARY, findInClear } from '../support/wire-tap.ts';

/** Two for each way a body can carry the word would be many; four for each level show reply and silence. */
const MESSAGES = 8;

describe('system: C19 fault matrix', function () {
  this.timeout(120_000);

  it('would see the word in every message that is let through', async () => {
    const hall = await FaultHouse.open();
    try {
      for (let i = 0; i < CLEAR_SAMPLES; i += 1) {
        const { name, text } = clearSample(i, CANARY, 'anna@example.org', 'otto@open.example');
        const before = hall.tap.octets;
        const answer = await submit(hall.house.port, 'anna@example.org', ['otto@open.example'], text);
        assert.match(answer.data ?? '', /^250 /, name);
        await hall.sink.waitFor(i + 1);
        const sent = Buffer.concat(hall.tap.streams).subarray(before);
        assert.notDeepEqual(findInClear(sent, CANARY), [], name);
      }
    } finally {
      await hall.close();
    }
  });

  for (const fault of FAULTS) {
    it(fault.name, async () => assertHeld(await runFault(fault, MESSAGES)));
  }
});
