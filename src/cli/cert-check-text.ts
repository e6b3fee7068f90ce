/** The answer of `sealgate cert check`, for people and for programs: path, policies, and every other way that was tried. */
import { printable } from '../log/logger.ts';
import type { FetchedIssuer, TrustVerdict } from '../trust/trust.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { PathFailure, PathResult } from '../x509/path.ts';

export interface CheckedCertificate {
  readonly certificate: Certificate;
  /** The collection that accepted it; null for `--trust` files and refusals. */
  readonly collection: string | null;
  readonly result: PathResult;
  /** Issuers of the path that were fetched. */
  readonly fetched: readonly FetchedIssuer[];
  /** Where a missing issuer may be, and was not got. */
  readonly unfetched: readonly string[];
}

/** @param collection null: no configuration was read */
export function checkedCertificate(
  certificate: Certificate,
  verdict: TrustVerdict,
  collection: string | null,
): CheckedCertificate {
  if (!verdict.ok)
    return { certificate, collection: null, result: verdict, fetched: [], unfetched: verdict.unfetched ?? [] };
  const result = { ok: true, path: verdict.path, attempts: verdict.attempts ?? [] } as const;
  return { certificate, collection, result, fetched: verdict.fetched ?? [], unfetched: [] };
}

/** One certificate of a path, for `--json`. */
interface Step {
  readonly sha256: string;
  readonly subject: string;
  readonly notAfter: string;
}

interface Attempt {
  readonly code: string;
  readonly reason: string;
  /** Of whom the reason speaks. */
  readonly certificate: string;
  readonly path: readonly Step[];
}

/** Stable names, for `--json`: the answer for the first certificate that is valid, else for the first. */
export function checkFacts(checked: readonly CheckedCertificate[], nothing: string) {
  const best = checked.find(({ result }) => result.ok) ?? checked[0];
  if (best === undefined) return { ...refusedFacts(nothing, 'no-path'), certificates: [] };
  const certificates = checked.map(({ certificate, result }) => ({
    sha256: certificate.sha256,
    subject: certificate.subjectText,
    valid: result.ok,
    reason: result.ok ? null : result.failure.text,
  }));
  const { result, collection, fetched, unfetched } = best;
  const attempts = result.attempts.map(attemptFacts);
  if (!result.ok) {
    return { ...refusedFacts(result.failure.text, result.failure.code), unfetched, attempts, certificates };
  }
  const { path } = result;
  return {
    valid: true,
    reason: null,
    code: null,
    path: path.certificates.map(step),
    policies: path.policies,
    validFrom: path.validFrom.toISOString(),
    validUntil: path.validUntil.toISOString(),
    collection,
    revocation: path.revocation,
    fetched: fetched.map(({ certificate, from }) => ({ ...step(certificate), from })),
    unfetched,
    attempts,
    certificates,
  };
}

function refusedFacts(reason: string, code: string) {
  const none = { path: [] as Step[], policies: [] as string[], revocation: [], attempts: [] as Attempt[] };
  const issuers = { fetched: [] as (Step & { from: string })[], unfetched: [] as readonly string[] };
  return { valid: false, reason, code, validFrom: null, validUntil: null, collection: null, ...none, ...issuers };
}

function attemptFacts({ code, text, certificate, chain }: PathFailure): Attempt {
  return { code, reason: text, certificate: certificate.sha256, path: (chain ?? [certificate]).map(step) };
}

function step({ sha256, subjectText, notAfter }: Certificate): Step {
  return { sha256, subject: subjectText, notAfter: notAfter.toISOString() };
}

/** A block for each certificate. */
export function formatCheck(checked: readonly CheckedCertificate[], nothing: string): string {
  return checked.length === 0 ? `not valid: ${nothing}` : checked.map(formatOne).join('\n\n');
}

function formatOne({ certificate, collection, result, fetched, unfetched }: CheckedCertificate): string {
  const name = `${certificate.sha256.slice(0, 12)}  ${printable(certificate.subjectText)}`;
  const tried = result.attempts.map(
    ({ chain, text }) => `  tried     ${printable(pathText(chain ?? [certificate]))}\n            ${printable(text)}`,
  );
  if (!result.ok) {
    const missing = unfetched.map((from) => `  not got   ${printable(from)}, where an issuer may be`);
    return [`not valid: ${printable(result.failure.text)}`, `  leaf      ${name}`, ...missing, ...tried].join('\n');
  }
  const { path } = result;
  const revocation = path.revocation.map(({ text }) => `  revoked?  ${printable(text)}`);
  return [
    `valid${collection === null ? '' : `, by collection ${collection}`}`,
    `  leaf      ${name}`,
    `  path      ${printable(pathText(path.certificates))}`,
    ...fetched.map((one) => `  fetched   ${printable(`${one.certificate.subjectText} from ${one.from}`)}`),
    `  from      ${path.validFrom.toISOString()}`,
    `  until     ${path.validUntil.toISOString()}`,
    `  policies  ${path.policies.length === 0 ? 'none' : path.policies.join(', ')}`,
    ...(revocation.length === 0 ? ['  revoked?  not checked'] : revocation),
    ...tried,
  ].join('\n');
}

/** Anchor first, as people draw it. */
function pathText(chain: readonly Certificate[]): string {
  return [...chain]
    .reverse()
    .map(({ subjectName }) => subjectName)
    .join(' > ');
}
