/**
 * What can only be judged of a whole path (RFC 5280 §6.1.3 to §6.1.5): name constraints, policies, then revocation.
 * Asked after every signature of it was verified, so that nobody else's certificates cost more than their signatures.
 *
 * Refused: whatever one of the three refuses, extensions that cannot be read, and a revocation judge's "unknown" where
 * the judge does not accept it.
 */
import { GatewayError } from '../errors.ts';
import type { Certificate } from './certificate.ts';
import { findNameViolation } from './name-constraint-check.ts';
import { findNameConstraints } from './name-constraints.ts';
import type { CertificationPath, PathFailure, PathRequest, RevocationFinding } from './path.ts';
import { pathFailure } from './path-failure.ts';
import type { PathSpending } from './path-spending.ts';
import { policyFacts } from './policy-extensions.ts';
import { checkPolicies } from './policy-graph.ts';

export type Conclusion =
  | { readonly ok: true; readonly path: CertificationPath }
  | { readonly ok: false; readonly failure: PathFailure };

/**
 * @param certificates leaf first, anchor last; signatures, dates, usages and lengths hold
 * @throws BudgetExceeded
 */
export function concludePath(
  request: PathRequest,
  certificates: readonly [Certificate, ...Certificate[]],
  spending: PathSpending,
): Conclusion {
  for (const certificate of certificates) {
    const failure = findUnreadable(certificate);
    if (failure !== null) return { ok: false, failure };
  }
  let conclusion: Conclusion | null = null;
  const fault = findFault(() => {
    conclusion = conclude(request, certificates, spending);
  });
  return (
    conclusion ?? { ok: false, failure: unreadable(certificates[0], `a name in the path cannot be read: ${fault}`) }
  );
}

/** Why no path can go through this certificate: its constraints or policies cannot be read. null when they can. */
export function findUnreadable(certificate: Certificate): PathFailure | null {
  const fault = findFault(() => [findNameConstraints(certificate), policyFacts(certificate)]);
  return fault === null ? null : unreadable(certificate, `constraints or policies that cannot be read: ${fault}`);
}

function unreadable(certificate: Certificate, text: string): PathFailure {
  return pathFailure('malformed', certificate, `${certificate.subjectName}: ${text}`);
}

/** What is malformed in it; null when nothing is. */
function findFault(read: () => unknown): string | null {
  try {
    read();
    return null;
  } catch (thrown) {
    if (!(thrown instanceof GatewayError) || thrown.code !== 'asn1.malformed') throw thrown;
    return thrown.detail;
  }
}

function conclude(
  request: PathRequest,
  certificates: readonly [Certificate, ...Certificate[]],
  spending: PathSpending,
): Conclusion {
  const violation = findNameViolation(certificates, spending);
  if (violation !== null) return { ok: false, failure: violation };
  const policies = checkPolicies(
    certificates,
    {
      policies: request.policies ?? null,
      requireExplicitPolicy: request.requireExplicitPolicy ?? false,
      inhibitPolicyMapping: request.inhibitPolicyMapping ?? false,
      inhibitAnyPolicy: request.inhibitAnyPolicy ?? false,
    },
    spending,
  );
  if (!policies.ok) {
    const text = `${policies.at.subjectName}: ${policies.text}`;
    return { ok: false, failure: pathFailure('policy', policies.at, text) };
  }
  const revocation = judgeRevocation(request, certificates);
  if (!revocation.ok) return revocation;
  const path = {
    certificates,
    ...interval(certificates),
    policies: policies.policies,
    revocation: revocation.findings,
  };
  return { ok: true, path };
}

/** From the anchor down: who was revoked cannot say that another is good. */
function judgeRevocation(
  { revocation: judge, at }: PathRequest,
  path: readonly [Certificate, ...Certificate[]],
):
  | { readonly ok: true; readonly findings: readonly RevocationFinding[] }
  | { readonly ok: false; readonly failure: PathFailure } {
  const findings: RevocationFinding[] = [];
  if (judge === undefined) return { ok: true, findings };
  for (let position = path.length - 2; position >= 0; position--) {
    const [certificate, issuer] = [path[position], path[position + 1]];
    if (certificate === undefined || issuer === undefined) continue;
    const finding = judge({ certificate, issuer, path, at });
    if (!finding.accepted || finding.status === 'revoked') {
      const code = finding.status === 'revoked' ? 'revoked' : 'revocation-unknown';
      const text = `${certificate.subjectName}: ${finding.text}`;
      return { ok: false, failure: pathFailure(code, certificate, text) };
    }
    findings.unshift(finding);
  }
  return { ok: true, findings };
}

function interval(certificates: readonly [Certificate, ...Certificate[]]): { validFrom: Date; validUntil: Date } {
  let [{ notBefore: validFrom, notAfter: validUntil }] = certificates;
  for (const { notBefore, notAfter } of certificates) {
    if (notBefore > validFrom) validFrom = notBefore;
    if (notAfter < validUntil) validUntil = notAfter;
  }
  return { validFrom, validUntil };
}
