/**
 * Opens the trusted CA collection and answers for it: whose certificate is good for what, now (RFC 5280 §6 through
 * `x509/`). A collection never changes once open; a reload opens a new Trust with a new, empty verdict cache.
 *
 * Refused: to open with any mistake in the collection, for a certificate missing silently is mail refused silently.
 * Revocation is not checked in this version, and every verdict says so.
 */
import { createHash } from 'node:crypto';
import { canEncryptTo } from '../cms/recipient-info.ts';
import { collectionOpened, collectionRefused, collectionWarning } from '../log/trust-events.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { PathResult } from '../x509/path.ts';
import { pathFailure } from '../x509/path-failure.ts';
import { validatePath } from '../x509/path-validator.ts';
import { readCollection, type TrustCollection } from './collection-reader.ts';
import type { CollectionFacts, Trust, TrustOptions, TrustQuestion, TrustVerdict } from './trust.ts';
import { VerdictCache } from './verdict-cache.ts';

export type OpenedTrust =
  | { readonly ok: true; readonly trust: Trust; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly mistakes: readonly string[] };

/** Most intermediates taken from one certificate's company; more are left out. */
const EXTRA_INTERMEDIATES_MAX = 100;
/** One for each correspondent, purpose and mailbox. */
const ACCEPTED_MAX = 50_000;
/** Few, because a refusal holds the texts of what was tried, and lives for a minute. */
const REFUSED_MAX = 1_000;

/**
 * Reads the collection. All mistakes at once, each naming its file.
 * @param at when expiry is judged
 */
export async function openTrust(options: TrustOptions, at: Date = new Date()): Promise<OpenedTrust> {
  const { collection, mistakes, warnings } = await readCollection('default', options.default, at);
  if (mistakes.length > 0) {
    collectionRefused(collection.name, mistakes.length);
    return { ok: false, mistakes };
  }
  for (const warning of warnings) collectionWarning(collection.name, warning);
  collectionOpened(factsOf(collection));
  return { ok: true, trust: new CollectionTrust(collection), warnings };
}

class CollectionTrust implements Trust {
  readonly collections: readonly CollectionFacts[];
  private readonly collection: TrustCollection;
  private readonly accepted = new VerdictCache(ACCEPTED_MAX);
  private readonly refused = new VerdictCache(REFUSED_MAX);

  constructor(collection: TrustCollection) {
    this.collection = collection;
    this.collections = [factsOf(collection)];
  }

  judge(question: TrustQuestion): TrustVerdict {
    const { collection } = this;
    const extras = question.extraIntermediates.slice(0, EXTRA_INTERMEDIATES_MAX);
    const result = this.resultOf({ ...question, extraIntermediates: extras });
    return result.ok
      ? { ok: true, path: result.path, collection: collection.name, revocation: 'not checked' }
      : { ok: false, failure: result.failure, attempts: result.attempts };
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

  private resultOf(question: TrustQuestion): PathResult {
    const { collection } = this;
    const { certificate, purpose, address, at, extraIntermediates } = question;
    const asked = [certificate.sha256, collection.name, collection.version, purpose, address?.text ?? ''].join(' ');
    // what was refused may be accepted with other company; what was accepted stays so
    const askedWith = `${asked} ${companyKey(extraIntermediates)}`;
    const known = this.accepted.find(asked, at) ?? this.refused.find(askedWith, at);
    if (known !== null) return known;
    const validated = validatePath({
      leaf: certificate,
      anchors: collection.anchors,
      intermediates:
        extraIntermediates.length === 0
          ? collection.intermediates
          : [...collection.intermediates, ...extraIntermediates],
      at,
      purpose,
      address,
    });
    const result = validated.ok ? (unfitKey(question) ?? validated) : validated;
    if (result.ok) this.accepted.keep(asked, result, at, null);
    else this.refused.keep(askedWith, result, at, nextStart(question, collection));
    return result;
  }
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
  const { name, version, anchors, intermediates, earliestExpiry } = collection;
  return { name, version, anchors: anchors.length, intermediates: intermediates.length, earliestExpiry };
}
