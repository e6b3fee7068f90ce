/**
 * The verdict of one collection on one question: from the verdict cache while it holds, else by a new validation
 * (`x509/path-validator.ts`) that notes what it rests on. What was refused may be accepted with other company, so a refusal is
 * kept with its company; what was accepted stays so.
 *
 * Never kept: what revocation could not find out, for it may be found out a moment later; questions that name policies, which
 * are asked by hand.
 */
import { createHash } from 'node:crypto';
import { canEncryptTo } from '../cms/recipient-info.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { CertificationPath, PathFailure, PathResult, RevocationJudge } from '../x509/path.ts';
import { pathFailure } from '../x509/path-failure.ts';
import { validatePath } from '../x509/path-validator.ts';
import type { TrustCollection } from './collection-reader.ts';
import type { RevocationChecker } from './revocation-checker.ts';
import type { TrustQuestion } from './trust.ts';
import { VerdictCache } from './verdict-cache.ts';
import { VerdictFooting } from './verdict-footing.ts';
import { verdictInterval } from './verdict-interval.ts';

/** One for each correspondent, purpose and mailbox. */
const ACCEPTED_MAX = 50_000;
/** Few, because a refusal holds the texts of what was tried, and lives for a minute. */
const REFUSED_MAX = 1_000;

/** As {@link TrustVerdict}, of one collection. Shared between answers, so never changed. */
export type CollectionVerdict =
  | {
      readonly ok: true;
      readonly path: CertificationPath;
      readonly collection: string;
      readonly revocation: string;
      readonly attempts: readonly PathFailure[];
    }
  | { readonly ok: false; readonly failure: PathFailure; readonly attempts: readonly PathFailure[] };

export class CollectionVerdicts {
  /** Answers from the cache, and by a validation; for metrics. */
  cached = 0;
  made = 0;
  private readonly accepted = new VerdictCache<CollectionVerdict>(ACCEPTED_MAX);
  private readonly refused = new VerdictCache<CollectionVerdict>(REFUSED_MAX);
  /** The number stands for name and version: the collections of one Trust never change. */
  private readonly numbers: ReadonlyMap<TrustCollection, number>;
  private readonly checker: RevocationChecker | null;

  constructor(collections: readonly TrustCollection[], checker: RevocationChecker | null) {
    this.numbers = new Map(collections.map((collection, number) => [collection, number]));
    this.checker = checker;
  }

  /** @param collection one of those given */
  verdictOf(question: TrustQuestion, collection: TrustCollection): CollectionVerdict {
    if (asksPolicies(question)) {
      this.made++;
      return verdictFrom(validateIn(question, collection, this.checker?.judge), collection);
    }
    const { certificate, purpose, address, at, extraIntermediates } = question;
    const { sha256 } = certificate;
    const number = this.numbers.get(collection) ?? 0;
    const mailbox = address === null ? '' : address.text;
    const accepted = this.accepted.find(sha256, number, purpose, mailbox, at);
    if (accepted !== null) {
      this.cached++;
      return accepted;
    }
    const withCompany = `${mailbox} ${companyKey(extraIntermediates)}`;
    const refused = this.refused.find(sha256, number, purpose, withCompany, at);
    if (refused !== null) {
      this.cached++;
      return refused;
    }
    this.made++;
    const { result, footing } = this.validate(question, collection);
    const verdict = verdictFrom(result, collection);
    if (isUnsettled(result)) return verdict;
    const candidates = [[certificate], extraIntermediates, collection.anchors, collection.intermediates];
    const interval = verdictInterval(result, at, candidates, footing);
    if (result.ok) this.accepted.keep([sha256, number, purpose, mailbox], verdict, interval, footing);
    else this.refused.keep([sha256, number, purpose, withCompany], verdict, interval, footing);
    return verdict;
  }

  private validate(
    question: TrustQuestion,
    collection: TrustCollection,
  ): { readonly result: PathResult; readonly footing: VerdictFooting | null } {
    const { checker } = this;
    if (checker === null) return { result: validateIn(question, collection), footing: null };
    const footing = new VerdictFooting(question.at);
    const result = checker.watch(footing, () => validateIn(question, collection, checker.judge));
    return { result, footing };
  }
}

function verdictFrom(result: PathResult, { name }: TrustCollection): CollectionVerdict {
  if (!result.ok) return result;
  const { path, attempts } = result;
  return { ok: true, path, collection: name, revocation: revocationText(path), attempts };
}

function validateIn(
  question: TrustQuestion,
  { anchors, intermediates }: TrustCollection,
  revocation?: RevocationJudge,
): PathResult {
  const { certificate: leaf, extraIntermediates: extras, collections: _, ...terms } = question;
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
  return (
    (question.policies ?? null) !== null ||
    question.requireExplicitPolicy === true ||
    question.inhibitPolicyMapping === true ||
    question.inhibitAnyPolicy === true
  );
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
