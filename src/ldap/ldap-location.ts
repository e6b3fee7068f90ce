/**
 * Where an LDAP URL points (RFC 4516), as far as a certificate may say it (RFC 5280 §4.2.1.13, §4.2.2.1): one attribute of
 * one entry. The text is attacker-chosen. Parsed here and not by URL, which leaves host and path of this scheme as they stand.
 *
 * Refused: names and passwords, scopes other than base (a search of a subtree costs the server, not us), several
 * attributes, critical extensions (RFC 4516 §2.1; bindname is one), control characters, texts over {@link LOCATION_OCTETS_MAX}.
 * DEVIATION RFC 4516 §2: the filter is not sent. On one entry it could only hide what is asked for.
 */

const LOCATION_OCTETS_MAX = 4_096;
const LDAP_PORT = 389;
const LDAPS_PORT = 636;

export interface LdapLocation {
  readonly secure: boolean;
  /** Name or address, without brackets; null: the URL leaves it to whom it concerns to know a server. */
  readonly host: string | null;
  readonly port: number;
  /** Distinguished name as it goes over the wire, UTF-8 octets of RFC 4514; its syntax is the server's business. */
  readonly dn: Buffer;
  /** Attribute type in lower case, without options such as `;binary`; null where the URL names none. */
  readonly attribute: string | null;
}

export interface LdapServer {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
}

export type LdapLocationReading =
  | { readonly ok: true; readonly location: LdapLocation }
  /** For the log. */
  | { readonly ok: false; readonly reason: string };

/** QUIRK: authorities write spaces and octets above 126 as they are, where RFC 4516 §2.1 wants `%20`. */
const FORM = /^(ldaps?):\/\/([^/?]*)(?:\/([^?]*)(?:\?([^?]*)(?:\?([^?]*)(?:\?([^?]*)(?:\?(.*))?)?)?)?)?$/i;
const HOST = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9](?:[a-z0-9._-]*[a-z0-9.])?))(?::(\d{1,5}))?$/i;
const ATTRIBUTE = /^([a-z][a-z0-9-]*)(?:;[a-z0-9-]+)*$/i;

/** Is this a location for {@link parseLdapLocation}? */
export function isLdapLocation(text: string): boolean {
  return /^ldaps?:/i.test(text);
}

/** @param text one octet a character, as it stands in the certificate */
export function parseLdapLocation(text: string): LdapLocationReading {
  if (text.length > LOCATION_OCTETS_MAX) return refuse(`location of ${text.length} octets`);
  if (/[\u0000-\u001f\u007f]|[^\u0000-\u00ff]/.test(text)) return refuse('control characters in the location');
  const parts = FORM.exec(text);
  if (parts === null) return refuse('the location is no LDAP URL');
  const [, scheme = '', authority = '', dn = '', attributes = '', scope = '', , extensions = ''] = parts;
  const secure = scheme.toLowerCase() === 'ldaps';
  const server = parseServer(authority, secure);
  if (server === null) return refuse('the location has no host that can be asked');
  if (!/^(?:base)?$/i.test(scope)) return refuse(`scope ${scope} is not asked for`);
  if (extensions.split(',').some((extension) => extension.startsWith('!'))) return refuse('critical extension');
  const octets = decodePercent(dn);
  const attribute = decodePercent(attributes)?.toString('latin1') ?? '';
  if (octets === null || octets.length === 0) return refuse('the location names no entry');
  const [, type = null] = ATTRIBUTE.exec(attribute) ?? [];
  if (type === null && attribute !== '') return refuse('the location names no single attribute');
  return { ok: true, location: { ...server, secure, dn: octets, attribute: type?.toLowerCase() ?? null } };
}

/** `ldap://host[:port]` or `ldaps://host[:port]`, nothing behind it. @throws Error, for who configured it */
export function parseLdapServer(url: string): LdapServer {
  const [, scheme = '', authority = ''] = /^(ldaps?):\/\/([^/?]+)\/?$/i.exec(url) ?? [];
  const secure = scheme.toLowerCase() === 'ldaps';
  const server = authority === '' ? null : parseServer(authority, secure);
  if (server === null || server.host === null) throw new Error(`not an LDAP server: ${url}`);
  return { host: server.host, port: server.port, secure };
}

function parseServer(authority: string, secure: boolean): Pick<LdapLocation, 'host' | 'port'> | null {
  const standard = secure ? LDAPS_PORT : LDAP_PORT;
  if (authority === '') return { host: null, port: standard };
  const parts = HOST.exec(authority);
  if (parts === null) return null;
  const [, literal, name, digits] = parts;
  const port = digits === undefined ? standard : Number(digits);
  return port < 1 || port > 65_535 ? null : { host: literal ?? name ?? null, port };
}

/** null: a percent sign without two digits. */
function decodePercent(text: string): Buffer | null {
  if (/%(?![0-9a-f]{2})/i.test(text)) return null;
  const octets = text.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
  return Buffer.from(octets, 'latin1');
}

function refuse(reason: string): LdapLocationReading {
  return { ok: false, reason };
}
