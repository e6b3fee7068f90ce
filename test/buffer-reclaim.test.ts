import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { RECLAIM_OCTETS } from '../src/buffer-reclaim.ts';

/** Peak of octets outside V8's heap while 256 MiB pass, in a process of its own, which the tests leave as it is. */
function peakOctets(prepare: boolean): number {
  const module = pathToFileURL(path.join(import.meta.dirname, '../src/buffer-reclaim.js')).href;
  const program = `
    import { octetsPassed, prepareReclaim } from '${module}';
    if (${prepare}) prepareReclaim();
    const base = process.memoryUsage().arrayBuffers;
    let peak = 0;
    let kept = null;
    for (let count = 0; count < 4096; count++) {
      kept = Buffer.allocUnsafeSlow(65536);
      kept[0] = count;
      octetsPassed(kept.length);
      peak = Math.max(peak, process.memoryUsage().arrayBuffers - base);
    }
    console.log(peak, kept.length);
  `;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(stderr, '');
  return Number.parseInt(stdout, 10);
}

describe('buffer reclaim', () => {
  // V8 frees on a thread of its own, and has ended that at the latest when the next collection begins
  it('lets no more than two stretches of passed octets pile up', () => {
    const peak = peakOctets(true);
    assert.ok(peak <= 2 * RECLAIM_OCTETS + 131_072, `${peak} octets piled up`);
  });

  it('is what keeps them from piling up', () => {
    const peak = peakOctets(false);
    assert.ok(peak > RECLAIM_OCTETS * 2.5, `only ${peak} octets piled up without it`);
  });
});
