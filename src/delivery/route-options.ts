/** The next hops, as the configuration gives them. */
export interface RouteOptions {
  readonly host: string;
  /** 25 where the configuration leaves it out. */
  readonly port: number;
  /**
   * `none`: never STARTTLS. `opportunistic`: STARTTLS where offered, certificate not checked (RFC 7435).
   * `required`: STARTTLS with a certificate valid for `host`, else the mail waits (4.7.10).
   */
  readonly tls: 'none' | 'opportunistic' | 'required';
  /** PEM of the CA of the next hop; null: the system's. */
  readonly ca: Buffer | null;
}

/** Both routes and what they share. */
export interface DeliveryOptions {
  /** Our EHLO name and the Reporting-MTA of DSNs. */
  readonly hostname: string;
  /**
   * Our own domains, lower-case A-labels. A report to an address in one of them leaves by `internal` and quotes the
   * message header; any other report leaves by `outside` and quotes nothing (catalogue O6, S15).
   */
  readonly ours: readonly string[];
  readonly routes: { readonly internal: RouteOptions; readonly outside: RouteOptions };
  /** Connections at most to each route, and messages sent over one before it is closed. */
  readonly connectionsPerRoute: number;
  readonly messagesPerConnection: number;
  readonly connectTimeoutMs: number;
  readonly replyTimeoutMs: number;
}
