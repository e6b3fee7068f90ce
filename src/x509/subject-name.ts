/**
 * The names of a certificate that name constraints speak about (RFC 5280 §4.2.1.10), in comparable form: every SAN
 * entry, the subject as a directoryName, and the subject's emailAddress where the SAN has no rfc822Name.
 *
 * A name that is there but cannot be understood (a mailbox without a host, a URI without one, an IPv4 address of five
 * octets) is kept as `invalid`: permitted by no subtree, excluded by every one. Nothing is trusted for being read.
 */
import { parseAddress, parseDomain } from '../address.ts';
import { DerReader } from '../asn1/der-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import type { Certificate } from './certificate.ts';
import { EXTENSION } from './certificate-oids.ts';
import { type GeneralName, parseGeneralName, type UnprocessedForm } from './general-name.ts';
import { isEmptyName, nameText, relativeNameKeys } from './name.ts';

/** What a constraint may be about: SmtpUTF8Mailbox is under those of rfc822Name (RFC 9598 §6). */
export type ConstrainedForm =
  | 'rfc822Name'
  | 'dNSName'
  | 'uniformResourceIdentifier'
  | 'directoryName'
  | 'iPAddress'
  | UnprocessedForm;

/** One name. `shown` is for people and not escaped. */
export interface SubjectName {
  readonly form: ConstrainedForm;
  readonly shown: string;
  readonly value: NameValue;
}

export type NameValue =
  /** `local` unquoted. `utf8`: an SmtpUTF8Mailbox, whose local part no constraint can name. */
  | { readonly kind: 'mailbox'; readonly local: string; readonly domain: string; readonly utf8: boolean }
  /** `wildcard`: every name of one more label. */
  | { readonly kind: 'host'; readonly domain: string; readonly wildcard: boolean }
  | { readonly kind: 'directory'; readonly relative: readonly string[] }
  | { readonly kind: 'address'; readonly octets: Buffer }
  | { readonly kind: 'invalid' };

const INVALID: NameValue = { kind: 'invalid' };
const known = new WeakMap<Certificate, readonly SubjectName[]>();

/**
 * @param certificate attacker-chosen, parsed
 * @throws GatewayError asn1.malformed
 */
export function subjectNames(certificate: Certificate): readonly SubjectName[] {
  let names = known.get(certificate);
  if (names === undefined) {
    names = readNames(certificate);
    known.set(certificate, names);
  }
  return names;
}

function readNames(certificate: Certificate): SubjectName[] {
  const names: SubjectName[] = [];
  const san = certificate.extensions.find(({ oid }) => oid === EXTENSION.subjectAltName);
  if (san !== undefined) {
    const list = DerReader.over(san.value).enter(TAG.sequence);
    while (!list.atEnd) names.push(comparable(parseGeneralName(list)));
  }
  if (!isEmptyName(certificate.subject)) {
    names.push(comparable({ form: 'directoryName', name: certificate.subject }));
  }
  if (certificate.rfc822Names.length === 0) {
    for (const text of certificate.subjectEmails) names.push(comparable({ form: 'rfc822Name', text }));
  }
  return names;
}

function comparable(name: GeneralName): SubjectName {
  switch (name.form) {
    case 'rfc822Name':
      return { form: name.form, shown: name.text, value: mailbox(name.text, false) };
    case 'smtpUtf8Mailbox':
      return { form: 'rfc822Name', shown: name.text, value: mailbox(name.text, true) };
    case 'dNSName':
      return { form: name.form, shown: name.text, value: host(name.text) };
    case 'uniformResourceIdentifier':
      return { form: name.form, shown: name.text, value: uriHost(name.text) };
    case 'directoryName':
      return {
        form: name.form,
        shown: nameText(name.name),
        value: { kind: 'directory', relative: relativeNameKeys(name.name) },
      };
    case 'iPAddress': {
      const { octets } = name;
      const valid = octets.length === 4 || octets.length === 16;
      return { form: name.form, shown: octets.toString('hex'), value: valid ? { kind: 'address', octets } : INVALID };
    }
    default:
      return { form: name.form, shown: name.form, value: INVALID };
  }
}

function mailbox(text: string, utf8: boolean): NameValue {
  // an rfc822Name is an IA5String: what is not ASCII there has no agreed meaning
  if (!utf8 && !/^[\x20-\x7e]*$/.test(text)) return INVALID;
  const address = parseAddress(text);
  if (address === null) return INVALID;
  const { local, domain } = address;
  const bare = local.startsWith('"') ? local.slice(1, -1).replace(/\\(.)/g, '$1') : local;
  return { kind: 'mailbox', local: bare, domain, utf8 };
}

function host(text: string): NameValue {
  const wildcard = text.startsWith('*.');
  const domain = asciiDomain(wildcard ? text.slice(2) : text);
  return domain === null ? INVALID : { kind: 'host', domain, wildcard };
}

/** RFC 5280 §4.2.1.10: the constraint is on the host, so a URI without a host name (or with an address) fits none. */
function uriHost(text: string): NameValue {
  const [, authority] = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/([^/?#]*)/.exec(text) ?? [];
  if (authority === undefined) return INVALID;
  const domain = asciiDomain(authority.slice(authority.lastIndexOf('@') + 1).replace(/:\d*$/, ''));
  return domain === null ? INVALID : { kind: 'host', domain, wildcard: false };
}

/** These are IA5Strings of A-labels; a U-label or a trailing dot is no valid spelling there. */
function asciiDomain(text: string): string | null {
  return /^[\x21-\x7e]+$/.test(text) ? parseDomain(text) : null;
}
