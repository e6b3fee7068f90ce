/** The disk of the spool is full (L3): a file system of two megabytes of its own, mounted, so only root can arrange it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BYSTANDER, bystander, type Fault, FaultHouse, LEVELS, untilAccepted } from './fault-scene.ts';

export const diskFull: Fault = {
  name: 'disk is full',
  impossible: () => (process.getuid?.() === 0 ? null : 'only root can mount a small file system'),
  async arrange() {
    const queue = 'reserve: 1MB, retry: { first: 1s, max: 1s, lifetime: 1h }';
    const hall = await FaultHouse.open({ stopped: true, queue });
    const { house } = hall;
    const filler = path.join(house.spool, 'filler');
    mkdirSync(house.spool, { mode: 0o700 });
    mount(house.spool);
    const close = async (): Promise<void> => {
      await house.end('SIGKILL');
      spawnSync('umount', [house.spool]);
      await hall.close();
    };
    try {
      await house.start();
      const { pid } = house;
      // accepted now, so that the gateway still believes in its room when the disk fills up
      await bystander(hall);
      fill(filler, house.spool);
      return {
        hall,
        recipient: (level) => `rita@${LEVELS[level]}`,
        stage: 'data',
        reply: '452 4.3.1',
        accepted: 'delivered',
        inspect: () => {
          for (const folder of ['mail', 'tmp']) assert.deepEqual(readdirSync(path.join(house.spool, folder)), []);
        },
        mend: async () => {
          rmSync(filler);
          await untilAccepted(hall, BYSTANDER);
          assert.equal(house.pid, pid, 'without a restart');
        },
        close,
      };
    } catch (thrown) {
      await close();
      throw thrown;
    }
  },
};

function mount(folder: string): void {
  const result = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0700', 'tmpfs', folder], { encoding: 'utf8' });
  assert.equal(result.status, 0, result.stderr);
}

/** Fills the last octet, so that not the reserve alone refuses. */
function fill(file: string, folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  writeFileSync(file, Buffer.alloc(bavail * bsize));
  assert.equal(statfsSync(folder).bavail, 0);
}
