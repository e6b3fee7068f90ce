/**
 * GeneralName (RFC 5280 §4.2.1.6, RFC 9598 §3) to values that name constraints can compare.
 *
 * Read for the names of a subject and for the bases of subtrees alike. Forms that nothing here compares
 * (x400Address, ediPartyName, registeredID, otherName but SmtpUTF8Mailbox) keep their kind, so that a constraint on
 * them can be told to hold and the path be refused. Text is handed out octet by octet: whoever compares it decides
 * what is a mailbox or a host. Refused with asn1.malformed: what is not DER, tags of no form, an SmtpUTF8Mailbox that is
 * not UTF-8.
 */
import type { DerReader } from '../asn1/der-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { gatewayError } from '../errors.ts';
import { ID_ON_SMTP_UTF8_MAILBOX } from './certificate-oids.ts';

/** One name. `form` is the word of RFC 5280; of an otherName it is the word and its type. */
export type GeneralName =
  | { readonly form: TextForm; readonly text: string }
  | { readonly form: 'smtpUtf8Mailbox'; readonly text: string }
  /** Whole DER of the Name. */
  | { readonly form: 'directoryName'; readonly name: Buffer }
  | { readonly form: 'iPAddress'; readonly octets: Buffer }
  | { readonly form: UnprocessedForm };

export type TextForm = 'rfc822Name' | 'dNSName' | 'uniformResourceIdentifier';
export type UnprocessedForm = 'x400Address' | 'ediPartyName' | 'registeredID' | `otherName ${string}`;

const TEXT_FORMS: Readonly<Record<number, TextForm>> = {
  129: 'rfc822Name',
  130: 'dNSName',
  134: 'uniformResourceIdentifier',
};
const UNPROCESSED_FORMS: Readonly<Record<number, UnprocessedForm>> = {
  163: 'x400Address',
  165: 'ediPartyName',
  136: 'registeredID',
};
const OTHER_NAME = 0xa0;
const DIRECTORY_NAME = 0xa4;
const IP_ADDRESS = 0x87;

/**
 * Reads one GeneralName.
 * @param reader attacker-chosen, at the name
 * @throws GatewayError asn1.malformed
 */
export function parseGeneralName(reader: DerReader): GeneralName {
  const tag = reader.peekTag() ?? 0;
  const textForm = TEXT_FORMS[tag];
  if (textForm !== undefined) return { form: textForm, text: reader.read(tag).toString('latin1') };
  const unprocessed = UNPROCESSED_FORMS[tag];
  if (unprocessed !== undefined) {
    reader.skip();
    return { form: unprocessed };
  }
  switch (tag) {
    case OTHER_NAME:
      return parseOtherName(reader.enter(OTHER_NAME));
    case DIRECTORY_NAME: {
      // Name is a CHOICE, so its tag is explicit (X.680 §31.2.7)
      const explicit = reader.enter(DIRECTORY_NAME);
      const name = explicit.readWhole(TAG.sequence);
      explicit.finish();
      return { form: 'directoryName', name };
    }
    case IP_ADDRESS:
      return { form: 'iPAddress', octets: reader.read(IP_ADDRESS) };
    default:
      throw malformed('GeneralName of no known kind');
  }
}

function parseOtherName(reader: DerReader): GeneralName {
  const oid = parseOid(reader.read(TAG.oid));
  const value = reader.enter(0xa0);
  reader.finish();
  if (oid !== ID_ON_SMTP_UTF8_MAILBOX) return { form: `otherName ${oid}` };
  const content = value.read(TAG.utf8String);
  value.finish();
  const text = content.toString('utf8');
  if (!Buffer.from(text).equals(content)) throw malformed('SmtpUTF8Mailbox is not UTF-8');
  return { form: 'smtpUtf8Mailbox', text };
}

function malformed(detail: string): Error {
  return gatewayError('asn1.malformed', detail);
}
