/** The rules of an administrator, validated, each value with the place it was written (for `explain`). Pure values. */
import type { Address } from '../address.ts';

/** How much a protection is wanted. */
export type Level = 'never' | 'if-possible' | 'required';

/** What to do where encryption was wanted and cannot be had. */
export type Fallback = 'refuse' | 'plain';

/** What one rule can set. */
export interface Settings {
  readonly sign: Level;
  readonly encrypt: Level;
  /** The recipient publishes no certificate at all. */
  readonly withoutCertificate: Fallback;
  /** A certificate exists but is expired, untrusted, malformed, of the wrong use (catalogue C28). */
  readonly unusable: Fallback;
  /** Name of a crypto profile. */
  readonly profile: string;
  /**
   * The CA collections, by name, that may vouch for the recipient, in the order they are asked. null: those that are for
   * the recipient's domain, then the default one. None of them vouches outside its own domains (catalogue C29).
   */
  readonly trust: readonly string[] | null;
}

/** Where a value was written. */
export interface Origin {
  /** `built-in`, `defaults`, `rules.to.bank.example`. */
  readonly path: string;
  /** File name as given and line, 1-based; null for built-in. */
  readonly file: string | null;
  readonly line: number | null;
}

/** Some of the settings, each with its origin. */
export type PartialSettings = {
  readonly [K in keyof Settings]?: { readonly value: Settings[K]; readonly origin: Origin };
};

/** One rule of `rules.to`. */
export interface RecipientRule {
  /** `*.gov.example` has kind wildcard and domain `gov.example`: sub-domains at any depth, not the domain itself. */
  readonly match:
    | { readonly kind: 'address'; readonly address: Address }
    | { readonly kind: 'domain'; readonly domain: string }
    | { readonly kind: 'wildcard'; readonly domain: string };
  readonly settings: PartialSettings;
}

/** The rules of one configuration. */
export interface PolicyRules {
  /** Our domains, A-labels: whose senders are signed for; mail to them goes by the internal route. */
  readonly ours: readonly string[];
  readonly defaults: PartialSettings;
  readonly to: readonly RecipientRule[];
  /** Where the domains of each collection with a name of its own are listed. Absent: there is none. */
  readonly collections?: Readonly<Record<string, Origin>>;
}
