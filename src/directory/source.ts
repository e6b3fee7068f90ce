/**
 * One place where certificates are published, as the directory sees it: folder, LDAP server, and the cache before one.
 *
 * A source answers or says that it could not: there is no third state, and no error is ever read as "none"
 * (catalogue C28). A source speaks only for the domains listed with it (C29).
 */
import { type Address, parseAddress } from '../address.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Candidate, SourceStatus } from './directory.ts';

/** `candidates` empty is this source's authoritative "none". */
export type SourceAnswer =
  | { readonly ok: true; readonly candidates: readonly Candidate[] }
  | { readonly ok: false; readonly reason: string };

/** One place where certificates are published. */
export interface Source {
  /** For people: kind and label. */
  readonly name: string;
  /** Domains as in {@link coversDomain}. */
  readonly domains: readonly string[] | null;
  /** Answers at once where it can, so that a cached look-up costs no turn of the event loop. Never rejects. */
  find(address: Address): SourceAnswer | Promise<SourceAnswer>;
  status(): SourceStatus;
  close(): Promise<void>;
}

/**
 * May a source speak for this domain?
 * @param domains `bank.example` is that domain alone, `*.bank.example` its sub-domains at any depth, `*` all; null: all
 * @param domain lower-case A-labels
 */
export function coversDomain(domains: readonly string[] | null, domain: string): boolean {
  if (domains === null) return true;
  return domains.some((pattern) => {
    if (pattern === '*') return true;
    return pattern.startsWith('*.') ? domain.endsWith(pattern.slice(1)) : domain === pattern;
  });
}

/**
 * Keys ({@link Address.key}) of the mailboxes that a certificate is a candidate for: rfc822Name and SmtpUTF8Mailbox of
 * the SAN; the subject's emailAddress only where the SAN has no address (RFC 8550 §3, catalogue C11).
 *
 * Wider on purpose than `certificateAddresses` of x509, which decides: a certificate that names Bob and is spoilt by a
 * control character in another name is Bob's unusable certificate, not the absence of one (C28).
 */
export function publishedFor(certificate: Certificate): ReadonlySet<string> {
  const keys = new Set<string>();
  const add = (names: readonly string[]): void => {
    for (const name of names) {
      const address = parseAddress(name);
      if (address !== null) keys.add(address.key);
    }
  };
  add(certificate.rfc822Names);
  add(certificate.smtpUtf8Mailboxes);
  if (keys.size === 0) add(certificate.subjectEmails);
  return keys;
}
