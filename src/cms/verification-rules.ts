/**
 * The rules between the fields of one SignerInfo (standards 2.3 steps 4 and 5): attributes against content, algorithms
 * against each other (RFC 8933, RFC 6211, RFC 8419, RFC 9882), certificate against signingCertificate (RFC 5035).
 */
import { createHash } from 'node:crypto';
import type { Certificate } from '../x509/certificate.ts';
import { DIGESTS, type DigestName, findDigest } from './algorithms/digests.ts';
import { type AlgorithmIdentifier, withoutParameters } from './ber-field-reader.ts';
import { isSameName } from './certificate-identifier.ts';
import type { ReaderPolicy } from './reader-policy.ts';
import type { SignatureScheme } from './signature-scheme-reader.ts';
import type { CertificateHash, SignedAttributes } from './signed-attributes-reader.ts';
import { digestOf } from './signed-data-reader.ts';
import type { SignerInfo } from './signer-info-reader.ts';
import type { SignerReason } from './verification-verdict.ts';

/** A rule that is broken; null when none is. */
export type Broken = { readonly reason: SignerReason; readonly detail: string } | null;

/** Is the digest one that this signature may go with? */
export function checkDigestChoice(
  scheme: SignatureScheme,
  digest: DigestName,
  withAttributes: boolean,
  policy: ReaderPolicy,
): Broken {
  const weak = [digest, scheme.hash].find((name) => name !== null && DIGESTS[name].broken);
  if (!policy.weakSignatures && (weak !== undefined || scheme.family === 'dsa')) {
    return broken('weak-algorithm', `signed with ${weak ?? 'DSA'}, which is weak`);
  }
  if (scheme.hash !== null && scheme.hash !== digest) {
    return broken('digest-algorithm-mismatch', `digest ${digest}, but the signature is over ${scheme.hash}`);
  }
  if (!withAttributes) return null;
  const wanted = { ed25519: 'sha512', ed448: 'shake256-512' }[scheme.family as string];
  if (wanted !== undefined && digest !== wanted && !policy.anyDigestWithEdDsa) {
    return broken('digest-algorithm-mismatch', `digest ${digest} with ${scheme.family}, which asks for ${wanted}`);
  }
  if (DIGESTS[digest].octets < scheme.digestOctetsMin) {
    return broken('digest-algorithm-mismatch', `digest ${digest} is too short for ${scheme.family}`);
  }
  return null;
}

/** Do the attributes speak of this content, and once? */
export function checkAttributes(attributes: SignedAttributes, contentType: string, digest: Buffer): Broken {
  if (attributes.contentType !== contentType) {
    return broken(
      'content-type-mismatch',
      `attribute says ${attributes.contentType ?? 'nothing'}, content is ${contentType}`,
    );
  }
  if (attributes.messageDigest === null) return broken('no-message-digest', 'no messageDigest attribute');
  // not secret on either side: no constant time needed
  if (!attributes.messageDigest.equals(digest)) return broken('digest-mismatch', 'the content was changed');
  return null;
}

/** Are the copies in CMSAlgorithmProtection those of the SignerInfo (RFC 6211 §2)? Compared by meaning. */
export function checkAlgorithmProtection(attributes: SignedAttributes, signer: SignerInfo): Broken {
  const { algorithmProtection } = attributes;
  if (algorithmProtection === null) return null;
  const { digest, signature } = algorithmProtection;
  if (
    signature !== null &&
    sameAlgorithm(digest, signer.digestAlgorithm) &&
    sameAlgorithm(signature, signer.signatureAlgorithm)
  ) {
    return null;
  }
  return broken('algorithm-protection-mismatch', 'CMSAlgorithmProtection says other algorithms');
}

/** NULL and absent parameters are the same; all others are compared octet by octet. */
function sameAlgorithm(a: AlgorithmIdentifier, b: AlgorithmIdentifier): boolean {
  if (a.oid !== b.oid) return false;
  if (withoutParameters(a) || withoutParameters(b)) return withoutParameters(a) && withoutParameters(b);
  return a.parameters !== null && b.parameters !== null && a.parameters.equals(b.parameters);
}

/** Does each signingCertificate attribute name this certificate first (RFC 5035 §5)? */
export function checkSigningCertificate(attributes: SignedAttributes, certificate: Certificate): Broken {
  for (const [first] of attributes.signingCertificates) {
    if (first === undefined) return broken('signing-certificate-mismatch', 'signingCertificate names no certificate');
    if (!names(first, certificate)) {
      return broken('signing-certificate-mismatch', 'signingCertificate names another certificate');
    }
  }
  return null;
}

function names(first: CertificateHash, certificate: Certificate): boolean {
  const name = findDigest(first.hashOid);
  if (name === null || DIGESTS[name].nodeName.startsWith('shake')) return false;
  if (!createHash(DIGESTS[name].nodeName).update(certificate.der).digest().equals(first.hash)) return false;
  const { issuerSerial } = first;
  if (issuerSerial === null) return true;
  if (!issuerSerial.serial.equals(certificate.serial)) return false;
  return issuerSerial.issuer === null || isSameName(issuerSerial.issuer, certificate.issuer);
}

/** The digest that a SignerInfo names, or null. */
export function signerDigest(signer: SignerInfo): DigestName | null {
  return digestOf(signer.digestAlgorithm);
}

export function broken(reason: SignerReason, detail: string): NonNullable<Broken> {
  return { reason, detail };
}
