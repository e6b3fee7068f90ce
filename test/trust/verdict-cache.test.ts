/** The same question, and only the same, gets the same answer, within its interval and while its footing stands. */
import assert from 'node:assert/strict';
import { EvidencePlaces } from '../../src/trust/evidence-places.ts';
import { VerdictCache } from '../../src/trust/verdict-cache.ts';
import { VerdictFooting } from '../../src/trust/verdict-footing.ts';

const date = (ms: number): Date => new Date(1_800_000_000_000 + ms);
const always = { from: date(-1000).getTime(), until: date(1000).getTime() };

describe('VerdictCache', () => {
  it('gives a verdict within its interval, to the millisecond', () => {
    const cache = new VerdictCache<string>(10);
    cache.keep(['a', 0, 'encrypt', 'x'], 'good', always, null);
    for (const ms of [-1000, 0, 1000]) assert.equal(cache.find('a', 0, 'encrypt', 'x', date(ms)), 'good', String(ms));
    for (const ms of [-1001, 1001]) assert.equal(cache.find('a', 0, 'encrypt', 'x', date(ms)), null, String(ms));
    assert.equal(cache.find('a', 0, 'encrypt', 'x', new Date(Number.NaN)), null);
  });

  it('C29 gives it to the same question only', () => {
    const cache = new VerdictCache<string>(10);
    cache.keep(['a', 1, 'encrypt', 'x'], 'good', always, null);
    assert.equal(cache.find('a', 1, 'encrypt', 'x', date(0)), 'good');
    assert.equal(cache.find('b', 1, 'encrypt', 'x', date(0)), null, 'certificate');
    for (const collection of [0, 2])
      assert.equal(cache.find('a', collection, 'encrypt', 'x', date(0)), null, 'collection');
    for (const purpose of ['sign', 'any'] as const)
      assert.equal(cache.find('a', 1, purpose, 'x', date(0)), null, purpose);
    for (const words of ['', 'X', 'x ']) assert.equal(cache.find('a', 1, 'encrypt', words, date(0)), null, 'mailbox');
  });

  it('gives it no longer once a place it rests on has changed or was forgotten', () => {
    const places = new EvidencePlaces();
    const cache = new VerdictCache<string>(10);
    const keep = (...names: string[]): void => {
      const footing = new VerdictFooting(date(0));
      for (const name of names) footing.restOn(places.placeOf(name));
      cache.keep(['a', 0, 'any', ''], 'good', always, footing);
    };
    keep('crl 1', 'crl 2');
    places.change('crl 3');
    assert.equal(cache.find('a', 0, 'any', '', date(0)), 'good');
    places.change('crl 2');
    assert.equal(cache.find('a', 0, 'any', '', date(0)), null);
    keep('crl 1', 'crl 2');
    assert.equal(cache.find('a', 0, 'any', '', date(0)), 'good');
    for (let count = 0; count <= 200_000; count++) places.placeOf(`crl new ${count}`);
    assert.equal(cache.find('a', 0, 'any', '', date(0)), null);
  });

  it('is bounded: by count, by certificate, the least recently asked first', () => {
    const cache = new VerdictCache<number>(10);
    for (let count = 0; count < 40; count++) {
      cache.keep([`c${count}`, 0, 'any', ''], count, always, null);
      assert.equal(cache.find('c0', 0, 'any', '', date(0)), 0, 'in use');
      assert.ok(cache.count <= 10);
    }
    assert.equal(cache.find('c1', 0, 'any', '', date(0)), null);
    for (let count = 0; count < 40; count++) {
      cache.keep(['c0', 0, 'any', `${count}`], count, always, null);
      assert.equal(cache.find('c0', 0, 'any', `${count}`, date(0)), count);
    }
    assert.ok(cache.count <= 10);
    assert.equal(cache.find('c39', 0, 'any', '', date(0)), 39, 'one certificate does not drive the others out');
  });
});
