/** When a change of the collections' files is told: once, when they stand still, and again when it was refused. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CollectionWatch, stampCollections } from '../../src/trust/collection-watch.ts';
import type { TrustOptions } from '../../src/trust/trust.ts';

describe('CollectionWatch', () => {
  let base: string;
  let options: TrustOptions;
  beforeEach(() => {
    base = mkdtempSync(path.join(tmpdir(), 'sealgate-watch-'));
    mkdirSync(path.join(base, 'default'));
    writeFileSync(path.join(base, 'default', 'a.pem'), 'a');
    writeFileSync(path.join(base, 'bank.sst'), 'b');
    const named = [{ name: 'bank', from: path.join(base, 'bank.sst'), onlyFor: ['bank.example'] }];
    options = { default: path.join(base, 'default'), named };
  });
  afterEach(() => rmSync(base, { recursive: true, force: true }));

  /** Looks so many times. @returns how often a change was told */
  async function told(watch: { look(): Promise<void> }, count: { times: number }, looks: number): Promise<number> {
    const before = count.times;
    for (let look = 0; look < looks; look++) await watch.look();
    return count.times - before;
  }

  it('tells each kind of change, once, when the files have stood still', async () => {
    const count = { times: 0 };
    const watch: CollectionWatch = new CollectionWatch(async () => {
      count.times++;
      watch.follow(options, await stampCollections(options));
    });
    watch.follow(options, await stampCollections(options));
    assert.equal(await told(watch, count, 3), 0);
    const changes: readonly (() => void)[] = [
      () => writeFileSync(path.join(base, 'default', 'b.pem'), 'new'),
      () => writeFileSync(path.join(base, 'default', 'b.pem'), 'longer'),
      () => utimesSync(path.join(base, 'bank.sst'), 1, 1),
      () => unlinkSync(path.join(base, 'default', 'a.pem')),
      () => rmSync(path.join(base, 'default'), { recursive: true }),
      () => symlinkSync(base, path.join(base, 'default')),
    ];
    for (const change of changes) {
      change();
      assert.equal(await told(watch, count, 1), 0, 'told at the first look');
      assert.equal(await told(watch, count, 3), 1);
    }
  });

  it('waits while the files go on changing', async () => {
    const count = { times: 0 };
    const watch = new CollectionWatch(async () => {
      count.times++;
    });
    watch.follow(options, await stampCollections(options));
    for (let octets = 2; octets < 7; octets++) {
      writeFileSync(path.join(base, 'default', 'a.pem'), 'x'.repeat(octets));
      assert.equal(await told(watch, count, 1), 0);
    }
    assert.equal(await told(watch, count, 1), 1);
  });

  it('tells a refused change again after a while, or when the files are others', async () => {
    const clock = { now: 0 };
    const count = { times: 0 };
    const watch: CollectionWatch = new CollectionWatch(
      async () => {
        count.times++;
        watch.refuse(await stampCollections(options));
      },
      () => clock.now,
    );
    watch.follow(options, await stampCollections(options));
    writeFileSync(path.join(base, 'default', 'c.pem'), 'broken');
    assert.equal(await told(watch, count, 4), 1);
    clock.now = 5 * 60_000;
    assert.equal(await told(watch, count, 4), 1);
    writeFileSync(path.join(base, 'default', 'c.pem'), 'still broken');
    assert.equal(await told(watch, count, 4), 1);
  });
});
