/**
 * The SMTP envelope of one transaction and who submitted it (RFC 5321 §2.3.1), as the door hands it on.
 * Everything here was checked by `smtp/`; nothing here was said by the message itself.
 */
import type { Address } from './address.ts';

/**
 * How a client proves that mail it submits was written by who its From says (promise 8, catalogue C25).
 * `header`: only the internal server can set that field to that value; it is stripped on exit.
 */
export type Vouches =
  | { readonly kind: 'never' }
  | { readonly kind: 'always' }
  | { readonly kind: 'own-address' }
  | { readonly kind: 'header'; readonly name: string; readonly value: string };

/** Who speaks to us, settled when MAIL was accepted. */
export interface Submitter {
  /** Peer IP address, as text; IPv4-mapped IPv6 already unmapped. */
  readonly ip: string;
  /** The HELO or EHLO argument: printable ASCII, at most 255 octets, attacker-chosen. */
  readonly helo: string;
  /** Listener it came in by, `address:port` as configured. */
  readonly listener: string;
  readonly tls: boolean;
  /** Login name after AUTH; null for a client admitted by network. */
  readonly login: string | null;
  /** Keys ({@link Address.key}) of the addresses that the login owns; empty for a network client. */
  readonly loginAddresses: readonly string[];
  readonly vouches: Vouches;
}

/** The envelope when the message begins: MAIL and all accepted RCPTs. */
export interface Envelope {
  /** Made at MAIL; names this transaction in every log line, in the queue record and in our Received field. */
  readonly traceId: string;
  /** Reverse-path; null is the null sender `<>`. */
  readonly from: Address | null;
  /** At least one; no mailbox twice. */
  readonly recipients: readonly Address[];
  /** BODY= parameter (RFC 6152); 7BIT when absent. */
  readonly body: '7BIT' | '8BITMIME';
  /** SIZE= parameter in octets; null when absent. */
  readonly declaredBytes: number | null;
  readonly submitter: Submitter;
}
