/**
 * What one CRL may be used for (RFC 5280 §6.3.3): does it speak of this certificate, is it current, is it complete or
 * which delta goes with it. Whether its signer may sign is for `crl-signer.ts`.
 *
 * Refused: critical extensions that are not known, attribute certificate lists, indirect lists where nobody named the
 * issuer, a thisUpdate in the future beyond the clock skew, lists without nextUpdate. An expired list proves nothing
 * good, but what it says is revoked stays revoked.
 */
import type { Certificate } from './certificate.ts';
import type { RevocationList } from './crl.ts';
import { type DistributionPoint, directoryNameKey } from './crl-distribution-points.ts';
import { REMOVE_FROM_CRL, type RevokedEntry } from './crl-entries.ts';
import { sameName } from './name.ts';
import { momentText, type RevocationTolerance } from './revocation.ts';

/** §6.3.3 (b): why this list says nothing of this certificate through that point; null when it does. */
export function findScopeFault(
  list: RevocationList,
  point: DistributionPoint,
  certificate: Certificate,
): string | null {
  const { scope } = list;
  if (list.fault !== null) return list.fault;
  if (point.crlIssuers !== null) {
    if (!point.crlIssuers.some((name) => sameName(name, list.issuer))) return 'it is by another CRL issuer';
    if (scope?.indirect !== true) return 'it is not an indirect CRL, which the certificate asks for';
  } else if (!sameName(list.issuer, certificate.issuer)) return 'it is by another issuer';
  if (scope === null) return null;
  if (scope.onlyAttributeCertificates) return 'it is for attribute certificates only';
  const authority = certificate.basicConstraints?.ca === true;
  if (scope.onlyUserCertificates && authority) return 'it is for certificates of end entities only';
  if (scope.onlyAuthorities && !authority) return 'it is for certificates of authorities only';
  if (scope.names === null) return null;
  const wanted = point.names ?? point.crlIssuers?.map(directoryNameKey) ?? [];
  return scope.names.some((name) => wanted.includes(name)) ? null : 'it is for another distribution point';
}

/** Why a list proves nothing good at that time; null when it does. */
export function findTimeFault(
  { thisUpdate, nextUpdate }: Pick<RevocationList, 'thisUpdate' | 'nextUpdate'>,
  at: Date,
  { skewMs, stalenessMs }: RevocationTolerance,
): string | null {
  if (!(thisUpdate.getTime() <= at.getTime() + skewMs)) return `it is of the future, ${momentText(thisUpdate)}`;
  if (nextUpdate === null) return 'it does not say when the next one comes';
  if (!(at.getTime() <= nextUpdate.getTime() + skewMs + stalenessMs))
    return `it is stale since ${momentText(nextUpdate)}`;
  return null;
}

/**
 * The newest delta CRL that can be put on top of `complete` (§5.2.4, §6.3.3 (c)); null when there is none.
 * @param lists of the same issuer
 */
export function findDelta(
  complete: RevocationList,
  lists: readonly RevocationList[],
  at: Date,
  tolerance: RevocationTolerance,
): RevocationList | null {
  let newest: RevocationList | null = null;
  for (const delta of lists) {
    if (!fits(delta, complete) || findTimeFault(delta, at, tolerance) !== null) continue;
    if (newest === null || (delta.number ?? 0n) > (newest.number ?? 0n)) newest = delta;
  }
  return newest;
}

function fits(delta: RevocationList, complete: RevocationList): boolean {
  if (delta.base === null || delta.number === null || complete.number === null || delta.fault !== null) return false;
  if (!sameName(delta.issuer, complete.issuer)) return false;
  if (!sameOctets(delta.scopeOctets, complete.scopeOctets)) return false;
  if (!sameOctets(delta.authorityKeyIdentifier, complete.authorityKeyIdentifier)) return false;
  // §5.2.4: signed with the same key
  if (!sharesKey(delta, complete)) return false;
  return delta.base <= complete.number && complete.number < delta.number;
}

/** Did one key sign both lists, as far as keys were tried? */
export function sharesKey(
  one: Pick<RevocationList, 'signedBy'>,
  { signedBy }: Pick<RevocationList, 'signedBy'>,
): boolean {
  return one.signedBy.some((key) => signedBy.some((other) => other.equals(key)));
}

function sameOctets(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}

/** §6.3.3 (i), (j): the entry that holds; null when the certificate is not revoked by them. */
export function findRevocation(
  complete: RevocationList,
  delta: RevocationList | null,
  { serial, issuer }: Certificate,
): RevokedEntry | null {
  const change = delta?.entries.find(serial, issuer) ?? null;
  if (change !== null) return change.reason === REMOVE_FROM_CRL ? null : change;
  return complete.entries.find(serial, issuer);
}
