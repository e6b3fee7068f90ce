import assert from 'node:assert/strict';
import { parseAddress } from '../../src/address.ts';
import { PROFILES } from '../../src/cms/profile.ts';
import type { Candidate } from '../../src/directory/directory.ts';
import { gatherFacts } from '../../src/relay/assess-recipient.ts';
import type { Snapshot } from '../../src/relay/snapshot.ts';
import type { TrustQuestion, TrustVerdict } from '../../src/trust/trust.ts';
import { pathFailure } from '../../src/x509/path-failure.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

const RITA = parseAddress('rita@partner.example');

describe('gatherFacts', () => {
  it('gives the event loop its turn between the candidates of one recipient (C22)', async () => {
    assert.ok(RITA !== null);
    const authority = makeAuthority();
    const candidates: Candidate[] = Array.from({ length: 4 }, (_, i) => ({
      certificate: makeCertificate(authority, { emails: [RITA.text], key: 'p-256', serial: i + 1 }).certificate,
      problem: null,
      companions: [],
      source: 'test',
      rank: 0,
      seenAt: new Date(0),
    }));
    const order: string[] = [];
    const judge = ({ certificate }: TrustQuestion): TrustVerdict => {
      order.push('judged');
      setImmediate(() => order.push('others'));
      return { ok: false, failure: pathFailure('no-path', certificate, 'none'), attempts: [] };
    };
    // as much of it as facts are made of
    const snapshot = {
      rules: { ours: ['example.org'], defaults: {}, to: [] },
      directory: { find: async () => ({ candidates, failures: [] }) },
      trust: { judge },
      profiles: PROFILES,
    } as unknown as Snapshot;
    const facts = await gatherFacts(snapshot, RITA, new Date());
    assert.equal(facts.certificate.kind, 'unusable');
    assert.equal(facts.judged.length, 4);
    assert.deepEqual(order.slice(0, 7), ['judged', 'others', 'judged', 'others', 'judged', 'others', 'judged']);
  });
});
