/** What nobody catches: one event with its stack, exit code 70, and a queue as it was. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { GatewayHouse, submit } from '../support/gateway-house.ts';

const ANNA = 'anna@example.org';
const ERIK = 'erik@partner.example';
const TEXT = `From: ${ANNA}\r\nTo: ${ERIK}\r\nSubject: x\r\n\r\nhello\r\n`;
/** A signal has the gateway throw where nobody catches. */
const FAULTS = {
  'an exception in an event': "process.on('SIGUSR2', () => { throw new Error('made by the test'); });",
  'a rejection': "process.on('SIGUSR2', () => { Promise.reject(new Error('made by the test')); });",
} as const;

describe('system: a defect', () => {
  for (const [name, program] of Object.entries(FAULTS)) {
    it(`${name} ends the process with 70 and loses nothing`, async () => {
      const house = await GatewayHouse.open({
        rules: ['partner.example: { encrypt: required }'],
        nodeFlags: ['--import', `data:text/javascript,${encodeURIComponent(program)}`],
      });
      try {
        const { sink } = house;
        assert.ok(sink);
        const { data } = await submit(house.port, ANNA, [ERIK], TEXT);
        assert.match(data ?? '', /^250/);
        await house.drained(20_000);
        assert.equal(await house.end('SIGUSR2'), 70);
        const said = house.log.filter(({ event }) => event === 'gateway.defect');
        assert.equal(said.length, 1);
        assert.match(JSON.stringify(said[0]), /made by the test.*stack/s);
        await house.start();
        assert.match((await submit(house.port, ANNA, [ERIK], TEXT)).data ?? '', /^250/);
        for (let waited = 0; sink.messages.length < 2 && waited < 20_000; waited += 50) await delay(50);
        assert.equal(sink.messages.length, 2);
      } finally {
        await house.close();
      }
    });
  }
});
