/**
 * A Name as a directory is asked for it: the string of RFC 4514, and the LDAP URL of an attribute of its entry (RFC 4516).
 * Unlike `nameText`, which is for people, this loses nothing: types without a keyword stand as numbers, and values that
 * are no text of such a keyword as the octets they are.
 */
import { parseName } from './name.ts';

/** RFC 4514 §3. */
const KEYWORDS: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
};

/**
 * The location of an attribute of the entry of that name; the server is whoever is known to answer (RFC 5280 §4.2.1.13).
 * @param name whole DER of a Name, attacker-chosen
 * @throws GatewayError asn1.malformed
 */
export function directoryLocation(name: Buffer, attribute: string): string {
  return `ldap:///${encodeURIComponent(formatDistinguishedName(name))}?${attribute}`;
}

/** RFC 4514 §2. @param name whole DER, attacker-chosen @throws GatewayError asn1.malformed */
export function formatDistinguishedName(name: Buffer): string {
  return parseName(name)
    .reverse()
    .map((relative) => relative.map(({ oid, text, value }) => attributeText(oid, text, value)).join('+'))
    .join(',');
}

function attributeText(oid: string, text: string | null, value: Buffer): string {
  const keyword = KEYWORDS[oid];
  // a lone surrogate cannot be written as UTF-8
  if (keyword === undefined || text === null || Buffer.from(text).toString() !== text)
    return `${keyword ?? oid}=#${value.toString('hex')}`;
  return `${keyword}=${escapeValue(text)}`;
}

function escapeValue(text: string): string {
  return text
    .replace(/["+,;<>\\=]/g, '\\$&')
    .replace(/\u0000/g, '\\00')
    .replace(/^[ #]| $/g, '\\$&');
}
