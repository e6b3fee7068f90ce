/**
 * What `sealgate cert check` fetches: revocation by `--revocation off|soft|hard` and `--crl FILE`, issuers that are missing
 * by `--fetch-intermediates`, from private networks by `--allow NETWORK`, nothing at all with `--offline`. Hard refuses what
 * cannot be found out, soft takes it, both after they tried; CRLs given by hand mean hard unless said otherwise.
 */
import { statSync } from 'node:fs';
import { GatewayError } from '../errors.ts';
import { readCrlFile } from '../trust/crl-file.ts';
import { fetchedIssuers, judgeCompleted } from '../trust/issuer-completion.ts';
import { openRevocation, type RevocationChecker } from '../trust/revocation-checker.ts';
import type { RevocationOptions } from '../trust/revocation-options.ts';
import type { TrustQuestion, TrustVerdict } from '../trust/trust.ts';
import type { PathRequest } from '../x509/path.ts';
import { validatePath } from '../x509/path-validator.ts';
import type { CertCheckOptions } from './cert-check-question.ts';
import { fileTrouble } from './file-trouble.ts';
import type { Terminal } from './terminal.ts';

const TIMEOUT_MS = 10_000;

/** Says which of `--crl` holds no CRL: it is passed over, and whoever gave it would wonder. */
export async function tellCrlTrouble({ crl = [] }: CertCheckOptions, terminal: Terminal): Promise<void> {
  for (const file of crl) {
    if (statSync(file).isDirectory()) continue;
    try {
      await readCrlFile(file, () => []);
    } catch (thrown) {
      const reason = thrown instanceof GatewayError ? thrown.detail : fileTrouble(thrown);
      terminal.say(`warning: ${file} is passed over: ${reason}`);
    }
  }
}

/** Where no configuration is read. null: neither revocation nor issuers are looked for. */
export function askedRevocation(options: CertCheckOptions): RevocationOptions | null {
  const mode = options.revocation ?? ((options.crl ?? []).length > 0 ? 'hard' : 'off');
  const fetchIntermediates = options.fetchIntermediates === true;
  if (mode === 'off' && !fetchIntermediates) return null;
  return {
    check: mode !== 'off',
    whenUnreachable: mode === 'hard' ? 'refuse' : 'accept',
    withoutSource: mode === 'hard' ? 'refuse' : 'accept',
    stalenessMaxMs: 0,
    fetchTimeoutMs: TIMEOUT_MS,
    validationTimeoutMs: TIMEOUT_MS,
    refreshMs: 24 * 60 * 60 * 1000,
    allow: options.allow ?? [],
    crls: options.crl ?? [],
    fetchIntermediates,
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
  const asked = askedRevocation(options);
  const base = configured ?? asked;
  if (base === null) return null;
  const { whenUnreachable, withoutSource } = asked?.check === true ? asked : base;
  return {
    ...base,
    check: options.revocation !== 'off' && (asked?.check === true || base.check),
    whenUnreachable,
    withoutSource,
    crls: [...(configured?.crls ?? []), ...(options.crl ?? [])],
    allow: [...(configured?.allow ?? []), ...(options.allow ?? [])],
    fetchIntermediates: options.fetchIntermediates === true || base.fetchIntermediates === true,
    fetch: options.offline !== true,
    patient: true,
  };
}

/** As {@link validatePath}, with revocation and issuers that are missing where they are asked for. */
export async function validateAsked(request: PathRequest, options: CertCheckOptions): Promise<TrustVerdict> {
  const asked = askedRevocation(options);
  if (asked === null) return verdictOf(request);
  const checker = await openRevocation(asked, [...request.anchors, ...request.intermediates]);
  try {
    const validate = () => validateWith(checker, asked.check ? { ...request, revocation: checker.judge } : request);
    await checker.prepare(validate);
    return validate();
  } finally {
    await checker.close();
  }
}

function validateWith(checker: RevocationChecker, request: PathRequest): TrustVerdict {
  const { leaf: certificate, intermediates: extraIntermediates, purpose, address, at } = request;
  const { intermediates: shelf } = checker;
  if (shelf === null) return verdictOf(request);
  const question: TrustQuestion = { certificate, purpose, address, at, extraIntermediates };
  const judge = (one: TrustQuestion) => verdictOf({ ...request, intermediates: one.extraIntermediates });
  const { verdict, wanting } = judgeCompleted(question, judge, shelf);
  checker.wantIssuers(wanting);
  if (!verdict.ok) return verdict;
  const brought = new Set([...request.anchors, ...extraIntermediates].map(({ sha256 }) => sha256));
  const fetched = fetchedIssuers(verdict.path, (sha256) => brought.has(sha256), shelf);
  return fetched.length === 0 ? verdict : { ...verdict, fetched };
}

function verdictOf(request: PathRequest): TrustVerdict {
  const result = validatePath(request);
  return result.ok ? { ...result, collection: '', revocation: '' } : result;
}
