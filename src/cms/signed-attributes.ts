/**
 * The attributes that are signed (RFC 5652 §5.3, RFC 8551 §2.5), as the DER that is signed.
 *
 * Always: contentType, messageDigest, signingTime, signingCertificateV2 (RFC 5035 §3) and CMSAlgorithmProtection (RFC 6211);
 * sMIMECapabilities unless the profile leaves it out; smimeEncryptionKeyPreference and its older twin of Outlook only when
 * mail is to be encrypted to another certificate. One instance and one value of each. Only digest and time differ between
 * two messages of a signer, so the rest is made once and kept as long as the certificate object is.
 */
import { der, derContext, derOctetString, derOid, derSequence, derSetOf, derTime, TAG } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { CONTENT_TYPE } from './algorithm-identifiers.ts';
import { smimeCapabilities } from './algorithms/capabilities.ts';
import { DIGESTS } from './algorithms/digests.ts';
import { SIGNATURES, type SignatureAlgorithm } from './algorithms/signatures.ts';
import { type CryptoProfile, DEFAULT_PROFILE, signingStyle } from './profile.ts';
import { issuerAndSerialNumber } from './recipient-identifiers.ts';
import type { Signer } from './signer.ts';

/** What is signed. */
export interface SignedAttributesRequest {
  /** Of the content, by the digest that goes with the signer's algorithm. */
  readonly digest: Buffer;
  readonly signer: Signer;
  readonly signingTime: Date;
  /** The certificate that replies are to be encrypted to, where it is not the signer's own. */
  readonly encryptionCertificate?: Certificate;
  /** For sMIMECapabilities; `default` when left out. */
  readonly profile?: CryptoProfile;
}

/** OIDs of attributes, dotted: the reader's names are the writer's. */
export const ATTRIBUTE_OID = {
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  smimeCapabilities: '1.2.840.113549.1.9.15',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  algorithmProtection: '1.2.840.113549.1.9.52',
  encryptionKeyPreference: '1.2.840.113549.1.9.16.2.11',
  microsoftEncryptionKeyPreference: '1.3.6.1.4.1.311.16.4',
} as const;

type AttributeName = keyof typeof ATTRIBUTE_OID;

const CONTENT_TYPE_DATA = attribute('contentType', CONTENT_TYPE.data);

/** The whole SET with holes where digest and time go. */
interface Template {
  readonly octets: Buffer;
  readonly digestAt: number;
  readonly timeAt: number;
}

const templates = new WeakMap<Certificate, Map<string, Template>>();

/**
 * The signed attributes, to be handed to {@link Signer.sign} as they are.
 * @returns DER SET OF Attribute, tag 0x31 (RFC 5652 §5.4)
 * @throws GatewayError crypto.failed when the digest is not one of the signer's algorithm
 */
export function signedAttributes(request: SignedAttributesRequest): Buffer {
  const { digest, signer, signingTime } = request;
  const { octets } = DIGESTS[SIGNATURES[signer.algorithm].digest];
  if (digest.length !== octets) throw gatewayError('crypto.failed', `digest of ${digest.length} octets`);
  const time = timeOf(signingTime);
  const { octets: constant, digestAt, timeAt } = templateFor(request, time);
  const attributes = Buffer.from(constant);
  digest.copy(attributes, digestAt);
  time.copy(attributes, timeAt);
  return attributes;
}

let lastSecond = Number.NaN;
let lastTime: Buffer = Buffer.alloc(0);

/** Messages of one second have one signingTime: writing it costs more than the copy. */
function timeOf(date: Date): Buffer {
  const second = Math.floor(date.getTime() / 1000);
  if (second !== lastSecond) {
    lastTime = derTime(date);
    lastSecond = second;
  }
  return lastTime;
}

function templateFor(request: SignedAttributesRequest, time: Buffer): Template {
  const { signer, encryptionCertificate, profile = DEFAULT_PROFILE } = request;
  let known = templates.get(signer.certificate);
  if (known === undefined) {
    known = new Map();
    templates.set(signer.certificate, known);
  }
  const preference = encryptionCertificate?.sha256 ?? '';
  const key = `${signer.algorithm} ${time.length} ${preference} ${signingStyle(profile)}`;
  let template = known.get(key);
  if (template === undefined) {
    // a signer has few partners that answer to other certificates; whoever makes many at least costs no memory
    if (known.size >= TEMPLATES_MAX) known.clear();
    template = makeTemplate(request, time, profile);
    known.set(key, template);
  }
  return template;
}

const TEMPLATES_MAX = 32;

/** Attributes differ within their header or OID, before any hole: what fills the holes changes no order. */
function makeTemplate(request: SignedAttributesRequest, time: Buffer, profile: CryptoProfile): Template {
  const { signer, encryptionCertificate } = request;
  const messageDigest = attribute('messageDigest', derOctetString(Buffer.alloc(request.digest.length)));
  const signingTime = attribute('signingTime', time);
  const all = [
    CONTENT_TYPE_DATA,
    messageDigest,
    signingTime,
    attribute('signingCertificateV2', signingCertificate(signer.certificate)),
    attribute('algorithmProtection', algorithmProtection(signer.algorithm)),
  ];
  if (profile.capabilities.length > 0) {
    all.push(attribute('smimeCapabilities', smimeCapabilities(profile.capabilities)));
  }
  if (encryptionCertificate !== undefined && encryptionCertificate.sha256 !== signer.certificate.sha256) {
    const identifier = issuerAndSerialNumber(encryptionCertificate);
    all.push(
      attribute('encryptionKeyPreference', retag(identifier, 0xa0)),
      attribute('microsoftEncryptionKeyPreference', identifier),
    );
  }
  const octets = derSetOf(all);
  return {
    octets,
    digestAt: octets.indexOf(messageDigest) + messageDigest.length - request.digest.length,
    timeAt: octets.indexOf(signingTime) + signingTime.length - time.length,
  };
}

/** Hash (SHA-256 by default, so not named) and issuerSerial of the signer (RFC 5035 §3, §4). */
function signingCertificate(certificate: Certificate): Buffer {
  const issuer = derSequence(derContext(4, certificate.issuer));
  const issuerSerial = derSequence(issuer, der(TAG.integer, certificate.serial));
  const identifier = derSequence(derOctetString(Buffer.from(certificate.sha256, 'hex')), issuerSerial);
  return derSequence(derSequence(identifier));
}

/** digestAlgorithm and `[1] IMPLICIT` signatureAlgorithm. */
function algorithmProtection(algorithm: SignatureAlgorithm): Buffer {
  const { identifier, digest } = SIGNATURES[algorithm];
  return derSequence(DIGESTS[digest].identifier, retag(identifier, 0xa1));
}

/** Attribute with one value. */
function attribute(name: AttributeName, value: Buffer): Buffer {
  return derSequence(derOid(ATTRIBUTE_OID[name]), der(TAG.set, value));
}

/** The same value under another identifier octet. */
function retag(value: Buffer, tag: number): Buffer {
  const copy = Buffer.from(value);
  copy[0] = tag;
  return copy;
}
