/** The CRLs of a PKITS case as evidence, for whoever answers the whole suite. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { GatewayError } from '../../src/errors.ts';
import type { RevocationList } from '../../src/x509/crl.ts';
import type { PathRequest } from '../../src/x509/path.ts';
import { revocationJudge } from '../../src/x509/revocation-judge.ts';
import { evidenceOf, readList } from './crl-evidence.ts';
import type { PkitsCase } from './pkits.ts';

const HARD = {
  whenUnknown: 'refuse',
  withoutSource: 'refuse',
  tolerance: { skewMs: 300_000, stalenessMs: 0 },
} as const;

/** The request, with revocation required as PKITS means it. A CRL that cannot be read is none. */
export function withCrls(request: PathRequest, one: PkitsCase, vectors: string): PathRequest {
  const certificates = [...request.anchors, ...request.intermediates, request.leaf];
  const lists: RevocationList[] = [];
  for (const name of one.crls) {
    try {
      // pieces smaller than most fields: what comes in two counts as what comes in one
      lists.push(readList(readFileSync(path.join(vectors, 'pkits/crls', name)), certificates, 100));
    } catch (thrown) {
      assert.ok(thrown instanceof GatewayError && thrown.code === 'asn1.malformed', String(thrown));
    }
  }
  return { ...request, revocation: revocationJudge(evidenceOf(lists, certificates), HARD) };
}
