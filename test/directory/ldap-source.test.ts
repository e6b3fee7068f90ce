import assert from 'node:assert/strict';
import type { Directory, DirectoryOptions } from '../../src/directory/directory.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import {
  type HostileLdap,
  type LdapBehaviour,
  ldapDone,
  ldapEntry,
  ldapMessage,
  startHostileLdap,
} from '../support/hostile-ldap.ts';
import { address, directoryOptions, ldapSource, stateOf, Workshop } from './directories.ts';

const BOB = address('bob@partner.example');
const SEARCH = 0x63;

describe('directory: LDAP servers that fail or are hostile (C22, L10)', () => {
  const workshop = new Workshop();
  const authority = makeAuthority();
  const bob = makeCertificate(authority, { emails: [BOB.text], key: 'p-256' });
  let now: number;
  let server: HostileLdap;

  const good: LdapBehaviour = (socket, id) => {
    socket.write(Buffer.concat([ldapEntry(id, 'cn=Bob', [['userCertificate;binary', [bob.der]]]), ldapDone(id)]));
  };
  const none: LdapBehaviour = (socket, id) => socket.write(ldapDone(id));
  const open = (more: Partial<DirectoryOptions> = {}): Promise<Directory> =>
    workshop.open({ ...directoryOptions(ldapSource(server.url)), deadlineMs: 300, ...more }, () => now);
  const failureOf = async (directory: Directory): Promise<string> => {
    const answer = await directory.find(BOB);
    assert.equal(stateOf(answer), 'failure');
    return answer.failures[0]?.reason ?? '';
  };

  beforeEach(async () => {
    now = 1_800_000_000_000;
    server = await startHostileLdap(good);
  });
  afterEach(async () => {
    await workshop.clear();
    await server.stop();
  });

  const HOSTILE: Record<string, readonly [LdapBehaviour, RegExp]> = {
    'never answers': [() => undefined, /no answer within 300 ms/],
    'sends noise': [(socket) => socket.write(Buffer.alloc(5000, 0xee)), /not LDAP/],
    'speaks HTTP': [(socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'), /not LDAP: begins with \\?"HTTP/],
    'announces two gigabytes': [(socket) => socket.write(Buffer.from('30847fffffff020102', 'hex')), /octets announced/],
    'lies about an inner length': [
      (socket) => socket.write(Buffer.from('300b02010264060400308203e8', 'hex')),
      /inner length/,
    ],
    'closes the connection': [(socket) => socket.end(), /closed/],
    'resets the connection': [(socket) => socket.resetAndDestroy(), /ECONNRESET|closed/],
    'refers to another host': [(socket, id) => socket.write(ldapDone(id, 10)), /0xa/],
    'is busy': [(socket, id) => socket.write(ldapDone(id, 51)), /0x33/],
    'has no such base': [(socket, id) => socket.write(ldapDone(id, 32)), /0x20/],
    'answers a request of somebody else': [(socket) => socket.write(ldapDone(77)), /no request of ours/],
    'ends the entries half way': [
      (socket, id) => socket.end(ldapEntry(id, 'cn=Bob', [['userCertificate;binary', [bob.der]]])),
      /closed/,
    ],
  };
  for (const [name, [behaviour, expected]] of Object.entries(HOSTILE)) {
    it(`fails within the deadline, then at once, then recovers: a server that ${name}`, async () => {
      server.behave(behaviour);
      const directory = await open();
      const reason = await failureOf(directory);
      assert.match(reason, expected);
      const asked = server.requests();
      assert.match(await failureOf(directory), /not asked after a failure/);
      assert.equal(server.requests(), asked);
      server.behave(good);
      now += 30_000;
      assert.equal(stateOf(await directory.find(BOB)), 'certificate');
    });
  }

  it('takes a flood of small messages for an answer too large, and lives', async () => {
    server.behave((socket, id) => socket.write(Buffer.concat(Array<Buffer>(200_000).fill(ldapMessage(id, 0x73)))));
    const answer = await (await open({ deadlineMs: 2000 })).find(BOB);
    assert.equal(stateOf(answer), 'malformed');
    assert.match(answer.candidates[0]?.problem ?? '', /exceeds the limits/);
  });

  it('calls 17 MB for one mailbox unusable, and goes on answering for others', async () => {
    const directory = await open({ deadlineMs: 2000 });
    const value = Buffer.alloc(1024 * 1024, 1);
    server.behave((socket, id) => {
      for (let i = 0; i < 17; i += 1) socket.write(ldapEntry(id, `cn=${i}`, [['userCertificate;binary', [value]]]));
      socket.write(ldapDone(id));
    });
    assert.equal(stateOf(await directory.find(BOB)), 'malformed');
    server.behave(none);
    assert.equal(stateOf(await directory.find(address('eve@partner.example'))), 'none');
    assert.equal(server.connections(), 1);
  });

  it('never reads "size limit exceeded" as none, nor lets it stop the look-ups of others', async () => {
    server.behave((socket, id) => socket.write(ldapDone(id, 4)));
    const directory = await open();
    assert.match(await failureOf(directory), /size limit exceeded/);
    server.behave(none);
    assert.equal(stateOf(await directory.find(address('eve@partner.example'))), 'none');
  });

  it('keeps 50 of 1,000 certificates: those for the mailbox, valid now, newest', async () => {
    const day = 86_400_000;
    const others = Array.from({ length: 940 }, (_, i) => {
      return makeCertificate(authority, {
        emails: [`other${i}@partner.example`],
        key: 'p-256',
        privateKey: bob.privateKey,
      }).der;
    });
    const theirs = Array.from({ length: 60 }, (_, i) => {
      const notBefore = new Date(now - 400 * day + i * day);
      const notAfter = new Date(now + (i % 2 === 0 ? day : -day));
      return makeCertificate(authority, { emails: [BOB.text], notBefore, notAfter, privateKey: bob.privateKey });
    });
    const all = [...others, ...theirs.map(({ der }) => der)];
    server.behave((socket, id) => {
      socket.write(Buffer.concat([ldapEntry(id, 'cn=Bob', [['userCertificate;binary', all]]), ldapDone(id)]));
    });
    const { candidates, failures } = await (await open({ deadlineMs: 5000 })).find(BOB);
    assert.deepEqual(failures, []);
    assert.equal(candidates.length, 50);
    const valid = theirs.filter((_, i) => i % 2 === 0).reverse();
    assert.deepEqual(
      candidates.slice(0, 30).map((c) => c.certificate?.sha256),
      valid.map((c) => c.certificate.sha256),
    );
  });

  it('is not confused by attribute names such as __proto__, dn and constructor', async () => {
    server.behave((socket, id) => {
      const names = ['__proto__', 'dn', 'constructor', 'toString', 'hasOwnProperty', '__PROTO__;binary'];
      const entry = ldapEntry(id, 'cn=Bob', [
        ...names.map((name) => [name, [bob.der]] as const),
        ['USERCERTIFICATE;lang-en;BINARY', [bob.der]],
      ]);
      socket.write(Buffer.concat([entry, ldapDone(id)]));
    });
    const answer = await (await open()).find(BOB);
    assert.equal(stateOf(answer), 'certificate');
    assert.equal(answer.candidates[0]?.certificate?.sha256, bob.certificate.sha256);
    assert.equal(Object.getOwnPropertyNames(Object.prototype).includes('0'), false);
  });

  it('takes garbage in the attribute for an unusable certificate (C28)', async () => {
    for (const attribute of ['userCertificate;binary', 'userCertificate', 'userSMIMECertificate']) {
      for (const garbage of [
        Buffer.alloc(0),
        Buffer.from('text'),
        bob.der.subarray(0, 100),
        Buffer.alloc(300_000, 0x30),
      ]) {
        server.behave((socket, id) => {
          socket.write(Buffer.concat([ldapEntry(id, 'cn=Bob', [[attribute, [garbage]]]), ldapDone(id)]));
        });
        const answer = await (await open()).find(BOB);
        assert.equal(stateOf(answer), 'malformed', `${attribute} ${garbage.length}`);
        assert.match(answer.candidates[0]?.problem ?? '', new RegExp(attribute.split(';')[0] ?? ''));
      }
    }
  });

  it('asks once for 100 look-ups of one mailbox at the same time', async () => {
    const directory = await open();
    const answers = await Promise.all(Array.from({ length: 100 }, () => directory.find(BOB)));
    assert.equal(server.requests(), 1);
    assert.ok(answers.every((answer) => stateOf(answer) === 'certificate'));
  });

  it('asks for 100 mailboxes over one connection', async () => {
    const directory = await open();
    await Promise.all(Array.from({ length: 100 }, (_, i) => directory.find(address(`p${i}@partner.example`))));
    assert.deepEqual([server.requests(), server.connections()], [100, 1]);
  });

  it('connects again, once, when the server has closed an idle connection', async () => {
    const directory = await open();
    await directory.find(BOB);
    let first = true;
    server.behave((socket, id, operation) => {
      if (first) socket.destroy();
      else good(socket, id, operation);
      first = false;
    });
    assert.equal(stateOf(await directory.find(address('eve@partner.example'))), 'certificate');
    assert.equal(server.connections(), 2);
  });

  it('sends one probe a period to a server that is down, however many ask', async () => {
    server.behave(() => undefined);
    const directory = await open();
    await failureOf(directory);
    now += 30_000;
    const asked = server.requests();
    await Promise.all(Array.from({ length: 50 }, (_, i) => directory.find(address(`p${i}@partner.example`))));
    assert.equal(server.requests(), asked + 1);
  });

  it('fails all look-ups under way when one misses its deadline, without a second try each', async () => {
    server.behave(() => undefined);
    const directory = await open();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => directory.find(address(`p${i}@partner.example`))),
    );
    assert.ok(answers.every((answer) => stateOf(answer) === 'failure'));
    assert.equal(server.connections(), 1);
  });

  it('fails when the bind is refused, and sends no search', async () => {
    const operations: number[] = [];
    server.behave((socket, id, operation) => {
      operations.push(operation);
      socket.write(ldapDone(id, 49, 0x61));
    });
    const source = ldapSource(server.url, { bind: { dn: 'cn=gateway', password: 'the secret' } });
    const directory = await workshop.open(directoryOptions(source));
    const reason = await failureOf(directory);
    assert.match(reason, /0x31/);
    assert.ok(!reason.includes('the secret'));
    assert.deepEqual(operations, [0x60]);
    assert.ok(!operations.includes(SEARCH));
  });

  it('refuses a StartTLS that is refused, and octets in clear behind its answer', async () => {
    for (const [answer, expected] of [
      [(id: number) => ldapDone(id, 53, 0x78), /StartTLS refused, result code 53/],
      [(id: number) => Buffer.concat([ldapDone(id, 0, 0x78), Buffer.from('30', 'hex')]), /in clear behind/],
      [(id: number) => Buffer.concat([ldapDone(id, 0, 0x78), ldapDone(id)]), /no request|in clear behind/],
    ] as const) {
      const operations: number[] = [];
      server.behave((socket, id, operation) => {
        operations.push(operation);
        socket.write(answer(id));
      });
      const bind = { dn: 'cn=gateway', password: 'the secret' };
      const directory = await workshop.open(directoryOptions(ldapSource(server.url, { startTls: true, bind })));
      assert.match(await failureOf(directory), expected);
      assert.deepEqual(operations, [0x77], 'nothing but StartTLS in clear');
    }
  });

  it('answers no look-up after close', async () => {
    const directory = await open();
    await directory.find(BOB);
    await directory.close();
    assert.equal(stateOf(await directory.find(BOB)), 'failure');
  });
});
