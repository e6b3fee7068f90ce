/**
 * A message about which everything is decided and whose body is still to come: what `accept-message` hands to the making
 * of copies and of the record.
 */
import type { Envelope } from '../envelope.ts';
import type { HeaderBlock } from '../mime/header-block.ts';
import type { ContentProtection } from '../policy/decide-recipient.ts';
import type { SignerAssessment } from './assess-signer.ts';
import type { BodyPlan } from './copy-plan.ts';

/** Decided, and not yet stored: nothing of it is on a disk. */
export interface PlannedMessage {
  readonly envelope: Envelope;
  /** Without internal fields. */
  readonly header: HeaderBlock;
  /** What the body claims to be already. */
  readonly content: ContentProtection;
  readonly signer: SignerAssessment;
  readonly plan: readonly BodyPlan[];
  readonly receivedAt: Date;
}
