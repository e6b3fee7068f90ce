/**
 * Opens the trusted CA collections and answers for them: whose certificate is good for what, now (RFC 5280 §6 through
 * `x509/`). A collection never changes once open; a reload opens a new Trust with a new, empty verdict cache. What
 * expires soon is told in the log once a day, when somebody asks.
 *
 * Refused: to open with any mistake in a collection, for a certificate missing silently is mail refused silently; to
 * let a partner's collection vouch for anybody else's domains (catalogue C29), whatever was asked before.
 * Revocation is checked as configured (`revocation-checker.ts`); where it is not, every verdict says so. Issuers that are
 * missing are fetched as configured (`issuer-completion.ts`); a judgement itself fetches nothing.
 */
import { collectionEmpty, collectionOpened, collectionRefused, collectionWarning } from '../log/trust-events.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { PathFailure } from '../x509/path.ts';
import { mostUseful, pathFailure } from '../x509/path-failure.ts';
import { readCollection, SOON_MS, type TrustCollection } from './collection-reader.ts';
import { CollectionVerdicts } from './collection-verdicts.ts';
import { readCrlSigners } from './crl-signer-file.ts';
import { isInScope } from './domain-scope.ts';
import { fetchedIssuers, judgeCompleted } from './issuer-completion.ts';
import { openRevocation, type RevocationChecker } from './revocation-checker.ts';
import type {
  CollectionFacts,
  RevocationCounters,
  Trust,
  TrustOptions,
  TrustQuestion,
  TrustVerdict,
  VerdictCounters,
} from './trust.ts';

export type OpenedTrust =
  | { readonly ok: true; readonly trust: Trust; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly mistakes: readonly string[] };

const DEFAULT = 'default';
/** Most intermediates taken from one certificate's company; more are left out. */
const EXTRA_INTERMEDIATES_MAX = 100;
/** What expires soon is told again after this time, in milliseconds. */
const REMIND_MS = 24 * 60 * 60 * 1000;

/**
 * Reads the collections. All mistakes at once, each naming its file.
 * @param at when expiry is judged
 * @param allowEmpty a collection may have lost its last CA: it vouches for nobody, and what needs it is undecided
 */
export async function openTrust(
  options: TrustOptions,
  at: Date = new Date(),
  allowEmpty = false,
): Promise<OpenedTrust> {
  const readings = await Promise.all([
    ...(options.named ?? []).map(({ name, from, onlyFor }) => readCollection(name, from, at, onlyFor)),
    readCollection(DEFAULT, options.default, at),
  ]);
  const { revocation: wanted = null } = options;
  const signers = await readCrlSigners(wanted?.signers ?? [], at);
  const taken = readings.filter(({ empty }) => empty && allowEmpty);
  const mistakes = [
    ...readings.flatMap((reading) => (taken.includes(reading) ? [] : reading.mistakes)),
    ...signers.mistakes,
  ];
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
  for (const { collection } of taken) collectionEmpty(collection.name);
  const collections = readings.map(({ collection }) => collection);
  const authorities = collections.flatMap(({ anchors, intermediates }) => [...anchors, ...intermediates]);
  const evidence = wanted !== null && (wanted.check || wanted.fetchIntermediates === true);
  const revocation = evidence ? await openRevocation(wanted, [...authorities, ...signers.certificates]) : null;
  const trust = new CollectionTrust(collections, at, revocation);
  return { ok: true, trust, warnings: [...readings.flatMap(({ warnings }) => warnings), ...signers.warnings] };
}

class CollectionTrust implements Trust {
  readonly collections: readonly CollectionFacts[];
  /** The default is last. */
  private readonly ordered: readonly TrustCollection[];
  /** Those asked where a question names none. */
  private readonly standard: readonly TrustCollection[];
  private readonly answers: CollectionVerdicts;
  private remindAt: number;
  private readonly checker: RevocationChecker | null;
  /** SHA-256 of every certificate of the collections. */
  private readonly authorities: ReadonlySet<string>;

  constructor(collections: readonly TrustCollection[], at: Date, checker: RevocationChecker | null) {
    this.checker = checker;
    this.ordered = collections;
    this.answers = new CollectionVerdicts(collections, checker?.checks === true ? checker : null);
    const all = collections.flatMap(({ anchors, intermediates }) => [...anchors, ...intermediates]);
    this.authorities = new Set(all.map(({ sha256 }) => sha256));
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
    const shelf = this.checker?.intermediates ?? null;
    if (shelf === null) return this.judgeAlone(question);
    const { verdict, wanting } = judgeCompleted(question, (one) => this.judgeAlone(one), shelf);
    this.checker?.wantIssuers(wanting);
    if (!verdict.ok) return verdict;
    const isBrought = (sha256: string): boolean =>
      this.authorities.has(sha256) || question.extraIntermediates.some((one) => one.sha256 === sha256);
    const fetched = fetchedIssuers(verdict.path, isBrought, shelf);
    return fetched.length === 0 ? verdict : { ...verdict, fetched };
  }

  /** With the certificates of the question and of the collections. */
  private judgeAlone(question: TrustQuestion): TrustVerdict {
    const failures: PathFailure[] = [];
    const attempts: PathFailure[] = [];
    let empty: string | null = null;
    for (const collection of this.askedOf(question)) {
      if (!isInScope(collection.onlyFor, question.certificate, question.address)) continue;
      if (isEmpty(collection)) {
        empty ??= collection.name;
        continue;
      }
      const verdict = this.answers.verdictOf(question, collection);
      if (verdict.ok) {
        return attempts.length === 0 ? verdict : { ...verdict, attempts: [...attempts, ...verdict.attempts] };
      }
      failures.push(verdict.failure);
      attempts.push(...verdict.attempts);
    }
    if (empty !== null) {
      // whatever the others say: who is missing there could have vouched
      const text = `collection ${empty} is empty: no CA vouches for anybody there`;
      const nobody = pathFailure('no-path', question.certificate, text);
      return { ok: false, failure: nobody, attempts: [...attempts, nobody], empty };
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

  get verdicts(): VerdictCounters {
    const { cached, made } = this.answers;
    return { cached, made };
  }

  get revocation(): RevocationCounters | null {
    return this.checker?.checks === true ? this.checker.counters : null;
  }

  async close(): Promise<void> {
    await this.checker?.close();
  }

  /** Certificates that expire soon, once more. */
  private remind(at: Date): void {
    this.remindAt = at.getTime() + REMIND_MS;
    for (const collection of this.ordered) {
      const { name, anchors, intermediates } = collection;
      if (isEmpty(collection)) collectionEmpty(name);
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
}

function unaskedText({ address, collections }: TrustQuestion): string {
  const whom = address === null ? 'all of its mailboxes' : address.domain;
  return `none of the collections ${collections?.join(', ') ?? ''} may vouch for ${whom}`;
}

function isEmpty({ anchors, intermediates }: TrustCollection): boolean {
  return anchors.length + intermediates.length === 0;
}

function factsOf(collection: TrustCollection): CollectionFacts {
  const { name, version, anchors, intermediates, earliestExpiry, earliest, earliestThumbprint, onlyFor } = collection;
  const counts = { anchors: anchors.length, intermediates: intermediates.length };
  return { name, version, ...counts, earliestExpiry, earliest, earliestThumbprint, onlyFor };
}
