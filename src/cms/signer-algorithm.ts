/**
 * Which signature algorithm a certificate's key signs with under a profile (RFC 5754, RFC 5753 §2.1, RFC 8419, RFC 9882, RFC 9814):
 * the profile decides for RSA, the key itself for all others.
 */
import type { Certificate } from '../x509/certificate.ts';
import type { SlhDsaSet } from '../x509/certificate-oids.ts';
import type { SignatureAlgorithm } from './algorithms/signatures.ts';
import type { CryptoProfile } from './profile.ts';

export type SignerAlgorithm =
  | { readonly ok: true; readonly algorithm: SignatureAlgorithm }
  /** One phrase for an administrator. */
  | { readonly ok: false; readonly reason: string };

/** RFC 5754 §3.3: the hash is as strong as the curve. */
const ECDSA_OF_CURVE: Readonly<Record<string, SignatureAlgorithm>> = {
  'P-256': 'ecdsa-sha256',
  'P-384': 'ecdsa-sha384',
  'P-521': 'ecdsa-sha512',
  brainpoolP256r1: 'ecdsa-sha256',
  brainpoolP384r1: 'ecdsa-sha384',
  brainpoolP512r1: 'ecdsa-sha512',
};

/** @param certificate of a signer; whether the running Node knows its algorithm is for `keys/` to find out */
export function signerAlgorithm({ key }: Certificate, profile: CryptoProfile): SignerAlgorithm {
  switch (key.kind) {
    case 'rsa':
    case 'rsa-pss': {
      if (key.bits < profile.rsaBitsMin) {
        return refused(`RSA of ${key.bits} bits, profile ${profile.name} needs at least ${profile.rsaBitsMin}`);
      }
      const padding = key.kind === 'rsa-pss' ? 'rsa-pss' : profile.signature;
      return { ok: true, algorithm: `${padding}-${profile.digest}` };
    }
    case 'ec': {
      const algorithm = ECDSA_OF_CURVE[key.curve ?? ''];
      return algorithm === undefined ? refused(`EC on curve ${key.curve ?? 'unknown'}`) : { ok: true, algorithm };
    }
    case 'ed25519':
    case 'ed448':
    case 'ml-dsa-44':
    case 'ml-dsa-65':
    case 'ml-dsa-87':
      return { ok: true, algorithm: key.kind };
    default:
      if (isSlhDsa(key.kind)) return { ok: true, algorithm: key.kind };
      return refused(`${key.kind === 'other' ? `key algorithm ${key.oid}` : key.kind} does not sign`);
  }
}

function isSlhDsa(kind: string): kind is SlhDsaSet {
  return kind.startsWith('slh-dsa');
}

function refused(reason: string): SignerAlgorithm {
  return { ok: false, reason };
}
