/**
 * Opens the trusted CA collections and answers for them: whose certificate is good for what, now (RFC 5280 §6 through
 * `x509/`). A collection never changes once open; a reload opens a new Trust with a new, empty verdict cache. What
 * expires soon is told in the log once a day, when somebody asks.
 *
 * Refused: to open with any mistake in a collection, for a certificate missing silently is mail refused silently; to
 * let a partner's collection vouch for anybody else's domains (catalogue C29), whatever was asked before.
 * Revocation is checked as configured (`revocation-checker.ts`); where it is not, every verdict says so.
 */
import { createHash } from 'node:crypto';
import { canEncryptTo } from '../cms/recipient-info.ts';
import { collectionOpened, collectionRefused, collectionWarning } from '../log/trust-events.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { CertificationPath, PathFailure, PathResult, RevocationJudge } from '../x509/path.ts';
import { mostUseful, pathFailure } from '../x509/path-failure.ts';
import { validatePath } from '../x509/path-validator.ts';
import { readCollection, SOON_MS, type TrustCollection } from './collection-reader.ts';
import { isInScope } from './domain-scope.ts';
import { openRevocation, type RevocationChecker } from './revocation-checker.ts';
import type { CollectionFacts, RevocationCounters, Trust, TrustOptions, TrustQuestion, TrustVerdict } from './trust.ts';
import { VerdictCache } from './verdict-cache.ts';

export type OpenedTrust =
  | { readonly ok: true; readonly trust: Trust; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly mistakes: readonly string[] };

const DEFAULT = 'default';
/** Most intermediates taken from one certificate's company; more are left out. */
const EXTRA_INTERMEDIATES_MAX = 100;
/** One for each correspondent, purpose and mailbox. */
const ACCEPTED_MAX = 50_000;
/** What expires soon is told again after this time, in milliseconds. */
const REMIND_MS = 24 * 60 * 60 * 1000;
/** Few, because a refusal holds the texts of what was tried, and lives for a minute. */
const REFUSED_MAX = 1_000;

/**
 * Reads the collections. All mistakes at once, each naming its file.
 * @param at when expiry is judged
 */
export async function openTrust(options: TrustOptions, at: Date = new Date()): Promise<OpenedTrust> {
  const readings = await Promise.all([
    ...(options.named ?? []).map(({ name, from, onlyFor }) => readCollection(name, from, at, onlyFor)),
    readCollection(DEFAULT, options.default, at),
  ]);
  const mistakes = readings.flatMap((reading) => reading.mistakes);
  if (mistakes.length > 0) {
    for (const { collection, mistakes: own } of readings) {
      if (own.length > 0) collectionRefused(collection.name, own.length);
    }
    return { ok: false, mistakes };
  }
  for (const { collection, warnings } of readings) {
    for (const warning of warnings) collectionWarning(collection.name, warning);
    collectionOpened(factsOf(collection));
  }
  const collections = readings.map(({ collection }) => collection);
  const { revocation: wanted = null } = options;
  const authorities = collections.flatMap(({ anchors, intermediates }) => [...anchors, ...intermediates]);
  const revocation = wanted?.check === true ? await openRevocation(wanted, authorities) : null;
  const trust = new CollectionTrust(collections, at, revocation);
  return { ok: true, trust, warnings: readings.flatMap(({ warnings }) => warnings) };
}

class CollectionTrust implements Trust {
  readonly collections: readonly CollectionFacts[];
  /** The default is last. */
  private readonly ordered: readonly TrustCollection[];
  /** Those asked where a question names none. */
  private readonly standard: readonly TrustCollection[];
  private readonly accepted = new VerdictCache(ACCEPTED_MAX);
  private readonly refused = new VerdictCache(REFUSED_MAX);
  private remindAt: number;
  private readonly checker: RevocationChecker | null;

  constructor(collections: readonly TrustCollection[], at: Date, checker: RevocationChecker | null) {
    this.checker = checker;
    this.ordered = collections;
    this.standard = collections.filter(({ name, onlyFor }) => name === DEFAULT || onlyFor !== null);
    this.collections = collections.map(factsOf);
    this.remindAt = at.getTime() + REMIND_MS;
  }

  judge(asked: TrustQuestion): TrustVerdict {
    if (asked.at.getTime() >= this.remindAt) this.remind(asked.at);
    const question =
      asked.extraIntermediates.length > EXTRA_INTERMEDIATES_MAX
        ? { ...asked, extraIntermediates: asked.extraIntermediates.slice(0, EXTRA_INTERMEDIATES_MAX) }
        : asked;
    const failures: PathFailure[] = [];
    const attempts: PathFailure[] = [];
    for (const collection of this.askedOf(question)) {
      if (!isInScope(collection.onlyFor, question.certificate, question.address)) continue;
      const result = this.resultOf(question, collection);
      if (result.ok) {
        attempts.push(...result.attempts);
        return {
          ok: true,
          path: result.path,
          collection: collection.name,
          revocation: revocationText(result.path),
          attempts,
        };
      }
      failures.push(result.failure);
      attempts.push(...result.attempts);
    }
    // each refusal has its failure, so none means that none of the collections chosen may speak here
    const failure = mostUseful(failures) ?? pathFailure('no-path', question.certificate, unaskedText(question));
    return { ok: false, failure, attempts };
  }

  private askedOf({ collections = null }: TrustQuestion): readonly TrustCollection[] {
    if (collections === null) return this.standard;
    return collections.flatMap((name) => this.ordered.filter((one) => one.name === name));
  }

  async prepare(question: TrustQuestion): Promise<void> {
    await this.checker?.prepare(() => this.judge(question));
  }

  get revocation(): RevocationCounters | null {
    return this.checker?.counters ?? null;
  }

  async close(): Promise<void> {
    await this.checker?.close();
  }

  /** Certificates that expire soon, once more. */
  private remind(at: Date): void {
    this.remindAt = at.getTime() + REMIND_MS;
    for (const { name, anchors, intermediates } of this.ordered) {
      for (const { notAfter, subjectText } of [...anchors, ...intermediates]) {
        const left = notAfter.getTime() - at.getTime();
        if (left >= SOON_MS) continue;
        const verb = left < 0 ? 'expired' : 'expires';
        collectionWarning(name, `${subjectText} ${verb} ${notAfter.toISOString().slice(0, 10)}`);
      }
    }
  }

  chainOf(leaf: Certificate, at: Date, companions: readonly Certificate[]): readonly Certificate[] {
    return this.pathOf(leaf, at, companions).slice(1, -1);
  }

  anchorOf(leaf: Certificate, at: Date, companions: readonly Certificate[]): Certificate | null {
    return this.pathOf(leaf, at, companions).at(-1) ?? null;
  }

  private pathOf(leaf: Certificate, at: Date, companions: readonly Certificate[]): readonly Certificate[] {
    const verdict = this.judge({
      certificate: leaf,
      purpose: 'any',
      address: null,
      at,
      extraIntermediates: companions,
    });
    return verdict.ok ? verdict.path.certificates : [];
  }

  private resultOf(question: TrustQuestion, collection: TrustCollection): PathResult {
    const { certificate, purpose, address, at, extraIntermediates } = question;
    const judge = this.checker?.judge;
    if (asksPolicies(question)) return validateIn(question, collection, judge);
    // the position stands for name and version: the collections of one Trust never change
    const position = this.ordered.indexOf(collection);
    const version = this.checker?.version ?? 0;
    const asked = `${certificate.sha256}${position} ${version} ${purpose} ${address?.text ?? ''}`;
    const accepted = this.accepted.find(asked, at);
    if (accepted !== null) return accepted;
    // what was refused may be accepted with other company; what was accepted stays so
    const askedWith = `${asked} ${companyKey(extraIntermediates)}`;
    const refused = this.refused.find(askedWith, at);
    if (refused !== null) return refused;
    const result = validateIn(question, collection, judge);
    // what could not be found out may be found out a moment later
    if (isUnsettled(result)) return result;
    if (result.ok) this.accepted.keep(asked, result, at, null);
    else this.refused.keep(askedWith, result, at, nextStart(question, collection));
    return result;
  }
}

function unaskedText({ address, collections }: TrustQuestion): string {
  const whom = address === null ? 'all of its mailboxes' : address.domain;
  return `none of the collections ${collections?.join(', ') ?? ''} may vouch for ${whom}`;
}

function validateIn(
  question: TrustQuestion,
  { anchors, intermediates }: TrustCollection,
  revocation: RevocationJudge | undefined,
): PathResult {
  const { certificate: leaf, extraIntermediates: extras, ...terms } = question;
  const validated = validatePath({
    ...terms,
    leaf,
    anchors,
    // the collection's own frozen array keeps its index
    intermediates: extras.length === 0 ? intermediates : [...intermediates, ...extras],
    ...(revocation === undefined ? {} : { revocation }),
  });
  return validated.ok ? (unfitKey(question) ?? validated) : validated;
}

/** Of the end entity first; of authorities above only what is not plainly good. */
function revocationText({ certificates, revocation }: CertificationPath): string {
  const [leaf, ...above] = revocation;
  if (leaf === undefined) return 'not checked';
  const others = above.flatMap(({ status, text }, index) =>
    status === 'good' ? [] : [`${certificates[index + 1]?.subjectName ?? 'issuer'}: ${text}`],
  );
  return [leaf.text, ...others].join('; ');
}

function isUnsettled(result: PathResult): boolean {
  if (!result.ok) return result.failure.code === 'revocation-unknown';
  return result.path.revocation.some(({ status }) => status === 'unknown');
}

function asksPolicies(question: TrustQuestion): boolean {
  const { policies, requireExplicitPolicy, inhibitPolicyMapping, inhibitAnyPolicy } = question;
  const flags = [requireExplicitPolicy, inhibitPolicyMapping, inhibitAnyPolicy];
  return (policies ?? null) !== null || flags.includes(true);
}

/** A key that nothing can be encrypted to, such as a point off its curve: better known at RCPT than after DATA. */
function unfitKey({ certificate, purpose }: TrustQuestion): PathResult | null {
  if (purpose !== 'encrypt') return null;
  const fit = canEncryptTo(certificate);
  if (fit.ok) return null;
  const failure = pathFailure('key-kind', certificate, `${certificate.subjectName}: ${fit.reason}`);
  return { ok: false, failure, attempts: [failure] };
}

function companyKey(extras: readonly Certificate[]): string {
  if (extras.length === 0) return '';
  const hash = createHash('sha256');
  for (const { sha256 } of extras) hash.update(sha256);
  return hash.digest('hex');
}

/** The first moment after `at` at which any certificate that could be part of a path becomes valid. */
function nextStart({ certificate, extraIntermediates, at }: TrustQuestion, collection: TrustCollection): Date | null {
  let next: Date | null = null;
  for (const list of [[certificate], extraIntermediates, collection.anchors, collection.intermediates]) {
    for (const { notBefore } of list) if (notBefore > at && (next === null || notBefore < next)) next = notBefore;
  }
  return next;
}

function factsOf(collection: TrustCollection): CollectionFacts {
  const { name, version, anchors, intermediates, earliestExpiry, earliest, onlyFor } = collection;
  const counts = { anchors: anchors.length, intermediates: intermediates.length };
  return { name, version, ...counts, earliestExpiry, earliest, onlyFor };
}
