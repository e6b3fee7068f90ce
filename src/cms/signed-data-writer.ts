/**
 * SignedData with one signer, and the attributes that are signed (RFC 5652 §5, RFC 8551 §2.5).
 *
 * Always signed: contentType, messageDigest, signingTime, sMIMECapabilities, signingCertificateV2 (RFC 5035 §3) and
 * CMSAlgorithmProtection (RFC 6211); smimeEncryptionKeyPreference and its older twin of Outlook only when mail is to be
 * encrypted to another certificate. SHA-256 for content and attributes (RFC 8933 §3). Version 1, issuerAndSerialNumber,
 * everything DER. For small things: only the opaque form holds content, and its caller bounds it.
 */
import {
  der,
  derContext,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  derTime,
  TAG,
} from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { CONTENT_TYPE, SHA256, SIGNATURE_ALGORITHM, SMIME_CAPABILITIES } from './algorithm-identifiers.ts';
import { issuerAndSerialNumber } from './recipient-identifiers.ts';
import type { SignatureAlgorithm, Signer } from './signer.ts';

/** What is signed. */
export interface SignedAttributesRequest {
  /** SHA-256 of the content, 32 octets. */
  readonly digest: Buffer;
  readonly signer: Signer;
  readonly signingTime: Date;
  /** The certificate that replies are to be encrypted to, where it is not the signer's own. */
  readonly encryptionCertificate?: Certificate;
}

/** A signature and what it was made over. */
export interface SignedDataParts {
  readonly signer: Signer;
  /** What {@link signedAttributes} returned. */
  readonly attributes: Buffer;
  /** What {@link Signer.sign} returned for them. */
  readonly signature: Buffer;
  /** As in {@link SignedAttributesRequest}; goes into `certificates`. */
  readonly encryptionCertificate?: Certificate;
}

const OID = {
  contentType: derOid('1.2.840.113549.1.9.3'),
  messageDigest: derOid('1.2.840.113549.1.9.4'),
  signingTime: derOid('1.2.840.113549.1.9.5'),
  smimeCapabilities: derOid('1.2.840.113549.1.9.15'),
  signingCertificateV2: derOid('1.2.840.113549.1.9.16.2.47'),
  algorithmProtection: derOid('1.2.840.113549.1.9.52'),
  encryptionKeyPreference: derOid('1.2.840.113549.1.9.16.2.11'),
  microsoftEncryptionKeyPreference: derOid('1.3.6.1.4.1.311.16.4'),
} as const;

/** `[0] IMPLICIT` in front of signedAttrs as they stand in SignerInfo. */
const SIGNED_ATTRS = 0xa0;
const DIGEST_OCTETS = 32;

const CONTENT_TYPE_DATA = attribute(OID.contentType, CONTENT_TYPE.data);
const CAPABILITIES = attribute(OID.smimeCapabilities, SMIME_CAPABILITIES);
const VERSION_1 = derInteger(1);
const DIGEST_ALGORITHMS = derSetOf([SHA256]);
const DETACHED = derSequence(CONTENT_TYPE.data);

/** CMSAlgorithmProtection: digestAlgorithm and `[1] IMPLICIT` signatureAlgorithm. */
const ALGORITHM_PROTECTION: Readonly<Record<SignatureAlgorithm, Buffer>> = {
  'rsa-pkcs1-sha256': algorithmProtection('rsa-pkcs1-sha256'),
  'ecdsa-p256-sha256': algorithmProtection('ecdsa-p256-sha256'),
};

const certificateAttributes = new WeakMap<Certificate, Buffer>();
const certificateSets = new WeakMap<Signer, Buffer>();

/**
 * The signed attributes, to be handed to {@link Signer.sign} as they are.
 * @returns DER SET OF Attribute, tag 0x31 (RFC 5652 §5.4)
 * @throws GatewayError crypto.failed when the digest is not one of SHA-256
 */
export function signedAttributes(request: SignedAttributesRequest): Buffer {
  const { digest, signer, signingTime, encryptionCertificate } = request;
  if (digest.length !== DIGEST_OCTETS) throw gatewayError('crypto.failed', `digest of ${digest.length} octets`);
  const attributes = [
    CONTENT_TYPE_DATA,
    attribute(OID.messageDigest, derOctetString(digest)),
    attribute(OID.signingTime, derTime(signingTime)),
    CAPABILITIES,
    signingCertificate(signer.certificate),
    ALGORITHM_PROTECTION[signer.algorithm],
  ];
  if (encryptionCertificate !== undefined && encryptionCertificate.sha256 !== signer.certificate.sha256) {
    const identifier = issuerAndSerialNumber(encryptionCertificate);
    attributes.push(
      attribute(OID.encryptionKeyPreference, retag(identifier, 0xa0)),
      attribute(OID.microsoftEncryptionKeyPreference, identifier),
    );
  }
  return derSetOf(attributes);
}

/** ContentInfo with SignedData, eContent absent: what application/pkcs7-signature holds (RFC 8551 §3.5.3). */
export function signedDataDetached(parts: SignedDataParts): Buffer {
  return signedData(parts, DETACHED);
}

/**
 * ContentInfo with SignedData that holds its content (RFC 8551 §3.5.2), whole in memory.
 * @param parts `content`: the octets whose digest was signed
 */
export function signedDataOpaque(parts: SignedDataParts & { readonly content: Buffer }): Buffer {
  return signedData(parts, derSequence(CONTENT_TYPE.data, derContext(0, derOctetString(parts.content))));
}

function signedData(parts: SignedDataParts, encapsulated: Buffer): Buffer {
  const { signer, attributes, signature } = parts;
  if (attributes[0] !== TAG.set) throw gatewayError('crypto.failed', 'signed attributes are not a SET');
  const signerInfo = derSequence(
    VERSION_1,
    issuerAndSerialNumber(signer.certificate),
    SHA256,
    retag(attributes, SIGNED_ATTRS),
    SIGNATURE_ALGORITHM[signer.algorithm],
    derOctetString(signature),
  );
  const certificates = certificatesOf(signer, parts.encryptionCertificate);
  const signerInfos = derSetOf([signerInfo]);
  return derSequence(
    CONTENT_TYPE.signedData,
    derContext(0, derSequence(VERSION_1, DIGEST_ALGORITHMS, encapsulated, certificates, signerInfos)),
  );
}

/** `certificates [0] IMPLICIT SET OF`: leaf and chain, each once. */
function certificatesOf(signer: Signer, encryptionCertificate: Certificate | undefined): Buffer {
  const known = certificateSets.get(signer);
  if (known !== undefined && encryptionCertificate === undefined) return known;
  const all = [signer.certificate, ...signer.chain];
  if (encryptionCertificate !== undefined) all.push(encryptionCertificate);
  const distinct = new Map(all.map((certificate) => [certificate.sha256, certificate.der]));
  const set = derSetOf([...distinct.values()], 0xa0);
  if (encryptionCertificate === undefined) certificateSets.set(signer, set);
  return set;
}

/** signingCertificateV2 with hash (SHA-256 by default, so not named) and issuerSerial of the signer (RFC 5035 §3, §4). */
function signingCertificate(certificate: Certificate): Buffer {
  let known = certificateAttributes.get(certificate);
  if (known === undefined) {
    const issuer = derSequence(derContext(4, certificate.issuer));
    const issuerSerial = derSequence(issuer, der(TAG.integer, certificate.serial));
    const identifier = derSequence(derOctetString(Buffer.from(certificate.sha256, 'hex')), issuerSerial);
    known = attribute(OID.signingCertificateV2, derSequence(derSequence(identifier)));
    certificateAttributes.set(certificate, known);
  }
  return known;
}

function algorithmProtection(algorithm: SignatureAlgorithm): Buffer {
  return attribute(OID.algorithmProtection, derSequence(SHA256, retag(SIGNATURE_ALGORITHM[algorithm], 0xa1)));
}

/** Attribute with one value. */
function attribute(type: Buffer, value: Buffer): Buffer {
  return derSequence(type, der(TAG.set, value));
}

/** The same value under another identifier octet. */
function retag(value: Buffer, tag: number): Buffer {
  const copy = Buffer.from(value);
  copy[0] = tag;
  return copy;
}
