/**
 * Promise 5 in short: what a large message and many hidden recipients cost. `npm run prove -- large` and `-- hidden`
 * are the full forms; here the bounds are wide, for only a cost that grows with the message can break them.
 */
import assert from 'node:assert/strict';
import { measureHidden } from '../prove/support/hidden-measurement.ts';
import { measureLarge } from '../prove/support/large-measurement.ts';

const MEGABYTE = 1_000_000;
const LARGE = 128 * MEGABYTE;
const GROWTH_MAX = 110 * MEGABYTE;

describe('system: memory and disk (promise 5)', function () {
  this.timeout(120_000);

  it('L7 holds no large message: 128 MB signed and encrypted', async () => {
    const small = await measureLarge(MEGABYTE);
    const large = await measureLarge(LARGE);
    assert.deepEqual([small.intact, large.intact], [1, 1], 'openssl opens exactly what was sent');
    const grown = large.peakRss - small.peakRss;
    console.log(`      peak RSS ${inMegabytes(small.peakRss)}, ${inMegabytes(grown)} more for 128 MB`);
    // a stage that held it would add 128 MB to that
    assert.ok(grown < GROWTH_MAX, `${inMegabytes(grown)} more`);
    assert.ok(large.spoolPeak < LARGE * 1.05, `${inMegabytes(large.spoolPeak)} of spool`);
  });

  it('C18 stores one ciphertext for 20 hidden recipients, and no copy names another', async () => {
    const figures = await measureHidden(2 * MEGABYTE, 20);
    assert.deepEqual(figures.faults, []);
    assert.equal(figures.copies, 20);
    const above = figures.spoolPeak - figures.octets;
    console.log(`      spool: ${above} octets above the message`);
    assert.ok(above < MEGABYTE, `${above} octets above the message`);
  });
});

function inMegabytes(octets: number): string {
  return `${(octets / MEGABYTE).toFixed(1)} MB`;
}
