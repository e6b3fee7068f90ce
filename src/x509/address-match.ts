/**
 * Does a certificate belong to a mailbox (RFC 8550 §3, RFC 9598 §5, catalogue C11)?
 *
 * Looked at: SAN rfc822Name, SAN SmtpUTF8Mailbox, and the subject's emailAddress only where the SAN holds no mail
 * address of either kind (a SAN with just a UPN does not hide it). Domains compare as lower-case A-labels, local
 * parts without ASCII case in an rfc822Name and exactly in a SmtpUTF8Mailbox. Control characters anywhere, such as
 * `a@bank.example\0.evil.example`, make the whole certificate unusable: no address of it counts.
 */
import { type Address, parseAddress } from '../address.ts';
import type { Certificate } from './certificate.ts';

/** True when any mail address in the certificate, used or not, has a control character. */
export function hasControlCharacters(certificate: Certificate): boolean {
  const { rfc822Names, smtpUtf8Mailboxes, subjectEmails } = certificate;
  return [rfc822Names, smtpUtf8Mailboxes, subjectEmails].some((list) =>
    list.some((t) => /[\x00-\x1f\x7f-\x9f]/.test(t)),
  );
}

/**
 * The mailboxes a certificate speaks for, each once, in the order they stand. Empty when it has none, when none is a
 * well-formed address, or when any has a control character.
 * @param certificate attacker-chosen, parsed
 */
export function certificateAddresses(certificate: Certificate): readonly Address[] {
  const byKey = new Map<string, Address>();
  for (const { address } of namedMailboxes(certificate)) if (!byKey.has(address.key)) byKey.set(address.key, address);
  return [...byKey.values()];
}

/** True when `address` is one of the certificate's mailboxes. */
export function certificateMatches(certificate: Certificate, address: Address): boolean {
  return namedMailboxes(certificate).some(
    (named) =>
      named.address.key === address.key && (!named.exact || unquoted(named.address.local) === unquoted(address.local)),
  );
}

interface NamedMailbox {
  readonly address: Address;
  /** Local part to be compared octet by octet (RFC 9598 §5). */
  readonly exact: boolean;
}

function namedMailboxes(certificate: Certificate): NamedMailbox[] {
  if (hasControlCharacters(certificate)) return [];
  const { rfc822Names, smtpUtf8Mailboxes, subjectEmails } = certificate;
  const named: NamedMailbox[] = [];
  const add = (text: string, exact: boolean, asciiOnly: boolean): void => {
    const address = asciiOnly && !/^[\x20-\x7e]*$/.test(text) ? null : parseAddress(text);
    if (address !== null) named.push({ address, exact });
  };
  // an rfc822Name is an IA5String: what is not ASCII there has no agreed meaning
  for (const text of rfc822Names) add(text, false, true);
  for (const text of smtpUtf8Mailboxes) add(text, true, false);
  if (rfc822Names.length === 0 && smtpUtf8Mailboxes.length === 0) {
    for (const text of subjectEmails) add(text, false, true);
  }
  return named;
}

function unquoted(local: string): string {
  return local.startsWith('"') ? local.slice(1, -1).replace(/\\(.)/g, '$1') : local;
}
