/** Every fault of the matrix (catalogue C19, C28, L3, L9, L10), each arranged in a gateway of its own. */
import assert from 'node:assert/strict';
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DIRECTORY_FAULTS } from './directory-faults.ts';
import { diskFull } from './disk-fault.ts';
import { type Fault, FaultHouse, type FaultScene, findWordAtHome, LEVELS, logged } from './fault-scene.ts';
import { sleep } from './gateway-house.ts';
import { SmtpDialogue } from './smtp-dialogue.ts';
import type { SinkAct, SinkOptions, SinkStage } from './smtp-sink.ts';
import { CANARY } from './wire-tap.ts';

const authorityBroken: Fault = {
  name: 'CA file broken at a reload',
  async arrange() {
    const hall = await FaultHouse.open();
    const { house } = hall;
    writeFileSync(path.join(house.folder, 'trust', 'ca.pem'), house.ca.pem.slice(0, 200));
    const before = house.output.length;
    house.signal('SIGHUP');
    const refused = await logged(house, 'configuration.refused', before);
    assert.match(String(refused['mistakes']), /ca\.pem/);
    return acceptedScene(hall);
  },
};

/** Nothing is wrong at the door: mail is accepted, and has to arrive in the end. */
function acceptedScene(hall: FaultHouse): FaultScene {
  return {
    hall,
    recipient: (level) => `rita@${LEVELS[level]}`,
    stage: 'data',
    reply: '250 2.0.0',
    accepted: 'delivered',
    mend: async () => undefined,
    close: () => hall.close(),
  };
}

const hopDown: Fault = {
  name: 'next hop is down',
  async arrange() {
    const hall = await FaultHouse.open();
    await hall.tap.down();
    return { ...acceptedScene(hall), mend: () => hall.tap.up() };
  },
};

/** The next hop does this to our recipients at one stage, until it is mended; reports always pass. */
function hopFault(stage: SinkStage, act: SinkAct, accepted: FaultScene['accepted']): Fault {
  const what = typeof act === 'string' ? `says ${act}` : `will ${act?.act}`;
  return {
    name: `next hop ${what} at ${stage}`,
    async arrange() {
      let broken = true;
      const concerned = new Map<number, boolean>();
      const script: SinkOptions['script'] = (at, argument, connection) => {
        if (at === 'rcpt') concerned.set(connection, !argument.endsWith('@example.org'));
        const here = at === stage && (stage === 'banner' || concerned.get(connection) === true);
        return broken && here ? act : null;
      };
      const hall = await FaultHouse.open({}, { script });
      return {
        ...acceptedScene(hall),
        accepted,
        mend: async () => {
          // every message has met it once
          while (
            ((await hall.house.ask('GET', '/queue')) as { attempts: number }[]).some(({ attempts }) => attempts === 0)
          )
            await sleep(25);
          if (accepted === 'delivered') broken = false;
        },
      };
    },
  };
}

const keyRemoved: Fault = {
  name: 'spool key removed while mail waits',
  async arrange() {
    const hall = await FaultHouse.open();
    const { house, tap } = hall;
    await tap.down();
    return {
      ...acceptedScene(hall),
      mend: async () => {
        const key = path.join(house.folder, 'keys', 'spool.key');
        await house.end('SIGTERM');
        await tap.up();
        renameSync(key, `${key}.away`);
        await assert.rejects(house.start(), /ended with 78[\s\S]*queue\.key-missing|ended with 78[\s\S]*spool\.key/);
        assert.equal(tap.octets, 0, 'nothing left');
        rmSync(key, { force: true });
        renameSync(`${key}.away`, key);
        await house.start();
      },
    };
  },
};

const killed: Fault = {
  name: 'gateway killed while mail comes and waits',
  async arrange() {
    const hall = await FaultHouse.open();
    const { house, tap } = hall;
    await tap.down();
    return {
      ...acceptedScene(hall),
      mend: async () => {
        const session = await SmtpDialogue.greeted(house.port);
        await session.command('MAIL FROM:<anna@example.org>', 250);
        await session.command('RCPT TO:<rita@must.example>', 250);
        await session.command('DATA', 354);
        session.send(`From: anna@example.org\r\n\r\n${`${CANARY}\r\n`.repeat(20_000)}`);
        while (readdirSync(path.join(house.spool, 'tmp')).length === 0) await sleep(5);
        await house.end('SIGKILL');
        await session.closed();
        assert.deepEqual(findWordAtHome(house), []);
        await tap.up();
        await house.start();
      },
    };
  },
};

export const FAULTS: readonly Fault[] = [
  ...DIRECTORY_FAULTS,
  diskFull,
  authorityBroken,
  hopDown,
  hopFault('banner', '554 5.3.2 not today', 'delivered'),
  hopFault('rcpt', '450 4.2.1 later', 'delivered'),
  hopFault('rcpt', '550 5.1.1 nobody', 'reported'),
  hopFault('body', { act: 'reset' }, 'delivered'),
  hopFault('end', '452 4.3.1 full', 'delivered'),
  hopFault('end', '554 5.6.0 no', 'reported'),
  keyRemoved,
  killed,
];
