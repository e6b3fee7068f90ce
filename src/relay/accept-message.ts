/**
 * DATA: from the header to the durable commit, in one pass over the octets (design: the path, steps 3 to 5).
 * Nothing is stored before every recipient can be served; whatever goes wrong later leaves nothing behind.
 */

import { octetsPassed } from '../buffer-reclaim.ts';
import type { Entropy, Signer } from '../cms/signer.ts';
import type { Envelope } from '../envelope.ts';
import { asGatewayError, gatewayError } from '../errors.ts';
import { messageQueued, messageUnsigned } from '../log/relay-events.ts';
import type { HeaderBlock } from '../mime/header-block.ts';
import { bodyBinding } from '../queue/body-binding.ts';
import type { BodyWriter, Intake, Queue } from '../queue/queue.ts';
import { RECORD_FORMAT } from '../queue/record.ts';
import type { BodyForm, FormRequest, FormResult, Sealing } from '../smime/seal.ts';
import { startSealing } from '../smime/sealer.ts';
import type { Receipt } from '../smtp/receiver.ts';
import { concludeAssessment, type RecipientFacts } from './assess-recipient.ts';
import { assessSigner, type SignerAssessment } from './assess-signer.ts';
import type { Assessment } from './assessment.ts';
import { type BodyPlan, planCopies } from './copy-plan.ts';
import { logDecision } from './log-decision.ts';
import { checkHeader, openMessage, visibleRecipients } from './message-header.ts';
import { reportHeader, withoutInternalFields } from './outgoing-header.ts';
import type { PlannedMessage } from './planned-message.ts';
import { draftGroups, finishGroups } from './record-groups.ts';
import { chooseRefusal, refusalOf } from './refusal.ts';
import type { Snapshot } from './snapshot.ts';
import { treatRecipient } from './treat-recipient.ts';

/** What accepting needs beside the message. */
export interface AcceptContext {
  readonly snapshot: Snapshot;
  readonly queue: Queue;
  readonly entropy: Entropy;
  now(): Date;
}

/**
 * Takes one message. Resolves when it is durable.
 * @param facts one for each recipient of the envelope, gathered at RCPT
 * @throws GatewayError the reply; nothing is stored then
 */
export async function acceptMessage(
  context: AcceptContext,
  envelope: Envelope,
  facts: readonly RecipientFacts[],
  stream: AsyncIterable<Buffer>,
): Promise<Receipt> {
  const startedAt = context.now();
  const { snapshot } = context;
  const opened = await openMessage(stream);
  try {
    const { header } = opened;
    const content = checkHeader(header, snapshot.hostname);
    const signer = await assessSigner(snapshot, header, envelope.from, envelope.submitter, startedAt);
    const assessments = facts.map((fact) => concludeAssessment(fact, envelope.from, signer.facts, content));
    refuseUnserved(envelope, assessments);
    logUnsigned(envelope, signer, assessments);
    const plan = planMessage(assessments, header);
    const clean = withoutInternalFields(header, snapshot.vouchHeaders);
    const message: PlannedMessage = { envelope, header: clean, content, signer, plan, receivedAt: startedAt };
    const { queueId, octets } = await storeMessage(context, message, opened.body);
    messageQueued({
      trace: envelope.traceId,
      queueId,
      from: envelope.from?.text ?? null,
      recipients: envelope.recipients.length,
      treatments: plan.flatMap(({ copies }) => copies.map((copy) => copy.treatment)),
      octets,
      milliseconds: context.now().getTime() - startedAt.getTime(),
      configuration: snapshot.id,
    });
    return { queueId };
  } finally {
    await opened.close();
  }
}

/** Promise 3: whole or not at all. */
function refuseUnserved(envelope: Envelope, assessments: readonly Assessment[]): void {
  for (const assessment of assessments) logDecision(envelope.traceId, 'header', assessment);
  const refusal = chooseRefusal(assessments.map(refusalOf).filter((entry) => entry !== null));
  if (refusal !== null) throw refusal;
}

function logUnsigned(envelope: Envelope, signer: SignerAssessment, assessments: readonly Assessment[]): void {
  const { signing, problem } = signer.facts;
  const wanted = assessments.some(({ settings }) => settings.sign.value !== 'never');
  if (wanted && signing.kind === 'no') messageUnsigned(envelope.traceId, signing.reason, problem ?? '');
}

function planMessage(assessments: readonly Assessment[], header: HeaderBlock): readonly BodyPlan[] {
  const visible = visibleRecipients(header);
  return planCopies(assessments.map((assessment) => treatRecipient(assessment, visible)));
}

async function storeMessage(
  context: AcceptContext,
  message: PlannedMessage,
  body: AsyncIterable<Buffer>,
): Promise<{ queueId: string; octets: number }> {
  const intake = await context.queue.begin(message.envelope.traceId);
  let started: Sealing | null = null;
  try {
    const drafts = draftGroups(message);
    const writers = message.plan.map((_, index) => intake.body(bodyBinding(drafts, index)));
    const sealing = startSealing({
      header: message.header,
      forms: message.plan.map((planned, index) => formRequest(context, message, planned, writers[index])),
      signer: null,
      signingTime: message.receivedAt,
      entropy: context.entropy,
      leaveUntouched: message.content === 'signed',
    });
    started = sealing;
    let octets = message.header.raw.length + 2;
    for await (const chunk of body) {
      octets += chunk.length;
      // read from a socket, encrypted, spool-sealed: each time in memory of its own
      octetsPassed(2 * chunk.length);
      await sealing.write(chunk);
    }
    const results = await sealing.end();
    for (const writer of writers) await writer.end();
    await commit(context, intake, message, drafts, results);
    return { queueId: intake.id, octets };
  } catch (error) {
    started?.abort();
    await intake.abort();
    throw asGatewayError(error);
  }
}

function formRequest(
  context: AcceptContext,
  message: PlannedMessage,
  planned: BodyPlan,
  writer: BodyWriter | undefined,
): FormRequest {
  if (writer === undefined) throw gatewayError('defect', 'a planned body has no writer');
  return {
    form: planned.form,
    groups: planned.copies.map((copy) =>
      copy.recipients.flatMap(({ certificate }) => (certificate === null ? [] : [certificate])),
    ),
    signer: signerFor(context.snapshot, message, planned.form),
    write: (chunk) => writer.write(chunk),
  };
}

/** The profile of a form decides how its signature is made. */
function signerFor({ trust }: Snapshot, message: PlannedMessage, form: BodyForm): Signer | null {
  if (form.kind === 'as-it-came' || (form.kind === 'enveloped' && !form.signed)) return null;
  const { identity } = message.signer;
  // no recipient is treated as signed unless the signer was found valid for this very message
  if (identity === null) throw gatewayError('defect', 'a copy is to be signed and there is no identity');
  const { certificate, companions } = identity;
  const chain = trust.chainOf(certificate, message.receivedAt, companions);
  const withRoot = form.profile?.chain === 'with-root';
  const root = withRoot ? trust.anchorOf(certificate, message.receivedAt, companions) : null;
  return identity.signer(chain, form.profile, root);
}

async function commit(
  context: AcceptContext,
  intake: Intake,
  message: PlannedMessage,
  drafts: ReturnType<typeof draftGroups>,
  results: readonly FormResult[],
): Promise<void> {
  const { envelope, plan } = message;
  const masked = plan.some(({ form }) => form.kind === 'enveloped');
  await intake.commit({
    format: RECORD_FORMAT,
    traceId: envelope.traceId,
    direction: plan.every(({ copies }) => copies.every(({ route }) => route === 'internal')) ? 'inbound' : 'outbound',
    receivedAt: message.receivedAt.getTime(),
    reversePath: envelope.from?.text ?? null,
    configuration: context.snapshot.id,
    body: envelope.body,
    envid: null,
    ret: null,
    smtpUtf8: false,
    reportHeader: reportHeader(message.header, masked).toString('latin1'),
    groups: finishGroups(message, drafts, results, context.snapshot),
  });
}
