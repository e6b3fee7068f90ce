/** Policies of a path (RFC 9618): the set found, each limit, and that no mesh of mappings costs more than its budget. */
import assert from 'node:assert/strict';
import type { PathRequest, PathResult } from '../../src/x509/path.ts';
import { PATH_BUDGET, validatePath } from '../../src/x509/path-validator.ts';
import { type MadeCertificate, makeAuthority, makeCertificate } from '../support/certificate-builder.ts';
import {
  inhibitAnyPolicy,
  type MadeExtension,
  policies,
  policyConstraints,
  policyMappings,
} from '../support/constraint-builder.ts';

const ANY = '2.5.29.32.0';
const [A, B, C] = ['1.3.9.1', '1.3.9.2', '1.3.9.3'];
const root = makeAuthority({ name: 'Root' });

/** A path below the root: the extensions of each certificate, the leaf's last. */
function judge(below: MadeExtension[][], more: Partial<PathRequest> = {}, anchor = root): PathResult {
  const middles: MadeCertificate[] = [];
  for (const [depth, extraExtensions] of below.slice(0, -1).entries()) {
    middles.push(makeAuthority({ name: `CA ${depth}`, issuer: middles.at(-1) ?? anchor, extraExtensions }));
  }
  const leaf = makeCertificate(middles.at(-1) ?? anchor, { key: 'p-256', extraExtensions: below.at(-1) ?? [] });
  return validatePath({
    leaf: leaf.certificate,
    anchors: [anchor.certificate],
    intermediates: middles.map((one) => one.certificate),
    at: new Date(),
    purpose: 'any',
    address: null,
    ...more,
  });
}

const answer = (...of: Parameters<typeof judge>): string => {
  const result = judge(...of);
  return result.ok ? result.path.policies.join(' ') : result.failure.code;
};
const explicit = { requireExplicitPolicy: true };

describe('policies', () => {
  it('without policies a path is valid, unless one is asked for', () => {
    assert.equal(answer([[], []]), '');
    assert.equal(answer([[], []], explicit), 'policy');
    assert.equal(answer([[policies(A)], []], explicit), 'policy');
  });

  it('the set is what every certificate has', () => {
    assert.equal(answer([[policies(A, B)], [policies(B, C)]], explicit), B);
    assert.equal(answer([[policies(A)], [policies(B)]]), '');
    assert.equal(answer([[policies(A)], [policies(B)]], explicit), 'policy');
    assert.equal(answer([[policies(A)], []], { requireExplicitPolicy: false }), '');
  });

  it('anyPolicy stands for all, where it is not inhibited', () => {
    assert.equal(answer([[policies(ANY)], [policies(ANY)]], explicit), ANY);
    assert.equal(answer([[policies(ANY)], [policies(B)]], explicit), B);
    assert.equal(answer([[policies(A)], [policies(ANY)]], explicit), A);
    assert.equal(answer([[policies(ANY)], [policies(B)]], { ...explicit, inhibitAnyPolicy: true }), 'policy');
    assert.equal(answer([[policies(A), inhibitAnyPolicy(0)], [policies(ANY)]], explicit), 'policy');
    assert.equal(answer([[policies(A), inhibitAnyPolicy(1)], [policies(ANY)]], explicit), A);
  });

  it('the set asked for is what is answered', () => {
    assert.equal(answer([[policies(A, B)], [policies(A, B)]], { ...explicit, policies: [B, C] }), B);
    assert.equal(answer([[policies(ANY)], [policies(ANY)]], { ...explicit, policies: [B, C] }), `${B} ${C}`);
    assert.equal(answer([[policies(A)], [policies(A)]], { ...explicit, policies: [B] }), 'policy');
    assert.equal(answer([[policies(A)], [policies(A)]], { policies: [B] }), '');
  });

  it('mappings translate, the answer stays in words of the top', () => {
    const mapped = [[policies(A), policyMappings([A, B])], [policies(B)]];
    assert.equal(answer(mapped, explicit), A);
    assert.equal(answer(mapped, { ...explicit, inhibitPolicyMapping: true }), 'policy');
    assert.equal(answer([[policies(A), policyMappings([A, B])], [policies(A)]], explicit), 'policy');
    const fromAny = [[policies(ANY), policyMappings([A, B])], [policies(B)]];
    assert.equal(answer(fromAny, explicit), A);
    const limited = [
      [policies(A), policyConstraints({ mapping: 0 })],
      [policies(A), policyMappings([A, B])],
      [policies(B)],
    ];
    assert.equal(answer(limited, explicit), 'policy');
  });

  it('an authority may ask for a policy, for itself or some certificates later', () => {
    assert.equal(answer([[policies(A), policyConstraints({ explicit: 0 })], [policies(B)]]), 'policy');
    assert.equal(answer([[policies(A), policyConstraints({ explicit: 0 })], [policies(A)]]), A);
    assert.equal(answer([[policies(A), policyConstraints({ explicit: 1 })], [], []]), 'policy');
    assert.equal(answer([[policies(A), policyConstraints({ explicit: 5 })], [], []]), '');
  });

  it('limits of the anchor hold, its policies are not looked at', () => {
    const anchor = makeAuthority({
      name: 'Strict',
      extraExtensions: [policies(C), policyConstraints({ explicit: 0 })],
    });
    assert.equal(answer([[], []], {}, anchor), 'policy');
    assert.equal(answer([[policies(A)], [policies(A)]], {}, anchor), A);
  });

  it('tells both sides', () => {
    const result = judge([[policies(A)], [policies(A)]], { ...explicit, policies: [B] });
    assert.ok(!result.ok);
    assert.match(result.failure.text, /the path is valid for the policies 1\.3\.9\.1, one of 1\.3\.9\.2 is needed$/);
  });

  it('mappings of anyPolicy, the same policy twice: malformed', () => {
    assert.equal(answer([[policies(A), policyMappings([ANY, B])], [policies(B)]]), 'malformed');
    assert.equal(answer([[policies(A), policyMappings([A, ANY])], [policies(B)]]), 'malformed');
    assert.equal(answer([[policies(A, A)], [policies(A)]]), 'malformed');
  });

  it('C6 a mesh of 8 authorities and 64 policies, each mapped to each: an answer', () => {
    const all = Array.from({ length: 64 }, (_, i) => `1.3.9.${i + 1}`);
    const pairs = all.flatMap((from) => all.map((to) => [from, to] as const));
    const level = [policies(...all), policyMappings(...pairs)];
    assert.equal(answer([...Array.from({ length: 8 }, () => level), [policies(A)]], explicit).split(' ').length, 64);
  });

  it('C6 more than 1000 nodes: budget', () => {
    const all = Array.from({ length: 300 }, (_, i) => `1.3.9.${i + 1}`);
    const below = [...Array.from({ length: 4 }, () => [policies(...all)]), [policies(A)]];
    const result = judge(below);
    assert.ok(
      !result.ok && result.failure.code === 'budget' && /1000 nodes of a policy graph/.test(result.failure.text),
    );
    assert.equal(PATH_BUDGET.policyNodes, 1000);
  });
});
