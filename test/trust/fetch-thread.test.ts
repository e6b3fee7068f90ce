/** Fetching in a thread: the same answers as without one, and no server that takes others or the process with it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FetchOutcome, FetchRequest } from '../../src/trust/fetch-request.ts';
import { FetchThread, type FetchThreadOptions } from '../../src/trust/fetch-thread.ts';
import { HostileHttp } from '../support/hostile-http.ts';

const FAULT = new URL('../support/fetch-thread-fault.js', import.meta.url);
const SETTINGS = { allow: ['127.0.0.0/8'], ldap: { server: null, authorities: [] } };
const BODY = Buffer.from('a list');

function requestFor(url: string, more: Partial<FetchRequest> = {}): FetchRequest {
  const rest = { post: null, entry: null, into: null, etag: null, lastModified: null };
  return { url, ...rest, octetsMax: 100_000, timeoutMs: 10_000, ...more };
}

function said(outcome: FetchOutcome): string {
  return outcome.ok ? `ok ${outcome.octets}` : `${outcome.kind}: ${outcome.reason}`;
}

describe('FetchThread', () => {
  const open: FetchThread[] = [];
  const threadOf = (options: FetchThreadOptions = {}, now: () => number = Date.now): FetchThread => {
    const thread = new FetchThread(SETTINGS, now, options);
    open.push(thread);
    return thread;
  };
  let server: HostileHttp;
  before(async () => {
    server = await HostileHttp.open();
  });
  after(() => server.close());
  afterEach(async () => {
    for (const thread of open.splice(0)) await thread.close();
  });

  it('brings octets, those of a file into it, and what was posted goes out as it is', async () => {
    const { fetch } = threadOf().lane('revocation');
    server.set('/ok', { kind: 'answer', body: BODY, headers: ['etag: "x"'] });
    server.set('/echo', { kind: 'reply', to: (body) => Buffer.concat([Buffer.from('got '), body]) });
    const outcome = await fetch(requestFor(server.url('/ok')));
    assert.equal(said(outcome), 'ok a list');
    assert.ok(outcome.ok && Buffer.isBuffer(outcome.octets));
    assert.equal(outcome.etag, '"x"');
    const post = { body: Buffer.from('of a pool').subarray(3), type: 'application/ocsp-request' };
    assert.equal(said(await fetch(requestFor(server.url('/echo'), { post }))), 'ok got of a pool'.replace('of a', 'a'));
    const folder = mkdtempSync(path.join(tmpdir(), 'sealgate-fetch-thread-'));
    try {
      const into = path.join(folder, 'list');
      assert.equal(said(await fetch(requestFor(server.url('/ok'), { into }))), 'ok ');
      assert.deepEqual(readFileSync(into), BODY);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('refuses what is refused without it, and leaves a host alone by the clock of who asks, in each lane', async () => {
    let now = 1_000_000;
    const thread = threadOf({}, () => now);
    const { fetch } = thread.lane('revocation');
    server.set('/reset', { kind: 'reset' });
    assert.match(said(await fetch(requestFor('http://10.0.0.1/'))), /^failed: 10\.0\.0\.1 may not be asked/);
    assert.match(said(await fetch(requestFor(server.url('/reset')))), /^failed: /);
    server.set('/reset', { kind: 'answer', body: BODY });
    assert.match(said(await fetch(requestFor(server.url('/reset')))), /failed a moment ago/);
    assert.equal(said(await thread.lane('issuers').fetch(requestFor(server.url('/reset')))), 'ok a list');
    now += 60_000;
    assert.equal(said(await fetch(requestFor(server.url('/reset')))), 'ok a list');
  });

  for (const [fault, reason] of [
    ['throws', /^failed: the thread that fetches failed: nobody can catch this/],
    ['exits', /^failed: the thread that fetches ended with 3/],
    ['hangs', /^failed: the thread that fetches did not answer/],
    ['fills', /^failed: the thread that fetches failed: .*memory/i],
  ] as const) {
    it(`a thread that ${fault}: what it was asked has failed, and the next question gets a new one`, async () => {
      const thread = threadOf({ program: FAULT, graceMs: fault === 'hangs' ? 300 : 60_000 });
      const { fetch } = thread.lane('revocation');
      const waiting = fetch(requestFor('waits'));
      const outcome = await fetch(requestFor(fault, { timeoutMs: 1_000 }));
      assert.match(said(outcome), reason);
      assert.match(said(await waiting), reason);
      assert.equal(thread.running, false);
      assert.equal(said(await fetch(requestFor('well'))), 'ok well');
    });
  }

  it('begins with the first question, and ends after a while without one', async () => {
    const thread = threadOf({ program: FAULT, idleMs: 50 });
    assert.equal(thread.running, false);
    assert.equal(said(await thread.lane('issuers').fetch(requestFor('well'))), 'ok well');
    assert.equal(thread.running, true);
    for (let waited = 0; thread.running && waited < 10_000; waited += 20) await delay(20);
    assert.equal(thread.running, false);
    assert.equal(said(await thread.lane('issuers').fetch(requestFor('again'))), 'ok again');
  });

  it("closed: what is under way and what comes is nobody's any more", async () => {
    const thread = threadOf({ program: FAULT });
    const waiting = thread.lane('revocation').fetch(requestFor('waits'));
    await thread.close();
    assert.match(said(await waiting), /^busy: /);
    assert.match(said(await thread.lane('revocation').fetch(requestFor('well'))), /^busy: /);
    assert.equal(thread.running, false);
  });
});
