/** From an assessment that ends in a treatment to the recipient of a copy. */
import { gatewayError } from '../errors.ts';
import type { Assessment } from './assessment.ts';
import type { TreatedRecipient } from './copy-plan.ts';

/**
 * @param visible keys of the mailboxes named in To and Cc
 * @throws GatewayError defect: a refusal, or encryption without a certificate, neither of which
 *   may ever get here; nothing is sent then
 */
export function treatRecipient(assessment: Assessment, visible: ReadonlySet<string>): TreatedRecipient {
  const { decision, profile, to, internal, chosen } = assessment;
  if (decision.kind === 'refuse') throw gatewayError('defect', `${to.text} was refused and is treated`);
  const certificate = decision.encrypt ? (chosen?.candidate.certificate ?? null) : null;
  if (decision.encrypt && certificate === null) throw gatewayError('defect', `no certificate for ${to.text}`);
  return {
    address: to,
    sign: decision.sign,
    certificate,
    profile,
    route: internal ? 'internal' : 'outside',
    hidden: !visible.has(to.key),
  };
}
