/**
 * The one table of what can go wrong between us and a peer, with the SMTP reply of each (RFC 5321 §4.2, RFC 3463).
 *
 * `publicText` is all that a peer ever sees: no path, no name of a person or host of ours, no reason of policy beyond
 * what the sender can act on. `detail` is for the log. A thrown value that is not a GatewayError is a defect: it is
 * answered 451 4.3.0, because unsure means temporary, and logged with its stack.
 */

interface ErrorRow {
  readonly reply: number;
  readonly enhanced: string;
  readonly publicText: string;
}

const TABLE = {
  // the dialogue (smtp)
  'smtp.bare-newline': { reply: 521, enhanced: '5.5.2', publicText: 'bare CR, bare LF or NUL is not accepted' },
  'smtp.bad-address': { reply: 501, enhanced: '5.1.3', publicText: 'malformed address' },
  'smtp.bad-sender-address': { reply: 501, enhanced: '5.1.7', publicText: 'malformed sender address' },
  'smtp.utf8-address': { reply: 553, enhanced: '5.6.7', publicText: 'non-ASCII address needs SMTPUTF8' },
  'smtp.bad-parameter': { reply: 501, enhanced: '5.5.4', publicText: 'malformed parameter' },
  'smtp.unknown-parameter': { reply: 555, enhanced: '5.5.4', publicText: 'parameter not recognised' },
  'smtp.relay-denied': { reply: 550, enhanced: '5.7.1', publicText: 'relaying denied' },
  'smtp.sender-denied': { reply: 553, enhanced: '5.7.1', publicText: 'sender address not allowed for this login' },
  'smtp.login-needed': { reply: 530, enhanced: '5.7.0', publicText: 'authentication required' },
  'smtp.tls-needed': { reply: 530, enhanced: '5.7.0', publicText: 'must issue STARTTLS first' },
  'smtp.login-failed': { reply: 535, enhanced: '5.7.8', publicText: 'authentication failed' },
  'smtp.too-large': { reply: 552, enhanced: '5.3.4', publicText: 'message too large' },
  'smtp.too-many-recipients': { reply: 452, enhanced: '4.5.3', publicText: 'too many recipients' },
  'smtp.too-many-connections': { reply: 421, enhanced: '4.7.0', publicText: 'too many connections' },
  'smtp.too-many-errors': { reply: 421, enhanced: '4.7.0', publicText: 'too many errors' },
  'smtp.shutting-down': { reply: 421, enhanced: '4.3.2', publicText: 'service shutting down' },
  'smtp.loop': { reply: 554, enhanced: '5.4.6', publicText: 'mail loop detected' },
  'smtp.interrupted': { reply: 451, enhanced: '4.4.2', publicText: 'connection lost in the middle of the message' },
  // a listener that cannot be opened as configured; no peer ever sees it
  'smtp.cannot-open': { reply: 421, enhanced: '4.3.0', publicText: 'service not available' },
  // the message (mime, smime)
  'message.malformed': { reply: 550, enhanced: '5.6.0', publicText: 'malformed message' },
  'message.two-from': { reply: 550, enhanced: '5.6.0', publicText: 'message must have exactly one From field' },
  'message.limits': { reply: 550, enhanced: '5.6.0', publicText: 'message structure exceeds limits' },
  'message.not-convertible': { reply: 550, enhanced: '5.6.3', publicText: '8-bit content cannot be signed as it is' },
  'message.partial': { reply: 550, enhanced: '5.6.0', publicText: 'a partial message cannot be protected' },
  // policy
  'policy.no-certificate': {
    reply: 550,
    enhanced: '5.7.1',
    publicText: 'encryption is required and the recipient has no certificate',
  },
  'policy.unusable-certificate': {
    reply: 550,
    enhanced: '5.7.1',
    publicText: 'the certificate of the recipient cannot be used for encryption',
  },
  'policy.already-encrypted': {
    reply: 550,
    enhanced: '5.7.1',
    publicText: 'encryption is required and the message came already encrypted by other means',
  },
  'policy.cannot-sign': {
    reply: 550,
    enhanced: '5.7.1',
    publicText: 'a signature is required and the message cannot be signed for this sender',
  },
  'policy.null-sender': {
    reply: 550,
    enhanced: '5.7.1',
    publicText: 'encryption is required and this notification cannot be encrypted',
  },
  // look-ups and machinery: temporary
  'directory.unavailable': {
    reply: 451,
    enhanced: '4.4.3',
    publicText: 'certificate directory unavailable, try again',
  },
  'trust.undecided': { reply: 451, enhanced: '4.7.5', publicText: 'certificate could not be checked, try again' },
  'crypto.failed': { reply: 451, enhanced: '4.7.5', publicText: 'cryptographic failure, try again' },
  'queue.full': { reply: 452, enhanced: '4.3.1', publicText: 'insufficient storage, try again' },
  'queue.write-failed': { reply: 451, enhanced: '4.3.0', publicText: 'message could not be stored, try again' },
  defect: { reply: 451, enhanced: '4.3.0', publicText: 'internal error, try again' },
  // the queue's own files
  'queue.damaged': { reply: 451, enhanced: '4.3.0', publicText: 'stored message is damaged' },
  'queue.newer-format': { reply: 451, enhanced: '4.3.0', publicText: 'stored message is of a newer version' },
  'queue.key-missing': { reply: 451, enhanced: '4.3.0', publicText: 'stored message cannot be read' },
  // delivery
  'delivery.not-sealed': {
    reply: 451,
    enhanced: '4.7.5',
    publicText: 'message is not encrypted for its recipients and was not sent',
  },
  'delivery.no-8bit': { reply: 550, enhanced: '5.6.3', publicText: 'next hop does not accept 8-bit content' },
  'delivery.tls-required': { reply: 451, enhanced: '4.7.10', publicText: 'next hop does not offer the TLS required' },
  'delivery.unreachable': { reply: 451, enhanced: '4.4.1', publicText: 'next hop did not answer' },
  'delivery.ambiguous': { reply: 451, enhanced: '4.4.2', publicText: 'connection lost before the reply' },
  'delivery.expired': { reply: 550, enhanced: '5.4.7', publicText: 'delivery time expired' },
  'delivery.dropped': { reply: 550, enhanced: '5.7.0', publicText: 'removed by the administrator' },
  // bytes that are not what they should be (asn1, cms, x509, keys)
  'asn1.malformed': { reply: 451, enhanced: '4.7.5', publicText: 'cryptographic object is malformed' },
  'asn1.limits': { reply: 451, enhanced: '4.7.5', publicText: 'cryptographic object exceeds limits' },
  'x509.malformed': { reply: 451, enhanced: '4.7.5', publicText: 'certificate is malformed' },
  'cms.malformed': { reply: 451, enhanced: '4.7.5', publicText: 'cryptographic message is malformed' },
  'cms.limits': { reply: 451, enhanced: '4.7.5', publicText: 'cryptographic message exceeds limits' },
  // the same stored octets were read twice and differed; no one outside can bring it about
  'cms.source-changed': { reply: 451, enhanced: '4.3.0', publicText: 'stored message changed while it was read' },
  'cms.unsupported': { reply: 451, enhanced: '4.7.6', publicText: 'cryptographic algorithm not supported' },
  'keys.unusable': { reply: 451, enhanced: '4.7.5', publicText: 'signing key cannot be used' },
} as const satisfies Record<string, ErrorRow>;

/** The name of a row of the table; stable, used in logs, `explain --json`, tests and docs/errors.md. */
export type ErrorCode = keyof typeof TABLE;

/** Every row, for docs/errors.md and its test. */
export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorRow>> = TABLE;

/** A refusal or failure with its SMTP reply. Made only by {@link gatewayError}, so that code and reply never disagree. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  /** SMTP reply code, 4xx or 5xx. */
  readonly reply: number;
  /** Enhanced status code (RFC 3463) without the reply, such as `5.7.1`. */
  readonly enhanced: string;
  /** Text for the peer. */
  readonly publicText: string;
  /** Text for the log; may hold paths, never a secret or content. */
  readonly detail: string;

  /** @internal use {@link gatewayError} */
  constructor(code: ErrorCode, detail: string, cause?: unknown) {
    super(`${code}: ${detail}`, cause === undefined ? undefined : { cause });
    const row = TABLE[code];
    this.code = code;
    this.reply = row.reply;
    this.enhanced = row.enhanced;
    this.publicText = row.publicText;
    this.detail = detail;
  }

  /** True when trying again later cannot help (5xx). */
  get permanent(): boolean {
    return this.reply >= 500;
  }
}

/**
 * Builds the error of one row.
 * @param detail for the log: what was expected and what was found
 * @param cause the value caught, if any
 */
export function gatewayError(code: ErrorCode, detail: string, cause?: unknown): GatewayError {
  return new GatewayError(code, detail, cause);
}

/** Maps anything thrown to a GatewayError: itself, or `defect` (451 4.3.0) with the original as cause. Never throws. */
export function asGatewayError(thrown: unknown): GatewayError {
  if (thrown instanceof GatewayError) return thrown;
  return new GatewayError('defect', thrown instanceof Error ? thrown.message : String(thrown), thrown);
}
