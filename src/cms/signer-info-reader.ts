/**
 * SignerInfo (RFC 5652 §5.3) from BER that is wholly there, with any version number. Nothing is judged here.
 * Refused with cms.malformed: fields that are missing or left over. Unsigned attributes are passed over: they are not
 * protected by anything (countersignatures, time stamps).
 */
import { TAG } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import {
  type AlgorithmIdentifier,
  type CertificateIdentifier,
  enterWhole,
  readAlgorithm,
  readCertificateIdentifier,
  readOctets,
  readSmallInteger,
} from './ber-field-reader.ts';

/** Views of the input; all of it attacker-chosen. */
export interface SignerInfo {
  readonly identifier: CertificateIdentifier;
  readonly digestAlgorithm: AlgorithmIdentifier;
  /** Whole BER as it stood there, tag 0xa0; null when absent. */
  readonly signedAttributes: Buffer | null;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Buffer;
}

const SIGNED_ATTRIBUTES = 0xa0;
const UNSIGNED_ATTRIBUTES = 0xa1;

/** @param whole attacker-chosen @throws GatewayError asn1.malformed, cms.malformed */
export function parseSignerInfo(whole: Buffer): SignerInfo {
  const fields = enterWhole(whole, TAG.sequence);
  readSmallInteger(fields);
  const identifier = readCertificateIdentifier(fields);
  const digestAlgorithm = readAlgorithm(fields);
  const signedAttributes = fields.peekTag() === SIGNED_ATTRIBUTES ? fields.readElement().whole : null;
  const signatureAlgorithm = readAlgorithm(fields);
  const signature = readOctets(fields);
  if (fields.peekTag() === UNSIGNED_ATTRIBUTES) fields.skip();
  if (!fields.atEnd) throw gatewayError('cms.malformed', 'SignerInfo with a field too many');
  return { identifier, digestAlgorithm, signedAttributes, signatureAlgorithm, signature };
}
