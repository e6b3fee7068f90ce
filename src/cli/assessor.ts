/**
 * Assesses as the relay does, with the relay's own functions, for one sender and recipient at a time. Nothing listens
 * and no queue is opened. The client is taken to vouch for the author, for who will submit the mail is not known.
 */
import type { Address } from '../address.ts';
import type { Configuration } from '../config/configuration.ts';
import type { Submitter } from '../envelope.ts';
import { type Opened, openSnapshot } from '../open-snapshot.ts';
import { concludeAssessment, gatherFacts } from '../relay/assess-recipient.ts';
import { assessSigner, assumeSigner } from '../relay/assess-signer.ts';
import type { Assessment, Assessor } from '../relay/assessment.ts';
import { checkHeader, openMessage } from '../relay/message-header.ts';
import { closeSnapshot, type Snapshot } from '../relay/snapshot.ts';

/** Opens what judging needs. The caller closes the assessor. */
export async function openAssessor(configuration: Configuration, now: () => Date): Promise<Opened<Assessor>> {
  const opened = await openSnapshot(configuration);
  if (!opened.ok) return opened;
  const snapshot = opened.value;
  const assessor: Assessor = {
    assess: (from, to, message) => assess(snapshot, from, to, message, now()),
    close: () => closeSnapshot(snapshot),
  };
  return { ok: true, value: assessor, warnings: opened.warnings };
}

async function assess(
  snapshot: Snapshot,
  from: Address | null,
  to: Address,
  message: Buffer | null,
  at: Date,
): Promise<Assessment> {
  const facts = await gatherFacts(snapshot, to, at);
  if (message === null) {
    return concludeAssessment(facts, from, (await assumeSigner(snapshot, from, null, at)).facts, 'none');
  }
  const opened = await openMessage(once(withCrlf(message)));
  await opened.close();
  const content = checkHeader(opened.header, snapshot.hostname);
  const signer = await assessSigner(snapshot, opened.header, from, VOUCHING_CLIENT, at);
  return concludeAssessment(facts, from, signer.facts, content);
}

const VOUCHING_CLIENT: Submitter = {
  ip: '127.0.0.1',
  helo: 'localhost',
  listener: 'explain',
  tls: false,
  login: null,
  loginAddresses: [],
  vouches: { kind: 'always' },
};

/** A file may have either line end, and none at its end; on the wire there is one, and every line has it. */
function withCrlf(message: Buffer): Buffer {
  const text = message.toString('latin1').replace(/\r?\n/g, '\r\n');
  return Buffer.from(text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1');
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
