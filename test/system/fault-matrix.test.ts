/** C19, C28, L9, L10: whatever fails, nothing that must be sealed leaves in clear, and the sender is told the truth. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BAD_CERTIFICATES, publishBad } from '../support/bad-certificates.ts';
import { CLEAR_SAMPLES, clearSample } from '../support/clear-samples.ts';
import { FAULTS } from '../support/fault-catalogue.ts';
import { assertHeld, FaultHouse, LENIENT_DOMAIN, runFault } from '../support/fault-scene.ts';
import { GatewayHouse, submit } from '../support/gateway-house.ts';
import { skipOrFail } from '../support/vectors.ts';
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
    it(fault.name, async function () {
      const reason = fault.impossible?.() ?? null;
      if (reason !== null) skipOrFail(this, reason);
      assertHeld(await runFault(fault, MESSAGES));
    });
  }
});

describe('system: C28 what unusable certificates lead to', function () {
  this.timeout(60_000);
  let hall: FaultHouse;
  before(async () => {
    hall = await FaultHouse.open({ stopped: true });
    for (const [name, make] of Object.entries(BAD_CERTIFICATES)) {
      publishBad(hall.house, localOf(name), make(hall.house.ca, localOf(name)));
    }
    await hall.house.start();
  });
  after(() => hall.close());

  const outcome = async (address: string): Promise<string> => {
    const text = `From: anna@example.org\r\nTo: ${address}\r\n\r\nan open word\r\n`;
    const answer = await submit(hall.house.port, 'anna@example.org', [address], text);
    return (answer.data ?? answer.rcpt[0] ?? answer.mail).slice(0, 9);
  };

  for (const name of Object.keys(BAD_CERTIFICATES)) {
    it(`${name}: refused, and plain only where the rule says so`, async () => {
      const local = localOf(name);
      assert.equal(await outcome(`${local}@must.example`), '550 5.7.1');
      assert.equal(await outcome(`${local}@may.example`), '550 5.7.1');
      assert.equal(await outcome(`${local}@${LENIENT_DOMAIN}`), '250 2.0.0');
      await hall.house.drained();
      const copies = hall.sink.messages.filter(({ to }) => to.some((address) => address.startsWith(`${local}@`)));
      assert.deepEqual(
        copies.map(({ to }) => to),
        [[`${local}@${LENIENT_DOMAIN}`]],
      );
      assert.match(copies[0]?.wire.toString('latin1') ?? '', /multipart\/signed[\s\S]*an open word/);
      const decisions = hall.house.log.filter(({ to, stage }) => to === `${local}@may.example` && stage === 'rcpt');
      const reasons = decisions[0]?.['reasons'];
      assert.ok(Array.isArray(reasons) && reasons.length > 0, 'the log says why');
    });
  }

  it('nobody publishes anything: refused where required, plain where possible', async () => {
    assert.equal(await outcome('nora@must.example'), '550 5.7.1');
    assert.equal(await outcome('nora@may.example'), '250 2.0.0');
  });
});

describe('system: C19 a start that would not be safe', function () {
  this.timeout(60_000);
  let house: GatewayHouse;
  beforeEach(async () => {
    house = await GatewayHouse.open({ stopped: true });
  });
  afterEach(() => house.close());

  const broken: Readonly<Record<string, string>> = {
    'cut off': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
    'no certificate at all': 'this was a certificate\n',
    empty: '',
  };
  for (const [name, content] of Object.entries(broken)) {
    it(`a CA file that is ${name}: exit 78, and the file is named`, async () => {
      writeFileSync(path.join(house.folder, 'trust', 'ca.pem'), content);
      await assert.rejects(house.start(), /ended with 78[\s\S]*ca\.pem/);
    });
  }

  it('a trust folder without any CA: exit 78', async () => {
    rmSync(path.join(house.folder, 'trust', 'ca.pem'));
    await assert.rejects(house.start(), /ended with 78[\s\S]*trust/);
  });

  it('a second gateway on the same spool: exit 78, and the process that has it is named', async () => {
    await house.start();
    const { pid } = house;
    const second = house.cli('start');
    assert.equal(second.status, 78);
    assert.match(second.stderr, new RegExp(`another gateway uses this spool \\(process ${pid}\\)`));
    assert.equal(house.cli('health').status, 0, 'the first one goes on');
  });
});

function localOf(name: string): string {
  return name.replaceAll(' ', '-');
}
