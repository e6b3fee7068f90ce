/** Events of revocation checking: what was fetched, what could not be, and what was let pass or stopped because of it. */
import { log, printable } from './logger.ts';

/** A CRL or OCSP response came and counts from now on. */
export function revocationFetched(facts: {
  readonly kind: 'crl' | 'ocsp';
  readonly source: string;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date | null;
  readonly entries: number;
  readonly milliseconds: number;
}): void {
  const times = { thisUpdate: facts.thisUpdate.toISOString(), nextUpdate: facts.nextUpdate?.toISOString() ?? null };
  const line = { event: 'revocation.fetched', ...facts, source: printable(facts.source), ...times };
  log().info(line, `${facts.kind} fetched`);
}

/** A source gave nothing that counts. What is at hand stays in use until it is too old. */
export function revocationFetchFailed(
  kind: 'crl' | 'ocsp' | 'issuer',
  source: string,
  reason: string,
  milliseconds: number,
): void {
  log().warn(
    { event: 'revocation.fetch-failed', kind, source: printable(source), reason: printable(reason), milliseconds },
    `${kind} could not be fetched`,
  );
}

/** Certificates of an issuer came (RFC 5280 §4.2.2.1); candidates for a path, believed by nobody yet. */
export function intermediatesFetched(source: string, certificates: readonly string[], milliseconds: number): void {
  log().info(
    { event: 'trust.intermediates-fetched', source: printable(source), certificates, milliseconds },
    'certificates of an issuer fetched',
  );
}

/** A certificate was accepted although its status is unknown: `when-unreachable: accept`. */
export function revocationUnknownAccepted(certificate: string, subject: string, why: string, count: number): void {
  log().warn(
    {
      event: 'revocation.unknown-accepted',
      certificate,
      subject: printable(subject),
      why: printable(why),
      count,
    },
    'revocation status unknown, accepted',
  );
}

/** A verdict rests on evidence that is past its nextUpdate, within staleness-max. */
export function revocationStale(certificate: string, subject: string, evidence: string): void {
  log().warn(
    { event: 'revocation.stale', certificate, subject: printable(subject), evidence: printable(evidence) },
    'revocation evidence is stale',
  );
}

/** A certificate was found to be revoked. */
export function certificateRevoked(certificate: string, subject: string, evidence: string): void {
  log().warn(
    { event: 'revocation.revoked', certificate, subject: printable(subject), evidence: printable(evidence) },
    'certificate is revoked',
  );
}

/** A CRL brought by hand, or a file of the cache, cannot be used. */
export function revocationFileRefused(file: string, reason: string): void {
  log().warn(
    { event: 'revocation.file-refused', file: printable(file), reason: printable(reason) },
    'CRL file refused',
  );
}
