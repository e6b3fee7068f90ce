/**
 * CMS objects made by hand for tests of readers: every field can be wrong on purpose. Sound by default; nothing here
 * refuses. Writers of the product have their own tests against other programs.
 */
import { constants, createCipheriv, createHash, type KeyObject, publicEncrypt, randomBytes, sign } from 'node:crypto';
import {
  der,
  derContext,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derSetOf,
  derTime,
  TAG,
} from '../../src/asn1/der-writer.ts';
import { contentEncryptionAlgorithm } from '../../src/cms/algorithms/content-ciphers.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import type { MadeCertificate } from './certificate-builder.ts';

export const ID_DATA = '1.2.840.113549.1.7.1';
const SHA256 = '2.16.840.1.101.3.4.2.1';

/** ContentInfo. */
export function contentInfo(type: string, content: Buffer): Buffer {
  return derSequence(derOid(type), derContext(0, content));
}

export function attribute(oid: string, ...values: readonly Buffer[]): Buffer {
  return derSequence(derOid(oid), der(TAG.set, ...values));
}

/** The attributes of a sound signature, by name, so that a test can change one. */
export function soundAttributes(content: Buffer, contentType: string = ID_DATA): Record<string, Buffer> {
  return {
    contentType: attribute('1.2.840.113549.1.9.3', derOid(contentType)),
    signingTime: attribute('1.2.840.113549.1.9.5', derTime(new Date('2026-01-02T03:04:05Z'))),
    messageDigest: attribute('1.2.840.113549.1.9.4', derOctetString(createHash('sha256').update(content).digest())),
  };
}

export function issuerAndSerial(certificate: Certificate): Buffer {
  return derSequence(certificate.issuer, der(TAG.integer, certificate.serial));
}

export interface SignerShape {
  readonly signer: MadeCertificate;
  /** Null leaves them out. */
  readonly attributes?: readonly Buffer[] | null;
  /** What is signed when there are no attributes. */
  readonly content?: Buffer;
  readonly digestAlgorithm?: Buffer;
  readonly signatureAlgorithm?: Buffer;
  readonly identifier?: Buffer;
  /** False keeps the order of the attributes. */
  readonly sorted?: boolean;
  readonly hash?: string;
}

export function signerInfo(shape: SignerShape): Buffer {
  const { signer, attributes = null } = shape;
  const set = attributes === null ? null : shape.sorted === false ? der(TAG.set, ...attributes) : derSetOf(attributes);
  const signature = sign(shape.hash ?? 'sha256', set ?? shape.content ?? Buffer.alloc(0), signer.privateKey);
  const isEc = signer.privateKey.asymmetricKeyType === 'ec';
  const algorithm = isEc
    ? derSequence(derOid('1.2.840.10045.4.3.2'))
    : derSequence(derOid('1.2.840.113549.1.1.11'), derNull());
  return derSequence(
    derInteger(1),
    shape.identifier ?? issuerAndSerial(signer.certificate),
    shape.digestAlgorithm ?? derSequence(derOid(SHA256)),
    ...(set === null ? [] : [Buffer.concat([Buffer.of(0xa0), set.subarray(1)])]),
    shape.signatureAlgorithm ?? algorithm,
    derOctetString(signature),
  );
}

export interface SignedShape {
  readonly signerInfos: readonly Buffer[];
  /** Null: detached. */
  readonly content: Buffer | null;
  readonly certificates?: readonly Buffer[];
  readonly contentType?: string;
  readonly digestAlgorithms?: readonly Buffer[];
}

export function signedData(shape: SignedShape): Buffer {
  const type = derOid(shape.contentType ?? ID_DATA);
  const inside = shape.content === null ? [] : [derContext(0, derOctetString(shape.content))];
  const certificates = shape.certificates ?? [];
  return contentInfo(
    '1.2.840.113549.1.7.2',
    derSequence(
      derInteger(1),
      derSetOf(shape.digestAlgorithms ?? [derSequence(derOid(SHA256))]),
      derSequence(type, ...inside),
      ...(certificates.length === 0 ? [] : [derSetOf(certificates, 0xa0)]),
      der(TAG.set, ...shape.signerInfos),
    ),
  );
}

/** KeyTransRecipientInfo by RSAES-PKCS1-v1_5. */
export function keyTransport(recipient: MadeCertificate, contentKey: Buffer, identifier?: Buffer): Buffer {
  const key: KeyObject = recipient.certificate.key.keyObject();
  const encrypted = publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, contentKey);
  const algorithm = derSequence(derOid('1.2.840.113549.1.1.1'), derNull());
  return derSequence(
    derInteger(0),
    identifier ?? issuerAndSerial(recipient.certificate),
    algorithm,
    derOctetString(encrypted),
  );
}

export interface EnvelopeShape {
  readonly recipientInfos: readonly Buffer[];
  readonly contentKey: Buffer;
  readonly content: Buffer;
  readonly cipher: 'aes-256-cbc' | 'aes-256-gcm';
  /** Where it is put; by default where the cipher belongs. */
  readonly form?: 'enveloped' | 'authEnveloped';
  /** Whole algorithm identifier to write instead; given the IV. */
  readonly algorithm?: (iv: Buffer) => Buffer;
  /** DER SET of authenticated attributes, tag 0x31. */
  readonly authenticated?: Buffer;
  readonly tagOctets?: number;
  readonly contentType?: string;
  /** Changes the ciphertext. */
  readonly damage?: (ciphertext: Buffer) => void;
}

export function envelope(shape: EnvelopeShape): Buffer {
  const gcm = shape.cipher === 'aes-256-gcm';
  const iv = randomBytes(gcm ? 12 : 16);
  const cipher = createCipheriv(shape.cipher, shape.contentKey, iv) as ReturnType<typeof createCipheriv> & {
    setAAD(octets: Buffer): void;
    getAuthTag(): Buffer;
  };
  if (shape.authenticated !== undefined) cipher.setAAD(shape.authenticated);
  const ciphertext = Buffer.concat([cipher.update(shape.content), cipher.final()]);
  shape.damage?.(ciphertext);
  const form = shape.form ?? (gcm ? 'authEnveloped' : 'enveloped');
  const algorithm = shape.algorithm?.(iv) ?? contentEncryptionAlgorithm(shape.cipher, iv);
  const attributes =
    shape.authenticated === undefined ? [] : [Buffer.concat([Buffer.of(0xa1), shape.authenticated.subarray(1)])];
  const tag = gcm ? cipher.getAuthTag().subarray(0, shape.tagOctets ?? 16) : Buffer.alloc(16);
  const tail = form === 'authEnveloped' ? [...attributes, derOctetString(tag)] : [];
  return contentInfo(
    form === 'authEnveloped' ? '1.2.840.113549.1.9.16.1.23' : '1.2.840.113549.1.7.3',
    derSequence(
      derInteger(0),
      der(TAG.set, ...shape.recipientInfos),
      derSequence(derOid(shape.contentType ?? ID_DATA), algorithm, der(0x80, ciphertext)),
      ...tail,
    ),
  );
}
