/**
 * Mail addresses: one parser and one comparison for envelope, header, rules, directories and certificates
 * (RFC 5321 §4.1.2, RFC 5890 A-labels, RFC 8550 §3).
 *
 * Two spellings of the same mailbox must reach the same rule and the same certificate, or a policy could be slipped
 * past by spelling (catalogue S8). So a domain is kept as lower-case A-labels and `key` folds ASCII case of the local
 * part too. Refused: source routes, address literals, empty parts, control characters, whatever UTS-46 refuses.
 */
import { domainToASCII, domainToUnicode } from 'node:url';

/** A parsed mailbox. Made only by {@link parseAddress}. */
export interface Address {
  /** Local part as it was written, quotes included when it needs them. Goes out unchanged: only its owner may fold it. */
  readonly local: string;
  /** Domain in lower-case A-labels. */
  readonly domain: string;
  /** `local@domain`, as it is sent in SMTP. */
  readonly text: string;
  /** For comparison and as map key: ASCII-lower-cased unquoted local part, `@`, domain. */
  readonly key: string;
}

/** RFC 5321 §4.5.3.1.1 */
const LOCAL_OCTETS_MAX = 64;
/** RFC 5321 §4.5.3.1.2 */
const DOMAIN_OCTETS_MAX = 255;

const ATEXT_DOTTED =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\u{10ffff}-]+)*$/u;
// RFC 5321 qtextSMTP and quoted-pairSMTP: printable ASCII only
const QUOTED = /^"(?:[ !#-[\]-~\u0080-\u{10ffff}]|\\[ -~])*"$/u;
const LDH_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * Parses `local@domain`, without angle brackets. Non-ASCII is accepted here (configuration and certificates hold
 * it); the SMTP door refuses it for itself where SMTPUTF8 was not given.
 * @param text attacker-chosen
 * @returns null when it is not a mailbox of that form
 */
export function parseAddress(text: string): Address | null {
  const at = text.lastIndexOf('@');
  if (at <= 0 || at === text.length - 1) return null;
  const local = text.slice(0, at);
  if (Buffer.byteLength(local) > LOCAL_OCTETS_MAX) return null;
  const quoted = local.startsWith('"');
  if (quoted ? !QUOTED.test(local) : !ATEXT_DOTTED.test(local)) return null;
  const domain = parseDomain(text.slice(at + 1));
  if (domain === null) return null;
  const bare = quoted ? local.slice(1, -1).replace(/\\(.)/g, '$1') : local;
  return { local, domain, text: `${local}@${domain}`, key: `${foldAscii(bare)}@${domain}` };
}

/**
 * Parses a domain name into lower-case A-labels (UTS-46). No trailing dot, no address literal.
 * @returns null when it is not a domain name
 */
export function parseDomain(text: string): string | null {
  if (text.length === 0 || text.length > 1024 || text.startsWith('[')) return null;
  // domainToASCII applies URL host rules: keep out what it would decode or strip
  if (/[\x00-\x20\x7f%/\\?#@:"<>^|[\]]/.test(text)) return null;
  const ascii = domainToASCII(text).toLowerCase();
  if (ascii === '' || ascii.length > DOMAIN_OCTETS_MAX) return null;
  const labels = ascii.split('.');
  if (!labels.every((label) => LDH_LABEL.test(label) && isTrueLabel(label))) return null;
  // URL rules read an all-numeric last label as an IPv4 address, and no top-level domain is numeric
  if (/^\d+$/.test(labels[labels.length - 1] ?? '')) return null;
  return ascii;
}

/**
 * False for what only looks like an A-label (RFC 5890 §2.3.2.1): it must decode to something not ASCII and encode back
 * to itself. Node 24 passes such labels through where Node 20 refuses them; here both answer alike.
 */
function isTrueLabel(label: string): boolean {
  if (!label.startsWith('xn--')) return true;
  const decoded = domainToUnicode(label);
  return /[^\x00-\x7f]/.test(decoded) && domainToASCII(decoded) === label;
}

/** True when both name the same mailbox: domain as A-labels, local part without regard to ASCII case. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.key === b.key;
}

/** Lower-cases A to Z only: Unicode folding would join addresses that their server keeps apart. */
export function foldAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
