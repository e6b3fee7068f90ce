/** Faults of what certificates come from: LDAP servers, folders, and the certificates themselves (C19, C28, L10). */
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { BAD_CERTIFICATES, publishBad } from './bad-certificates.ts';
import { makeCertificate } from './certificate-builder.ts';
import { bystander, type Fault, FaultHouse, type FaultScene, LEVELS, untilAccepted } from './fault-scene.ts';
import { sleep } from './gateway-house.ts';
import { type LdapBehaviour, ldapDone, ldapEntry, startHostileLdap } from './hostile-ldap.ts';

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
      recipient: (level, index) => (index % 4 < 2 ? `rita@${LEVELS[level]}` : `lea${index}@${LEVELS[level]}`),
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

export const DIRECTORY_FAULTS: readonly Fault[] = [
  ldapClosed,
  ...Object.entries(LDAP_FAULTS).map(([name, behaviour]) => ldapFault(name, behaviour)),
  folderVanished,
  ...Object.keys(BAD_CERTIFICATES).map((name) => certificateFault(name, 'folder')),
  ...Object.keys(BAD_CERTIFICATES).map((name) => certificateFault(name, 'LDAP')),
];

/** The breaker's pause makes this a matter of half a minute, so it is proved and not tested (L10). */
export const SLOW_FAULTS: readonly Fault[] = [
  {
    name: 'LDAP server is ill and recovers',
    async arrange() {
      const ldap = await startHostileLdap((socket) => socket.destroy());
      const hall = await FaultHouse.open({ directory: withLdap(ldap.url) });
      const lea = makeCertificate(hall.house.ca, { emails: ['lea@friend.example'] });
      return {
        ...directoryScene(hall),
        mend: async () => {
          ldap.behave((socket, id) => {
            const entry = ldapEntry(id, 'cn=lea', [['userCertificate;binary', [lea.der]]]);
            socket.write(Buffer.concat([entry, ldapDone(id)]));
          });
          const before = Date.now();
          await untilAccepted(hall, 'lea@friend.example');
          const seconds = Math.round((Date.now() - before) / 1000);
          assert.ok(seconds <= 45, `${seconds} s after it was well again`);
        },
        close: async () => {
          await hall.close();
          await ldap.stop();
        },
      };
    },
  },
];
