/** Catalogue C4: crossed, looping and look-alike authorities get an answer within the budget, and its own reason. */
import assert from 'node:assert/strict';
import type { PathFailureCode, PathResult } from '../../src/x509/path.ts';
import { PATH_BUDGET, type PathBudget, validatePath } from '../../src/x509/path-validator.ts';
import { type MadeCertificate, madeKey, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

const root = makeAuthority({ name: 'Root' });

function judge(leaf: MadeCertificate, middles: readonly MadeCertificate[], budget?: PathBudget): PathResult {
  return validatePath(
    {
      leaf: leaf.certificate,
      anchors: [root.certificate],
      intermediates: middles.map((one) => one.certificate),
      at: new Date(),
      purpose: 'sign',
      address: null,
    },
    budget,
  );
}

function assertRefused(result: PathResult, code: PathFailureCode): void {
  assert.equal(result.ok, false);
  if (!result.ok) assert.equal(result.failure.code, code, result.failure.text);
}

/** `count` authorities, each certified by each other. */
function mesh(count: number): MadeCertificate[] {
  const keys = Array.from({ length: count }, (_, i) => makeAuthority({ name: `Mesh ${i}` }));
  return keys.flatMap((issuer) =>
    keys
      .filter((subject) => subject !== issuer)
      .map((subject) =>
        makeAuthority({ name: subject.certificate.subjectName, issuer, privateKey: subject.privateKey }),
      ),
  );
}

describe('C4 path budgets', () => {
  it('C4 two authorities that certify each other: no-path', () => {
    const middles = mesh(2);
    const leaf = makeCertificate(middles[0] ?? root, { key: 'p-256' });
    assertRefused(judge(leaf, middles), 'no-path');
  });

  it('C4 100 look-alike parents are all tried: bad-signature', () => {
    const lookAlikes = Array.from({ length: 100 }, () => makeAuthority({ name: 'Same', issuer: root }));
    const leaf = makeCertificate(makeAuthority({ name: 'Same', issuer: root }), { key: 'p-256' });
    assertRefused(judge(leaf, lookAlikes), 'bad-signature');
  });

  it('C4 the 101st look-alike parent is past the budget: budget', () => {
    const lookAlikes = Array.from({ length: 101 }, () => makeAuthority({ name: 'Same', issuer: root }));
    const leaf = makeCertificate(makeAuthority({ name: 'Same', issuer: root }), { key: 'p-256' });
    const result = judge(leaf, lookAlikes);
    assertRefused(result, 'budget');
    assert.ok(!result.ok && result.attempts.length <= 32);
  });

  it('C4 the right parent is found among 150 look-alikes by its key identifier', () => {
    const right = makeAuthority({ name: 'Same', issuer: root });
    const lookAlikes = Array.from({ length: 150 }, () => makeAuthority({ name: 'Same', issuer: root }));
    assert.equal(judge(makeCertificate(right, { key: 'p-256' }), [...lookAlikes, right]).ok, true);
  });

  it('C4 look-alikes with the same key identifier and key cost one check each way, not one a path', () => {
    const key = madeKey('p-256');
    const outside = makeAuthority({ name: 'Unknown Root' });
    const twins = Array.from({ length: 90 }, () => makeAuthority({ name: 'Twin', issuer: outside, privateKey: key }));
    const leaf = makeCertificate(twins[0] ?? root, { key: 'p-256' });
    assertRefused(judge(leaf, twins), 'no-path');
  });

  it('C4 a full mesh of 10 authorities without an anchor: an answer, by steps or signatures', () => {
    const middles = mesh(10);
    const leaf = makeCertificate(middles[0] ?? root, { key: 'p-256' });
    const result = judge(leaf, middles);
    assert.equal(result.ok, false);
    if (!result.ok) assert.ok(['budget', 'path-length'].includes(result.failure.code), result.failure.code);
  });

  it('C4 steps have a budget of their own', () => {
    const middles = mesh(5);
    const leaf = makeCertificate(middles[0] ?? root, { key: 'p-256' });
    assertRefused(judge(leaf, middles, { ...PATH_BUDGET, steps: 20 }), 'budget');
  });

  it('C4 eight intermediates are followed, nine are not', () => {
    const chain: MadeCertificate[] = [];
    for (let depth = 0; depth < 9; depth++) {
      chain.push(makeAuthority({ name: `Depth ${depth}`, issuer: chain[depth - 1] ?? root }));
    }
    const leafUnder = (depth: number) => makeCertificate(chain[depth - 1] ?? root, { key: 'p-256' });
    assert.equal(judge(leafUnder(8), chain).ok, true);
    assertRefused(judge(leafUnder(9), chain), 'path-length');
  });
});
