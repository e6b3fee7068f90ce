/**
 * Decrypts content keys by key agreement and by key encapsulation (RFC 5753, RFC 8418, RFC 9629, RFC 9936) with a private
 * key: ECDH on all curves of the table, X25519 and X448, ML-KEM where the running Node has it.
 *
 * Refused as "does not unwrap": points off the curve or in hybrid form, originator keys of another curve, a shared secret
 * of zeros, a wrapped key whose check fails. Refused as cms.unsupported: derivations and wraps that are not known. Refused
 * as cms.malformed: a KEM or its KDF with parameters (RFC 9936 §2.2; NULL is let pass), key agreement without a key wrap.
 */
import * as crypto from 'node:crypto';
import { createDecipheriv, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { type AgreementCurve, findAgreementDerivation } from '../cms/algorithms/key-agreements.ts';
import { deriveKey, type KeyDerivation, kemOtherInfo, sharedInfo } from '../cms/algorithms/key-derivations.ts';
import { findKem, KEMS } from '../cms/algorithms/key-encapsulations.ts';
import { findKeyWrap, KEY_WRAPS, type KeyWrap, unwrapKey } from '../cms/algorithms/key-wraps.ts';
import { type AlgorithmIdentifier, parseAlgorithm, withoutParameters } from '../cms/ber-field-reader.ts';
import { originatorSpki, wrapIdentifierForms } from '../cms/originator-key.ts';
import type { RecipientInfo } from '../cms/unwrapper.ts';
import { gatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';

type KeyAgreementInfo = Extract<RecipientInfo, { kind: 'key-agreement' }>;
type KeyEncapsulationInfo = Extract<RecipientInfo, { kind: 'key-encapsulation' }>;

/** id-alg-CMS3DESwrap (RFC 3370 §4.3.1), in messages of old programs. */
const DES3_WRAP_OID = '1.2.840.113549.1.9.16.3.6';
/** HKDF as a KDF of its own (RFC 8619). */
const HKDF_OIDS: Readonly<Record<string, KeyDerivation['hash']>> = {
  '1.2.840.113549.1.9.16.3.28': 'sha256',
  '1.2.840.113549.1.9.16.3.29': 'sha384',
  '1.2.840.113549.1.9.16.3.30': 'sha512',
};

/**
 * @param info attacker-chosen
 * @param curve of `key`
 * @param originator the certificate that the originator is named by, where it is; null when not known
 * @returns the content key; null when it does not unwrap
 * @throws GatewayError cms.unsupported, cms.malformed
 */
export function unwrapByAgreement(
  info: KeyAgreementInfo,
  key: KeyObject,
  curve: AgreementCurve,
  originator: Certificate | null,
): Buffer | null {
  const derivation = findAgreementDerivation(info.algorithm.oid);
  if (derivation === null) throw gatewayError('cms.unsupported', `key agreement ${info.algorithm.oid}`);
  if (info.algorithm.parameters === null) throw gatewayError('cms.malformed', 'key agreement without a key wrap');
  const wrap = chooseWrap(parseAlgorithm(info.algorithm.parameters));
  const peer = originatorKey(info, curve, originator);
  if (peer === null) return null;
  let secret: Buffer | null = null;
  try {
    secret = diffieHellman({ privateKey: key, publicKey: peer });
    if (secret.every((octet) => octet === 0)) return null;
    return unwrapWith(secret, derivation, info, wrap);
  } catch {
    return null;
  } finally {
    secret?.fill(0);
  }
}

/** QUIRK: programs differ in whether NULL stands beside the key wrap in what they derive from, so both are tried. */
function unwrapWith(
  secret: Buffer,
  derivation: KeyDerivation,
  info: KeyAgreementInfo,
  wrap: ChosenWrap,
): Buffer | null {
  for (const keyInfo of wrap.forms) {
    const shared = sharedInfo(keyInfo, wrap.keyOctets, info.ukm);
    const wrapKey = deriveKey(derivation, secret, shared, wrap.keyOctets, info.ukm ?? Buffer.alloc(0));
    try {
      return wrap.unwrap(wrapKey, info.encryptedKey);
    } catch {
      // tried in the other form
    } finally {
      wrapKey.fill(0);
    }
  }
  return null;
}

/**
 * @param info attacker-chosen
 * @returns the content key; null when it does not unwrap
 * @throws GatewayError cms.malformed; cms.unsupported, also when the running Node has no KEM
 */
export function unwrapByEncapsulation(info: KeyEncapsulationInfo, key: KeyObject): Buffer | null {
  const kem = findKem(info.algorithm.oid);
  if (kem === null) throw gatewayError('cms.unsupported', `key encapsulation ${info.algorithm.oid}`);
  const hash = HKDF_OIDS[info.derivation.oid];
  if (hash === undefined) throw gatewayError('cms.unsupported', `key derivation ${info.derivation.oid}`);
  if (!withoutParameters(info.algorithm) || !withoutParameters(info.derivation)) {
    throw gatewayError('cms.malformed', `parameters with ${kem} or its key derivation`);
  }
  const { decapsulate } = crypto as { decapsulate?: (key: KeyObject, ciphertext: Buffer) => Buffer };
  if (decapsulate === undefined) throw gatewayError('cms.unsupported', `${kem} needs a Node with key encapsulation`);
  const wrap = chooseWrap(info.wrap);
  if (info.keyOctets !== wrap.keyOctets || info.ciphertext.length !== KEMS[kem].ciphertextOctets) return null;
  let secret: Buffer | null = null;
  let wrapKey: Buffer | null = null;
  try {
    secret = Buffer.from(decapsulate(key, info.ciphertext));
    const other = kemOtherInfo(info.wrap.whole, info.keyOctets, info.ukm);
    wrapKey = deriveKey({ kind: 'hkdf', hash }, secret, other, info.keyOctets);
    return wrap.unwrap(wrapKey, info.encryptedKey);
  } catch {
    return null;
  } finally {
    secret?.fill(0);
    wrapKey?.fill(0);
  }
}

interface ChosenWrap {
  readonly keyOctets: number;
  /** How the AlgorithmIdentifier may have been written into the derivation; as received first. */
  readonly forms: readonly Buffer[];
  /** Throws when the check fails. */
  unwrap(key: Buffer, wrapped: Buffer): Buffer;
}

function chooseWrap(algorithm: AlgorithmIdentifier): ChosenWrap {
  const forms = wrapIdentifierForms(algorithm);
  if (algorithm.oid === DES3_WRAP_OID) return { keyOctets: 24, forms, unwrap: unwrapTripleDes };
  const wrap: KeyWrap | null = findKeyWrap(algorithm.oid);
  if (wrap === null) throw gatewayError('cms.unsupported', `key wrap ${algorithm.oid}`);
  return { keyOctets: KEY_WRAPS[wrap].keyOctets, forms, unwrap: (key, wrapped) => unwrapKey(wrap, key, wrapped) };
}

function unwrapTripleDes(key: Buffer, wrapped: Buffer): Buffer {
  const decipher = createDecipheriv('id-smime-alg-CMS3DESwrap', key, null);
  return Buffer.concat([decipher.update(wrapped), decipher.final()]);
}

/** The originator's public key on the curve of ours; null when it is not one (createPublicKey checks the point). */
function originatorKey(
  info: KeyAgreementInfo,
  curve: AgreementCurve,
  originator: Certificate | null,
): KeyObject | null {
  try {
    if (info.originator.kind === 'certificate') return originator?.key.keyObject() ?? null;
    const spki = originatorSpki(info.originator, curve);
    return spki === null ? null : createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}
