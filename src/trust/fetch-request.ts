/**
 * What is asked of a fetch, and what it says. Values, which go from thread to thread as they are; `fetch.ts` and its two
 * ways, HTTP and LDAP, do it.
 */
import type { FetchFailureKind } from './fetch-refusal.ts';

export interface FetchRequest {
  readonly url: string;
  /** Body and type of a POST; null: GET. */
  readonly post: { readonly body: Uint8Array; readonly type: string } | null;
  /** What of an LDAP entry is wanted: one of these attributes, the first where the location names none. null: LDAP is not asked. */
  readonly entry: { readonly attributes: readonly string[]; readonly valuesMax: number } | null;
  /** Absolute path of a file that is not there yet, which a large answer is written to; null: the answer is given here. */
  readonly into: string | null;
  readonly octetsMax: number;
  readonly timeoutMs: number;
  /** Entity tag and date of what is at hand. */
  readonly etag: string | null;
  readonly lastModified: string | null;
}

export type FetchOutcome =
  | {
      readonly ok: true;
      readonly modified: boolean;
      /** Anybody's. Empty where they went to a file. */
      readonly octets: Buffer;
      readonly etag: string | null;
      readonly lastModified: string | null;
    }
  /** `reason` is for the log: no secret, but foreign text. */
  | { readonly ok: false; readonly kind: FetchFailureKind; readonly reason: string };

/** The same, as one of the two ways says it: what it brought it gave away as it came. */
export interface FetchFacts {
  readonly modified: boolean;
  readonly etag: string | null;
  readonly lastModified: string | null;
}

/** Is given the octets of the answer, in order; what it throws ends the fetch. */
export type TakeOctets = (octets: Buffer) => Promise<void> | void;
