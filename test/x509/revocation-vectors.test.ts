/**
 * NIST PKITS with its CRLs: sections 4.4, 4.5, 4.7, 4.14 and 4.15, and all others too, with revocation required. Every
 * test that is not about DSA is answered as NIST says; delta and indirect CRLs included.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { GatewayError } from '../../src/errors.ts';
import type { RevocationList } from '../../src/x509/crl.ts';
import { validatePath } from '../../src/x509/path-validator.ts';
import { revocationJudge } from '../../src/x509/revocation-judge.ts';
import { evidenceOf, readList } from '../support/crl-evidence.ts';
import { isDsa, loadPkits, type PkitsCase, pkitsRequest } from '../support/pkits.ts';
import { vectorsFolder } from '../support/vectors.ts';

const HARD = {
  whenUnknown: 'refuse',
  withoutSource: 'refuse',
  tolerance: { skewMs: 300_000, stalenessMs: 0 },
} as const;

function answer(one: PkitsCase, vectors: string): string {
  const request = pkitsRequest(one, vectors);
  if (request === null) return 'malformed';
  const certificates = [...request.anchors, ...request.intermediates, request.leaf];
  const lists: RevocationList[] = [];
  for (const name of one.crls) {
    try {
      lists.push(readList(readFileSync(path.join(vectors, 'pkits/crls', name)), certificates, 100));
    } catch (thrown) {
      assert.ok(thrown instanceof GatewayError && thrown.code === 'asn1.malformed', String(thrown));
    }
  }
  const result = validatePath({ ...request, revocation: revocationJudge(evidenceOf(lists, certificates), HARD) });
  return result.ok ? 'valid' : `${result.failure.code}: ${result.failure.text}`;
}

describe('revocation vectors: PKITS', () => {
  it('answers every test but DSA as NIST does, with CRLs required', function () {
    this.timeout(60_000);
    const vectors = vectorsFolder(this);
    const cases = loadPkits(vectors);
    const wrong: string[] = [];
    const dsa: string[] = [];
    for (const one of cases) {
      const found = answer(one, vectors);
      if (isDsa(one)) {
        dsa.push(one.id);
        assert.notEqual(found, 'valid', one.id);
      } else if ((found === 'valid') !== (one.expected === 'valid')) wrong.push(`${one.id} ${one.title}: ${found}`);
    }
    assert.deepEqual(wrong, []);
    assert.ok(cases.length > 150);
    assert.ok(dsa.length > 0);
  });
});
