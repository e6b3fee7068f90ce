/**
 * Fetching from LDAP servers (RFC 4516 locations; RFC 4523 attributes): one attribute of one entry, read as anonymous.
 * A location that names no host (as those of Active Directory: `ldap:///CN=...`) is answered by the configured server,
 * which the administrator chose and the guard is not asked about; what may be read of it is the same few attributes.
 *
 * Refused: attributes other than those asked for, addresses and ports the guard forbids, referrals.
 */
import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { readLdapAttribute } from '../ldap/attribute-reading.ts';
import type { LdapEntryAnswer } from '../ldap/entry-reader.ts';
import { type LdapLocation, type LdapServer, parseLdapLocation, parseLdapServer } from '../ldap/ldap-location.ts';
import { type AddressGuard, guardedLookup } from './fetch-address.ts';
import type { FetchBreaker } from './fetch-breaker.ts';
import { FetchRefusal } from './fetch-refusal.ts';
import type { FetchFacts, FetchRequest, TakeOctets } from './fetch-request.ts';
import type { RevocationOptions } from './revocation-options.ts';

/** RFC 4511 appendix A.1 and A.2. */
const RESULT = { success: 0, referral: 10, noSuchObject: 32, busy: 51, unavailable: 52 } as const;

export interface LdapFetchOptions {
  /** Answers locations that name no host; null: nobody does. */
  readonly server: LdapServer | null;
  /** PEM certificates that may vouch for servers over ldaps, beside those that Node knows. */
  readonly authorities: readonly string[];
}

/** @throws Error when `ldapHost` is no LDAP server; the configuration has checked it */
export function ldapFetchOptions({ ldapHost = null, ldapCa = null }: RevocationOptions): LdapFetchOptions {
  return {
    server: ldapHost === null ? null : parseLdapServer(ldapHost),
    authorities: ldapCa === null ? [] : [ldapCa.toString('latin1')],
  };
}

interface GuardedServer extends LdapServer {
  readonly lookup: LookupFunction;
}

export class LdapFetch {
  private readonly guard: AddressGuard;
  private readonly breaker: FetchBreaker;
  private readonly options: LdapFetchOptions;

  constructor(guard: AddressGuard, breaker: FetchBreaker, options: LdapFetchOptions) {
    this.guard = guard;
    this.breaker = breaker;
    this.options = options;
  }

  /** @throws FetchRefusal */
  hostOf(url: string): string {
    return this.serverOf(locationOf(url)).host;
  }

  /** @throws FetchRefusal, LdapViolation, errors of the connection, what `take` throws */
  async fetch(request: FetchRequest, take: TakeOctets, signal: AbortSignal): Promise<FetchFacts> {
    const location = locationOf(request.url);
    const server = this.serverOf(location);
    const attribute = attributeOf(location, request);
    const place = `${server.secure ? 'ldaps' : 'ldap'}://${server.host}:${server.port}`;
    if (!this.breaker.admit(place)) throw new FetchRefusal('failed', `${place} failed a moment ago`);
    let octets = 0;
    try {
      const answer = await readLdapAttribute(
        {
          ...server,
          dn: location.dn,
          attribute,
          valuesMax: request.entry?.valuesMax ?? 1,
          octetsMax: request.octetsMax,
          signal,
          authorities: this.options.authorities,
        },
        (piece) => {
          octets += piece.length;
          if (octets > request.octetsMax) throw new FetchRefusal('failed', `more than ${request.octetsMax} octets`);
          return take(piece);
        },
      );
      checkAnswer(answer, attribute);
      this.breaker.answered(place);
      return { modified: true, etag: null, lastModified: null };
    } catch (thrown) {
      if (thrown instanceof FetchRefusal && thrown.kind === 'absent') this.breaker.answered(place);
      else this.breaker.failed(place);
      throw thrown;
    }
  }

  private serverOf({ host, port, secure }: LdapLocation): GuardedServer {
    if (host === null) {
      const { server } = this.options;
      if (server !== null) return { ...server, lookup };
      throw new FetchRefusal('failed', 'the location names no host, and trust.revocation.ldap-host is not set');
    }
    if (!this.guard.isAllowedPort(port)) throw new FetchRefusal('failed', `port ${port} may not be asked`);
    if (isIP(host) !== 0 && !this.guard.isAllowed(host)) {
      throw new FetchRefusal('failed', `${host} may not be asked`);
    }
    return { host, port, secure, lookup: guardedLookup(this.guard) };
  }
}

function locationOf(url: string): LdapLocation {
  const reading = parseLdapLocation(url);
  if (!reading.ok) throw new FetchRefusal('failed', reading.reason);
  return reading.location;
}

/** Spelled as the list spells it. */
function attributeOf({ attribute }: LdapLocation, { entry }: FetchRequest): string {
  if (entry === null) throw new FetchRefusal('failed', 'LDAP is not asked for this');
  const found =
    attribute === null ? entry.attributes[0] : entry.attributes.find((one) => one.toLowerCase() === attribute);
  if (found === undefined) throw new FetchRefusal('failed', `attribute ${attribute} is not asked for`);
  return found;
}

/** @throws FetchRefusal unless the values came */
function checkAnswer({ resultCode, diagnostic, values, referred }: LdapEntryAnswer, attribute: string): void {
  if (resultCode === RESULT.success && values > 0) return;
  if (resultCode === RESULT.busy || resultCode === RESULT.unavailable) {
    throw new FetchRefusal('failed', `result code ${resultCode} ${diagnostic}`);
  }
  if (resultCode === RESULT.referral || referred) {
    throw new FetchRefusal('absent', 'it refers to another server, which is not followed');
  }
  if (resultCode === RESULT.noSuchObject) throw new FetchRefusal('absent', 'there is no such entry');
  if (resultCode === RESULT.success) throw new FetchRefusal('absent', `the entry is not there or has no ${attribute}`);
  throw new FetchRefusal('absent', `result code ${resultCode} ${diagnostic}`);
}
