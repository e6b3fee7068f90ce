import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Address, parseAddress } from '../../src/address.ts';
import { type CryptoProfile, PROFILES } from '../../src/cms/profile.ts';
import { planCopies, type TreatedRecipient } from '../../src/relay/copy-plan.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

const DEFAULT = PROFILES['default'] as CryptoProfile;

function mailbox(text: string): Address {
  const address = parseAddress(text);
  assert.ok(address);
  return address;
}

describe('copy plan', () => {
  const ca = makeAuthority();
  const certificate = makeCertificate(ca, { emails: ['x@partner.example'] }).certificate;
  const recipient = (text: string, more: Partial<TreatedRecipient> = {}): TreatedRecipient => ({
    address: mailbox(text),
    sign: true,
    certificate,
    profile: DEFAULT,
    route: 'outside',
    hidden: false,
    ...more,
  });

  it('gives visible recipients of one treatment one copy', () => {
    const plan = planCopies([recipient('a@partner.example'), recipient('b@partner.example')]);
    assert.equal(plan.length, 1);
    assert.equal(plan[0]?.copies.length, 1);
    assert.equal(plan[0]?.copies[0]?.recipients.length, 2);
    assert.equal(plan[0]?.copies[0]?.treatment, 'signed and encrypted (default)');
  });

  it('C18 gives each hidden recipient a copy of its own, over one shared body', () => {
    const plan = planCopies([
      recipient('a@partner.example'),
      recipient('b@partner.example', { hidden: true }),
      recipient('c@partner.example', { hidden: true }),
    ]);
    assert.equal(plan.length, 1, 'one ciphertext');
    assert.deepEqual(
      plan[0]?.copies.map(({ recipients }) => recipients.map(({ address }) => address.text)),
      [['a@partner.example'], ['b@partner.example'], ['c@partner.example']],
    );
  });

  it('never mixes routes, treatments or profiles in a copy', () => {
    const other: CryptoProfile = { ...DEFAULT, name: 'other' };
    const plan = planCopies([
      recipient('a@partner.example'),
      recipient('b@partner.example', { sign: false }),
      recipient('c@partner.example', { certificate: null }),
      recipient('d@partner.example', { certificate: null, sign: false }),
      recipient('e@partner.example', { profile: other }),
      recipient('f@example.org', { route: 'internal' }),
    ]);
    assert.deepEqual(
      plan.map(({ form, copies }) => [form.kind, copies.length]),
      [
        ['enveloped', 2],
        ['enveloped', 1],
        ['signed', 1],
        ['as-it-came', 1],
        ['enveloped', 1],
      ],
    );
  });

  it('never gives a content key to an ML-KEM key and to a classical one, under no profile', () => {
    // only the facts of the key matter here, so no Node needs to know ML-KEM
    const lattice = { ...certificate, key: { ...certificate.key, kind: 'ml-kem-768' } } as Certificate;
    const plan = planCopies([
      recipient('a@partner.example'),
      recipient('b@partner.example', { certificate: lattice }),
      recipient('c@partner.example', { certificate: lattice, hidden: true }),
      recipient('d@partner.example'),
    ]);
    assert.deepEqual(
      plan.map(({ copies }) => copies.map(({ recipients }) => recipients.map(({ address }) => address.text))),
      [[['a@partner.example', 'd@partner.example']], [['b@partner.example'], ['c@partner.example']]],
    );
    const clear = [recipient('a@x.example', { certificate: null }), recipient('b@x.example', { certificate: null })];
    assert.equal(planCopies(clear).length, 1);
  });

  it('protects exactly the copies that are encrypted, keeps everybody, and never shows a hidden one to another', () => {
    const arbitrary = fc.array(
      fc.record({
        name: fc.integer({ min: 0, max: 1e9 }),
        sign: fc.boolean(),
        encrypt: fc.boolean(),
        hidden: fc.boolean(),
        internal: fc.boolean(),
      }),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(arbitrary, (rows) => {
        const recipients = rows.map((row, index) =>
          recipient(`u${row.name}-${index}@partner.example`, {
            sign: row.sign,
            certificate: row.encrypt ? certificate : null,
            hidden: row.hidden,
            route: row.internal ? 'internal' : 'outside',
          }),
        );
        const plan = planCopies(recipients);
        const placed = plan.flatMap(({ form, copies }) =>
          copies.flatMap((copy) => {
            assert.equal(copy.protection, form.kind === 'enveloped' ? 'must-encrypt' : 'may-be-clear');
            for (const entry of copy.recipients) {
              assert.equal(entry.certificate !== null, form.kind === 'enveloped');
              assert.equal(entry.route, copy.route);
              if (entry.hidden && form.kind === 'enveloped') assert.equal(copy.recipients.length, 1);
            }
            return copy.recipients.map(({ address }) => address.key);
          }),
        );
        assert.deepEqual(placed.sort(), recipients.map(({ address }) => address.key).sort());
      }),
    );
  });
});
