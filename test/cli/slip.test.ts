/** A slip in the configuration of a gateway that runs: the commands that look at it go on, and say what is in force. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { findSpoolFolder } from '../../src/config/spool-folder.ts';
import { GatewayHouse, submit } from '../support/gateway-house.ts';

describe('a slip in the configuration of a running gateway', function () {
  this.timeout(60_000);
  let house: GatewayHouse;
  before(async () => {
    house = await GatewayHouse.open({ nextHopPort: 1 });
  });
  after(() => house.close());

  it('leaves health and queue usable, and reload says what stays in force', async () => {
    const { data } = await submit(
      house.port,
      'anna@example.org',
      ['rita@partner.example'],
      'From: anna@example.org\r\n\r\nx\r\n',
    );
    assert.match(data ?? '', /^250 /);
    appendFileSync(house.config, 'quue: {}\n');
    assert.deepEqual(house.cli('health'), { status: 0, stdout: 'healthy\n', stderr: '' });
    const list = house.cli('queue', 'list');
    assert.equal(list.status, 0, list.stderr);
    assert.match(list.stdout, /rita@partner\.example {2}next /);
    const reload = house.cli('reload');
    assert.equal(reload.status, 78);
    assert.match(
      reload.stderr,
      /quue: unknown key: did you mean queue\?\nhint: the configuration that was in force stays in force\n$/,
    );
  });

  it('a file that does not name the spool is told, with its mistakes', async () => {
    const text = readFileSync(house.config, 'utf8');
    try {
      writeFileSync(house.config, text.replace(/^queue: .*$/m, ''));
      const health = house.cli('health');
      assert.equal(health.status, 78);
      assert.match(health.stderr, /quue: unknown key: did you mean queue/);
    } finally {
      writeFileSync(house.config, text);
    }
    assert.equal(await findSpoolFolder(house.config), house.spool);
    assert.equal(await findSpoolFolder(path.join(house.folder, 'none.yaml')), null);
  });
});
