/** Single values: what is read from them and what is refused, by table. */
import assert from 'node:assert/strict';
import { MistakeList } from '../../src/config/mistake-list.ts';
import { nearestName } from '../../src/config/nearest-name.ts';
import { containsNetwork, type Network, parseNetwork } from '../../src/config/network.ts';
import {
  domainName,
  duration,
  headerValue,
  integer,
  ldapUrl,
  listenAddress,
  nextHop,
  passwordHash,
  rulePattern,
  size,
  sourcePattern,
} from '../../src/config/scalars.ts';
import type { TextShape } from '../../src/config/shape.ts';

function read<T>(shape: TextShape<T>, text: string): T | string {
  const list = new MistakeList('x.yaml', text);
  const result = shape.readText(text, { key: 'k', offset: 0 }, list);
  return result === null ? `refused: ${list.mistakes.map(({ problem }) => problem).join()}` : result.value;
}

function refuses(shape: TextShape<unknown>, ...texts: readonly string[]): void {
  for (const text of texts) assert.match(String(read(shape, text)), /^refused: /, text);
}

describe('scalars', () => {
  it('durations', () => {
    assert.equal(read(duration, '90s'), 90_000);
    assert.equal(read(duration, '10m'), 600_000);
    assert.equal(read(duration, '4h'), 14_400_000);
    assert.equal(read(duration, '30d'), 2_592_000_000);
    refuses(duration, '', '0s', '5', '5 m', '5M', '1.5h', '-1s', '31d', '1w', '99999999s', 'm');
  });

  it('sizes', () => {
    assert.equal(read(size('1KB', '1TB'), '25MB'), 26_214_400);
    refuses(size('1MB', '1GB'), '1KB', '2GB', '25', '25mb', '25 MB', '25MiB', '0MB');
  });

  it('integers', () => {
    assert.equal(read(integer(1, 10), '10'), 10);
    refuses(integer(1, 10), '0', '11', '1e1', '0x1', '+1', '1.0', '');
  });

  it('addresses to listen on', () => {
    assert.deepEqual(read(listenAddress, '0.0.0.0:25'), { host: '0.0.0.0', port: 25 });
    assert.deepEqual(read(listenAddress, '[::]:0'), { host: '::', port: 0 });
    refuses(listenAddress, '::1:25', '[127.0.0.1]:25', '1.2.3:25', '1.2.3.4:', '1.2.3.4:65536', 'gw.example.org:25');
  });

  it('next hops', () => {
    assert.deepEqual(read(nextHop, 'Mail.Example.ORG'), { host: 'mail.example.org', port: 25 });
    assert.deepEqual(read(nextHop, 'mail:2525'), { host: 'mail', port: 2525 });
    assert.deepEqual(read(nextHop, '[2001:db8::1]'), { host: '2001:db8::1', port: 25 });
    refuses(nextHop, 'mail:0', 'mail.example.org:', 'a b', 'smtp://mail', '[mail]', 'mail/x', '1.2.3');
  });

  it('domains and patterns', () => {
    assert.equal(read(domainName, 'MÜLLER.example'), 'xn--mller-kva.example');
    refuses(domainName, 'example.org.', '-x.example', 'a..b', '[1.2.3.4]', '*.example');
    assert.deepEqual(read(rulePattern, '*.GOV.example'), { kind: 'wildcard', domain: 'gov.example' });
    refuses(rulePattern, '*', '*.', '**.example', 'a.*.example', '@example.org', 'a@', '<a@b.example>');
    assert.equal(read(sourcePattern, '*'), '*');
    assert.equal(read(sourcePattern, '*.Example'), '*.example');
    refuses(sourcePattern, 'a@b.example', '*.*');
  });

  it('LDAP URLs', () => {
    assert.deepEqual(read(ldapUrl, 'ldaps://dc1'), { url: 'ldaps://dc1:636', encrypted: true });
    assert.deepEqual(read(ldapUrl, 'ldap://[::1]:1389/'), { url: 'ldap://[::1]:1389', encrypted: false });
    refuses(ldapUrl, 'dc1', 'ldapi://x', 'ldap://', 'ldap://a/dc=x', 'ldap://u:p@a', 'http://a', 'ldap://a:0');
  });

  it('header values, which may be a secret and are never echoed', () => {
    assert.equal(read(headerValue, 'yes it is'), 'yes it is');
    for (const text of ['s\u00e9cret', ' secret', 'secret ', 'sec\tret', 'secret'.repeat(100)]) {
      const refused = read(headerValue, text);
      assert.match(refused, /^refused: /);
      assert.doesNotMatch(refused, /cret/);
    }
    refuses(headerValue, '');
  });

  it('password hashes', () => {
    const tail = `$${'A'.repeat(22)}$${'A'.repeat(43)}`;
    assert.equal(read(passwordHash, `scrypt$32768$8$1${tail}`), `scrypt$32768$8$1${tail}`);
    refuses(
      passwordHash,
      `scrypt$32767$8$1${tail}`,
      `scrypt$4096$8$1${tail}`,
      `scrypt$32768$0$1${tail}`,
      `scrypt$32768$8$0${tail}`,
      `scrypt$32768$8$17${tail}`,
      `scrypt$16777216$8$1${tail}`,
      `bcrypt$32768$8$1${tail}`,
      'secret',
    );
  });
});

describe('networks', () => {
  const network = (text: string): Network => {
    const result = parseNetwork(text);
    assert.ok(result.ok, text);
    return result.network;
  };

  it('parses', () => {
    assert.equal(network('10.1.2.0/24').cidr, '10.1.2.0/24');
    assert.equal(network('192.0.2.1').cidr, '192.0.2.1/32');
    assert.equal(network('::/0').prefix, 0);
    assert.equal(network('2001:db8::').cidr, '2001:db8::/128');
  });

  it('refuses', () => {
    for (const text of [
      '',
      '/8',
      '10.0.0.0/33',
      '10.0.0.0/08',
      '10.0.0.0/8/8',
      '010.0.0.0/8',
      '10.0/8',
      '::ffff:10.0.0.0/104',
      'fe80::1%eth0',
      '::/129',
    ]) {
      assert.deepEqual(parseNetwork(text), { ok: false, problem: 'malformed' }, text);
    }
    assert.deepEqual(parseNetwork('10.1.2.3/24'), { ok: false, problem: 'host-bits', meant: '10.1.2.0/24' });
    assert.equal(parseNetwork('2001:db8::1/64').ok, false);
  });

  it('contains', () => {
    const inside = (outer: string, inner: string) => containsNetwork(network(outer), network(inner));
    assert.ok(inside('10.0.0.0/8', '10.1.2.0/24'));
    assert.ok(inside('10.1.2.0/24', '10.1.2.0/24'));
    assert.ok(!inside('10.1.2.0/24', '10.0.0.0/8'));
    assert.ok(!inside('10.1.2.0/24', '10.1.3.0/24'));
    assert.ok(!inside('0.0.0.0/0', '::/0'));
    assert.ok(inside('2001:db8::/32', '2001:db8:1::/48'));
    assert.ok(!inside('2001:db8::/32', '2001:db9::/48'));
  });
});

describe('nearestName', () => {
  it('finds slips and nothing else', () => {
    const known = ['hostname', 'ours', 'listen', 'log', 'host', 'tls'];
    assert.equal(nearestName('hostnam', known), 'hostname');
    assert.equal(nearestName('Listen', known), 'listen');
    assert.equal(nearestName('our', known), 'ours');
    assert.equal(nearestName('tsl', known), null);
    assert.equal(nearestName('colour', known), null);
    assert.equal(nearestName('x'.repeat(100), known), null);
    assert.equal(nearestName('', known), null);
  });
});
