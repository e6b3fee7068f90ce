/** Who may open a spool, and with which key. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import * as fs from 'node:fs/promises';
import { takeSpoolLock } from '../../src/queue/embedded/spool-lock.ts';
import { openQueue } from '../../src/queue/open-queue.ts';
import type { QueueOptions } from '../../src/queue/queue.ts';
import { enqueue, RecordingCourier, TestFolder, until } from './sample-mail.ts';

describe('the spool', () => {
  const folder = new TestFolder();

  beforeEach(() => folder.make());
  afterEach(() => folder.remove());

  const mistakes = async (changes?: Partial<QueueOptions>): Promise<string> => {
    const opened = await openQueue(folder.options(changes));
    if (!opened.ok) return opened.mistakes.join('\n');
    await opened.queue.stop(0);
    return '';
  };
  const storeOne = async (): Promise<string> => {
    const opened = await openQueue(folder.options());
    if (!opened.ok) assert.fail(opened.mistakes.join('\n'));
    const id = await enqueue(opened.queue);
    await opened.queue.stop(0);
    return id;
  };
  const key = (): string => folder.path('keys', 'spool.key');

  it('makes a key at the first start, once, and says to back it up', async () => {
    const first = await openQueue(folder.options());
    if (!first.ok) assert.fail(first.mistakes.join('\n'));
    assert.match(first.warnings.join(), /back it up/);
    await first.queue.stop(0);
    const made = await fs.readFile(key());
    assert.equal(made.length, 32);
    assert.deepEqual(await fs.readdir(folder.path('keys')), ['spool.key']);
    assert.equal((await fs.stat(folder.path('keys'))).mode & 0o777, 0o700);
    const second = await openQueue(folder.options());
    if (!second.ok) assert.fail(second.mistakes.join('\n'));
    assert.deepEqual(second.warnings, []);
    await second.queue.stop(0);
    assert.deepEqual(await fs.readFile(key()), made);
  });

  it('is not opened without its key while mail waits, and not given another', async () => {
    const id = await storeOne();
    await fs.rename(key(), folder.path('keys', 'away'));
    assert.match(await mistakes(), /queue\.key-missing: .*mail waits/);
    await assert.rejects(fs.stat(key()), { code: 'ENOENT' });
    await fs.writeFile(key(), Buffer.alloc(32, 7), { mode: 0o600 });
    assert.match(await mistakes(), /queue\.key-missing: 1 stored messages need spool key [0-9a-f]{16}/);
    assert.deepEqual(await fs.readdir(folder.path('spool', 'mail')), [id]);
    await fs.rename(folder.path('keys', 'away'), key());
    assert.equal(await mistakes(), '');
  });

  it('opens old mail with a key of the ring', async () => {
    const id = await storeOne();
    await fs.mkdir(`${key()}.old`, { mode: 0o700 });
    await fs.rename(key(), folder.path('keys', 'spool.key.old', '2026.key'));
    await fs.writeFile(key(), Buffer.alloc(32, 7), { mode: 0o600 });
    const opened = await openQueue(folder.options());
    if (!opened.ok) assert.fail(opened.mistakes.join('\n'));
    const courier = new RecordingCourier();
    opened.queue.start(courier);
    await until(() => opened.queue.counters().messages === 0, 'delivery');
    await opened.queue.stop(0);
    assert.equal(courier.seen[0]?.queueId, id);
  });

  it('refuses a key that others may read, that is a link, too short, or in the spool (O3)', async () => {
    await storeOne();
    await fs.chmod(key(), 0o640);
    assert.match(await mistakes(), /spool\.key: others may read it/);
    await fs.chmod(key(), 0o600);
    await fs.chmod(folder.path('keys'), 0o777);
    assert.match(await mistakes(), /others may write to its folder/);
    await fs.chmod(folder.path('keys'), 0o700);
    await fs.symlink(key(), folder.path('keys', 'link.key'));
    assert.match(await mistakes({ keyFile: folder.path('keys', 'link.key') }), /is a symbolic link/);
    await fs.writeFile(folder.path('keys', 'short.key'), Buffer.alloc(31), { mode: 0o600 });
    assert.match(await mistakes({ keyFile: folder.path('keys', 'short.key') }), /exactly 32 octets/);
    await fs.writeFile(folder.path('keys', 'long.key'), Buffer.alloc(33), { mode: 0o600 });
    assert.match(await mistakes({ keyFile: folder.path('keys', 'long.key') }), /exactly 32 octets/);
    await fs.copyFile(key(), folder.path('spool', 'spool.key'));
    assert.match(await mistakes({ keyFile: folder.path('spool', 'spool.key') }), /inside the spool/);
    assert.equal(await mistakes(), '');
  });

  it('makes no key inside the spool, also by way of a link', async () => {
    assert.match(await mistakes({ keyFile: folder.path('spool', 'keys', 'spool.key') }), /inside the spool/);
    await fs.symlink(folder.path('spool'), folder.path('elsewhere'));
    assert.match(await mistakes({ keyFile: folder.path('elsewhere', 'spool.key') }), /inside the spool/);
    assert.deepEqual(await fs.readdir(folder.path('spool', 'mail')), []);
  });

  it('is closed to others when it was open', async () => {
    await fs.mkdir(folder.path('spool'), { mode: 0o755 });
    const opened = await openQueue(folder.options());
    if (!opened.ok) assert.fail(opened.mistakes.join('\n'));
    await opened.queue.stop(0);
    assert.match(opened.warnings.join(), /was open to others/);
    assert.equal((await fs.stat(folder.path('spool'))).mode & 0o777, 0o700);
  });

  it('is not a file', async () => {
    await fs.writeFile(folder.path('spool'), '');
    assert.match(await mistakes(), /spool/);
  });

  it('has one owner, which the second is told', async () => {
    const opened = await openQueue(folder.options());
    if (!opened.ok) assert.fail(opened.mistakes.join('\n'));
    assert.match(await mistakes(), new RegExp(`another gateway uses this spool \\(process ${process.pid}\\)`));
    await opened.queue.stop(0);
    assert.equal(await mistakes(), '');
  });

  /** Leaves the socket of a process that is gone; says what a start meets before and after. */
  const leaveStaleLock = async (socket: string): Promise<void> => {
    const script = `require('net').createServer((s) => s.end(process.pid + ' owns\\n')).listen(process.argv[1], () => console.log('ready'))`;
    const owner = spawn(process.execPath, ['-e', script, socket]);
    await new Promise((resolve) => owner.stdout.once('data', resolve));
    const told = await mistakes();
    const gone = new Promise((resolve) => owner.once('exit', resolve));
    owner.kill('SIGKILL');
    await gone;
    assert.match(told, new RegExp(`process ${owner.pid}\\)`));
    assert.ok((await fs.lstat(socket)).isSocket(), 'the stale socket is there');
  };

  it('is free again after its owner was killed, and the left-over is removed', async () => {
    const socket = folder.path('spool', 'lock', 'somebody');
    await fs.mkdir(folder.path('spool', 'lock'), { recursive: true });
    await leaveStaleLock(socket);
    assert.equal(await mistakes(), '');
    await assert.rejects(fs.lstat(socket), { code: 'ENOENT' });
  });

  it('goes to at most one of many who start at once, and to one in the end', async () => {
    const locks = folder.path('lock');
    await fs.mkdir(locks);
    for (let turn = 0; turn < 5; turn += 1) {
      const taken = await Promise.all(Array.from({ length: 6 }, () => takeSpoolLock(locks)));
      assert.equal(taken.filter((result) => result.ok).length, 1);
      for (const result of taken) if (result.ok) await result.lock.release();
      assert.deepEqual(await fs.readdir(locks), []);
    }
  });

  it('can lie at the end of a path too long for a socket', async () => {
    const long = folder.path('x'.repeat(100), 'y'.repeat(60));
    const changes = { folder: long };
    const opened = await openQueue(folder.options(changes));
    if (!opened.ok) assert.fail(opened.mistakes.join('\n'));
    assert.match(await mistakes(changes), /another gateway uses this spool/);
    await opened.queue.stop(0);
    assert.equal(await mistakes(changes), '');
  });
});
