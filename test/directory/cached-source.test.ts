import assert from 'node:assert/strict';
import { type Address, parseAddress } from '../../src/address.ts';
import { CachedSource } from '../../src/directory/cached-source.ts';
import type { Candidate } from '../../src/directory/directory.ts';
import type { Source, SourceAnswer } from '../../src/directory/source.ts';

const HOUR = 3_600_000;
const BOB = parseAddress('bob@bank.example') ?? assert.fail();

class FakeSource implements Source {
  readonly name = 'ldap fake';
  readonly domains = null;
  asked = 0;
  answer: SourceAnswer | Error = { ok: true, candidates: [] };

  async find(_address: Address): Promise<SourceAnswer> {
    this.asked += 1;
    await new Promise((resolve) => setImmediate(resolve));
    if (this.answer instanceof Error) throw this.answer;
    return this.answer;
  }

  status() {
    return { source: this.name, entries: null, lastFailure: null, lastFailureAt: null };
  }

  async close(): Promise<void> {}
}

function candidate(problem: string): Candidate {
  return { certificate: null, problem, companions: [], source: 'ldap fake', rank: 0, seenAt: new Date(0) };
}

describe('directory: cache before a live source', () => {
  let now: number;
  let fake: FakeSource;
  let cached: CachedSource;
  const options = { entriesMax: 3, positiveTtlMs: HOUR, negativeTtlMs: 60_000 };

  beforeEach(() => {
    now = 1_700_000_000_000;
    fake = new FakeSource();
    cached = new CachedSource(fake, 0, options, () => now);
  });

  it('asks once for 100 look-ups at the same time', async () => {
    fake.answer = { ok: true, candidates: [candidate('one')] };
    const answers = await Promise.all(Array.from({ length: 100 }, () => cached.find(BOB)));
    assert.equal(fake.asked, 1);
    for (const answer of answers) assert.equal(answer, fake.answer);
    assert.equal(cached.find(BOB), fake.answer, 'from the cache without a turn of the event loop');
  });

  it('asks again after the lifetime of a positive answer', async () => {
    fake.answer = { ok: true, candidates: [candidate('one')] };
    await cached.find(BOB);
    now += HOUR - 1;
    await cached.find(BOB);
    assert.equal(fake.asked, 1);
    now += 2;
    await cached.find(BOB);
    assert.equal(fake.asked, 2);
  });

  it('keeps "none" for the shorter lifetime', async () => {
    await cached.find(BOB);
    now += 59_999;
    await cached.find(BOB);
    assert.equal(fake.asked, 1);
    now += 2;
    await cached.find(BOB);
    assert.equal(fake.asked, 2);
  });

  it('never keeps a failure', async () => {
    fake.answer = { ok: false, reason: 'down' };
    assert.deepEqual(await cached.find(BOB), { ok: false, reason: 'down' });
    fake.answer = { ok: true, candidates: [candidate('one')] };
    assert.deepEqual(await cached.find(BOB), fake.answer);
  });

  it('turns a rejection into a failure, and forgets the flight', async () => {
    fake.answer = new Error('defect');
    assert.equal((await cached.find(BOB)).ok, false);
    fake.answer = { ok: true, candidates: [] };
    assert.equal((await cached.find(BOB)).ok, true);
  });

  it('keeps nothing with a lifetime of 0', async () => {
    const none = new CachedSource(fake, 0, { entriesMax: 3, positiveTtlMs: 0, negativeTtlMs: 0 }, () => now);
    await none.find(BOB);
    await none.find(BOB);
    assert.equal(fake.asked, 2);
  });

  it('holds no more than entriesMax', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await cached.find(parseAddress(`${name}@bank.example`) ?? assert.fail());
    await cached.find(parseAddress('d@bank.example') ?? assert.fail());
    assert.equal(fake.asked, 4);
    await cached.find(parseAddress('a@bank.example') ?? assert.fail());
    assert.equal(fake.asked, 5);
  });

  it('does not read "none" where there was a certificate lately (C28)', async () => {
    fake.answer = { ok: true, candidates: [candidate('one')] };
    await cached.find(BOB);
    fake.answer = { ok: true, candidates: [] };
    now += HOUR + 1;
    const gone = await cached.find(BOB);
    assert.ok(gone.ok);
    assert.equal(gone.candidates.length, 1);
    assert.equal(gone.candidates[0]?.certificate, null);
    assert.match(gone.candidates[0]?.problem ?? '', /is gone/);
    now += 24 * HOUR;
    assert.deepEqual(await cached.find(BOB), { ok: true, candidates: [] });
  });

  it('takes two spellings of one mailbox for one', async () => {
    await cached.find(BOB);
    await cached.find(parseAddress('BOB@Bank.Example') ?? assert.fail());
    assert.equal(fake.asked, 1);
  });
});
