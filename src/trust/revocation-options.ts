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
  /** Absolute path of a file or folder of CRLs brought by hand; null: none. */
  readonly crls: string | null;
  /** Absolute path of the folder that keeps answers over a restart; null: none does. */
  readonly cache: string | null;
}
