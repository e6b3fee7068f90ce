/**
 * The small fields that CMS structures are made of, from BER that is wholly there (RFC 5652 §10): AlgorithmIdentifiers,
 * strings that may be constructed, identifiers of certificates. Refused with asn1.malformed or cms.malformed.
 */
import { BerReader } from '../asn1/ber-reader.ts';
import { TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { gatewayError } from '../errors.ts';

/** AlgorithmIdentifier (RFC 5280 §4.1.1.2). Views of the input. */
export interface AlgorithmIdentifier {
  readonly oid: string;
  /** Whole BER of the parameters; null when absent. */
  readonly parameters: Buffer | null;
  /** Whole BER of the AlgorithmIdentifier as it stood there. */
  readonly whole: Buffer;
}

/** Names a certificate (RFC 5652 §5.3, §6.2.1). Views of the input. */
export type CertificateIdentifier =
  | { readonly kind: 'issuer-serial'; readonly issuer: Buffer; readonly serial: Buffer }
  | { readonly kind: 'key-identifier'; readonly keyIdentifier: Buffer };

/** @param whole one AlgorithmIdentifier, or null where the caller read none */
export function parseAlgorithm(whole: Buffer): AlgorithmIdentifier {
  const fields = enterWhole(whole, TAG.sequence);
  const oid = parseOid(expect(fields, TAG.oid));
  const parameters = fields.atEnd ? null : fields.readElement().whole;
  if (!fields.atEnd) throw malformed('AlgorithmIdentifier with more than two fields');
  return { oid, parameters, whole };
}

export function readAlgorithm(reader: BerReader): AlgorithmIdentifier {
  if (reader.peekTag() !== TAG.sequence) throw malformed('AlgorithmIdentifier missing');
  return parseAlgorithm(reader.readElement().whole);
}

/** True when parameters are absent or NULL. */
export function withoutParameters({ parameters }: AlgorithmIdentifier): boolean {
  return parameters === null || (parameters.length === 2 && parameters[0] === TAG.null && parameters[1] === 0);
}

/** A reader over the one value that `whole` is. */
export function enterWhole(whole: Buffer, tag: number): BerReader {
  const outer = BerReader.over(whole);
  const inner = outer.enter(tag);
  if (!outer.atEnd) throw malformed('octets after the value');
  return inner;
}

/** Content octets of the next value, which must have this primitive tag. */
export function expect(reader: BerReader, tag: number): Buffer {
  const found = reader.peekTag();
  if (found !== tag) throw malformed(`expected tag ${tag}, found ${found ?? 'the end'}`);
  return reader.readElement().content;
}

/**
 * The octets of a string, primitive or constructed (X.690 §8.7).
 * @param tag identifier octet of the primitive form
 */
export function readOctets(reader: BerReader, tag: number = TAG.octetString): Buffer {
  const found = reader.peekTag();
  if (found === tag) return reader.readElement().content;
  if (found !== (tag | 0x20)) throw malformed(`expected tag ${tag}, found ${found ?? 'the end'}`);
  const inner = reader.enter(tag | 0x20);
  const parts: Buffer[] = [];
  while (!inner.atEnd) parts.push(readOctets(inner));
  return Buffer.concat(parts);
}

/** @param keyIdentifierTag `0x80`: `[0] IMPLICIT` in SignerIdentifier and RecipientIdentifier */
export function readCertificateIdentifier(reader: BerReader, keyIdentifierTag = 0x80): CertificateIdentifier {
  const tag = reader.peekTag();
  if (tag === TAG.sequence) {
    const fields = reader.enter(TAG.sequence);
    if (fields.peekTag() !== TAG.sequence) throw malformed('issuer missing');
    const issuer = fields.readElement().whole;
    const serial = expect(fields, TAG.integer);
    if (!fields.atEnd) throw malformed('IssuerAndSerialNumber with more than two fields');
    return { kind: 'issuer-serial', issuer, serial };
  }
  return { kind: 'key-identifier', keyIdentifier: readOctets(reader, keyIdentifierTag) };
}

/** A small non-negative INTEGER, minimal or not. */
export function readSmallInteger(reader: BerReader): number {
  const content = expect(reader, TAG.integer);
  const value = content.length >= 1 && content.length <= 6 ? content.readUIntBE(0, content.length) : -1;
  if (value < 0 || (content[0] ?? 0) >= 0x80) throw malformed('INTEGER out of range');
  return value;
}

function malformed(detail: string): Error {
  return gatewayError('cms.malformed', detail);
}
