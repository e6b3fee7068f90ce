/**
 * The one table of what a reader of CMS spends on an object before it stops, with the origin of each limit (RFC 8551 §6
 * asks for limits, catalogue C1, C2, C23 and M7 for these). More than a limit is its own failure, `limit`, and names it.
 * Depth is in {@link STREAM_DEPTH_MAX} of asn1.
 */
import { gatewayError } from '../errors.ts';

export const READER_LIMITS = {
  /** RecipientInfos, counting each key of a KeyAgreeRecipientInfo (C2): far more than any message has people. */
  recipients: 5000,
  /** RecipientInfos that are ours and are kept until the cipher is known: two keys of one mailbox, in two forms. */
  ownRecipients: 8,
  /** SignerInfos (C2). */
  signers: 50,
  /** Attributes of one set (C2). */
  attributes: 100,
  /** Certificates, and as many CRLs, of one object (C2). */
  certificates: 100,
  /** Digest algorithms announced; every one known costs a pass of its own over the content. */
  digestAlgorithms: 50,
  /** Digests computed at the same time; further ones, which honest mail never has, each read the content again. */
  digestsAtOnce: 3,
  /** Certificates tried for one signer, for key identifiers may collide (RFC 8551 §2.6). */
  candidatesOfSigner: 4,
  /** Rounds of PBKDF2 of one password recipient (C23). */
  passwordRounds: 10_000_000,
  /** Octets out for each octet in of CompressedData (M7); RFC 1950 allows 1032. */
  compressionRatio: 100,
  /** CompressedData inside each other (M7). */
  compressionLayers: 1,
  /** CMS objects inside each other; triple wrapping (RFC 2634 §1.1) has 3, with compression 4. */
  layers: 8,
  /** Octets of one RecipientInfo, or one key of a KeyAgreeRecipientInfo. ML-KEM-1024 has under 3,000. */
  recipientOctets: 64 * 1024,
  /** Octets of one SignerInfo. SLH-DSA signatures have 50,000, and attributes may hold certificates. */
  signerOctets: 512 * 1024,
  /** Octets of one certificate; post-quantum ones have 20,000. */
  certificateOctets: 128 * 1024,
  /** Octets of an AlgorithmIdentifier, an OID, a version. */
  fieldOctets: 4096,
  /** Octets of authenticated attributes, which are read whole. */
  attributesOctets: 512 * 1024,
  /** Octets of content that is looked at for hidden attributes, or verified by an algorithm that wants it whole. */
  contentHead: 64 * 1024,
  wholeContent: 1024 * 1024,
} as const;

/** @throws GatewayError cms.limits when `count` is past `max` */
export function checkLimit(count: number, max: number, what: string): void {
  if (count > max) throw gatewayError('cms.limits', `more than ${max} ${what}`);
}
