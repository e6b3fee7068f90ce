/**
 * What the verdict cache says is what a new validation would say, whatever happened in between; and what happens to evidence
 * elsewhere leaves a verdict in the cache. A question that names any-policy asks the same and is never answered from it.
 */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import type { Trust, TrustQuestion, TrustVerdict } from '../../src/trust/trust.ts';
import { type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import { type CrlEntry, distributionPoints, makeCrl, makeOcspResponse } from '../support/crl-builder.ts';
import { BOB, questionOf, RevocationHouse, saidOf } from '../support/revocation-house.ts';

const ANY_POLICY = '2.5.29.32.0';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** Of the house: often enough that a test sees it. */
const REFRESH_MS = 40;
const SETTLED_MS = 15;

/** One thing that happens. Numbers choose among few, so that the same is met again. */
type Event =
  | { readonly kind: 'import' | 'serve'; readonly who: number; readonly revoked: number; readonly begins: number }
  | { readonly kind: 'answer'; readonly state: 'good' | 'revoked' | 'unknown' }
  | { readonly kind: 'remove' }
  | { readonly kind: 'collection' }
  | { readonly kind: 'time'; readonly at: number };

const begins = fc.constantFrom(-2 * HOUR, -HOUR, -MINUTE, 8 * MINUTE);
const listEvent = { who: fc.nat(1), revoked: fc.nat(7), begins };
const event: fc.Arbitrary<Event> = fc.oneof(
  fc.record({ kind: fc.constant('import' as const), ...listEvent }),
  fc.record({ kind: fc.constant('serve' as const), ...listEvent }),
  fc.record({ kind: fc.constant('answer' as const), state: fc.constantFrom('good', 'revoked', 'unknown') }),
  fc.constantFrom({ kind: 'remove' as const }, { kind: 'collection' as const }),
  fc.record({
    kind: fc.constant('time' as const),
    at: fc.constantFrom(
      0,
      30_000,
      2 * MINUTE,
      4 * MINUTE,
      20 * MINUTE,
      3 * HOUR,
      30 * HOUR,
      -MINUTE,
      -10 * MINUTE,
      -90 * MINUTE,
    ),
  }),
);

describe('verdicts from the cache and made anew', () => {
  let house: RevocationHouse;
  let other: MadeCertificate;
  let people: MadeCertificate[];
  let crls = '';
  let number = 0;

  beforeEach(async () => {
    house = await RevocationHouse.open({ refreshMs: REFRESH_MS, fetchTimeoutMs: 2_000 });
    other = makeAuthority({ name: 'Other Root' });
    appendFileSync(path.join(house.folder, 'root.pem'), other.pem);
    const extraExtensions = [distributionPoints(house.server.url('/other.crl'))];
    const eve = makeCertificate(other, { key: 'p-256', freshKey: true, emails: [BOB], extraExtensions });
    people = [house.bob, eve, house.withOcsp('/ocsp'), house.person([])];
    crls = path.join(house.folder, 'crls');
    mkdirSync(crls);
    number = 0;
  });

  afterEach(() => house.close());

  const open = (): Promise<Trust> => house.trust({ crls: [crls], stalenessMaxMs: HOUR });

  function listBy(who: number, revoked: number, thisUpdate: number): Buffer {
    const issuer = who === 0 ? house.root : other;
    const entries: CrlEntry[] = people.flatMap(({ certificate }, index) =>
      (revoked >> index) % 2 === 1 ? [{ certificate, reason: 1, at: new Date(0) }] : [],
    );
    const dates = {
      thisUpdate: new Date(Date.now() + thisUpdate),
      nextUpdate: new Date(Date.now() + thisUpdate + 4 * HOUR),
    };
    return makeCrl(issuer, { entries, number: ++number, ...dates });
  }

  function happens(one: Exclude<Event, { kind: 'time' | 'collection' }>): void {
    if (one.kind === 'remove') rmSync(path.join(crls, '0.crl'), { force: true });
    else if (one.kind === 'answer') {
      const [, , carol] = people;
      assert.ok(carol);
      const body = makeOcspResponse(carol.certificate, house.root, { state: one.state });
      house.server.set('/ocsp', { kind: 'answer', body });
    } else {
      const body = listBy(one.who, one.revoked, one.begins);
      if (one.kind === 'import') writeFileSync(path.join(crls, `${one.who}.crl`), body);
      else house.server.set(one.who === 0 ? '/root.crl' : '/other.crl', { kind: 'answer', body });
    }
  }

  function compare(trust: Trust, at: number, story: readonly Event[]): number {
    let kept = 0;
    for (const [index, made] of people.entries()) {
      const question: TrustQuestion = { ...questionOf(made), at: new Date(Date.now() + at) };
      const cached = trust.judge(question);
      const anew = trust.judge({ ...question, policies: [ANY_POLICY] });
      const again = trust.judge(question);
      assert.equal(said(cached), said(anew), `person ${index} at ${at} after ${JSON.stringify(story)}`);
      if (cached === again) kept++;
    }
    return kept;
  }

  it('C29 are the same after any story of lists, responses, revocations, times and collections', async function () {
    this.timeout(60_000);
    let kept = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 3, maxLength: 10 }), async (story) => {
        let trust = await open();
        let at = 0;
        for (const [index, one] of story.entries()) {
          if (one.kind === 'time') at = one.at;
          else if (one.kind === 'collection') trust = await open();
          else happens(one);
          for (const made of people) await trust.prepare({ ...questionOf(made), at: new Date(Date.now() + at) });
          kept += compare(trust, at, story.slice(0, index + 1));
          await delay(SETTLED_MS);
          kept += compare(trust, at, story.slice(0, index + 1));
          // and as it was before: a clock set back
          kept += compare(trust, 0, story.slice(0, index + 1));
        }
        await trust.close();
      }),
      { numRuns: 15 },
    );
    assert.ok(kept > 100, `only ${kept} verdicts came from the cache`);
  });

  it('stay when a list of somebody else is renewed, and fall with their own', async () => {
    const place = (who: number) => path.join(crls, `${who}.crl`);
    for (const who of [0, 1]) writeFileSync(place(who), listBy(who, 0, -HOUR));
    const trust = await open();
    const [bob, eve] = people.map(questionOf);
    assert.ok(bob && eve);
    const before = [trust.judge(bob), trust.judge(eve)];
    assert.deepEqual(
      before.map(({ ok }) => ok),
      [true, true],
    );
    writeFileSync(place(1), listBy(1, 0, -MINUTE));
    for (let wait = 0; wait < 200 && trust.judge(eve) === before[1]; wait++) await delay(10);
    assert.notEqual(trust.judge(eve), before[1], 'its own list was renewed');
    assert.equal(trust.judge(bob), before[0], 'the list of another authority was renewed');
    writeFileSync(place(0), listBy(0, 1, -MINUTE));
    for (let wait = 0; wait < 200 && trust.judge(bob).ok; wait++) await delay(10);
    assert.match(said(trust.judge(bob)), /^revoked/);
  });
});

function said(verdict: TrustVerdict): string {
  return verdict.ok ? saidOf(verdict) : `${saidOf(verdict)} (${verdict.failure.rank})`;
}
