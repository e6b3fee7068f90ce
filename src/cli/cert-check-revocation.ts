/**
 * Revocation for `sealgate cert check`: `--revocation off|soft|hard`, `--crl FILE`, `--offline`. Hard refuses what cannot
 * be found out, soft takes it, both after they tried; CRLs given by hand mean hard unless said otherwise.
 */

import { openRevocation } from '../trust/revocation-checker.ts';
import type { RevocationOptions } from '../trust/revocation-options.ts';
import type { PathRequest, PathResult } from '../x509/path.ts';
import { validatePath } from '../x509/path-validator.ts';
import type { CertCheckOptions } from './cert-check-question.ts';

const TIMEOUT_MS = 10_000;

/** Where no configuration is read. null: revocation is not looked at. */
export function askedRevocation(options: CertCheckOptions): RevocationOptions | null {
  const mode = options.revocation ?? ((options.crl ?? []).length > 0 ? 'hard' : 'off');
  if (mode === 'off') return null;
  return {
    check: true,
    whenUnreachable: mode === 'hard' ? 'refuse' : 'accept',
    withoutSource: mode === 'hard' ? 'refuse' : 'accept',
    stalenessMaxMs: 0,
    fetchTimeoutMs: TIMEOUT_MS,
    validationTimeoutMs: TIMEOUT_MS,
    refreshMs: 24 * 60 * 60 * 1000,
    allow: [],
    crls: options.crl ?? [],
    cache: null,
    fetch: options.offline !== true,
    patient: true,
  };
}

/** What is configured, changed by what was asked. */
export function mergedRevocation(
  configured: RevocationOptions | null,
  options: CertCheckOptions,
): RevocationOptions | null {
  if (options.revocation === 'off') return null;
  const asked = askedRevocation(options);
  const base = configured?.check === true ? configured : asked;
  if (base === null) return null;
  const mode = asked === null ? {} : { whenUnreachable: asked.whenUnreachable, withoutSource: asked.withoutSource };
  const crls = [...(configured?.crls ?? []), ...(options.crl ?? [])];
  const { allow, cache } = configured ?? base;
  return { ...base, ...mode, crls, allow, cache, fetch: options.offline !== true, patient: true };
}

/** As {@link validatePath}, with revocation where it is asked for. */
export async function validateAsked(request: PathRequest, options: CertCheckOptions): Promise<PathResult> {
  const asked = askedRevocation(options);
  if (asked === null) return validatePath(request);
  const checker = await openRevocation(asked, [...request.anchors, ...request.intermediates]);
  try {
    const validate = () => validatePath({ ...request, revocation: checker.judge });
    await checker.prepare(validate);
    return validate();
  } finally {
    await checker.close();
  }
}
