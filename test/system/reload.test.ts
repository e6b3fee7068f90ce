/** O5, L12: a reload changes all or nothing, while mail flows and none is lost. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { FaultHouse, logged } from '../support/fault-scene.ts';
import { GatewayHouse, sleep, submit } from '../support/gateway-house.ts';
import { configurationOf, runReloads } from '../support/reload-run.ts';
import { SmtpDialogue } from '../support/smtp-dialogue.ts';

const TEXT = 'From: anna@example.org\r\nTo: rita@may.example\r\n\r\nhello\r\n';

describe('system: O5 reload', function () {
  this.timeout(120_000);

  it('refuses 40 broken configurations under load: none in force, no mail lost', async () => {
    const result = await runReloads(40);
    assert.deepEqual(result.problems, []);
    assert.deepEqual([result.refused, result.loaded, result.inClear], [40, 8, 0]);
    assert.ok(result.accepted > 0 && result.arrived === result.accepted);
  });

  it('survives a SIGHUP in the middle of the start', async () => {
    const house = await GatewayHouse.open({ stopped: true });
    try {
      const started = house.start();
      // the first line of the log comes while the parts are being opened
      while (house.output === '') await sleep(1);
      house.signal('SIGHUP');
      await started;
      assert.equal((await logged(house, 'configuration.loaded'))['event'], 'configuration.loaded');
      assert.equal(house.cli('health').status, 0);
    } finally {
      await house.close();
    }
  });

  describe('of a good configuration', () => {
    let hall: FaultHouse;
    beforeEach(async () => {
      hall = await FaultHouse.open();
    });
    afterEach(() => hall.close());

    const change = (replace: (text: string) => string): void => hall.edit(replace);
    const reload = async (): Promise<Record<string, unknown>> => {
      const from = hall.house.output.length;
      hall.house.signal('SIGHUP');
      return logged(hall.house, 'configuration.loaded', from);
    };

    it('keeps a transaction under way on its old snapshot, and gives the next one the new', async () => {
      const { house } = hall;
      await hall.tap.down();
      const old = await configurationOf(house);
      const session = await SmtpDialogue.greeted(house.port);
      await session.command('MAIL FROM:<anna@example.org>', 250);
      await session.command('RCPT TO:<rita@may.example>', 250);
      await session.command('DATA', 354);
      session.send('From: anna@example.org\r\n');
      // this one has its facts from before the reload, and its message from after it
      const between = await SmtpDialogue.greeted(house.port);
      await between.command('MAIL FROM:<anna@example.org>', 250);
      await between.command('RCPT TO:<rita@may.example>', 250);
      change((text) =>
        text.replace('may.example: { encrypt: if-possible }', 'may.example: { sign: never, encrypt: never }'),
      );
      const { configuration, previous } = await reload();
      assert.deepEqual([previous, configuration], [old, await configurationOf(house)]);
      assert.notEqual(configuration, old);
      session.send('To: rita@may.example\r\n\r\nhello\r\n.\r\n');
      const first = await session.expect(250);
      await between.command('DATA', 354);
      between.send(`${TEXT}.\r\n`);
      const middle = await between.expect(250);
      await between.quit();
      // the same connection: a transaction, not a session, is what keeps its snapshot
      await session.command('MAIL FROM:<anna@example.org>', 250);
      await session.command('RCPT TO:<rita@may.example>', 250);
      await session.command('DATA', 354);
      session.send(`${TEXT}.\r\n`);
      const second = await session.expect(250);
      await session.quit();
      const shown = [first, middle, second].map(
        ({ text }) => house.cli('queue', 'show', /as (\S+)/.exec(text)?.[1] ?? '').stdout,
      );
      for (const text of shown.slice(0, 2)) {
        assert.match(text, new RegExp(`configuration +${old}\\b`));
        assert.match(text, /protection +must-encrypt/);
      }
      assert.match(shown[2] ?? '', new RegExp(`configuration +${String(configuration)}\\b`));
      assert.match(shown[2] ?? '', /protection +may-be-clear/);
      assert.deepEqual(
        house.log.filter(({ event }) => event === 'message.queued').map((line) => line['configuration']),
        [old, old, configuration],
      );
      await hall.tap.up();
      await house.drained();
    });

    it('says over the control socket what SIGHUP says in the log', async () => {
      const good = hall.house.cli('reload');
      assert.equal(good.status, 0, good.stderr);
      change((text) => text.replace('hostname: gw.example.org', 'hostname: gw..example.org'));
      const bad = hall.house.cli('reload');
      assert.equal(bad.status, 78);
      assert.match(bad.stderr, /sealgate\.yaml:1:11: hostname: /);
    });

    it('refuses to change the queue folder, and says that it needs a restart', async () => {
      const old = await configurationOf(hall.house);
      change((text) => text.replace('folder: spool', 'folder: elsewhere'));
      const from = hall.house.output.length;
      hall.house.signal('SIGHUP');
      const refused = await logged(hall.house, 'configuration.refused', from);
      assert.match(String(refused['mistakes']), /queue: cannot change while running: restart/);
      assert.equal(await configurationOf(hall.house), old);
      const answer = await submit(hall.house.port, 'anna@example.org', ['rita@must.example'], TEXT);
      assert.match(answer.data ?? '', /^250 /);
      await hall.house.drained();
    });

    it('adds a listener and takes it away again; sessions of it go on', async () => {
      const port = await freePort();
      const clients = '[{ network: 127.0.0.0/8, vouches: never }]';
      const listener = `  - address: 127.0.0.1:${port}\n    clients: ${clients}\n`;
      const kept = await SmtpDialogue.greeted(hall.house.port);
      change((text) => text.replace(/^trust:/m, `${listener}trust:`));
      await reload();
      const added = await SmtpDialogue.greeted(port);
      change((text) => text.replace(listener, ''));
      await reload();
      await assert.rejects(SmtpDialogue.open(port), /ECONNREFUSED/);
      for (const session of [kept, added]) {
        await session.command('MAIL FROM:<anna@example.org>', 250);
        await session.command('RCPT TO:<rita@must.example>', 250);
        await session.command('DATA', 354);
        session.send(`${TEXT}.\r\n`);
        await session.expect(250);
        await session.quit();
      }
      await hall.house.drained();
      assert.equal(hall.sink.messages.length, 2);
    });

    it('refuses a listener whose port is taken, and changes nothing', async () => {
      const taken = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => taken.once('listening', resolve));
      const address = taken.address();
      const port = typeof address === 'object' ? address?.port : 0;
      try {
        const old = await configurationOf(hall.house);
        change((text) =>
          text
            .replace(/^trust:/m, `  - address: 127.0.0.1:${port}\n    clients: [{ network: 127.0.0.0/8 }]\ntrust:`)
            .replace('may.example: { encrypt: if-possible }', 'may.example: { encrypt: never }'),
        );
        const from = hall.house.output.length;
        hall.house.signal('SIGHUP');
        const refused = await logged(hall.house, 'configuration.refused', from);
        assert.match(String(refused['mistakes']), new RegExp(`${port}`));
        assert.equal(await configurationOf(hall.house), old);
      } finally {
        taken.close();
      }
    });

    it('gives up what earlier configurations held open', async () => {
      for (let turn = 0; turn < 20; turn += 1) {
        change((text) => `${text}# ${turn}\n`);
        await reload();
      }
      const { house } = hall;
      const from = house.output.length;
      house.addPartner('late@may.example');
      const read = (): number => house.output.slice(from).split('"certificate folder read"').length - 1;
      while (read() === 0) await sleep(25);
      await sleep(500);
      // the one in force and the few whose transactions may still go on; one may read twice while the file grows
      assert.ok(read() <= 8, `${read()} sources read the folder`);
    });

    it('takes a new next hop for what waits already', async () => {
      await hall.tap.down();
      await submit(hall.house.port, 'anna@example.org', ['rita@must.example'], TEXT);
      change((text) => text.replaceAll(`127.0.0.1:${hall.tap.port}`, `127.0.0.1:${hall.sink.port}`));
      await reload();
      await hall.house.drained();
      assert.equal(hall.sink.messages.length, 1);
    });
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
