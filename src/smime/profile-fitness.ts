/**
 * Whether a certificate's key is one that a profile encrypts to or signs with: for those who choose certificates before
 * the message is there. Algorithm and size only; validity and trust are asked elsewhere.
 */
import type { CryptoProfile } from '../cms/profile.ts';
import { canEncryptTo } from '../cms/recipient-info.ts';
import { signerAlgorithm } from '../cms/signer-algorithm.ts';
import type { Certificate } from '../x509/certificate.ts';

/** @returns one phrase for an administrator, or null when it can be encrypted to */
export function findRecipientFault(certificate: Certificate, profile: CryptoProfile): string | null {
  const fit = canEncryptTo(certificate, profile);
  return fit.ok ? null : fit.reason;
}

/** @returns one phrase for an administrator, or null when it can sign */
export function findSignerFault(certificate: Certificate, profile: CryptoProfile): string | null {
  const fit = signerAlgorithm(certificate, profile);
  return fit.ok ? null : fit.reason;
}
