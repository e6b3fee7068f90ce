/**
 * The groups of the queue record, in two steps: what is known before the body streams (and is bound into every sealed
 * chunk, catalogue C19), and the rest once it has.
 */
import { gatewayError } from '../errors.ts';
import type { QueueContent, QueueGroup } from '../queue/record.ts';
import type { FormResult } from '../smime/seal.ts';
import type { BodyPlan, Copy } from './copy-plan.ts';
import { outgoingHeader, receivedField } from './outgoing-header.ts';
import type { PlannedMessage } from './planned-message.ts';
import type { Snapshot } from './snapshot.ts';

/** A group before its body was written. */
export type GroupDraft = Omit<QueueGroup, 'header' | 'content'> & {
  readonly content: { readonly bodyIndex: number };
};

/** One draft a copy, bodies in order and copies in order within each. */
export function draftGroups({ plan }: Pick<PlannedMessage, 'plan'>): readonly GroupDraft[] {
  return plan.flatMap(({ copies }, bodyIndex) => copies.map((copy) => draftGroup(copy, bodyIndex)));
}

function draftGroup(copy: Copy, bodyIndex: number): GroupDraft {
  return {
    content: { bodyIndex },
    protection: copy.protection,
    stage: 'ready',
    route: copy.route,
    treatment: copy.treatment,
    recipients: copy.recipients.map(({ address, certificate }) => ({
      address: address.text,
      certificateSha256: certificate?.sha256 ?? null,
      orcpt: null,
      notify: null,
    })),
  };
}

/** Joins drafts and results. @throws GatewayError defect when they do not fit each other */
export function finishGroups(
  message: PlannedMessage,
  drafts: readonly GroupDraft[],
  results: readonly FormResult[],
  snapshot: Snapshot,
): readonly QueueGroup[] {
  const received = receivedField(message.envelope, snapshot.hostname, message.receivedAt);
  let next = 0;
  return message.plan.flatMap((planned, bodyIndex) => {
    const result = results[bodyIndex];
    if (result === undefined) throw gatewayError('defect', 'a body has no result');
    const header = outgoingHeader(
      message.header,
      planned.form,
      result.contentFields,
      received,
      snapshot.rules.ours,
    ).toString('latin1');
    return planned.copies.map((_, copyIndex) => {
      const draft = drafts[next++];
      if (draft?.content.bodyIndex !== bodyIndex) throw gatewayError('defect', 'drafts and results are out of step');
      return { ...draft, header, content: contentOf(planned, copyIndex, bodyIndex, result) };
    });
  });
}

function contentOf(planned: BodyPlan, copyIndex: number, bodyIndex: number, result: FormResult): QueueContent {
  if (planned.form.kind !== 'enveloped') {
    if (result.kind !== 'clear') throw gatewayError('defect', 'a clear body came back enveloped');
    return { kind: 'clear', bodyIndex, eightBit: result.eightBit };
  }
  const recipientInfos = result.kind === 'enveloped' ? result.recipientInfos[copyIndex] : undefined;
  const identifiers = result.kind === 'enveloped' ? result.recipientIdentifiers[copyIndex] : undefined;
  if (result.kind !== 'enveloped' || recipientInfos === undefined || identifiers === undefined) {
    // the one place where clear octets could slip in under an encrypted name
    throw gatewayError('defect', 'an encrypted body has no RecipientInfos');
  }
  return {
    kind: 'enveloped',
    bodyIndex,
    ciphertextBytes: result.ciphertextBytes,
    contentEncryption: result.contentEncryption.toString('base64'),
    recipientInfos: recipientInfos.toString('base64'),
    ...(result.tag === null ? {} : { tag: result.tag.toString('base64') }),
    expectedRecipients: identifiers.map((identifier) => identifier.toString('base64')),
  };
}
