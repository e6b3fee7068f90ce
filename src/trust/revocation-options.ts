/** What is configured about revocation. The names of the settings are told beside their twins of Exchange in docs/revocation.md. */

export interface RevocationOptions {
  /** False: nobody asks, and every verdict says so (OWADisableCRLCheck). */
  readonly check: boolean;
  /** What becomes of a certificate whose status cannot be found out (OWACheckCRLOnSend). */
  readonly whenUnreachable: 'refuse' | 'accept';
  /** How long evidence counts after its nextUpdate while nothing newer can be had. */
  readonly stalenessMaxMs: number;
  /** For one fetch, redirects included (OWACRLConnectionTimeout). */
  readonly fetchTimeoutMs: number;
  /** For all fetches that one question waits for (OWACRLRetrievalTimeout). */
  readonly validationTimeoutMs: number;
  /** A source is asked again after this time, though its answer says that it holds longer. */
  readonly refreshMs: number;
  /** Networks that may be asked although they are private, such as 10.0.0.0/8. */
  readonly allow: readonly string[];
  /** Files or folders of CRLs brought by hand. */
  readonly crls: readonly string[];
  /** Files or folders of certificates that sign CRLs and are no authorities. Absent: none. */
  readonly signers?: readonly string[];
  /** `ldap://host` or `ldaps://host`: answers locations of LDAP that name no host. Absent or null: nobody does. */
  readonly ldapHost?: string | null;
  /** PEM certificates that vouch for servers over ldaps, beside those that Node knows. Absent or null: none. */
  readonly ldapCa?: Buffer | null;
  /** Whether certificates of issuers that are missing are fetched (RFC 5280 §4.2.2.1). Absent: no. */
  readonly fetchIntermediates?: boolean;
  /** Absolute path of the folder that keeps answers over a restart; null: none does. */
  readonly cache: string | null;
  /** What becomes of a certificate that names no source and of which nothing is at hand. */
  readonly withoutSource: 'refuse' | 'accept';
  /** False: only what is at hand counts. */
  readonly fetch: boolean;
  /** Waits for evidence also where the unknown is accepted: somebody asks by hand. */
  readonly patient: boolean;
}
