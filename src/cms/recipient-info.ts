/**
 * One RecipientInfo: the content key encrypted to one certificate (RFC 5652 §6.2), by the way its kind of key has.
 *
 * RSA: key transport. EC, X25519, X448: key agreement, one KeyAgreeRecipientInfo a recipient, because NSS reads no shared
 * ones. ML-KEM: KEMRecipientInfo. Refused with cms.unsupported: weak keys (an RSA exponent of 1 encrypts nothing), points
 * that are not on their curve, kinds and sizes that the profile leaves out, algorithms that the running Node lacks.
 * What is constant for a certificate and profile is made once and kept as long as both objects are.
 */
import { GatewayError, gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { findKeyWeakness } from '../x509/key-strength.ts';
import { CONTENT_CIPHERS } from './algorithms/content-ciphers.ts';
import { prepareEncapsulation } from './kem-recipient-info.ts';
import { prepareAgreement } from './key-agreement-info.ts';
import { prepareTransport } from './key-transport-info.ts';
import type { Preparation } from './preparation.ts';
import { type CryptoProfile, DEFAULT_PROFILE } from './profile.ts';
import { RECIPIENT_KINDS, type RecipientKind } from './recipient-kinds.ts';
import type { Entropy } from './signer.ts';

const prepared = new WeakMap<Certificate, WeakMap<CryptoProfile, Preparation>>();

/** Whether something could be encrypted to this key at all, whatever the profile. */
const ANY_PROFILE: CryptoProfile = { ...DEFAULT_PROFILE, name: 'any', recipients: RECIPIENT_KINDS };

/**
 * Whether this version can encrypt to the key of a certificate: algorithm, size and point only. Key usage, dates and
 * trust are the path validator's.
 * @param certificate attacker-chosen
 * @param profile what it must fit; left out, whether any profile could
 * @returns `reason` is one phrase for an administrator, such as `RSA of 1024 bits, at least 2048 are needed`
 */
export function canEncryptTo(
  certificate: Certificate,
  profile: CryptoProfile = ANY_PROFILE,
): { ok: true } | { ok: false; reason: string } {
  const preparation = prepare(certificate, profile);
  return preparation.ok ? { ok: true } : preparation;
}

/**
 * Encrypts the content key to one certificate.
 * @param contentKey as long as the key of the profile's content cipher
 * @returns RecipientInfo, whole DER
 * @throws GatewayError cms.unsupported when {@link canEncryptTo} says no, crypto.failed when encryption fails
 */
export function encryptContentKey(
  certificate: Certificate,
  contentKey: Buffer,
  entropy: Entropy,
  profile: CryptoProfile = DEFAULT_PROFILE,
): Buffer {
  const preparation = prepare(certificate, profile);
  if (!preparation.ok) {
    throw gatewayError('cms.unsupported', `certificate ${certificate.sha256}: ${preparation.reason}`);
  }
  if (contentKey.length !== CONTENT_CIPHERS[profile.content].keyOctets) {
    throw gatewayError('crypto.failed', `content key of ${contentKey.length} octets for ${profile.content}`);
  }
  try {
    return preparation.encrypt(contentKey, entropy);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw gatewayError('crypto.failed', `content key not encrypted to certificate ${certificate.sha256}`, error);
  }
}

function prepare(certificate: Certificate, profile: CryptoProfile): Preparation {
  let byProfile = prepared.get(certificate);
  if (byProfile === undefined) {
    byProfile = new WeakMap();
    prepared.set(certificate, byProfile);
  }
  let preparation = byProfile.get(profile);
  if (preparation === undefined) {
    preparation = prepareFresh(certificate, profile);
    byProfile.set(profile, preparation);
  }
  return preparation;
}

function prepareFresh(certificate: Certificate, profile: CryptoProfile): Preparation {
  const { kind } = certificate.key;
  if (!isRecipientKind(kind)) return { ok: false, reason: unsupportedReason(certificate) };
  const weakness = findKeyWeakness(certificate);
  if (weakness !== null) return { ok: false, reason: weakness.text };
  if (!profile.recipients.includes(kind)) {
    return { ok: false, reason: `${kind} key, profile ${profile.name} encrypts to ${profile.recipients.join(', ')}` };
  }
  try {
    if (kind === 'rsa') return prepareTransport(certificate, profile);
    if (kind.startsWith('ml-kem')) return prepareEncapsulation(certificate, profile);
    return prepareAgreement(certificate, profile);
  } catch (error) {
    return { ok: false, reason: `malformed key (${error instanceof Error ? error.message : String(error)})` };
  }
}

function isRecipientKind(kind: string): kind is RecipientKind {
  return (RECIPIENT_KINDS as readonly string[]).includes(kind);
}

function unsupportedReason({ key }: Certificate): string {
  if (key.kind === 'other') return `key algorithm ${key.oid} is not supported for encryption`;
  return `${key.kind === 'rsa-pss' ? 'RSASSA-PSS' : key.kind} key, which is for signatures only`;
}
