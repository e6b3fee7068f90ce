/** A decision that refuses, as the error that is thrown: its row says what the peer reads, its detail what the log says. */
import { type GatewayError, gatewayError } from '../errors.ts';
import type { Assessment } from './assessment.ts';

/** null when the recipient is not refused. */
export function refusalOf({ decision, to, signer }: Assessment): GatewayError | null {
  if (decision.kind !== 'refuse') return null;
  const { error, why } = decision;
  const reason = error === 'policy.cannot-sign' ? `${why.sign}: ${signer.problem ?? 'no reason known'}` : why.encrypt;
  return gatewayError(error, `${to.text}: ${reason}`);
}

/** The one that is told of many: a temporary one if there is any, for then trying again may help. */
export function chooseRefusal(refusals: readonly GatewayError[]): GatewayError | null {
  return refusals.find((refusal) => !refusal.permanent) ?? refusals[0] ?? null;
}
