import assert from 'node:assert/strict';
import { parseAddress } from '../../src/address.ts';
import { PROFILES } from '../../src/cms/profile.ts';
import type { Candidate } from '../../src/directory/directory.ts';
import { gatewayError } from '../../src/errors.ts';
import { concludeAssessment, gatherFacts } from '../../src/relay/assess-recipient.ts';
import type { SignerFacts } from '../../src/relay/assessment.ts';
import type { Snapshot } from '../../src/relay/snapshot.ts';
import type { TrustQuestion, TrustVerdict } from '../../src/trust/trust.ts';
import { pathFailure } from '../../src/x509/path-failure.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

const RITA = parseAddress('rita@partner.example');

function candidatesOf(email: string, count: number): Candidate[] {
  const authority = makeAuthority();
  return Array.from({ length: count }, (_, i) => ({
    certificate: makeCertificate(authority, { emails: [email], key: 'p-256', serial: i + 1 }).certificate,
    problem: null,
    companions: [],
    source: 'test',
    rank: 0,
    seenAt: new Date(0),
  }));
}

/** As much of it as facts are made of. */
function snapshotOf(
  candidates: readonly Candidate[],
  judge: (question: TrustQuestion) => TrustVerdict,
  failures: readonly { source: string; reason: string }[] = [],
): Snapshot {
  return {
    rules: { ours: ['example.org'], defaults: {}, to: [] },
    directory: { find: async () => ({ candidates, failures }) },
    trust: { judge },
    profiles: PROFILES,
  } as unknown as Snapshot;
}

const NO_SIGNER: SignerFacts = {
  signing: { kind: 'unknown' },
  certificate: null,
  validUntil: null,
  problem: null,
  assumed: true,
};

describe('gatherFacts', () => {
  it('gives the event loop its turn between the candidates of one recipient (C22)', async () => {
    assert.ok(RITA !== null);
    const candidates = candidatesOf(RITA.text, 4);
    const order: string[] = [];
    const judge = ({ certificate }: TrustQuestion): TrustVerdict => {
      order.push('judged');
      setImmediate(() => order.push('others'));
      return { ok: false, failure: pathFailure('no-path', certificate, 'none'), attempts: [] };
    };
    const snapshot = snapshotOf(candidates, judge);
    const facts = await gatherFacts(snapshot, RITA, new Date());
    assert.equal(facts.certificate.kind, 'unusable');
    assert.equal(facts.judged.length, 4);
    assert.deepEqual(order.slice(0, 7), ['judged', 'others', 'judged', 'others', 'judged', 'others', 'judged']);
  });

  it('has no verdict where a path search ran out of its budget (C4): trust.undecided, a temporary refusal', async () => {
    assert.ok(RITA !== null);
    const judge = ({ certificate }: TrustQuestion): TrustVerdict => {
      const failure = pathFailure('budget', certificate, 'more than 100 signature checks');
      return { ok: false, failure, attempts: [] };
    };
    const snapshot = snapshotOf(candidatesOf(RITA.text, 1), judge);
    const facts = await gatherFacts(snapshot, RITA, new Date());
    assert.equal(facts.certificate.kind, 'undecided');
    const { decision } = concludeAssessment(facts, null, NO_SIGNER, 'none');
    assert.ok(decision.kind === 'refuse');
    assert.equal(decision.error, 'trust.undecided');
    assert.equal(decision.why.encrypt, 'undecided');
    assert.equal(gatewayError(decision.error, '').permanent, false);
  });

  it('takes another certificate where one could not be checked', async () => {
    assert.ok(RITA !== null);
    const [hostile, good] = candidatesOf(RITA.text, 2);
    assert.ok(hostile !== undefined && good !== undefined);
    const judge = ({ certificate }: TrustQuestion): TrustVerdict =>
      certificate === good.certificate
        ? ({
            ok: true,
            path: { revocation: [] },
            collection: 'default',
            revocation: 'not checked',
          } as unknown as TrustVerdict)
        : { ok: false, failure: pathFailure('budget', certificate, 'too many'), attempts: [] };
    const facts = await gatherFacts(snapshotOf([hostile, good], judge), RITA, new Date());
    assert.equal(facts.certificate.kind, 'usable');
    assert.equal(facts.chosen?.candidate, good);
  });

  it('asks the collections that a rule chose, and says where it was written (C29)', async () => {
    assert.ok(RITA !== null);
    const asked: unknown[] = [];
    const judge = ({ collections }: TrustQuestion): TrustVerdict => {
      asked.push(collections);
      const collection = collections?.[0] ?? 'partner';
      return { ok: true, path: { revocation: [] }, collection, revocation: '' } as unknown as TrustVerdict;
    };
    const at = (path: string, line: number) => ({ path, file: 'sealgate.yaml', line });
    const origin = at('rules.to.partner.example', 9);
    const rule = {
      match: { kind: 'domain', domain: 'partner.example' },
      settings: { trust: { value: ['bank'], origin } },
    };
    const base = snapshotOf(candidatesOf(RITA.text, 1), judge);
    const collections = { partner: at('trust.partner.only-for', 3) };
    const chosen = { ...base, rules: { ...base.rules, to: [rule], collections } } as unknown as Snapshot;
    assert.deepEqual((await gatherFacts(chosen, RITA, new Date())).collectionOrigin, origin);
    const unchosen = { ...base, rules: { ...base.rules, collections } } as unknown as Snapshot;
    assert.deepEqual((await gatherFacts(unchosen, RITA, new Date())).collectionOrigin, collections.partner);
    assert.deepEqual(asked, [['bank'], null]);
  });

  it('tells of the source where a source failed too: directory.unavailable', async () => {
    assert.ok(RITA !== null);
    const judge = ({ certificate }: TrustQuestion): TrustVerdict => {
      return { ok: false, failure: pathFailure('budget', certificate, 'too many'), attempts: [] };
    };
    const failures = [{ source: 'ldap', reason: 'timeout' }];
    const facts = await gatherFacts(snapshotOf(candidatesOf(RITA.text, 1), judge, failures), RITA, new Date());
    assert.deepEqual(facts.certificate, { kind: 'failed', reason: 'ldap: timeout' });
  });
});
