/** Every fault of the matrix (catalogue C19, C28, L3, L9, L10), each arranged in a gateway of its own. */
import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { BAD_CERTIFICATES, publishBad } from './bad-certificates.ts';
import { diskFull } from './disk-fault.ts';
import { bystander, type Fault, FaultHouse, type FaultScene, LEVELS, logged } from './fault-scene.ts';
import { sleep } from './gateway-house.ts';
import { type LdapBehaviour, ldapDone, ldapEntry, startHostileLdap } from './hostile-ldap.ts';
import type { SinkAct, SinkOptions, SinkStage } from './smtp-sink.ts';

const rita: FaultScene['recipient'] = (level) => `rita@${LEVELS[level]}`;
const nothingToMend = async (): Promise<void> => undefined;

const silent: LdapBehaviour = () => undefined;

/** What an LDAP server may do instead of answering; a bind never happens here. */
const LDAP_FAULTS: Readonly<Record<string, LdapBehaviour>> = {
  'never answers': silent,
  'sends garbage': (socket) =>
    socket.write(Buffer.from('\x30\x84\xff\xff\xff\xff\x02garbage that is no LDAP', 'latin1')),
  'speaks HTTP': (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
  'hangs up': (socket) => socket.destroy(),
  'says busy': (socket, id) => socket.write(ldapDone(id, 51)),
  'says size limit exceeded': (socket, id) => socket.write(ldapDone(id, 4)),
  'says no such object': (socket, id) => socket.write(ldapDone(id, 32)),
  'breaks off in the middle': (socket, id) => {
    const entry = ldapEntry(id, 'cn=lea', [['userCertificate;binary', [Buffer.alloc(500, 0x30)]]]);
    socket.end(entry.subarray(0, 200));
  },
};

function ldapFault(name: string, behaviour: LdapBehaviour): Fault {
  return {
    name: `LDAP server ${name}`,
    async arrange() {
      const ldap = await startHostileLdap(behaviour);
      const hall = await FaultHouse.open({ directory: withLdap(ldap.url) });
      return {
        ...directoryScene(hall),
        inspect: async () => {
          assert.ok(ldap.requests() >= 1, 'the server was asked');
          // after the first deadline the breaker answers, but for a probe now and then
          if (behaviour === silent) assert.ok(ldap.requests() <= 3, `asked ${ldap.requests()} times`);
          await bystander(hall);
        },
        close: async () => {
          await hall.close();
          await ldap.stop();
        },
      };
    },
  };
}

function withLdap(url: string): readonly string[] {
  return ['- folder: partners', `- { ldap: "${url}", base: "dc=example" }`];
}

function directoryScene(hall: FaultHouse): FaultScene {
  return {
    hall,
    // nobody of them is in the folder, so the answer hangs on the source that fails
    recipient: (level, index) => `lea${index}@${LEVELS[level]}`,
    stage: 'rcpt',
    reply: '451 4.4.3',
    accepted: 'delivered',
    mend: nothingToMend,
    close: () => hall.close(),
  };
}

const ldapClosed: Fault = {
  name: 'LDAP server is down',
  async arrange() {
    const port = await closedPort();
    const hall = await FaultHouse.open({ directory: withLdap(`ldap://127.0.0.1:${port}`) });
    return { ...directoryScene(hall), inspect: () => bystander(hall) };
  },
};

async function closedPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const folderVanished: Fault = {
  name: 'certificate folder vanished',
  async arrange() {
    const hall = await FaultHouse.open();
    const { house } = hall;
    renameSync(path.join(house.folder, 'partners'), path.join(house.folder, 'away'));
    while (!house.output.includes('directory source failed')) await sleep(25);
    return {
      ...directoryScene(hall),
      // also those whose certificates were known a moment ago
      recipient: (level, index) => (index % 4 < 2 ? rita(level, index) : `lea${index}@${LEVELS[level]}`),
      mend: async () => {
        renameSync(path.join(house.folder, 'away'), path.join(house.folder, 'partners'));
        while (!house.output.includes('directory source recovered')) await sleep(25);
        await bystander(hall);
      },
    };
  },
};

function certificateFault(name: string, source: 'folder' | 'LDAP'): Fault {
  return {
    name: `${name} certificate (${source})`,
    async arrange() {
      const ldap = await startHostileLdap((socket, id) => socket.write(ldapDone(id)));
      const hall = await FaultHouse.open({ directory: withLdap(ldap.url), stopped: true });
      const bad = BAD_CERTIFICATES[name];
      assert.ok(bad);
      const value = bad(hall.house.ca, 'bea');
      if (source === 'folder') publishBad(hall.house, 'bea', value);
      else {
        ldap.behave((socket, id) => {
          const entry = ldapEntry(id, 'cn=bea', [['userCertificate;binary', [value]]]);
          socket.write(Buffer.concat([entry, ldapDone(id)]));
        });
      }
      await hall.house.start();
      return {
        hall,
        recipient: (level) => `bea@${LEVELS[level]}`,
        stage: 'rcpt',
        reply: '550 5.7.1',
        accepted: 'delivered',
        mend: nothingToMend,
        close: async () => {
          await hall.close();
          await ldap.stop();
        },
      };
    },
  };
}

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

function acceptedScene(hall: FaultHouse): FaultScene {
  return {
    hall,
    recipient: rita,
    stage: 'data',
    reply: '250 2.0.0',
    accepted: 'delivered',
    mend: nothingToMend,
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
  name: 'gateway killed while mail waits',
  async arrange() {
    const hall = await FaultHouse.open();
    await hall.tap.down();
    return {
      ...acceptedScene(hall),
      mend: async () => {
        await hall.house.end('SIGKILL');
        await hall.tap.up();
        await hall.house.start();
      },
    };
  },
};

export const FAULTS: readonly Fault[] = [
  diskFull,
  ldapClosed,
  ...Object.entries(LDAP_FAULTS).map(([name, behaviour]) => ldapFault(name, behaviour)),
  folderVanished,
  ...Object.keys(BAD_CERTIFICATES).map((name) => certificateFault(name, 'folder')),
  ...Object.keys(BAD_CERTIFICATES).map((name) => certificateFault(name, 'LDAP')),
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
