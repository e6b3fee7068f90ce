/** Options of the door, as the configuration gives them: validated, files already read. */
import type { Address } from '../address.ts';
import type { Vouches } from '../envelope.ts';

/** One address that is listened on. */
export interface ListenerOptions {
  /** IP address to bind. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** null: no STARTTLS, and so no AUTH on this listener. */
  readonly tls: { readonly certificate: Buffer; readonly key: Buffer } | null;
  /** Who may relay; the first that fits decides. Everybody else is refused at MAIL and RCPT. */
  readonly clients: readonly ClientRule[];
}

/** Who is let in, and whether the client is believed about authors. The first rule that fits decides. */
export type ClientRule =
  | { readonly kind: 'network'; readonly cidr: string; readonly vouches: Vouches }
  | { readonly kind: 'login'; readonly users: readonly LoginUser[]; readonly vouches: Vouches };

/** One line of a user file. */
export interface LoginUser {
  readonly name: string;
  /** `scrypt$N$r$p$salt$hash`, base64url parts (keys never in clear). */
  readonly passwordHash: string;
  /** Addresses this login may send from. */
  readonly addresses: readonly Address[];
}

/** All listeners and the limits that they share. */
export interface DoorOptions {
  /** Our name in the greeting, EHLO reply and Received. */
  readonly hostname: string;
  readonly listeners: readonly ListenerOptions[];
  /** Advertised as SIZE; one octet more is 552. */
  readonly messageBytesMax: number;
  readonly recipientsMax: number;
  readonly connectionsMax: number;
}
