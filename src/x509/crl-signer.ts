/**
 * Who signed a CRL, and may they (RFC 5280 §6.3.3 (f) and (g)): an authority of the path itself, or another certificate
 * of the CRL issuer's name that leads to the same anchor and is not revoked.
 *
 * Refused: keys whose certificate does not say cRLSign where it says anything, signers below another anchor, revoked
 * ones. A signer whose own status stands in the very list it signs is taken (PKITS 4.14.30): nobody else could say it.
 */
import type { Certificate } from './certificate.ts';
import type { RevocationList } from './crl.ts';
import { sameName } from './name.ts';
import type { RevocationJudge } from './path.ts';
import { PATH_BUDGET, validatePath } from './path-validator.ts';
import type { RevocationRequest } from './revocation.ts';

/** Signer by signer, a chain of them is followed no further. */
export const SIGNER_DEPTH_MAX = 3;
const BUDGET = { ...PATH_BUDGET, signatures: 20, steps: 2_000, paths: 10, depth: 6 };
/** Searches for the path of a signer in one question, whatever it leads to: each may ask for revocation again. */
const SEARCHES_MAX = 16;

/** What one question about revocation may still cost. Only goes down, and is shared by all that it leads to. */
export class SignerSearches {
  private left = SEARCHES_MAX;

  /** @returns false: no more */
  spend(): boolean {
    return this.left-- > 0;
  }
}

/**
 * Why nobody who may sign this list has; null when somebody has.
 * @param judge says of a signer's path whether it is revoked
 * @param searches what is left of them
 */
export function findSignerFault(
  list: RevocationList,
  request: RevocationRequest,
  judge: RevocationJudge,
  searches: SignerSearches,
): string | null {
  const { path, certificate, evidence } = request;
  const above = path.slice(path.indexOf(certificate) + 1);
  let why = 'no key at hand signed it';
  let tried = false;
  for (const candidate of [...above, ...evidence.signersOf(list.issuer)]) {
    if (!sameName(candidate.subject, list.issuer)) continue;
    tried ||= list.tried.some((key) => key.equals(candidate.spki));
    if (!list.signedBy.some((key) => key.equals(candidate.spki))) continue;
    if (candidate.keyUsage !== null && !candidate.keyUsage.has('cRLSign')) {
      why = `${candidate.subjectName} may not sign CRLs (key usage)`;
    } else if (above.includes(candidate)) return null;
    else if (!searches.spend()) return `no signer of it was found in ${SEARCHES_MAX} searches`;
    else {
      const fault = pathFault(candidate, request, judge);
      if (fault === null) return null;
      why = `its signer ${candidate.subjectName} is not valid: ${fault}`;
    }
  }
  return tried || list.signedBy.length > 0 ? why : 'its signature was checked with none of the keys of its issuer';
}

function pathFault(signer: Certificate, request: RevocationRequest, revocation: RevocationJudge): string | null {
  const { path, at, evidence } = request;
  const anchor = path[path.length - 1] ?? path[0];
  const result = validatePath(
    {
      leaf: signer,
      anchors: [anchor],
      intermediates: [...path.slice(0, -1), ...evidence.intermediates],
      at,
      purpose: 'any',
      address: null,
      revocation,
    },
    BUDGET,
  );
  return result.ok ? null : result.failure.text;
}
