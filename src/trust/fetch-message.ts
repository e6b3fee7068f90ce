/** What goes to the thread that fetches, and what comes from it. Values; octets come without the methods of a Buffer. */
import type { LdapFetchOptions } from './fetch-ldap.ts';
import type { FetchOutcome, FetchRequest } from './fetch-request.ts';

/** What revocation is asked of, and where certificates of issuers are got: nobody signed the locations of the latter. */
export type FetchLane = 'revocation' | 'issuers';

/** Who may be asked at all. */
export interface FetchSettings {
  /** Networks as `address/prefix` that may be asked though they are private. */
  readonly allow: readonly string[];
  readonly ldap: LdapFetchOptions;
}

/** To the thread that fetches. */
export interface FetchQuestion {
  readonly id: number;
  readonly lane: FetchLane;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly request: FetchRequest;
}

/** From it. */
export interface FetchMessage {
  readonly id: number;
  readonly outcome: FetchOutcome;
}
