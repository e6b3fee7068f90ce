/**
 * What the receiving end of a key agreement makes of the originator's part (RFC 5753 §3.1.1, RFC 8418 §2.1): a public key
 * that can be loaded, and the identifier that is derived from. Refused, as null: hybrid points, other curves.
 */
import { derBitString, derNull, derOid, derSequence } from '../asn1/der-writer.ts';
import { AGREEMENT_CURVES, type AgreementCurve } from './algorithms/key-agreements.ts';
import { type AlgorithmIdentifier, withoutParameters } from './ber-field-reader.ts';
import type { Originator } from './unwrapper.ts';

const EC_PUBLIC_KEY_OID = '1.2.840.10045.2.1';

/**
 * How the key-wrap AlgorithmIdentifier may have been written into the derivation; as received first.
 * QUIRK: programs differ in whether NULL stands beside the OID there.
 */
export function wrapIdentifierForms(algorithm: AlgorithmIdentifier): Buffer[] {
  if (!withoutParameters(algorithm)) return [algorithm.whole];
  const oid = derOid(algorithm.oid);
  return [algorithm.whole, algorithm.parameters === null ? derSequence(oid, derNull()) : derSequence(oid)];
}

/**
 * SubjectPublicKeyInfo of an originator's key on the curve of ours; null when it is of another or in a form that is not
 * taken. Whether the point is on the curve is for whoever loads it.
 * @param originator attacker-chosen
 */
export function originatorSpki(originator: Extract<Originator, { kind: 'key' }>, curve: AgreementCurve): Buffer | null {
  const { algorithm, publicKey } = originator;
  const facts = AGREEMENT_CURVES[curve];
  if (facts.montgomery) {
    if (algorithm.oid !== facts.oid || publicKey.length !== facts.pointOctets) return null;
    return derSequence(derSequence(derOid(facts.oid)), derBitString(publicKey));
  }
  const parameters = derOid(facts.oid);
  const named = withoutParameters(algorithm) || algorithm.parameters?.equals(parameters) === true;
  // 2, 3 compressed, 4 uncompressed; hybrid forms MUST NOT be used (RFC 5480 §2.2)
  const form = publicKey[0] ?? 0;
  if (algorithm.oid !== EC_PUBLIC_KEY_OID || !named || form < 2 || form > 4) return null;
  return derSequence(derSequence(derOid(EC_PUBLIC_KEY_OID), parameters), derBitString(publicKey));
}
