/**
 * KEMRecipientInfo with ML-KEM (RFC 9629 §3, RFC 9936 §2), an OtherRecipientInfo: encapsulate, derive with HKDF-SHA256,
 * wrap with AES. A fresh shared secret for each recipient, no ukm.
 *
 * Refused: content keys shorter than the wrap that the parameter set demands, keys that the running Node cannot use.
 */
import { der, derInteger, derOctetString, derOid, derSequence } from '../asn1/der-writer.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { CONTENT_CIPHERS } from './algorithms/content-ciphers.ts';
import { deriveKey, kemOtherInfo } from './algorithms/key-derivations.ts';
import { HKDF_SHA256, KEMS, type KemName, ORI_KEM_OID } from './algorithms/key-encapsulations.ts';
import { KEY_WRAPS, keyWrapFor, wrapKey } from './algorithms/key-wraps.ts';
import type { Preparation } from './preparation.ts';
import type { CryptoProfile } from './profile.ts';
import { recipientIdentifier } from './recipient-identifiers.ts';

const OTHER_RECIPIENT_INFO = 0xa4;
const VERSION_0 = derInteger(0);
const ORI_TYPE = derOid(ORI_KEM_OID);

/** @param certificate of a key of an ML-KEM kind */
export function prepareEncapsulation(certificate: Certificate, profile: CryptoProfile): Preparation {
  const { kind } = certificate.key;
  if (!isKem(kind)) return { ok: false, reason: `${kind} is not ML-KEM` };
  const { identifier: kem, ciphertextOctets, wrapKeyOctetsMin } = KEMS[kind];
  const wrap = keyWrapFor(CONTENT_CIPHERS[profile.content].keyOctets);
  if (wrap === null || KEY_WRAPS[wrap].keyOctets < wrapKeyOctetsMin) {
    return { ok: false, reason: `${kind} needs a content key of ${wrapKeyOctetsMin * 8} bits, not ${profile.content}` };
  }
  const key = findKeyObject(certificate);
  if (key === null)
    return { ok: false, reason: `${kind} key, which this Node cannot encrypt to: Node 24 or later can` };
  const { identifier, keyOctets } = KEY_WRAPS[wrap];
  const rid = recipientIdentifier(certificate, profile).der;
  const info = kemOtherInfo(identifier, keyOctets, null);
  return {
    ok: true,
    encrypt(contentKey, entropy) {
      const { ciphertext, sharedSecret } = entropy.encapsulate(key);
      if (ciphertext.length !== ciphertextOctets) throw gatewayError('crypto.failed', 'KEM ciphertext of a wrong size');
      const keyEncryptionKey = deriveKey({ kind: 'hkdf', hash: 'sha256' }, sharedSecret, info, keyOctets);
      const wrapped = derOctetString(wrapKey(wrap, keyEncryptionKey, contentKey));
      sharedSecret.fill(0);
      keyEncryptionKey.fill(0);
      const encapsulated = derOctetString(ciphertext);
      const length = derInteger(keyOctets);
      const value = derSequence(VERSION_0, rid, kem, encapsulated, HKDF_SHA256, length, identifier, wrapped);
      return der(OTHER_RECIPIENT_INFO, ORI_TYPE, value);
    },
  };
}

function isKem(kind: string): kind is KemName {
  return Object.hasOwn(KEMS, kind);
}

/** Null where the running Node does not know the algorithm, or the key is malformed: it cannot tell which. */
function findKeyObject({ key }: Certificate) {
  try {
    return key.keyObject();
  } catch {
    return null;
  }
}
