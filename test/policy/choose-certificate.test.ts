/** The choice among usable certificates: one, always the same, with a reason for each other. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  certificateFacts,
  chooseCertificate,
  type EligibleCertificate,
  LOSS_TEXTS,
} from '../../src/policy/choose-certificate.ts';
import type { Certificate, KeyUsage } from '../../src/x509/certificate.ts';

interface Sample {
  readonly name: string;
  readonly rank?: number;
  readonly usage?: readonly KeyUsage[] | null;
  readonly from?: number;
  readonly until?: number;
}

/** Only what the choice reads. */
function eligible({
  name,
  rank = 0,
  usage = ['keyEncipherment'],
  from = 2026,
  until = 2028,
}: Sample): EligibleCertificate {
  const certificate = {
    sha256: name,
    keyUsage: usage === null ? null : new Set(usage),
    notBefore: new Date(Date.UTC(from, 0)),
    notAfter: new Date(Date.UTC(until, 0)),
  } as unknown as Certificate;
  return { certificate, rank };
}

function choose(...samples: readonly Sample[]): string {
  const { chosen, lost } = chooseCertificate(samples.map(eligible));
  return [
    `${chosen?.certificate.sha256}`,
    ...lost.map(({ entry, reason }) => `${entry.certificate.sha256}: ${reason}`),
  ].join(', ');
}

describe('chooseCertificate', () => {
  it('prefers the better source before everything else', () => {
    assert.equal(choose({ name: 'a', rank: 1, from: 2027 }, { name: 'b', usage: null }), 'b, a: worse-source');
  });

  it('prefers one for encryption only', () => {
    assert.equal(
      choose({ name: 'a', usage: ['keyEncipherment', 'digitalSignature'] }, { name: 'b' }),
      'b, a: dual-use',
    );
    assert.equal(choose({ name: 'a', usage: null, from: 2027 }, { name: 'b' }), 'b, a: dual-use');
  });

  it('then the newest, the one valid longest, the lowest SHA-256', () => {
    assert.equal(choose({ name: 'a' }, { name: 'b', from: 2027 }), 'b, a: older');
    assert.equal(choose({ name: 'a' }, { name: 'b', until: 2029 }), 'b, a: shorter');
    assert.equal(choose({ name: 'b' }, { name: 'a' }), 'a, b: tie-break');
  });

  it('names a certificate that two sources publish', () => {
    assert.equal(choose({ name: 'a', rank: 2 }, { name: 'a', rank: 1 }), 'a, a: same-certificate');
    assert.equal(choose({ name: 'a' }, { name: 'a' }), 'a, a: same-certificate');
  });

  it('chooses nothing from nothing', () => {
    assert.deepEqual(chooseCertificate([]), { chosen: null, lost: [] });
  });

  it('does not depend on the order, and has a reason for every loser', () => {
    const sample = fc.record<Sample>({
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      rank: fc.integer({ min: 0, max: 2 }),
      usage: fc.constantFrom(null, ['keyEncipherment'], ['keyEncipherment', 'digitalSignature']),
      from: fc.integer({ min: 2025, max: 2027 }),
      until: fc.integer({ min: 2028, max: 2030 }),
    });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 6 }), fc.infiniteStream(fc.integer()), (samples, order) => {
        // one SHA-256 is one certificate: the name holds everything that may differ
        const named = samples.map((entry) => ({ ...entry, name: JSON.stringify({ ...entry, rank: 0 }) }));
        const keys = named.map((entry) => [entry, order.next().value ?? 0] as const);
        const shuffled = keys.toSorted((a, b) => a[1] - b[1]).map(([entry]) => entry);
        const first = chooseCertificate(named.map(eligible));
        const second = chooseCertificate(shuffled.map(eligible));
        assert.deepEqual(first.chosen, second.chosen);
        assert.equal(first.lost.length, Math.max(0, samples.length - 1));
        for (const { reason } of first.lost) assert.ok(LOSS_TEXTS[reason] !== undefined);
      }),
    );
  });
});

describe('certificateFacts (C28)', () => {
  const nothing = { found: false, unusable: [], undecided: [], failures: [] };

  it('is content with one usable certificate, whatever else failed', () => {
    const facts = certificateFacts({ found: true, unusable: ['x'], undecided: ['u'], failures: ['y'] });
    assert.deepEqual(facts, { kind: 'usable' });
  });

  it('is unsure as soon as one source failed and nothing usable was found', () => {
    assert.deepEqual(certificateFacts({ ...nothing, unusable: ['x'], undecided: ['u'], failures: ['y', 'z'] }), {
      kind: 'failed',
      reason: 'y; z',
    });
  });

  it('is unsure where one candidate could not be checked, also when another is known to be unusable', () => {
    assert.deepEqual(certificateFacts({ ...nothing, unusable: ['x'], undecided: ['u', 'v'] }), {
      kind: 'undecided',
      reason: 'u; v',
    });
  });

  it('is sure when everybody answered and everything was checked', () => {
    assert.deepEqual(certificateFacts({ ...nothing, unusable: ['x'] }), { kind: 'unusable', reasons: ['x'] });
    assert.deepEqual(certificateFacts(nothing), { kind: 'none' });
  });
});
