import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { askGateway } from '../../src/admin/control-client.ts';
import { type ControlServer, type ControlViews, openControlServer } from '../../src/admin/control-server.ts';

describe('control socket', () => {
  let folder: string;
  let server: ControlServer | null;
  const seen: string[] = [];
  const views: ControlViews = {
    health: () => ({ healthy: seen.length < 100, seen: seen.length }),
    queueList: async () => [{ id: 'A1' }],
    queueShow: async (id) => (id === 'A1' ? { id } : null),
    queueRetry: async (id) => {
      seen.push(`retry ${id}`);
      return id === 'A1';
    },
    queueDrop: async (id) => {
      seen.push(`drop ${id}`);
      return id === 'A1';
    },
    directoryStatus: () => [],
    rereadTrust: async () => ({ ok: false, mistakes: ['trust: x'] }),
    reload: async () => {
      throw new Error('secret detail');
    },
  };
  const ask = (method: 'GET' | 'POST' | 'DELETE', url: string) =>
    askGateway(path.join(folder, 'control.sock'), method, url);

  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'sealgate-control-'));
    seen.length = 0;
    // a file left by a process that died is in the way of nobody
    writeFileSync(path.join(folder, 'control.sock'), '');
    server = await openControlServer(path.join(folder, 'control.sock'), views);
  });
  afterEach(async () => {
    await server?.close();
    rmSync(folder, { recursive: true });
  });

  it('answers what it was handed', async () => {
    assert.deepEqual(await ask('GET', '/queue'), { kind: 'answer', status: 200, body: [{ id: 'A1' }] });
    assert.deepEqual(await ask('GET', '/queue/A1'), { kind: 'answer', status: 200, body: { id: 'A1' } });
    assert.deepEqual(await ask('POST', '/queue/A1/retry'), { kind: 'answer', status: 200, body: { id: 'A1' } });
    assert.deepEqual(await ask('DELETE', '/queue/A1'), { kind: 'answer', status: 200, body: { id: 'A1' } });
    assert.deepEqual(seen, ['retry A1', 'drop A1']);
  });

  it('says what does not exist and changes nothing by GET', async () => {
    for (const [method, url, status] of [
      ['GET', '/queue/B2', 404],
      ['POST', '/queue/B2/retry', 404],
      ['GET', '/queue/A1/retry', 405],
      ['POST', '/queue/A1', 405],
      ['GET', '/queue/../health', 404],
      ['GET', '/queue/A1%2fretry', 404],
      ['DELETE', '/queue', 404],
      ['GET', '/reload', 404],
    ] as const) {
      const reply = await ask(method, url);
      assert.equal(reply.kind === 'answer' && reply.status, status, `${method} ${url}`);
    }
    assert.deepEqual(seen, ['retry B2']);
  });

  it('reads the collections again on their own, and says what is wrong', async () => {
    const reply = await ask('POST', '/trust');
    assert.deepEqual(reply, { kind: 'answer', status: 422, body: { ok: false, mistakes: ['trust: x'] } });
  });

  it('keeps the text of a defect to itself', async () => {
    const reply = await ask('POST', '/reload');
    assert.deepEqual(reply, { kind: 'answer', status: 500, body: { problem: 'internal error' } });
  });

  it('is closed to other users', () => {
    assert.equal(statSync(path.join(folder, 'control.sock')).mode & 0o777, 0o600);
  });

  it('is recognised as not running when nobody listens', async () => {
    await server?.close();
    server = null;
    assert.deepEqual(await ask('GET', '/health'), { kind: 'not-running' });
  });
});
