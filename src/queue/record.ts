/**
 * The queue record: everything that was decided about one accepted message, frozen at the commit (design: the path,
 * step 5). Stored spool-sealed; the format is versioned and a newer version is refused by name.
 */

/** Version written by this code. Version N reads N and older. */
export const RECORD_FORMAT = 1;

/** Which way a copy leaves: `internal` for our own domains and DSNs, `outside` for everybody else. */
export type RouteName = 'internal' | 'outside';

/** `must-encrypt`: delivery refuses to send anything but an EnvelopedData for exactly these recipients. */
export type Protection = 'must-encrypt' | 'may-be-clear';

/**
 * Everything about one message that delivery needs and that is not a body. Stored spool-sealed; it never changes
 * after the commit.
 */
export interface QueueRecord {
  readonly format: number;
  readonly traceId: string;
  readonly direction: 'outbound' | 'inbound' | 'report';
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** null is the null sender. */
  readonly reversePath: string | null;
  /** Identifier of the configuration snapshot that decided. */
  readonly configuration: string;
  readonly body: '7BIT' | '8BITMIME';
  /** For delivery rules to come (RFC 3461, RFC 6531); null and false until then. */
  readonly envid: string | null;
  readonly ret: 'FULL' | 'HDRS' | null;
  readonly smtpUtf8: boolean;
  /** Message header for the DSN: an allowlist of fields, CRLF-ended; the Subject masked when any copy is encrypted. */
  readonly reportHeader: string;
  readonly groups: readonly QueueGroup[];
}

/** Recipients who get the same copy by the same route. */
export interface QueueGroup {
  readonly protection: Protection;
  /** `held` waits for an administrator or a rule; `ready` is delivered. */
  readonly stage: 'ready' | 'held';
  readonly route: RouteName;
  readonly recipients: readonly QueueRecipient[];
  /** Outer header section of this copy, CRLF-ended fields without the empty line; latin1 text of octets. */
  readonly header: string;
  readonly content: QueueContent;
  /** One line for `queue show`: `signed and encrypted (default)`. */
  readonly treatment: string;
}

/** One recipient of a copy, as named at RCPT. */
export interface QueueRecipient {
  readonly address: string;
  /** SHA-256 (hex) of the certificate this copy is encrypted to for this recipient; null in clear copies. */
  readonly certificateSha256: string | null;
  readonly orcpt: string | null;
  readonly notify: string | null;
}

/** Which stored body a copy is made of, and what is its own beside it. */
export type QueueContent =
  | {
      readonly kind: 'clear';
      /** Index of the stored body: its octets follow the header and an empty line. */
      readonly bodyIndex: number;
      /** True when it holds octets above 127. */
      readonly eightBit: boolean;
    }
  | {
      readonly kind: 'enveloped';
      /** Index of the stored body: the ciphertext. */
      readonly bodyIndex: number;
      readonly ciphertextBytes: number;
      /** base64 of DER: contentEncryptionAlgorithm and the RecipientInfos SET. */
      readonly contentEncryption: string;
      readonly recipientInfos: string;
      /** base64 of the authentication tag of an AuthEnvelopedData; absent from an EnvelopedData. */
      readonly tag?: string;
      /** For each recipient certificate its issuerAndSerialNumber or `[0]` key identifier, base64 of DER: what the RecipientInfos must name. */
      readonly expectedRecipients: readonly string[];
    };
