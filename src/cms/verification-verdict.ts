/**
 * What is said of a signature (RFC 5652 §5.6, RFC 8551 §2, standards 2.3): per signer and over all. Every rule has a
 * reason of its own, so that a refusal can be explained and tested. "Valid" is earned; all else has another name.
 */
import type { Certificate } from '../x509/certificate.ts';
import type { CertificateIdentifier } from './ber-field-reader.ts';
import type { SignedAttributes } from './signed-attributes-reader.ts';

export type SignerReason =
  /** Content or attributes were changed, or another key signed. */
  | 'signature-mismatch'
  | 'digest-mismatch'
  /** contentType attribute missing or another than eContentType. */
  | 'content-type-mismatch'
  | 'duplicate-attribute'
  | 'malformed-attribute'
  /** No messageDigest attribute. */
  | 'no-message-digest'
  /** No signed attributes, which new mail must have. */
  | 'no-attributes'
  /** No signed attributes, and the content looks like some: the swap of catalogue C15. */
  | 'attributes-as-content'
  /** digestAlgorithm is another than the hash of the signature (RFC 8933), or not the one the algorithm demands. */
  | 'digest-algorithm-mismatch'
  /** CMSAlgorithmProtection says other algorithms (RFC 6211). */
  | 'algorithm-protection-mismatch'
  /** signingCertificate(V2) names another certificate than the one that verifies (RFC 5035). */
  | 'signing-certificate-mismatch'
  /** MD5, SHA-1, DSA. */
  | 'weak-algorithm'
  | 'weak-key'
  /** An algorithm that is not known here or not to the running Node. The only reason that is not held against others. */
  | 'unsupported'
  /** The signer's certificate is not there. */
  | 'no-certificate'
  /** The judge of certificates says no. */
  | 'untrusted';

export interface SignerVerdict {
  readonly valid: boolean;
  /** null when valid. */
  readonly reason: SignerReason | null;
  /** One phrase, `valid` when valid; the judge's own words where it said no. */
  readonly detail: string;
  readonly identifier: CertificateIdentifier;
  /** The certificate whose key verified, or the first that the identifier names; null when none is there. */
  readonly certificate: Certificate | null;
  /** Is the mathematics right, whatever else is wrong? */
  readonly signatureVerified: boolean;
  /** Names such as `sha256`, or the OID. */
  readonly digestAlgorithm: string;
  readonly signatureAlgorithm: string;
  /** Null when there are none or they cannot be read. Believed only when `valid`. */
  readonly attributes: SignedAttributes | null;
  /** True when the signature verified only over attributes sorted as DER asks. */
  readonly attributesResorted: boolean;
}

export type SignedReason =
  /** No signer at all (Bouncy Castle CVE-2026-59639). */
  | 'unsigned'
  /** Content inside beside detached content (Johnny c1, CVE-2018-18509): which of them is meant is not for us to guess. */
  | 'content-twice'
  /** Detached, and no content was given. */
  | 'content-missing'
  /** eContentType is not one that was asked for. */
  | 'content-type'
  /** A signer is not valid; see the signers. */
  | 'signer-invalid'
  /** No signer could be judged: all are unsupported. */
  | 'signer-unsupported';

/** Overall rule (standards 2.3, 7): one signer valid, and none invalid but for an algorithm that is unknown. */
export function judgeSigners(signers: readonly SignerVerdict[]): SignedReason | null {
  if (signers.length === 0) return 'unsigned';
  if (signers.some(({ valid, reason }) => !valid && reason !== 'unsupported')) return 'signer-invalid';
  return signers.some(({ valid }) => valid) ? null : 'signer-unsupported';
}
