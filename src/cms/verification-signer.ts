/**
 * Judges one SignerInfo (RFC 5652 §5.6, standards 2.3 steps 4 to 6): algorithms, attributes, then for each certificate
 * that the identifier names the signature itself, its binding to the certificate, and last the judge of certificates.
 *
 * The first rule that is broken is the reason; rules that cost nothing come first. Always node:crypto over octets as
 * received; no padding is taken apart here, so DigestInfo is compared as a whole block (Bouncy Castle CVE-2026-12860).
 */
import { verify } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import { findKeyWeakness } from '../x509/key-strength.ts';
import { DIGESTS, type DigestName } from './algorithms/digests.ts';
import { isNamed } from './certificate-identifier.ts';
import { ReaderStop } from './reader-failure.ts';
import { READER_LIMITS } from './reader-limits.ts';
import type { ReaderPolicy } from './reader-policy.ts';
import { readSignatureScheme, type SignatureScheme } from './signature-scheme-reader.ts';
import {
  looksLikeSignedAttributes,
  parseSignedAttributes,
  type SignedAttributes,
  signedOctets,
  signedOctetsSorted,
} from './signed-attributes-reader.ts';
import type { SignerInfo } from './signer-info-reader.ts';
import {
  type Broken,
  broken,
  checkAlgorithmProtection,
  checkAttributes,
  checkDigestChoice,
  checkSigningCertificate,
  signerDigest,
} from './verification-rules.ts';
import type { SignerVerdict } from './verification-verdict.ts';

/**
 * Decides whether a certificate may stand for a signature here: path, time, revocation, address, key usage. `cms` knows
 * nothing of these. `companions` are the other certificates of the message: hints, attacker-chosen.
 */
export type CertificateJudge = (
  certificate: Certificate,
  companions: readonly Certificate[],
) => Promise<{ readonly ok: true } | { readonly ok: false; readonly detail: string }>;

/** What all signers of one object share. */
export interface SignedContext {
  readonly contentType: string;
  readonly digests: ReadonlyMap<DigestName, Buffer>;
  /** Null when the content is long. */
  readonly shortContent: Buffer | null;
  /** Reads the content anew, for signatures that are made over it directly. */
  readonly content: () => AsyncIterable<Buffer>;
  /** Of the message, then those known otherwise. */
  readonly certificates: readonly Certificate[];
  readonly policy: ReaderPolicy;
  readonly judge: CertificateJudge;
}

/** What is known of a signer so far. */
interface Findings {
  certificate: Certificate | null;
  signatureVerified: boolean;
  attributes: SignedAttributes | null;
  attributesResorted: boolean;
}

/** @param signer attacker-chosen */
export async function judgeSigner(signer: SignerInfo, context: SignedContext): Promise<SignerVerdict> {
  const findings: Findings = {
    certificate: null,
    signatureVerified: false,
    attributes: null,
    attributesResorted: false,
  };
  const fault = await findFault(signer, context, findings);
  return {
    valid: fault === null,
    reason: fault?.reason ?? null,
    detail: fault?.detail ?? 'valid',
    identifier: signer.identifier,
    digestAlgorithm: signerDigest(signer) ?? signer.digestAlgorithm.oid,
    signatureAlgorithm: signer.signatureAlgorithm.oid,
    ...findings,
  };
}

async function findFault(signer: SignerInfo, context: SignedContext, findings: Findings): Promise<Broken> {
  const { policy } = context;
  const candidates = context.certificates
    .filter((certificate) => isNamed(certificate, signer.identifier))
    .slice(0, READER_LIMITS.candidatesOfSigner);
  findings.certificate = candidates[0] ?? null;
  const digest = signerDigest(signer);
  if (digest === null) return broken('unsupported', `digest algorithm ${signer.digestAlgorithm.oid}`);
  const scheme = schemeOf(signer, digest);
  if ('reason' in scheme) return scheme;
  const parsed = signer.signedAttributes === null ? null : parseSignedAttributes(signer.signedAttributes);
  if (parsed !== null && !parsed.ok) return parsed.fault;
  findings.attributes = parsed?.attributes ?? null;
  const fault =
    checkDigestChoice(scheme, digest, parsed !== null, policy) ??
    (findings.attributes === null
      ? checkBareContent(context)
      : checkAgainstContent(findings.attributes, signer, context));
  if (fault !== null) return fault;
  if (candidates.length === 0) return NO_CERTIFICATE;
  return tryCandidates(candidates, { signer, scheme, context, findings });
}

function schemeOf(signer: SignerInfo, digest: DigestName): SignatureScheme | NonNullable<Broken> {
  try {
    return readSignatureScheme(signer.signatureAlgorithm, digest);
  } catch (thrown) {
    if (thrown instanceof ReaderStop || thrown instanceof GatewayError) return broken('unsupported', thrown.message);
    throw thrown;
  }
}

/** Signatures without attributes: refused by default, and always where they may have been made over attributes (C15). */
function checkBareContent({ shortContent, policy }: SignedContext): Broken {
  if (shortContent !== null && looksLikeSignedAttributes(shortContent)) {
    return broken('attributes-as-content', 'no signed attributes, and the content looks like some');
  }
  if (!policy.signaturesWithoutAttributes) return broken('no-attributes', 'no signed attributes');
  return null;
}

function checkAgainstContent(attributes: SignedAttributes, signer: SignerInfo, context: SignedContext): Broken {
  const digest = signerDigest(signer);
  const value = digest === null ? undefined : context.digests.get(digest);
  if (value === undefined) return broken('unsupported', 'the content was not digested with this algorithm');
  return checkAttributes(attributes, context.contentType, value) ?? checkAlgorithmProtection(attributes, signer);
}

interface Attempt {
  readonly signer: SignerInfo;
  readonly scheme: SignatureScheme;
  readonly context: SignedContext;
  readonly findings: Findings;
}

/**
 * Key identifiers may collide, so all that are named are tried (RFC 8551 §2.6). The reason is that of the certificate
 * that verified; else the first that says more than that the signature is not this key's.
 */
async function tryCandidates(candidates: readonly Certificate[], attempt: Attempt): Promise<Broken> {
  const faults: NonNullable<Broken>[] = [];
  for (const certificate of candidates) {
    const fault = await tryCandidate(certificate, attempt);
    if (fault === null || attempt.findings.signatureVerified) return fault;
    faults.push(fault);
  }
  return faults.find(({ reason }) => reason !== 'signature-mismatch') ?? faults[0] ?? NO_CERTIFICATE;
}

const NO_CERTIFICATE = broken('no-certificate', 'the certificate of the signer is not there');

async function tryCandidate(certificate: Certificate, attempt: Attempt): Promise<Broken> {
  const { scheme, context, findings } = attempt;
  const misfit = checkKey(certificate, scheme, context.policy);
  if (misfit !== null) return misfit;
  const verified = await verifySignature(certificate, attempt);
  if (verified !== true) return verified;
  findings.certificate = certificate;
  findings.signatureVerified = true;
  const unbound = findings.attributes === null ? null : checkSigningCertificate(findings.attributes, certificate);
  if (unbound !== null) return unbound;
  const companions = context.certificates.filter((other) => other !== certificate);
  const judgement = await context.judge(certificate, companions);
  return judgement.ok ? null : broken('untrusted', judgement.detail);
}

function checkKey(certificate: Certificate, scheme: SignatureScheme, policy: ReaderPolicy): Broken {
  const { kind, bits } = certificate.key;
  const weakness = findKeyWeakness(certificate);
  if (weakness?.kind === 'weak' && !(policy.weakSignatures && kind === 'rsa' && bits >= 512 && bits < 2048)) {
    return broken('weak-key', weakness.text);
  }
  const fits =
    kind === 'other'
      ? scheme.hash === null || scheme.family === 'dsa'
      : FAMILIES[scheme.family].some((family) => kind.startsWith(family));
  return fits ? null : broken('signature-mismatch', `a ${kind} key cannot have made this signature`);
}

/** Kinds of keys, or how their names begin, that make signatures of each family. */
const FAMILIES: Readonly<Record<SignatureScheme['family'], readonly string[]>> = {
  rsa: ['rsa'],
  'rsa-pss': ['rsa'],
  ecdsa: ['ec'],
  dsa: [],
  ed25519: ['ed25519'],
  ed448: ['ed448'],
  'ml-dsa': ['ml-dsa'],
  'slh-dsa': ['slh-dsa'],
};

/** @returns true, or what is wrong */
async function verifySignature(certificate: Certificate, attempt: Attempt): Promise<true | NonNullable<Broken>> {
  const { signer, scheme, context, findings } = attempt;
  let key: Parameters<typeof verify>[2];
  try {
    key = { key: certificate.key.keyObject(), ...scheme.options };
  } catch (thrown) {
    if (thrown instanceof GatewayError) return broken('unsupported', thrown.detail);
    throw thrown;
  }
  const hash = scheme.hash === null ? null : DIGESTS[scheme.hash].nodeName;
  const over = (octets: Buffer): boolean => verifies(hash, octets, key, signer.signature);
  if (signer.signedAttributes !== null) {
    if (over(signedOctets(signer.signedAttributes))) return true;
    findings.attributesResorted = over(signedOctetsSorted(signer.signedAttributes));
    return findings.attributesResorted || broken('signature-mismatch', 'the signature does not verify');
  }
  const whole = await wholeContent(context);
  if (whole === null) return broken('unsupported', 'a signature without attributes over long content');
  return over(whole) || broken('signature-mismatch', 'the signature does not verify');
}

function verifies(hash: string | null, octets: Buffer, key: Parameters<typeof verify>[2], signature: Buffer): boolean {
  try {
    return verify(hash, octets, key, signature);
  } catch {
    // a signature that OpenSSL cannot even read does not verify
    return false;
  }
}

/** Old signatures over the content itself are for short content only: nothing that is written today makes them. */
async function wholeContent(context: SignedContext): Promise<Buffer | null> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const part of context.content()) {
    length += part.length;
    if (length > READER_LIMITS.wholeContent) return null;
    pieces.push(part);
  }
  return Buffer.concat(pieces);
}
