/**
 * KeyAgreeRecipientInfo (RFC 5652 §6.2.2): one ephemeral key agreement for one recipient of one message, no ukm.
 *
 * EC with the X9.63 KDF (RFC 5753), X25519 and X448 with HKDF (RFC 8418), AES key wrap as long as the content key.
 * Refused: points that are compressed into a hybrid form, at infinity, or not on their curve, and the X25519 and X448
 * keys whose shared secret is all zero (RFC 8418 §2.1).
 */
import { ECDH } from 'node:crypto';
import { der, derBitString, derContext, derInteger, derOctetString, derOid, derSequence } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { parseRawPublicKey } from '../x509/public-key-reader.ts';
import { CONTENT_CIPHERS } from './algorithms/content-ciphers.ts';
import {
  AGREEMENT_CURVES,
  AGREEMENT_SCHEMES,
  type AgreementCurve,
  type AgreementScheme,
} from './algorithms/key-agreements.ts';
import { deriveKey, plainSharedInfo } from './algorithms/key-derivations.ts';
import { KEY_WRAPS, keyWrapFor, WRAP_EXPANSION_OCTETS, wrapKey } from './algorithms/key-wraps.ts';
import type { Preparation } from './preparation.ts';
import type { CryptoProfile } from './profile.ts';
import { agreementIdentifier } from './recipient-identifiers.ts';

/**
 * The derivation of each curve where the profile names none. SHA-384 for P-521: the headers of Windows name no scheme
 * with SHA-512, and the key derived has 256 bits at most.
 */
const SCHEME_OF_CURVE: Readonly<Record<AgreementCurve, AgreementScheme>> = {
  'P-256': 'x963-sha256',
  'P-384': 'x963-sha384',
  'P-521': 'x963-sha384',
  brainpoolP256r1: 'x963-sha256',
  brainpoolP384r1: 'x963-sha384',
  brainpoolP512r1: 'x963-sha512',
  X25519: 'hkdf-sha256',
  X448: 'hkdf-sha512',
};

/** id-ecPublicKey with parameters absent, as originatorKey wants it (RFC 5753 §3.1.1). */
const EC_PUBLIC_KEY = derSequence(derOid('1.2.840.10045.2.1'));

/** @param certificate of a key of kind `ec`, `x25519` or `x448` @throws Error when the point is not on its curve */
export function prepareAgreement(certificate: Certificate, profile: CryptoProfile): Preparation {
  const curve = curveOf(certificate);
  const wrap = keyWrapFor(CONTENT_CIPHERS[profile.content].keyOctets);
  if (curve === null || wrap === null) {
    return { ok: false, reason: `EC key on curve ${certificate.key.curve ?? 'unknown'}, which is not supported` };
  }
  const { pointOctets, montgomery } = AGREEMENT_CURVES[curve];
  const point = pointOf(certificate, curve);
  if (typeof point === 'string') return { ok: false, reason: point };
  const scheme = profile.keyAgreement === 'by-curve' ? SCHEME_OF_CURVE[curve] : profile.keyAgreement;
  const { oid, derivation } = AGREEMENT_SCHEMES[scheme];
  const { identifier, keyOctets } = KEY_WRAPS[wrap];
  const wrappedOctets = keyOctets + WRAP_EXPANSION_OCTETS;
  const recipientKey = derSequence(
    agreementIdentifier(certificate, profile),
    derOctetString(Buffer.alloc(wrappedOctets)),
  );
  const tail = Buffer.concat([derSequence(derOid(oid), identifier), derSequence(recipientKey)]);
  // RFC 8418 §3.1: the raw key stands in the BIT STRING, without an OCTET STRING round it
  const algorithm = montgomery ? derSequence(derOid(AGREEMENT_CURVES[curve].oid)) : EC_PUBLIC_KEY;
  const originator = derContext(0, derContext(1, algorithm, derBitString(Buffer.alloc(pointOctets))));
  const whole = der(0xa1, derInteger(3), originator, tail);
  const head = whole.subarray(0, whole.length - tail.length - pointOctets);
  const middle = tail.subarray(0, tail.length - wrappedOctets);
  const info = plainSharedInfo(wrap);
  return {
    ok: true,
    encrypt(contentKey, entropy) {
      const ephemeral = entropy.ecdhKeyPair(curve);
      const { publicPoint } = ephemeral;
      if (publicPoint.length !== pointOctets || (!montgomery && publicPoint[0] !== 4)) {
        throw gatewayError('crypto.failed', 'ephemeral point is not an uncompressed one');
      }
      const secret = ephemeral.derive(point);
      if (secret.every((octet) => octet === 0)) throw gatewayError('crypto.failed', 'shared secret is zero');
      const keyEncryptionKey = deriveKey(derivation, secret, info, keyOctets);
      const wrapped = wrapKey(wrap, keyEncryptionKey, contentKey);
      secret.fill(0);
      keyEncryptionKey.fill(0);
      return Buffer.concat([head, publicPoint, middle, wrapped]);
    },
  };
}

function curveOf({ key }: Certificate): AgreementCurve | null {
  if (key.kind === 'x25519') return 'X25519';
  if (key.kind === 'x448') return 'X448';
  const { curve } = key;
  return key.kind === 'ec' && curve !== null && Object.hasOwn(AGREEMENT_CURVES, curve)
    ? (curve as AgreementCurve)
    : null;
}

/** @returns the key as it is agreed with, or what is wrong with its form @throws Error when it is not on its curve */
function pointOf(certificate: Certificate, curve: AgreementCurve): Buffer | string {
  const { nodeName, pointOctets, montgomery } = AGREEMENT_CURVES[curve];
  const encoded = parseRawPublicKey(certificate.spki);
  if (montgomery) return encoded.length === pointOctets ? encoded : `${curve} key of a wrong size`;
  // uncompressed or compressed (RFC 5480 §2.2); hybrid forms and the point at infinity are refused
  if (encoded[0] !== 2 && encoded[0] !== 3 && encoded[0] !== 4) return 'EC key in a form that is not supported';
  const point = ECDH.convertKey(encoded, nodeName, undefined, undefined, 'uncompressed');
  if (!Buffer.isBuffer(point) || point.length !== pointOctets) return 'EC key of a wrong size';
  return point;
}
