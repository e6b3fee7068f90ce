/** From a file to the frozen configuration: values, defaults, warnings. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Configuration, ConfigurationResult } from '../../src/config/configuration.ts';
import { loadConfiguration } from '../../src/config/load-configuration.ts';
import { formatMistake } from '../../src/config/mistake-list.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { ConfigHouse, GOOD_SITE, PASSWORD_HASH } from './config-house.ts';

function accepted(result: ConfigurationResult): Configuration {
  assert.ok(result.ok, result.ok ? '' : result.mistakes.map(formatMistake).join('\n'));
  return result.configuration;
}

describe('loadConfiguration', () => {
  let house: ConfigHouse;
  before(() => {
    house = new ConfigHouse();
  });
  after(() => house.remove());

  const load = (text: string) => loadConfiguration(house.write('sealgate.yaml', text));
  const site = (from: string, to: string) => {
    assert.ok(GOOD_SITE.includes(from), from);
    return GOOD_SITE.replace(from, to);
  };

  it('reads a small site, with a default for everything else', async () => {
    const configuration = accepted(await load(GOOD_SITE));
    const at = (name: string) => path.join(house.folder, name);
    assert.match(configuration.id, /^[0-9a-f]{12}$/);
    assert.deepEqual(
      { ...configuration, id: '', policy: null, profiles: [] },
      {
        id: '',
        file: at('sealgate.yaml'),
        profiles: [],
        hostname: 'gw.example.org',
        door: {
          hostname: 'gw.example.org',
          listeners: [
            {
              address: '127.0.0.1',
              port: 2525,
              tls: null,
              clients: [{ kind: 'network', cidr: '127.0.0.0/8', vouches: { kind: 'always' } }],
            },
          ],
          messageBytesMax: 50 * 1024 * 1024,
          recipientsMax: 1000,
          connectionsMax: 500,
        },
        policy: null,
        trust: { default: at('certs/trust'), named: [], revocation: null },
        identities: { folder: at('certs/identities'), decryptsElsewhere: [] },
        directory: {
          sources: [{ kind: 'folder', folder: at('certs/partners'), for: null, label: 'certs/partners' }],
          cache: { entriesMax: 100_000, positiveTtlMs: 3_600_000, negativeTtlMs: 300_000 },
          deadlineMs: 10_000,
          failFastMs: 30_000,
        },
        delivery: {
          hostname: 'gw.example.org',
          ours: ['example.org'],
          routes: {
            internal: { host: 'exchange.example.org', port: 25, tls: 'required', ca: null },
            outside: { host: 'mail-out.example.net', port: 25, tls: 'required', ca: null },
          },
          connectionsPerRoute: 10,
          messagesPerConnection: 100,
          connectTimeoutMs: 30_000,
          replyTimeoutMs: 600_000,
        },
        queue: {
          folder: at('spool'),
          keyFile: at('keys/spool.key'),
          concurrency: 20,
          retry: { firstMs: 60_000, maxMs: 3_600_000, lifetimeMs: 5 * 86_400_000 },
          reserveBytes: 500 * 1024 * 1024,
        },
        log: { level: 'info' },
      },
    );
  });

  it('keeps the place of every setting', async () => {
    const file = path.join(house.folder, 'sealgate.yaml');
    const text = site('rules:', 'defaults:\n  sign: required\n  unusable: plain\nrules:');
    const { policy } = accepted(await load(text));
    assert.deepEqual(policy.defaults, {
      sign: { value: 'required', origin: { path: 'defaults', file, line: 10 } },
      unusable: { value: 'plain', origin: { path: 'defaults', file, line: 11 } },
    });
    assert.deepEqual(policy.to, [
      {
        match: { kind: 'domain', domain: 'bank.example' },
        settings: { encrypt: { value: 'required', origin: { path: 'rules.to.bank.example', file, line: 14 } } },
      },
    ]);
  });

  it('reads profiles: built-in, of their own name, written in place', async () => {
    const text = `${GOOD_SITE.replace(/^rules:[\s\S]*?(?=^routes:)/m, '')}profiles:
  strict-partner: { base: modern, content: aes-256-gcm, chain: without-root, key-identifier: true, capabilities: false }
defaults: { profile: strict-partner }
rules:
  to:
    a.example: { profile: { base: default, signature: rsa-pss, key-transport: rsa-oaep, encrypt-to: [rsa, ec] } }
    b.example: { profile: bsi }
    c.example: { profile: { base: default, signature: rsa-pss, key-transport: rsa-oaep, encrypt-to: [rsa, ec] } }
`;
    const { policy, profiles } = accepted(await load(text));
    const inline = 'default, signature rsa-pss, key-transport rsa-oaep, encrypt-to rsa ec';
    assert.equal(policy.defaults.profile?.value, 'strict-partner');
    assert.deepEqual(
      policy.to.map(({ settings }) => settings.profile?.value),
      [inline, 'bsi', inline],
    );
    assert.deepEqual(
      profiles.map(({ name, spec, origin }) => [name, spec, origin.path]),
      [
        ['default', { base: 'default', changes: {}, capabilities: true }, 'built-in'],
        [
          'strict-partner',
          {
            base: 'modern',
            changes: { content: 'aes-256-gcm', chain: 'without-root', keyIdentifier: true },
            capabilities: false,
          },
          'profiles.strict-partner',
        ],
        [
          inline,
          {
            base: 'default',
            changes: { signature: 'rsa-pss', keyTransport: 'rsa-oaep', recipients: ['rsa', 'ec'] },
            capabilities: true,
          },
          'rules.to.a.example.profile',
        ],
        ['bsi', { base: 'bsi', changes: {}, capabilities: true }, 'rules.to.b.example.profile'],
      ],
    );
  });

  it('reads the screen of an ordinary site', async () => {
    // a profile that this version has, and no SST: the rest is section 1 of the language as it stands
    const text = `hostname: gw.example.org
ours: [example.org, example.com]            # domains whose senders we sign for, and whose inbound mail we open

listen:
  - address: 0.0.0.0:25
    tls: { certificate: certs/tls.crt, key: certs/tls.key }
    clients:                                 # who may relay; everybody else is refused
      - network: 10.1.2.0/24                 # Exchange
        vouches: { header: X-MS-Exchange-Organization-AuthAs, value: Internal }   # proof of internal origin

trust:
  default: certs/trust                       # file or folder
identities: certs/identities                 # our senders: one .p12 or .pem an address
directory:
  - folder: certs/partners                   # best source first

defaults: { sign: if-possible, encrypt: if-possible, without-certificate: plain, unusable: refuse, profile: default }
rules:
  to:
    bank.example:    { encrypt: required }
    "*.gov.example": { sign: required, encrypt: required, profile: default }

routes:
  internal: { host: exchange.example.org, tls: required }
  outside:  { host: mail-out.example.net, tls: required }
queue: { folder: var/spool, key: keys/spool.key }
`;
    const configuration = accepted(await load(text));
    assert.equal(configuration.policy.to.length, 2);
    assert.notEqual(configuration.door.listeners[0]?.tls, null);
  });

  it('reads everything else the language has', async () => {
    const text = `hostname: GW.Example.ORG
ours: [Bücher.example]
listen:
  - address: "[::1]:0"
    tls: { certificate: certs/tls.crt, key: certs/tls.key }
    clients:
      - { network: 2001:db8::/32, vouches: { header: X-Proof, value-from: keys/secret } }
      - { network: 192.0.2.7 }
      - { login: users.yaml, vouches: own-address }
trust: { default: certs/trust/root.pem }
identities: { folder: certs/identities, decrypts: { anna@example.org: elsewhere } }
directory:
  - { folder: certs/partners, for: ["*.bank.example", bank.example] }
  - ldap: ldap://dc1.example.org
    base: dc=example,dc=org
    mode: live
    for: ["*"]
    start-tls: true
    bind-dn: cn=gw
    bind-password-from: keys/secret
    ca: certs/trust/root.pem
    when-unreachable: defer
routes:
  internal: { host: "[::1]:2500", tls: none }
  outside: { host: 192.0.2.1, tls: required, ca: certs/trust/root.pem }
queue: { folder: spool, key: keys/spool.key, retry: { first: 2s, max: 90s, lifetime: 4h }, reserve: 2MB, deliveries: 3 }
limits: { message: 64KB, recipients: 10, connections: 2 }
log: { level: debug }
`;
    const configuration = accepted(await load(text));
    const { door, directory, delivery, queue, identities, policy } = configuration;
    assert.equal(configuration.hostname, 'gw.example.org');
    assert.deepEqual(policy.ours, ['xn--bcher-kva.example']);
    assert.deepEqual(door.listeners[0]?.clients, [
      {
        kind: 'network',
        cidr: '2001:db8::/32',
        vouches: { kind: 'header', name: 'X-Proof', value: 'a shared secret' },
      },
      { kind: 'network', cidr: '192.0.2.7/32', vouches: { kind: 'never' } },
      {
        kind: 'login',
        users: [{ name: 'anna', passwordHash: PASSWORD_HASH, addresses: identities.decryptsElsewhere }],
        vouches: { kind: 'own-address' },
      },
    ]);
    const ca = readFileSync(path.join(house.folder, 'certs/trust/root.pem'));
    assert.deepEqual(directory.sources, [
      {
        kind: 'folder',
        folder: path.join(house.folder, 'certs/partners'),
        for: ['*.bank.example', 'bank.example'],
        label: 'certs/partners',
      },
      {
        kind: 'ldap',
        url: 'ldap://dc1.example.org:389',
        base: 'dc=example,dc=org',
        startTls: true,
        bind: { dn: 'cn=gw', password: 'a shared secret' },
        ca,
        for: null,
        label: 'ldap://dc1.example.org:389',
      },
    ]);
    assert.deepEqual(delivery.routes, {
      internal: { host: '::1', port: 2500, tls: 'none', ca: null },
      outside: { host: '192.0.2.1', port: 25, tls: 'required', ca },
    });
    assert.deepEqual(queue.retry, { firstMs: 2000, maxMs: 90_000, lifetimeMs: 14_400_000 });
    assert.deepEqual([queue.reserveBytes, queue.concurrency], [2 * 1024 * 1024, 3]);
    assert.deepEqual([door.messageBytesMax, door.recipientsMax, door.connectionsMax], [65_536, 10, 2]);
    assert.equal(configuration.log.level, 'debug');
  });

  it('is frozen to the bottom', async () => {
    const configuration = accepted(await load(GOOD_SITE));
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
      assert.ok(Object.isFrozen(value), JSON.stringify(value));
      for (const part of Object.values(value)) visit(part);
    };
    visit(configuration);
  });

  it('names a snapshot by its text', async () => {
    const first = accepted(await load(GOOD_SITE));
    const second = accepted(await load(`${GOOD_SITE}\n# changed\n`));
    assert.notEqual(first.id, second.id);
    assert.equal(accepted(await load(GOOD_SITE)).id, first.id);
  });

  it('warns of what works and should be known', async () => {
    const authority = makeAuthority({});
    const old = makeCertificate(authority, {
      name: 'old.example.org',
      key: 'p-256',
      notBefore: new Date('2020-01-01T00:00:00Z'),
      notAfter: new Date('2021-01-01T00:00:00Z'),
    });
    house.write('certs/old.crt', old.pem, 0o644);
    house.write('certs/old.key', old.keyPem);
    const text = site('    clients:', '    tls: { certificate: certs/old.crt, key: certs/old.key }\n    clients:')
      .replace('{ folder: certs/partners }', '{ ldap: ldap://dc1.example.org, base: dc=example }')
      .replace('mail-out.example.net }', 'mail-out.example.net, tls: opportunistic, ca: certs/trust/root.pem }');
    const result = await load(text);
    accepted(result);
    assert.deepEqual(result.ok && result.warnings.map(formatMistake).map((line) => line.replace(/^.*?yaml:/, '')), [
      '5:25: listen[0].tls.certificate: certs/old.crt expired 2021-01-01: renew it',
      '5:25: listen[0].tls.certificate: certs/old.crt is not for gw.example.org: clients that check our name will refuse it',
      '9:21: directory[0].ldap: answers come unprotected: ldaps://, or start-tls: true',
      '15:66: routes.outside.ca: has no effect where tls is opportunistic: tls: required',
    ]);
  });
});
