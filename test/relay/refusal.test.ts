/** What is thrown where a recipient is refused: the row of the decision, and in the log the reason that decided. */
import assert from 'node:assert/strict';
import { type ErrorCode, gatewayError } from '../../src/errors.ts';
import type { Assessment } from '../../src/relay/assessment.ts';
import { chooseRefusal, refusalOf } from '../../src/relay/refusal.ts';

function refused(error: ErrorCode): Assessment {
  const why = { sign: 'no-right', encrypt: 'no-certificate' };
  const signer = { problem: 'there is no identity for anna@example.org' };
  return {
    decision: { kind: 'refuse', error, why },
    to: { text: 'bob@bank.example' },
    signer,
  } as unknown as Assessment;
}

describe('refusalOf', () => {
  it('names the reason of the axis that refused', () => {
    const unencrypted = refusalOf(refused('policy.no-certificate'));
    assert.equal(unencrypted?.code, 'policy.no-certificate');
    assert.equal(unencrypted?.detail, 'bob@bank.example: no-certificate');
    const unsigned = refusalOf(refused('policy.cannot-sign'));
    assert.equal(unsigned?.code, 'policy.cannot-sign');
    assert.equal(unsigned?.detail, 'bob@bank.example: no-right: there is no identity for anna@example.org');
  });

  it('is null where nothing is refused', () => {
    assert.equal(refusalOf({ decision: { kind: 'treat' } } as unknown as Assessment), null);
  });
});

describe('chooseRefusal', () => {
  it('tells the temporary one of many, else the first', () => {
    const never = gatewayError('policy.no-certificate', 'a');
    const later = gatewayError('trust.undecided', 'b');
    assert.equal(chooseRefusal([never, later]), later);
    assert.equal(chooseRefusal([never, gatewayError('policy.cannot-sign', 'c')]), never);
    assert.equal(chooseRefusal([]), null);
  });
});
