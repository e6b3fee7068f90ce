/**
 * Why an object was not read, opened or found valid, as values: the readers throw only what is no statement about the
 * object (the source cannot be read, a defect). Reasons are stable names for logs, tests and the command line; details
 * are for an administrator and never for the sender (catalogue C17: one outcome to the outside).
 */
import { GatewayError } from '../errors.ts';

export type CmsFailureReason =
  /** Not BER, or not the structure of RFC 5652. */
  | 'malformed'
  /** Past a limit of {@link READER_LIMITS}. */
  | 'limit'
  /** An algorithm or form that is not read here, or not by the running Node. */
  | 'unsupported'
  /** Read only by explicit policy: 3DES, RC2, DES, short tags, AEAD in EnvelopedData. */
  | 'refused-by-policy'
  /** Another content type than was asked for. */
  | 'wrong-content-type'
  /** No recipient is a key held here. */
  | 'not-for-me'
  /** Key, padding, tag: which of them is not said, not even here (standards 2.6). */
  | 'cannot-decrypt';

export interface CmsFailure {
  readonly reason: CmsFailureReason;
  /** One phrase; may quote algorithm identifiers, never content. */
  readonly detail: string;
}

export function failure(
  reason: CmsFailureReason,
  detail: string,
): { readonly ok: false; readonly failure: CmsFailure } {
  return { ok: false, failure: { reason, detail } };
}

/** What stops a reader from inside; becomes the value it carries. Never leaves `cms/`. */
export class ReaderStop extends Error {
  readonly failure: CmsFailure;

  constructor(reason: CmsFailureReason, detail: string) {
    super(`${reason}: ${detail}`);
    this.failure = { reason, detail };
  }
}

/** The failure that a thrown value states. @throws the value itself when it states none */
export function failureOf(thrown: unknown): CmsFailure {
  if (thrown instanceof ReaderStop) return thrown.failure;
  if (!(thrown instanceof GatewayError)) throw thrown;
  switch (thrown.code) {
    case 'asn1.malformed':
    case 'cms.malformed':
    case 'x509.malformed':
      return { reason: 'malformed', detail: thrown.detail };
    case 'asn1.limits':
    case 'cms.limits':
      return { reason: 'limit', detail: thrown.detail };
    case 'cms.unsupported':
      return { reason: 'unsupported', detail: thrown.detail };
    default:
      throw thrown;
  }
}

/** Does a thrown value speak of the octets that were read, and not of the reading? */
export function statesFailure(thrown: unknown): boolean {
  try {
    failureOf(thrown);
    return true;
  } catch {
    return false;
  }
}
