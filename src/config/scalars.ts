/**
 * The single values of the language: names, addresses, networks, durations, sizes, paths. Each says in one phrase what
 * is allowed; the phrase stands in the mistake and in the reference.
 */
import { isIP } from 'node:net';
import { parseAddress, parseDomain } from '../address.ts';
import type { RecipientRule } from '../policy/rules.ts';
import { type Network, parseNetwork } from './network.ts';
import { NOT_SUPPORTED } from './shape.ts';
import { scalar, Wrong } from './text-shape.ts';

export interface Endpoint {
  /** Domain name in A-labels, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
}

export const domainName = scalar('a domain name such as gw.example.org', (text) => parseDomain(text) ?? undefined);

export const mailbox = scalar('a mail address such as anna@example.org', (text) => parseAddress(text) ?? undefined);

/** Path of a file or folder; relative to the configuration file. */
export const path = scalar('a path, relative to this file or absolute', (text) =>
  text.includes('\0') ? undefined : text,
);

export const plainText = scalar('text', (text) => text);

export const headerName = scalar('the name of a header field', (text) =>
  // RFC 5322 §3.6.8 ftext
  /^[!-9;-~]{1,76}$/.test(text) ? text : undefined,
);

/** Never echoed: it may be the secret that proves internal origin. */
export const headerValue = scalar('printable ASCII without blanks at either end', (text) =>
  /^[!-~](?:[ -~]{0,500}[!-~])?$/.test(text) ? text : new Wrong('is not the value of a header field'),
);

export const truth = scalar('true or false', (text) => (text === 'true' ? true : text === 'false' ? false : undefined));

/** Whole number in this range. */
export function integer(least: number, most: number) {
  return scalar(`a whole number from ${least} to ${most}`, (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    return value >= least && value <= most ? value : undefined;
  });
}

const DURATION_UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** In milliseconds, from one second to 30 days: beyond lies a slip of the unit. */
export const duration = scalar('a duration from 1s to 30d, such as 90s, 10m, 4h, 3d', (text) => {
  const [, digits = '', unit = ''] = /^(\d{1,7})([smhd])$/.exec(text) ?? [];
  const ms = Number(digits) * (DURATION_UNITS[unit] ?? Number.NaN);
  return ms >= 1000 && ms <= 30 * 86_400_000 ? ms : undefined;
});

const SIZE_UNITS: Readonly<Record<string, number>> = { KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 };

/** In octets. */
export function size(least: string, most: string) {
  return scalar(`a size from ${least} to ${most}, such as 500KB, 25MB, 1GB (powers of 1024)`, (text) => {
    const bytes = sizeBytes(text);
    return bytes >= sizeBytes(least) && bytes <= sizeBytes(most) ? bytes : undefined;
  });
}

function sizeBytes(text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,7})([KMGT]B)$/.exec(text) ?? [];
  return Number(digits) * (SIZE_UNITS[unit] ?? Number.NaN);
}

/** `address:port` of our own to listen on. */
export const listenAddress = scalar('an IP address and a port, such as 0.0.0.0:25 or [::1]:2525', (text) => {
  const endpoint = parseEndpoint(text, null);
  return endpoint !== null && isIP(endpoint.host) !== 0 ? endpoint : undefined;
});

/** `host` or `host:port` of a next hop. */
export const nextHop = scalar('a host, or host:port, such as exchange.example.org:25', (text) => {
  const endpoint = parseEndpoint(text, 25);
  return endpoint === null || endpoint.port === 0 ? undefined : endpoint;
});

/** @param defaultPort null: the port must be written */
function parseEndpoint(text: string, defaultPort: number | null): Endpoint | null {
  const [, bracketed, plain, portText] = /^(?:\[([^\]]*)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = portText === undefined ? defaultPort : Number(portText);
  if (port === null || port > 65535) return null;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host: bracketed, port } : null;
  const host = plain !== undefined && isIP(plain) === 4 ? plain : parseDomain(plain ?? '');
  return host === null ? null : { host, port };
}

export const network = scalar<Network>('an IP network such as 10.1.2.0/24 or 2001:db8::/32', (text) => {
  if (text === 'microsoft-365') return new Wrong(`${text}: ${NOT_SUPPORTED}`);
  const result = parseNetwork(text);
  if (result.ok) return result.network;
  return result.problem === 'host-bits'
    ? new Wrong(`"${text}" has bits set beyond its prefix`, `${result.meant}, or the address alone`)
    : undefined;
});

/** Which recipients a rule is about. */
export const rulePattern = scalar<RecipientRule['match']>(
  'an address, a domain, or *.domain for its sub-domains',
  (text) => {
    if (text === '*') return new Wrong('"*" is not a rule', 'what holds for everybody stands in defaults');
    if (text.includes('@')) {
      const address = parseAddress(text);
      return address === null ? undefined : { kind: 'address', address };
    }
    const wildcard = text.startsWith('*.');
    const domain = parseDomain(wildcard ? text.slice(2) : text);
    return domain === null ? undefined : { kind: wildcard ? 'wildcard' : 'domain', domain };
  },
);

/** For which domains a source speaks: `*`, `*.domain` or a domain. */
export const sourcePattern = scalar('a domain, *.domain for its sub-domains, or * for all', (text) => {
  if (text === '*') return text;
  const wildcard = text.startsWith('*.');
  const domain = parseDomain(wildcard ? text.slice(2) : text);
  if (domain === null) return undefined;
  return wildcard ? `*.${domain}` : domain;
});

/** Where domains are listed, "all" is said by leaving the list out, never by a star in it. */
export const partnerPattern = scalar('a domain, or *.domain for its sub-domains', (text) => {
  const wildcard = text.startsWith('*.');
  const domain = parseDomain(wildcard ? text.slice(2) : text);
  if (domain === null) return undefined;
  return wildcard ? `*.${domain}` : domain;
});

/** Whoever writes one of these beside `revocation` means the key inside it. Its other keys may be names. */
const REVOCATION_KEYS: readonly string[] = [
  'when-unreachable',
  'staleness-max',
  'fetch-timeout',
  'validation-timeout',
  'ldap-host',
  'ldap-ca',
  'fetch-intermediates',
  'crls',
];

/** A name of the administrator's own, for a collection. */
export const collectionName = scalar('a name of letters, digits, - and _', (text) => {
  if (REVOCATION_KEYS.includes(text)) return new Wrong('is no collection', `did you mean trust.revocation.${text}?`);
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(text) ? text : undefined;
});

export interface LdapUrl {
  /** With host and port. */
  readonly url: string;
  readonly encrypted: boolean;
}

/** RFC 4516, without its DN, attributes, scope and filter: those are keys of their own. */
export const ldapUrl = scalar<LdapUrl>('ldap://host[:port] or ldaps://host[:port]', (text) => {
  const [, scheme, rest = ''] = /^(ldaps?):\/\/([^/]+)\/?$/.exec(text) ?? [];
  const encrypted = scheme === 'ldaps';
  const endpoint = parseEndpoint(rest, encrypted ? 636 : 389);
  if (scheme === undefined || endpoint === null || endpoint.port === 0) return undefined;
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return { url: `${scheme}://${host}:${endpoint.port}`, encrypted };
});

export const loginName = scalar('a login name of at most 64 printable characters', (text) =>
  /^[^\s\p{C}]{1,64}$/u.test(text) ? text : undefined,
);

/** Shape of {@link LoginUser.passwordHash}. Never echoed: somebody may have written the password itself. */
export const passwordHash = scalar('the line that "sealgate login hash" prints', (text) =>
  isPasswordHash(text) ? text : new Wrong('is not a password hash'),
);

/** The door's own parser has the last word; this one is stricter, and stricter only. */
function isPasswordHash(text: string): boolean {
  const [, n, r, p] = /^scrypt\$(\d{1,8})\$(\d{1,2})\$(\d{1,2})\$[\w-]{11,}\$[\w-]{43}$/.exec(text) ?? [];
  const [cost, blocks, lanes] = [Number(n), Number(r), Number(p)];
  // scrypt (RFC 7914 §2) wants a power of two; less than 2^14 is quick to guess, and 128*N*r octets are held per login
  if (!Number.isInteger(Math.log2(cost)) || cost < 2 ** 14) return false;
  return blocks >= 1 && 128 * cost * blocks <= 256 * 1024 * 1024 && lanes >= 1 && lanes <= 16;
}
