/** C20: where a certificate may send us, and what a hostile answer can do. The decision of each; no time is asserted. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { openFetcher } from '../../src/trust/fetch.ts';
import { addressGuard } from '../../src/trust/fetch-address.ts';
import { FetchBreaker } from '../../src/trust/fetch-breaker.ts';
import type { FetchRequest } from '../../src/trust/fetch-request.ts';
import { HostileHttp } from '../support/hostile-http.ts';

const BODY = Buffer.from('a list');
const STANDARD: Omit<FetchRequest, 'url'> = {
  post: null,
  entry: { attributes: ['certificateRevocationList'], valuesMax: 1 },
  into: null,
  octetsMax: 100_000,
  timeoutMs: 10_000,
  etag: null,
  lastModified: null,
};

describe('addressGuard (C20)', () => {
  it('forbids our own host and network, link-local, metadata; in every spelling', () => {
    const guard = addressGuard([]);
    const forbidden =
      '0.0.0.0 127.0.0.1 127.255.0.1 10.1.2.3 172.16.0.1 172.31.9.9 192.168.1.1 169.254.169.254 100.64.0.1 168.63.129.16 ' +
      '224.0.0.1 255.255.255.255 :: ::1 fe80::1 fc00::1 fd00:ec2::254 ff02::1 ::ffff:127.0.0.1 ::ffff:7f00:1 ' +
      '64:ff9b::7f00:1 2002:7f00:1:: 2001:db8::1 2001:0:1::1 fe80::1%lo localhost 0x7f.1 1';
    for (const address of forbidden.split(' ')) assert.equal(guard.isAllowed(address), false, address);
    for (const address of ['8.8.8.8', '172.32.0.1', '2001:4860:4860::8888', '2a00:1450::1']) {
      assert.equal(guard.isAllowed(address), true, address);
    }
  });

  it('opens only the networks listed', () => {
    const guard = addressGuard(['10.1.0.0/16', 'fd00::/64', '127.0.0.1']);
    for (const address of ['10.1.2.3', 'fd00::5', '127.0.0.1', '::ffff:10.1.2.3']) {
      assert.equal(guard.isAllowed(address), true, address);
    }
    for (const address of ['10.2.0.1', 'fd00:0:0:1::5', '127.0.0.2']) {
      assert.equal(guard.isAllowed(address), false, address);
    }
  });

  it('never allows a private IPv4 address by mapping it', () => {
    const guard = addressGuard([]);
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        assert.equal(guard.isAllowed(`::ffff:${address}`), guard.isAllowed(address));
      }),
    );
  });
});

describe('fetch (C20)', () => {
  let server: HostileHttp;
  before(async () => {
    server = await HostileHttp.open();
  });
  after(() => server.close());

  async function get(url: string, allow: readonly string[] = ['127.0.0.0/8'], more: Partial<FetchRequest> = {}) {
    const fetcher = openFetcher(addressGuard(allow), Date.now);
    try {
      const outcome = await fetcher.fetch({ url, ...STANDARD, ...more });
      return outcome.ok ? `ok ${outcome.octets}` : outcome.reason;
    } finally {
      fetcher.close();
    }
  }

  it('answers, redirected thrice, and not four times or for ever', async () => {
    server.set('/ok', { kind: 'answer', body: BODY });
    for (const step of [1, 2, 3, 4]) {
      server.set(`/r${step}`, { kind: 'redirect', to: step === 1 ? '/ok' : server.url(`/r${step - 1}`) });
    }
    server.set('/loop', { kind: 'redirect', to: '/loop' });
    assert.equal(await get(server.url('/ok')), 'ok a list');
    assert.equal(await get(server.url('/r3')), 'ok a list');
    assert.match(await get(server.url('/r4')), /more than 3 redirects/);
    assert.match(await get(server.url('/loop')), /more than 3 redirects/);
    assert.equal(server.asked.get('/loop'), 4);
  });

  it('asks no private address, by number, by name or by redirect', async () => {
    server.set('/private', { kind: 'answer', body: BODY });
    for (const url of [
      server.url('/private'),
      `http://localhost:${server.port}/private`,
      'http://0x7f.1/',
      'http://[::1]/',
    ]) {
      assert.match(await get(url, []), /may not be asked/, url);
    }
    assert.equal(server.asked.get('/private'), undefined);
    server.set('/inward', { kind: 'redirect', to: 'http://169.254.169.254/latest/meta-data/' });
    server.set('/by-name', { kind: 'redirect', to: `http://localhost:${server.port}/private` });
    assert.match(await get(server.url('/inward')), /169\.254\.169\.254 may not be asked/);
    const other = `http://127.0.0.1:${server.port}/by-name`;
    assert.match(await get(other, ['127.0.0.1/32', '10.0.0.0/8']), /ok|::1, which may not be asked/);
  });

  it('knows http and https only, and no names or passwords', async () => {
    for (const url of ['file:///etc/passwd', 'ftp://127.0.0.1/', 'data:,x', 'gopher://127.0.0.1/']) {
      assert.match(await get(url), /is not fetched/, url);
    }
    assert.match(await get('http://user:secret@127.0.0.1/'), /user name/);
    assert.match(await get('no url'), /no URL/);
    server.set('/file', { kind: 'redirect', to: 'file:///etc/passwd' });
    assert.match(await get(server.url('/file')), /is not fetched/);
  });

  const HOSTILE: readonly (readonly [string, Parameters<HostileHttp['set']>[1], RegExp])[] = [
    ['silence', { kind: 'silence' }, /no whole answer within/],
    ['one octet at a time', { kind: 'drip', everyMs: 20 }, /no whole answer within/],
    ['too large, and says so', { kind: 'giant', octets: 2_000_000, declared: true }, /more than 100000 octets/],
    ['too large, and does not', { kind: 'giant', octets: 2_000_000, declared: false }, /more than 100000 octets/],
    ['cut off', { kind: 'cut', body: Buffer.alloc(1_000) }, /closed|aborted|terminated|mismatch/i],
    ['reset', { kind: 'reset' }, /closed|reset/i],
    ['no HTTP', { kind: 'noise' }, /HTTP|parse|expected/i],
    ['one octet a chunk', { kind: 'chunks' }, /more than 100000 octets/],
    ['endless interim responses', { kind: 'interim' }, /interim responses without end/],
    ['endless header', { kind: 'headers' }, /header/i],
    ['an error', { kind: 'answer', status: 503, body: BODY }, /status 503/],
    ['absent', { kind: 'answer', status: 404, body: BODY }, /status 404/],
    ['not modified, unasked', { kind: 'answer', status: 304, body: Buffer.alloc(0) }, /^ok $/],
  ];
  for (const [name, behaviour, answer] of HOSTILE) {
    it(`hostile: ${name}`, async () => {
      const place = `/hostile-${name.replaceAll(/\W/g, '-')}`;
      server.set(place, behaviour);
      // only what never ends is waited for
      const timeoutMs = String(answer).includes('no whole answer') ? 300 : 10_000;
      assert.match(await get(server.url(place), ['127.0.0.0/8'], { timeoutMs }), answer);
    });
  }

  it('a body is whole when it is taken slowly and the server has long closed', async () => {
    const body = Buffer.alloc(3_000_000, 'list');
    server.set('/until-closed', { kind: 'until-closed', body });
    const fetcher = openFetcher(addressGuard(['127.0.0.0/8']), Date.now);
    const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-fetch-'));
    const into = path.join(folder, 'list');
    try {
      const outcome = await fetcher.fetch({
        ...STANDARD,
        url: server.url('/until-closed'),
        into,
        octetsMax: body.length,
      });
      assert.equal(outcome.ok, true);
      assert.deepEqual(readFileSync(into), body);
      const again = await fetcher.fetch({ ...STANDARD, url: server.url('/until-closed'), into });
      assert.match(again.ok ? 'taken' : again.reason, /EEXIST/);
    } finally {
      fetcher.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('neither a redirect nor the name of a large file nor another scheme closes a host to others', async () => {
    const victim = await HostileHttp.open();
    const fetcher = openFetcher(addressGuard(['127.0.0.0/8']), Date.now);
    const ask = async (url: string): Promise<boolean> =>
      (await fetcher.fetch({ ...STANDARD, url, timeoutMs: 2_000 })).ok;
    try {
      victim.set('/ok', { kind: 'answer', body: BODY });
      victim.set('/large', { kind: 'giant', octets: 2_000_000, declared: true });
      victim.set('/dead', { kind: 'reset' });
      server.set('/to-dead', { kind: 'redirect', to: victim.url('/dead') });
      for (const url of [server.url('/to-dead'), victim.url('/large'), victim.url('/').replace('http:', 'https:')]) {
        assert.equal(await ask(url), false, url);
        assert.equal(await ask(victim.url('/ok')), true, `after ${url}`);
      }
      assert.equal(await ask(victim.url('/dead')), false);
      assert.equal(await ask(victim.url('/ok')), false, 'a host that failed itself is left alone');
    } finally {
      fetcher.close();
      await victim.close();
    }
  });

  it('L10: a host that failed is left alone, then met by one probe', () => {
    let now = 0;
    const breaker = new FetchBreaker(1_000, () => now);
    assert.ok(breaker.admit('a'));
    breaker.failed('a');
    now = 999;
    assert.ok(!breaker.admit('a'));
    assert.ok(breaker.admit('b'));
    now = 1_000;
    assert.ok(breaker.admit('a'));
    now = 1_001;
    assert.ok(!breaker.admit('a'), 'one probe');
    breaker.answered('a');
    assert.ok(breaker.admit('a'));
  });

  it('a clock set back keeps no host resting', () => {
    let now = Date.parse('2040-01-01');
    const breaker = new FetchBreaker(1_000, () => now);
    breaker.failed('a');
    now = Date.parse('2026-01-01');
    assert.ok(breaker.admit('a'));
  });
});
