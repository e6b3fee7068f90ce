/**
 * The last proof before the wire (promise 1, catalogue C19): a copy that must be encrypted is an EnvelopedData or
 * AuthEnvelopedData for exactly the certificates that were decided, and it is built from the very octets that were checked here.
 *
 * "Looks sealed" is no evidence: neither a media type nor a header field is read. Clear content, an unknown cipher,
 * RecipientInfos that do not parse or name anybody else, a recipient without a certificate, and a recipient who is not
 * of the group are refused. Pure.
 */
import { CONTENT_CIPHERS, recogniseContentEncryption, TAG_OCTETS } from '../cms/algorithms/content-ciphers.ts';
import type { EnvelopedDataParts } from '../cms/enveloped-data-writer.ts';
import { readRecipientIdentifiers } from '../cms/recipient-identifiers.ts';
import type { QueueGroup } from '../queue/record.ts';

/** What may go out, or why nothing may. */
export type SealedProof =
  | { readonly ok: true; readonly content: ProvenContent }
  | { readonly ok: false; readonly failure: string };

/** The content of a group after the proof; the only form that {@link wireOctets} takes. */
export type ProvenContent =
  | { readonly kind: 'clear'; readonly eightBit: boolean }
  | { readonly kind: 'enveloped'; readonly parts: EnvelopedDataParts };

/**
 * Checks one group against the recipients it is about to go to.
 * @param group from an authenticated record; trusted to be what was stored, not to be right
 * @param recipients addresses of this attempt
 * @returns what to send; `failure` is for the log and names no content
 */
export function checkSealed(group: QueueGroup, recipients: readonly string[]): SealedProof {
  const members = new Set(group.recipients.map((recipient) => recipient.address));
  if (!recipients.every((address) => members.has(address))) return refuse('a recipient does not belong to the group');
  const content = group.content;
  if (content.kind === 'clear') {
    // anything but the one word that allows it is read as must-encrypt
    if (group.protection !== 'may-be-clear') return refuse('the stored content is clear');
    return { ok: true, content: { kind: 'clear', eightBit: content.eightBit } };
  }
  if (content.kind !== 'enveloped') return refuse('the stored content is of an unknown kind');
  return checkEnveloped(group, content);
}

function checkEnveloped(
  group: QueueGroup,
  content: Extract<QueueGroup['content'], { kind: 'enveloped' }>,
): SealedProof {
  const contentEncryption = Buffer.from(content.contentEncryption, 'base64');
  const cipher = recogniseContentEncryption(contentEncryption);
  if (cipher === null) return refuse('the content encryption algorithm is not an allowed one');
  const { envelope, blockOctets } = CONTENT_CIPHERS[cipher];
  const { ciphertextBytes } = content;
  if (!Number.isSafeInteger(ciphertextBytes) || ciphertextBytes <= 0 || ciphertextBytes % blockOctets !== 0) {
    return refuse('the ciphertext length is not one the cipher gives');
  }
  const tag = content.tag === undefined ? null : Buffer.from(content.tag, 'base64');
  if (tag === null ? envelope === 'authEnveloped' : envelope !== 'authEnveloped' || tag.length !== TAG_OCTETS) {
    return refuse('the authentication tag is not one the cipher gives');
  }
  const certificates = new Set<string>();
  for (const { certificateSha256 } of group.recipients) {
    if (certificateSha256 === null || !/^[0-9a-f]{64}$/i.test(certificateSha256)) {
      return refuse('a recipient has no certificate');
    }
    certificates.add(certificateSha256.toLowerCase());
  }
  const recipientInfos = Buffer.from(content.recipientInfos, 'base64');
  const failure = checkRecipientInfos(recipientInfos, content.expectedRecipients, certificates.size);
  if (failure !== null) return refuse(failure);
  return {
    ok: true,
    content: { kind: 'enveloped', parts: { recipientInfos, contentEncryption, ciphertextBytes, tag } },
  };
}

/** @returns null when the RecipientInfos name exactly `expected`, the same number of times each */
function checkRecipientInfos(recipientInfos: Buffer, expected: readonly string[], certificates: number): string | null {
  let named: Buffer[];
  try {
    named = readRecipientIdentifiers(recipientInfos);
  } catch {
    return 'the RecipientInfos do not parse';
  }
  // one certificate may serve two recipients, and a copy for an archive may be added; fewer than the certificates is wrong
  if (expected.length === 0 || expected.length < certificates) return 'the record expects fewer recipients than it has';
  const want = expected.map((text) => Buffer.from(text, 'base64').toString('hex')).sort();
  const have = named.map((identifier) => identifier.toString('hex')).sort();
  const same = want.length === have.length && want.every((text, i) => text === have[i]);
  return same ? null : 'the RecipientInfos name other recipients than the record';
}

function refuse(failure: string): SealedProof {
  return { ok: false, failure };
}
