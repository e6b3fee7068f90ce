/**
 * What an OCSP response says of one certificate, and whether its signer may say so (RFC 6960 §3.2, §4.2.2.2; RFC 9654).
 *
 * Refused: responders that are neither the issuer itself nor a certificate with id-kp-OCSPSigning issued directly by it
 * with the same key; answers about another certificate; another nonce than ours; times as for CRLs; critical extensions
 * that are not known. A response without a nonce is taken: most are made ahead of time.
 */
import { createHash } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { EXTENSION } from './certificate-oids.ts';
import { findTimeFault } from './crl-rules.ts';
import { findKeyWeakness } from './key-strength.ts';
import { sameName } from './name.ts';
import { CERT_ID_DIGESTS, type IssuerHashes, issuerHashes, publicKeyOctets } from './ocsp-request.ts';
import type { BasicOcspResponse, OcspAnswer } from './ocsp-response.ts';
import type { HeldResponse, RevocationRequest } from './revocation.ts';
import { findAlgorithmFault, verifyCertificateSignature } from './signature-check.ts';

const ID_KP_OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const ID_PKIX_OCSP_NOCHECK = '1.3.6.1.5.5.7.48.1.5';
/** A response that does not say when the next one comes is current for this long. */
const WITHOUT_NEXT_MS = 5 * 60_000;

/** Extensions of a responder's certificate that may be critical. */
const PROCESSED: ReadonlySet<string> = new Set([
  EXTENSION.basicConstraints,
  EXTENSION.keyUsage,
  EXTENSION.extendedKeyUsage,
  EXTENSION.subjectAltName,
  EXTENSION.certificatePolicies,
  ID_PKIX_OCSP_NOCHECK,
]);

export type OcspReading =
  | { readonly ok: true; readonly answer: OcspAnswer; readonly nextUpdate: Date }
  | { readonly ok: false; readonly why: string };

/**
 * @param held attacker-chosen
 * @param isRevoked of a responder without nocheck: null when it is certain that it is not, else why not
 */
export function readHeldResponse(
  { response, nonce }: HeldResponse,
  request: RevocationRequest,
  isRevoked: (responder: Certificate) => string | null,
): OcspReading {
  if (response.status !== 'successful') return refuse(`the responder says ${response.status}`);
  const found = findAnswer(response, request);
  if (found === null) return refuse('it is about another certificate');
  const fault =
    response.fault ??
    found.fault ??
    nonceFault(response, nonce) ??
    responderFault(response, request, isRevoked) ??
    (found.state === 'unknown' ? 'the responder does not know the certificate' : null);
  if (fault !== null) return refuse(fault);
  const nextUpdate = found.nextUpdate ?? new Date(found.thisUpdate.getTime() + WITHOUT_NEXT_MS);
  const late = findTimeFault({ thisUpdate: found.thisUpdate, nextUpdate }, request.at, request.tolerance);
  // what was revoked stays so, as with a CRL
  if (late !== null && typeof found.state === 'string') return refuse(late);
  return { ok: true, answer: found, nextUpdate };
}

function refuse(why: string): OcspReading {
  return { ok: false, why };
}

/** The newest answer about the certificate. */
function findAnswer({ answers }: BasicOcspResponse, { certificate, issuer }: RevocationRequest): OcspAnswer | null {
  const hashes = new Map<string, IssuerHashes>();
  let newest: OcspAnswer | null = null;
  for (const answer of answers) {
    const digest = CERT_ID_DIGESTS[answer.digestOid];
    if (digest === undefined || !answer.serial.equals(certificate.serial)) continue;
    const own = hashes.get(digest) ?? issuerHashes(certificate, issuer, digest);
    hashes.set(digest, own);
    if (!answer.issuerNameHash.equals(own.name) || !answer.issuerKeyHash.equals(own.key)) continue;
    if (newest === null || answer.thisUpdate > newest.thisUpdate) newest = answer;
  }
  return newest;
}

function nonceFault({ nonce }: BasicOcspResponse, sent: Buffer | null): string | null {
  return nonce === null || sent === null || nonce.equals(sent) ? null : 'it answers another request (nonce)';
}

function responderFault(
  response: BasicOcspResponse,
  request: RevocationRequest,
  isRevoked: (responder: Certificate) => string | null,
): string | null {
  const { issuer } = request;
  const weak = findAlgorithmFault(response);
  if (weak !== null) return weak;
  if (isResponder(response, issuer) && verifyCertificateSignature(response, issuer.key)) return null;
  let why = 'it is not signed by the issuer or by whom the issuer allows to';
  for (const candidate of response.certificates) {
    if (!isResponder(response, candidate)) continue;
    const fault = delegateFault(candidate, request);
    if (fault !== null) why = fault;
    else if (!verifyCertificateSignature(response, candidate.key)) why = 'its signature does not verify';
    else {
      const unchecked = candidate.extensions.some(({ oid }) => oid === ID_PKIX_OCSP_NOCHECK);
      const revoked = unchecked ? null : isRevoked(candidate);
      if (revoked === null) return null;
      why = revoked;
    }
  }
  return why;
}

function isResponder({ responder }: BasicOcspResponse, candidate: Certificate): boolean {
  if ('name' in responder) return sameName(responder.name, candidate.subject);
  return createHash('sha1').update(publicKeyOctets(candidate.spki)).digest().equals(responder.keyHash);
}

/** Why this certificate may not answer for the issuer; null when it may (§4.2.2.2). */
function delegateFault(candidate: Certificate, { issuer, at }: RevocationRequest): string | null {
  const name = `responder ${candidate.subjectName}`;
  // "any" is not enough: an authority must have meant it
  if (candidate.extendedKeyUsage?.has(ID_KP_OCSP_SIGNING) !== true) return `${name} may not answer (no OCSPSigning)`;
  if (!sameName(candidate.issuer, issuer.subject)) return `${name} was issued by another authority`;
  if (!(at >= candidate.notBefore && at <= candidate.notAfter)) return `${name} is not valid at this time`;
  if (
    candidate.keyUsage !== null &&
    !candidate.keyUsage.has('digitalSignature') &&
    !candidate.keyUsage.has('nonRepudiation')
  ) {
    return `${name} may not sign (key usage)`;
  }
  const unknown = candidate.extensions.find(({ oid, critical }) => critical && !PROCESSED.has(oid));
  if (unknown !== undefined) return `${name}: critical extension ${unknown.oid} is not known here`;
  const weak = findKeyWeakness(candidate)?.text ?? findAlgorithmFault(candidate);
  if (weak !== null) return `${name}: ${weak}`;
  return verifyCertificateSignature(candidate, issuer.key) ? null : `${name} was not issued by ${issuer.subjectName}`;
}
