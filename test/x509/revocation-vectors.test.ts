/**
 * NIST PKITS with its CRLs, revocation required: sections 4.4, 4.5, 4.7, 4.14 and 4.15, and all others too. Every test that
 * is not about DSA is answered as NIST says; delta and indirect CRLs included.
 */
import assert from 'node:assert/strict';
import { validatePath } from '../../src/x509/path-validator.ts';
import { isDsa, loadPkits, needsCrl, type PkitsCase, pkitsRequest } from '../support/pkits.ts';
import { withCrls } from '../support/pkits-crls.ts';
import { vectorsFolder } from '../support/vectors.ts';

function answer(one: PkitsCase, vectors: string): string {
  const request = pkitsRequest(one, vectors);
  if (request === null) return 'malformed';
  const result = validatePath(withCrls(request, one, vectors));
  return result.ok ? 'valid' : `${result.failure.code}: ${result.failure.text}`;
}

describe('revocation vectors: PKITS', () => {
  it('answers every test but DSA as NIST does, with CRLs required', function () {
    this.timeout(60_000);
    const vectors = vectorsFolder(this);
    const cases = loadPkits(vectors);
    const wrong: string[] = [];
    const unsaid: string[] = [];
    for (const one of cases) {
      const found = answer(one, vectors);
      if (isDsa(one)) assert.notEqual(found, 'valid', one.id);
      else if ((found === 'valid') !== (one.expected === 'valid')) wrong.push(`${one.id} ${one.title}: ${found}`);
      else if (needsCrl(one) && !found.startsWith('rev')) unsaid.push(`${one.id}: ${found}`);
      if (one.reason === 'revoked') assert.match(found, /^revoked: .*revoked \d{4}-/, one.id);
    }
    assert.deepEqual(wrong, []);
    assert.deepEqual(unsaid, []);
    assert.ok(cases.filter(needsCrl).length >= 29);
  });
});
