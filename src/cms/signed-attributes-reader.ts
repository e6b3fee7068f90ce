/**
 * Signed attributes (RFC 5652 §5.3 and §11, RFC 8551 §2.5, RFC 5035, RFC 6211): what they say, and the octets that a
 * signature is over.
 *
 * A type that stands there twice, and a single-valued attribute with more values or none, is the fault
 * `duplicate-attribute`; a known attribute that cannot be read is `malformed-attribute`. More than
 * {@link READER_LIMITS.attributes} is cms.limits.
 */
import { BerReader } from '../asn1/ber-reader.ts';
import { parseTime } from '../asn1/der-values.ts';
import { derHeader, TAG } from '../asn1/der-writer.ts';
import { parseOid } from '../asn1/oid.ts';
import { GatewayError } from '../errors.ts';
import {
  type AlgorithmIdentifier,
  enterWhole,
  expect,
  parseAlgorithm,
  readAlgorithm,
  readOctets,
} from './ber-field-reader.ts';
import { checkLimit, READER_LIMITS } from './reader-limits.ts';

/** One ESSCertID: names a certificate by its hash. */
export interface CertificateHash {
  /** OID of the hash algorithm. */
  readonly hashOid: string;
  readonly hash: Buffer;
  /** Issuer Name (whole) and serial, where given. */
  readonly issuerSerial: { readonly issuer: Buffer | null; readonly serial: Buffer } | null;
}

export interface SignedAttributes {
  readonly contentType: string | null;
  readonly messageDigest: Buffer | null;
  /** What the signer says. Never a time to validate a path at (standards 1.2). */
  readonly signingTime: Date | null;
  /** SMIMECapabilities, whole value; for the caller only when the signature is valid. */
  readonly capabilities: Buffer | null;
  /** SMIMEEncryptionKeyPreference, whole value. */
  readonly encryptionKeyPreference: Buffer | null;
  /** signingCertificateV2 and signingCertificate: the certificates of each, the signer's first. */
  readonly signingCertificates: readonly (readonly CertificateHash[])[];
  readonly algorithmProtection: {
    readonly digest: AlgorithmIdentifier;
    /** null: the copy is of a MAC algorithm, so not of a signature. */
    readonly signature: AlgorithmIdentifier | null;
  } | null;
  /** OIDs of all, in their order. */
  readonly types: readonly string[];
}

export type AttributeFault = {
  readonly reason: 'duplicate-attribute' | 'malformed-attribute';
  readonly detail: string;
};

const OID = {
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  capabilities: '1.2.840.113549.1.9.15',
  encryptionKeyPreference: '1.2.840.113549.1.9.16.2.11',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  algorithmProtection: '1.2.840.113549.1.9.52',
} as const;
const SINGLE_VALUED: ReadonlySet<string> = new Set(Object.values(OID));
const SHA1_OID = '1.3.14.3.2.26';
const SHA256_OID = '2.16.840.1.101.3.4.2.1';

/**
 * @param whole the SET, whatever its identifier octet is; attacker-chosen
 * @throws GatewayError cms.limits
 */
export function parseSignedAttributes(
  whole: Buffer,
): { ok: true; attributes: SignedAttributes } | { ok: false; fault: AttributeFault } {
  try {
    const values = new Map<string, Buffer>();
    const types: string[] = [];
    const set = enterWhole(whole, whole[0] ?? 0);
    while (!set.atEnd) {
      checkLimit(types.length + 1, READER_LIMITS.attributes, 'signed attributes');
      const attribute = enterWhole(set.readElement().whole, TAG.sequence);
      const type = parseOid(expect(attribute, TAG.oid));
      if (types.includes(type)) return fault('duplicate-attribute', `attribute ${type} twice`);
      types.push(type);
      const valueSet = attribute.enter(TAG.set);
      if (!attribute.atEnd) return fault('malformed-attribute', `attribute ${type} with a field too many`);
      if (!SINGLE_VALUED.has(type)) continue;
      if (valueSet.atEnd) return fault('malformed-attribute', `attribute ${type} without a value`);
      values.set(type, valueSet.readElement().whole);
      if (!valueSet.atEnd) return fault('duplicate-attribute', `attribute ${type} with several values`);
    }
    return { ok: true, attributes: interpret(values, types) };
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.code.endsWith('.limits')) throw thrown;
    return fault('malformed-attribute', thrown.detail);
  }
}

/** The octets that are signed (RFC 5652 §5.4): as they stood there, under the tag of a SET OF. */
export function signedOctets(whole: Buffer): Buffer {
  const octets = Buffer.from(whole);
  octets[0] = TAG.set;
  return octets;
}

/** The same attributes as DER would have them: sorted, under a definite length (X.690 §11.6). */
export function signedOctetsSorted(whole: Buffer): Buffer {
  const set = enterWhole(whole, whole[0] ?? 0);
  const attributes: Buffer[] = [];
  while (!set.atEnd) attributes.push(set.readElement().whole);
  attributes.sort(Buffer.compare);
  const length = attributes.reduce((sum, { length: octets }) => sum + octets, 0);
  return Buffer.concat([derHeader(TAG.set, length), ...attributes]);
}

/**
 * Do these octets look like a SET OF Attribute with contentType and messageDigest? Then a signature over them as
 * content may be one that was made over signed attributes (catalogue C15).
 * @param content with or without its tag being that of a SET
 */
export function looksLikeSignedAttributes(content: Buffer): boolean {
  if (content[0] !== TAG.set && content[0] !== 0xa0) return false;
  try {
    const types = new Set<string>();
    const set = enterWhole(content, content[0]);
    for (let count = 0; !set.atEnd && count < READER_LIMITS.attributes; count++) {
      types.add(parseOid(expect(set.enter(TAG.sequence), TAG.oid)));
    }
    return types.has(OID.contentType) && types.has(OID.messageDigest);
  } catch (thrown) {
    if (thrown instanceof GatewayError) return false;
    throw thrown;
  }
}

function interpret(values: ReadonlyMap<string, Buffer>, types: readonly string[]): SignedAttributes {
  const read = <T>(type: string, parse: (value: Buffer) => T): T | null => {
    const value = values.get(type);
    return value === undefined ? null : parse(value);
  };
  const hashes = [
    read(OID.signingCertificateV2, (value) => parseSigningCertificate(value, true)),
    read(OID.signingCertificate, (value) => parseSigningCertificate(value, false)),
  ];
  return {
    contentType: read(OID.contentType, (value) => parseOid(expect(BerReader.over(value), TAG.oid))),
    messageDigest: read(OID.messageDigest, (value) => readOctets(BerReader.over(value))),
    signingTime: read(OID.signingTime, (value) => {
      const { tag, content } = BerReader.over(value).readElement();
      return parseTime(tag, content);
    }),
    capabilities: read(OID.capabilities, (value) => value),
    encryptionKeyPreference: read(OID.encryptionKeyPreference, (value) => value),
    signingCertificates: hashes.filter((list) => list !== null),
    algorithmProtection: read(OID.algorithmProtection, parseAlgorithmProtection),
    types,
  };
}

/** SigningCertificate (RFC 2634 §5.4) and SigningCertificateV2 (RFC 5035 §3); policies are not used. */
function parseSigningCertificate(value: Buffer, second: boolean): CertificateHash[] {
  const list = enterWhole(value, TAG.sequence).enter(TAG.sequence);
  const hashes: CertificateHash[] = [];
  while (!list.atEnd) {
    checkLimit(hashes.length + 1, READER_LIMITS.certificates, 'certificates named by an attribute');
    const identifier = list.enter(TAG.sequence);
    const named = second && identifier.peekTag() === TAG.sequence;
    const hashOid = named ? readAlgorithm(identifier).oid : second ? SHA256_OID : SHA1_OID;
    const hash = readOctets(identifier);
    hashes.push({ hashOid, hash, issuerSerial: identifier.atEnd ? null : parseIssuerSerial(identifier) });
  }
  return hashes;
}

/** IssuerSerial: GeneralNames with one directoryName, and the serial. */
function parseIssuerSerial(identifier: BerReader): { issuer: Buffer | null; serial: Buffer } {
  const fields = identifier.enter(TAG.sequence);
  const names = fields.enter(TAG.sequence);
  const issuer = names.peekTag() === 0xa4 ? names.enter(0xa4).readElement().whole : null;
  return { issuer, serial: expect(fields, TAG.integer) };
}

function parseAlgorithmProtection(value: Buffer): SignedAttributes['algorithmProtection'] {
  const fields = enterWhole(value, TAG.sequence);
  const digest = readAlgorithm(fields);
  if (fields.peekTag() !== 0xa1) return { digest, signature: null };
  const retagged = Buffer.from(fields.readElement().whole);
  retagged[0] = TAG.sequence;
  return { digest, signature: parseAlgorithm(retagged) };
}

function fault(reason: AttributeFault['reason'], detail: string): { ok: false; fault: AttributeFault } {
  return { ok: false, fault: { reason, detail } };
}
