/** Who publishes which certificate. What the rest of the house sees of `directory/`. */
import type { Address } from '../address.ts';
import type { Certificate } from '../x509/certificate.ts';

/** One source as configured; file names are absolute. */
export type SourceOptions =
  | {
      readonly kind: 'folder';
      /** Absolute path. */
      readonly folder: string;
      /** Domains this source may speak for (exact or `*.domain`); null: all. */
      readonly for: readonly string[] | null;
      /** As written in the configuration, for people. */
      readonly label: string;
    }
  | {
      readonly kind: 'ldap';
      /** `ldap://` or `ldaps://` URL with host and port. */
      readonly url: string;
      readonly base: string;
      readonly startTls: boolean;
      /** Bind DN and password; null binds anonymously. */
      readonly bind: { readonly dn: string; readonly password: string } | null;
      /** PEM of the CA that LDAPS and StartTLS are verified against; null: the system's. */
      readonly ca: Buffer | null;
      readonly for: readonly string[] | null;
      readonly label: string;
    };

/** All sources and the lifetimes of what they answered. */
export interface DirectoryOptions {
  /** Best source first. */
  readonly sources: readonly SourceOptions[];
  readonly cache: {
    readonly entriesMax: number;
    readonly positiveTtlMs: number;
    readonly negativeTtlMs: number;
  };
  /** For one look-up over all sources. */
  readonly deadlineMs: number;
  /** After a missed deadline or a failure the source answers at once, with failure, for so long. */
  readonly failFastMs: number;
}

/** All sources as one. Its candidates are published by others: attacker-chosen until `trust` has judged them. */
export interface Directory {
  /**
   * Every certificate published for this mailbox, best source first. Never rejects for a source that fails: that is
   * the value `failed`, and means try again later, never "none".
   */
  find(address: Address): Promise<DirectoryAnswer>;
  /** One line a source, for people: entries, age, last failure. */
  status(): readonly SourceStatus[];
  close(): Promise<void>;
}

/** What all sources together said of one address. */
export interface DirectoryAnswer {
  /** Empty together with empty `failures` is the authoritative "no certificate". */
  readonly candidates: readonly Candidate[];
  /** Sources that could not answer. */
  readonly failures: readonly SourceFailure[];
}

/** Something published for the mailbox: a certificate, or bytes that should have been one. */
export interface Candidate {
  /** null when the bytes published are no certificate; `problem` says why. */
  readonly certificate: Certificate | null;
  readonly problem: string | null;
  /** Intermediates that came along (P7B). */
  readonly companions: readonly Certificate[];
  /** For people: `folder certs/partners/bob.pem`, `ldap ldaps://dc1.example.org cn=Bob,...`. */
  readonly source: string;
  /** Position of the source in the configuration; 0 is best. */
  readonly rank: number;
  /** When we first read it from the source in this process. */
  readonly seenAt: Date;
}

/** A source that could not answer, for people. */
export interface SourceFailure {
  readonly source: string;
  /** For the log and `explain`. */
  readonly reason: string;
}

/** How one source is, for `health`. */
export interface SourceStatus {
  readonly source: string;
  readonly entries: number | null;
  readonly lastFailure: SourceFailure | null;
  readonly lastFailureAt: Date | null;
}
