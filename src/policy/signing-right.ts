/**
 * May we sign this message as its author? Promise 8 and catalogue C25: a signature says "written by X", and mail that
 * an outsider wrote in X's name reaches us as outbound whenever the internal server redirects, lists, bounces or
 * forwards it. So the right is earned by every condition at once, and the first that fails is named.
 *
 * RFC 5322 §3.6.2 (From, Sender), §3.6.6 (Resent-*), RFC 2919 (List-Id), RFC 8617 (ARC). Delegates are not supported
 * in this version. Whether a certificate for the author exists and is valid now is for the caller to ask.
 */
import { timingSafeEqual } from 'node:crypto';
import type { Address } from '../address.ts';
import type { Submitter } from '../envelope.ts';
import { parseMailboxes } from '../mime/address-list.ts';
import type { HeaderBlock } from '../mime/header-block.ts';

/** What a submitter wants signed, and as whom. */
export interface SigningClaim {
  /** Header section as received: attacker-chosen. The vouch header is still in it. */
  readonly header: HeaderBlock;
  /** MAIL FROM; null is the null sender. */
  readonly envelopeFrom: Address | null;
  readonly submitter: Submitter;
  /** Our domains, A-labels. */
  readonly ours: readonly string[];
}

/** Whether we may sign, as which mailbox; else the first condition of promise 8 that is not met. */
export type SigningRight =
  | { readonly ok: true; readonly address: Address }
  | { readonly ok: false; readonly reason: SigningRefusal };

/** Each condition of promise 8 that can fail, with what an administrator reads about it. Names are stable. */
export const SIGNING_REFUSALS = Object.freeze({
  'null-sender': 'the null sender is never signed for',
  'no-from': 'the message has no From field',
  'several-from': 'the message has more than one From field',
  'malformed-from': 'the From field is malformed',
  'several-authors': 'the From field does not hold exactly one mailbox',
  'not-ours': 'the author is not in a domain of ours',
  'mail-from-differs': 'MAIL FROM is not the author',
  'sender-differs': 'the Sender field is not the author',
  resent: 'the message was resent (Resent-*)',
  list: 'the message came through a mailing list (List-Id)',
  arc: 'the message was forwarded (ARC-*)',
  'not-vouched': 'the client does not vouch for authors',
  'login-does-not-own': 'the login does not own the address of the author',
  'no-proof': 'the header that proves internal origin is missing',
  'several-proofs': 'the header that proves internal origin stands there more than once',
  'wrong-proof': 'the header that proves internal origin has another value',
});

/** Stable codes, in the log and in `explain --json`. */
export type SigningRefusal = keyof typeof SIGNING_REFUSALS;

/** Judges the claim. On success `address` is the author, to be signed for if we hold a valid identity of theirs. */
export function judgeSigningRight(claim: SigningClaim): SigningRight {
  const { envelopeFrom } = claim;
  if (envelopeFrom === null) return refused('null-sender');
  const author = soleAuthor(claim.header);
  if (typeof author === 'string') return refused(author);
  if (!claim.ours.includes(author.domain)) return refused('not-ours');
  if (envelopeFrom.key !== author.key) return refused('mail-from-differs');
  const refusal =
    senderRefusal(claim.header, author) ??
    traceRefusal(claim.header) ??
    vouchRefusal(claim.header, author, claim.submitter);
  return refusal === null ? { ok: true, address: author } : refused(refusal);
}

function refused(reason: SigningRefusal): SigningRight {
  return { ok: false, reason };
}

function soleAuthor(header: HeaderBlock): Address | SigningRefusal {
  const fields = valuesOf(header, 'from');
  const [value] = fields;
  if (value === undefined) return 'no-from';
  if (fields.length > 1) return 'several-from';
  const mailboxes = parseMailboxes(value);
  if (mailboxes === null) return 'malformed-from';
  const [author] = mailboxes;
  return mailboxes.length === 1 && author !== undefined ? author : 'several-authors';
}

function senderRefusal(header: HeaderBlock, author: Address): SigningRefusal | null {
  const fields = valuesOf(header, 'sender');
  const [value] = fields;
  if (value === undefined) return null;
  const mailboxes = fields.length === 1 ? parseMailboxes(value) : null;
  return mailboxes?.length === 1 && mailboxes[0]?.key === author.key ? null : 'sender-differs';
}

/** Fields by which a message shows that somebody passed it on. */
function traceRefusal(header: HeaderBlock): SigningRefusal | null {
  for (const field of header.fields) {
    const name = fieldName(field.name);
    if (name.startsWith('resent-')) return 'resent';
    if (name === 'list-id') return 'list';
    if (name.startsWith('arc-')) return 'arc';
  }
  return null;
}

function vouchRefusal(header: HeaderBlock, author: Address, submitter: Submitter): SigningRefusal | null {
  const { vouches } = submitter;
  switch (vouches.kind) {
    case 'never':
      return 'not-vouched';
    case 'always':
      return null;
    case 'own-address':
      return submitter.login !== null && submitter.loginAddresses.includes(author.key) ? null : 'login-does-not-own';
    case 'header': {
      const values = valuesOf(header, fieldName(vouches.name));
      const [value] = values;
      if (value === undefined) return 'no-proof';
      // a second copy may be one that the author put there and the internal server did not replace
      if (values.length > 1) return 'several-proofs';
      return sameSecret(value, vouches.value) ? null : 'wrong-proof';
    }
  }
}

/** Values of all fields of that name, with the obsolete blanks before the colon (RFC 5322 §4.5) not in the way. */
function valuesOf(header: HeaderBlock, name: string): readonly string[] {
  return header.fields.filter((field) => fieldName(field.name) === name).map((field) => field.value);
}

function fieldName(name: string): string {
  return name.trim().toLowerCase();
}

/** The value may be a shared secret (`value-from`): compared in a time that depends on its length only. */
function sameSecret(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
