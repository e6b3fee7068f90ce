/** Our own certificates: which end first, and that the log is told while there is time. */
import assert from 'node:assert/strict';
import { parseAddress } from '../../src/address.ts';
import { ExpiryReminder, soonestExpiries } from '../../src/keys/expiry-reminder.ts';
import type { Identities, Identity } from '../../src/keys/identities.ts';
import { makeAuthority, makeCertificate } from '../support/certificate-builder.ts';

const DAY = 86_400_000;
const now = new Date('2026-11-25T00:00:00Z');
const root = makeAuthority();

function identity(email: string, days: number): Identity {
  const notAfter = new Date(now.getTime() + days * DAY);
  const notBefore = new Date('2020-01-01');
  const { certificate } = makeCertificate(root, { key: 'p-256', freshKey: true, emails: [email], notBefore, notAfter });
  return { address: parseAddress(email), certificate } as unknown as Identity;
}

function identitiesOf(...all: Identity[]): Identities {
  return { all, find: () => null };
}

describe('expiry of our own certificates', () => {
  it('the soonest first, one entry a certificate', () => {
    const shared = identity('b@example.org', 5);
    const alias = { ...shared, address: parseAddress('c@example.org') } as Identity;
    const found = soonestExpiries(identitiesOf(identity('a@example.org', 90), shared, alias), 10);
    assert.deepEqual(
      found.map(({ addresses }) => addresses),
      [['b@example.org', 'c@example.org'], ['a@example.org']],
    );
    assert.equal(
      soonestExpiries(identitiesOf(shared, identity('d@example.org', 1)), 1)[0]?.addresses[0],
      'd@example.org',
    );
  });

  it('tells of those with 30 days left or less, and of those that have ended', () => {
    const all = identitiesOf(
      identity('far@example.org', 31),
      identity('near@example.org', 29),
      identity('gone@example.org', -3),
    );
    const reminder = (days: number): number => {
      const at = new Date(now.getTime() + days * DAY);
      return new ExpiryReminder(
        () => all,
        () => at,
      ).remind();
    };
    assert.deepEqual([reminder(0), reminder(2), reminder(-10)], [2, 3, 1]);
  });

  it('leaves nothing running', () => {
    const reminder = new ExpiryReminder(() => identitiesOf());
    reminder.start();
    reminder.stop();
    reminder.stop();
  });
});
