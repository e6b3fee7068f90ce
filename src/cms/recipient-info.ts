/**
 * One RecipientInfo: the content key encrypted to one certificate (RFC 5652 §6.2).
 *
 * RSA: key transport with RSAES-PKCS1-v1_5 (RFC 3370 §4.2.1). P-256 and P-384: one ephemeral ECDH with the X9.63 KDF
 * and AES-256 key wrap, no ukm (RFC 5753 §3.1, §7.1). One KeyAgreeRecipientInfo a recipient: NSS reads no shared ones.
 * Recipients are named by issuerAndSerialNumber. Refused with cms.unsupported: weak RSA keys (an exponent of 1 encrypts
 * nothing), other curves and algorithms, points that are not on their curve.
 * What is constant for a certificate is made once and kept as long as the certificate object is.
 */
import { constants, createCipheriv, createHash, ECDH, type KeyObject, publicEncrypt } from 'node:crypto';
import { DerReader } from '../asn1/der-reader.ts';
import { parseWholeBitString } from '../asn1/der-values.ts';
import { der, derBitString, derContext, derInteger, derOctetString, derSequence, TAG } from '../asn1/der-writer.ts';
import { GatewayError, gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { findKeyWeakness } from '../x509/key-strength.ts';
import { AES256_WRAP, EC_PUBLIC_KEY, RSA_ENCRYPTION, STANDARD_DH } from './algorithm-identifiers.ts';
import { issuerAndSerialNumber } from './recipient-identifiers.ts';
import type { Entropy } from './signer.ts';

/** AES-256, the only content cipher of the default profile. */
const CONTENT_KEY_OCTETS = 32;
/** RFC 3394: one block of 8 octets more than the key. */
const WRAPPED_KEY_OCTETS = CONTENT_KEY_OCTETS + 8;
const WRAP_IV = Buffer.alloc(8, 0xa6);
/** Draws for the padding before a source of entropy that yields only zeros is called broken. */
const PADDING_DRAWS_MAX = 64;

/** ECC-CMS-SharedInfo (RFC 5753 §7.2): AES-256 wrap, no ukm, 256 bits. */
const SHARED_INFO = derSequence(AES256_WRAP, derContext(2, derOctetString(Buffer.of(0, 0, 1, 0))));
const COUNTER_ONE = Buffer.of(0, 0, 0, 1);

const CURVES = {
  'P-256': { name: 'prime256v1', pointOctets: 65, hash: 'sha256' },
  'P-384': { name: 'secp384r1', pointOctets: 97, hash: 'sha384' },
} as const;

type Curve = keyof typeof CURVES;

/** The constant octets of one certificate's RecipientInfo; the holes are filled for each message. */
type Prepared =
  | { readonly kind: 'key-transport'; readonly key: KeyObject; readonly modulusOctets: number; readonly head: Buffer }
  | {
      readonly kind: 'key-agreement';
      readonly curve: Curve;
      /** Uncompressed, on its curve. */
      readonly point: Buffer;
      /** Up to the ephemeral point, and from there to the wrapped key, which ends it. */
      readonly head: Buffer;
      readonly middle: Buffer;
    }
  | { readonly kind: 'unfit'; readonly reason: string };

const prepared = new WeakMap<Certificate, Prepared>();

/**
 * Whether this version can encrypt to the key of a certificate: algorithm, size and point only. Key usage, dates and
 * trust are the path validator's.
 * @param certificate attacker-chosen
 * @returns `reason` is one phrase for an administrator, such as `RSA of 1024 bits, at least 2048 are needed`
 */
export function canEncryptTo(certificate: Certificate): { ok: true } | { ok: false; reason: string } {
  const recipient = prepare(certificate);
  return recipient.kind === 'unfit' ? { ok: false, reason: recipient.reason } : { ok: true };
}

/**
 * Encrypts the content key to one certificate.
 * @param contentKey 32 octets
 * @returns RecipientInfo, whole DER
 * @throws GatewayError cms.unsupported when {@link canEncryptTo} says no, crypto.failed when encryption fails
 */
export function encryptContentKey(certificate: Certificate, contentKey: Buffer, entropy: Entropy): Buffer {
  const recipient = prepare(certificate);
  if (recipient.kind === 'unfit') {
    throw gatewayError('cms.unsupported', `certificate ${certificate.sha256}: ${recipient.reason}`);
  }
  try {
    return recipient.kind === 'key-transport'
      ? transportKey(recipient, contentKey, entropy)
      : agreeKey(recipient, contentKey, entropy);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw gatewayError('crypto.failed', `content key not encrypted to certificate ${certificate.sha256}`, error);
  }
}

/** KeyTransRecipientInfo. The padding is ours so that all randomness comes from `entropy` (RFC 8017 §7.2.1). */
function transportKey(
  recipient: Extract<Prepared, { kind: 'key-transport' }>,
  contentKey: Buffer,
  entropy: Entropy,
): Buffer {
  const encoded = Buffer.alloc(recipient.modulusOctets);
  const separator = encoded.length - contentKey.length - 1;
  encoded[1] = 2;
  fillNonZero(encoded.subarray(2, separator), entropy);
  contentKey.copy(encoded, separator + 1);
  const encrypted = publicEncrypt({ key: recipient.key, padding: constants.RSA_NO_PADDING }, encoded);
  encoded.fill(0);
  if (encrypted.length !== recipient.modulusOctets) throw gatewayError('crypto.failed', 'RSA result of a wrong size');
  return Buffer.concat([recipient.head, encrypted]);
}

function fillNonZero(target: Buffer, entropy: Entropy): void {
  let filled = 0;
  for (let draws = 0; filled < target.length; draws++) {
    if (draws >= PADDING_DRAWS_MAX) throw gatewayError('crypto.failed', 'the source of random octets yields zeros');
    for (const octet of entropy.bytes(target.length - filled)) {
      if (octet !== 0) target[filled++] = octet;
    }
  }
}

/** KeyAgreeRecipientInfo: a fresh key pair for each recipient of each message. */
function agreeKey(
  recipient: Extract<Prepared, { kind: 'key-agreement' }>,
  contentKey: Buffer,
  entropy: Entropy,
): Buffer {
  const { hash, pointOctets } = CURVES[recipient.curve];
  const ephemeral = entropy.ecdhKeyPair(recipient.curve);
  if (ephemeral.publicPoint.length !== pointOctets || ephemeral.publicPoint[0] !== 4) {
    throw gatewayError('crypto.failed', 'ephemeral point is not an uncompressed one');
  }
  const secret = ephemeral.derive(recipient.point);
  const keyEncryptionKey = createHash(hash).update(secret).update(COUNTER_ONE).update(SHARED_INFO).digest();
  const wrap = createCipheriv('id-aes256-wrap', keyEncryptionKey.subarray(0, 32), WRAP_IV);
  const wrapped = Buffer.concat([wrap.update(contentKey), wrap.final()]);
  secret.fill(0);
  keyEncryptionKey.fill(0);
  return Buffer.concat([recipient.head, ephemeral.publicPoint, recipient.middle, wrapped]);
}

function prepare(certificate: Certificate): Prepared {
  let recipient = prepared.get(certificate);
  if (recipient === undefined) {
    recipient = prepareFresh(certificate);
    prepared.set(certificate, recipient);
  }
  return recipient;
}

function prepareFresh(certificate: Certificate): Prepared {
  const { kind, curve } = certificate.key;
  try {
    if (kind === 'rsa') return prepareRsa(certificate);
    if (kind === 'ec' && (curve === 'P-256' || curve === 'P-384')) return prepareEc(certificate, curve);
  } catch (error) {
    return unfit(`malformed key (${error instanceof Error ? error.message : String(error)})`);
  }
  if (kind === 'ec') return unfit(`EC key on curve ${curve ?? 'unknown'}; P-256 and P-384 are supported`);
  if (kind === 'rsa-pss') return unfit('RSASSA-PSS key, which is for signatures only');
  return unfit(`key algorithm ${kind === 'other' ? certificate.key.oid : kind} is not supported for encryption`);
}

function prepareRsa(certificate: Certificate): Prepared {
  const weakness = findKeyWeakness(certificate);
  if (weakness !== null) return unfit(weakness.text);
  const modulusOctets = Math.ceil(certificate.key.bits / 8);
  const whole = derSequence(
    derInteger(0),
    issuerAndSerialNumber(certificate),
    RSA_ENCRYPTION,
    derOctetString(Buffer.alloc(modulusOctets)),
  );
  const head = whole.subarray(0, whole.length - modulusOctets);
  return { kind: 'key-transport', key: certificate.key.keyObject(), modulusOctets, head };
}

function prepareEc(certificate: Certificate, curve: Curve): Prepared {
  const { name, pointOctets, hash } = CURVES[curve];
  const spki = DerReader.over(certificate.spki).enter(TAG.sequence);
  spki.read(TAG.sequence);
  const encoded = parseWholeBitString(spki.read(TAG.bitString));
  // uncompressed or compressed (RFC 5480 §2.2); hybrid forms and the point at infinity are refused
  if (encoded[0] !== 2 && encoded[0] !== 3 && encoded[0] !== 4) return unfit('EC key in a form that is not supported');
  const point = ECDH.convertKey(encoded, name, undefined, undefined, 'uncompressed');
  if (!Buffer.isBuffer(point) || point.length !== pointOctets) return unfit('EC key of a wrong size');
  const tail = Buffer.concat([
    derSequence(STANDARD_DH[hash], AES256_WRAP),
    derSequence(derSequence(issuerAndSerialNumber(certificate), derOctetString(Buffer.alloc(WRAPPED_KEY_OCTETS)))),
  ]);
  const originator = derContext(0, derContext(1, EC_PUBLIC_KEY, derBitString(Buffer.alloc(pointOctets))));
  const whole = der(0xa1, derInteger(3), originator, tail);
  return {
    kind: 'key-agreement',
    curve,
    point,
    head: whole.subarray(0, whole.length - tail.length - pointOctets),
    middle: tail.subarray(0, tail.length - WRAPPED_KEY_OCTETS),
  };
}

function unfit(reason: string): Prepared {
  return { kind: 'unfit', reason };
}
