/**
 * Revocation for a collection of authorities: answers the path validator at once from what is at hand, remembers what was
 * missing, gets it, and renews what it has in the background.
 *
 * Nothing is fetched before the path up to the issuer was verified: the validator asks only then (catalogue C20). Mail
 * waits for the network only where the policy refuses what is unknown and nothing is at hand, and no longer than the
 * validation timeout; the judgement itself never waits.
 */
import { rm } from 'node:fs/promises';
import type { Certificate } from '../x509/certificate.ts';
import type { PathFailure, RevocationJudge, RevocationQuestion } from '../x509/path.ts';
import {
  CLOCK_SKEW_MS,
  type HeldResponse,
  type RevocationEvidence,
  type RevocationStatus,
  type RevocationTolerance,
} from '../x509/revocation.ts';
import { checkResponses } from '../x509/revocation-check.ts';
import { revocationJudge } from '../x509/revocation-judge.ts';
import { findRevocationSources } from '../x509/revocation-sources.ts';
import { CrlShelf, type ShelfContext } from './crl-shelf.ts';
import { CrlSigners } from './crl-signers.ts';
import { CrlThread } from './crl-thread.ts';
import { EvidenceAtHand } from './evidence-at-hand.ts';
import { EvidencePlaces, signersPlace } from './evidence-places.ts';
import { EvidenceSupply, nothingWanted, type Wanted } from './evidence-supply.ts';
import { noFetcher } from './fetch.ts';
import { ldapFetchOptions } from './fetch-ldap.ts';
import type { FetchLane } from './fetch-message.ts';
import { FetchThread } from './fetch-thread.ts';
import { FindingRecord } from './finding-record.ts';
import { IntermediateShelf } from './intermediate-shelf.ts';
import { OcspShelf } from './ocsp-shelf.ts';
import { type CacheFolder, openCache, trimCache } from './revocation-cache.ts';
import type { RevocationOptions } from './revocation-options.ts';
import { isRefreshDue } from './revocation-refresh.ts';
import type { RevocationCounters } from './trust.ts';
import type { VerdictFooting } from './verdict-footing.ts';
import { REFUSAL_MS } from './verdict-interval.ts';

const TICK_MS = 15_000;
/** The cache is held to its size this often. */
const TRIM_MS = 5 * 60_000;
/** Each brings something: lists of several locations, their deltas, their signers' lists, issuers. The time is the limit. */
const PREPARE_ROUNDS_MAX = 16;
/** Locations of issuers' certificates that one question may have asked. */
const ISSUERS_ASKED_MAX = 4;

/** @param now milliseconds since 1970 */
export async function openRevocation(
  options: RevocationOptions,
  authorities: readonly Certificate[],
  now: () => number = Date.now,
): Promise<RevocationChecker> {
  const cache = await openCache(options.cache, now());
  const checker = new RevocationChecker(options, cache, authorities, now);
  await checker.readImported();
  return checker;
}

export class RevocationChecker {
  private readonly options: RevocationOptions;
  private readonly cache: CacheFolder;
  private readonly now: () => number;
  private readonly fetching: FetchThread;
  readonly places = new EvidencePlaces();
  readonly signers = new CrlSigners((subject) => this.places.change(signersPlace(subject)));
  private readonly reader = new CrlThread();
  private readonly authorities: readonly Certificate[];
  readonly crls: CrlShelf;
  readonly ocsp: OcspShelf;
  /** null: certificates of issuers are not fetched. */
  readonly intermediates: IntermediateShelf | null;
  private readonly supplier: EvidenceSupply;
  private readonly atHand: EvidenceAtHand;
  private readonly tolerance: RevocationTolerance;
  private readonly timer: NodeJS.Timeout;
  private collecting: Wanted | null = null;
  private footing: VerdictFooting | null = null;
  private ticking = false;
  private reading: Promise<void> | null = null;
  private trimAt = 0;
  private readonly found = new FindingRecord();

  constructor(options: RevocationOptions, cache: CacheFolder, authorities: readonly Certificate[], now: () => number) {
    this.options = options;
    this.cache = cache;
    this.now = now;
    this.fetching = new FetchThread({ allow: options.allow, ldap: ldapFetchOptions(options) }, now);
    const lane = (name: FetchLane) => (options.fetch ? this.fetching.lane(name) : noFetcher);
    this.authorities = authorities;
    for (const authority of authorities) this.signers.add(authority);
    const context: ShelfContext = {
      fetcher: lane('revocation'),
      signers: this.signers,
      reader: this.reader,
      fetchTimeoutMs: options.fetchTimeoutMs,
      refreshMs: options.refreshMs,
      cache: cache.folder,
      now,
      changed: (place) => this.places.change(place),
    };
    this.crls = new CrlShelf(context);
    this.ocsp = new OcspShelf(context);
    this.intermediates =
      options.fetchIntermediates === true ? new IntermediateShelf({ ...context, fetcher: lane('issuers') }) : null;
    this.supplier = new EvidenceSupply(this.crls, this.ocsp, this.intermediates);
    this.tolerance = { skewMs: CLOCK_SKEW_MS, stalenessMs: options.stalenessMaxMs };
    this.atHand = new EvidenceAtHand(this, authorities, this.tolerance);
    this.timer = setInterval(() => void this.tick(), Math.min(TICK_MS, options.refreshMs / 4));
    this.timer.unref();
  }

  /** False: it is here to fetch issuers only. */
  get checks(): boolean {
    return this.options.check;
  }

  get counters(): RevocationCounters {
    const { unknownAccepted, revoked } = this.found;
    return { lists: this.crls.count, responses: this.ocsp.count, unknownAccepted, revoked };
  }

  /** Runs a judgement and says what it missed. Synchronous. */
  collect<T>(run: () => T): { readonly result: T; readonly wanted: Wanted } {
    const wanted = nothingWanted();
    this.collecting = wanted;
    try {
      return { result: run(), wanted };
    } finally {
      this.collecting = null;
    }
  }

  /** Runs a judgement and notes in `footing` what it rests on. Synchronous. */
  watch<T>(footing: VerdictFooting, run: () => T): T {
    this.footing = footing;
    try {
      return run();
    } finally {
      this.footing = null;
    }
  }

  /** Answers from what is at hand; what is missing is got in the background, unless a caller collects it. */
  readonly judge: RevocationJudge = (question) => {
    const own = nothingWanted();
    for (const authority of question.path.slice(1)) this.signers.add(authority);
    const { whenUnreachable: whenUnknown, withoutSource } = this.options;
    const policy = { whenUnknown, withoutSource, tolerance: this.tolerance };
    const finding = revocationJudge(this.evidence(question, own), policy)(question);
    const stale = finding.nextUpdate !== null && question.at > finding.nextUpdate;
    this.found.take(question.certificate, finding, stale);
    if (finding.status === 'unknown') this.addSourcesBelow(question, own);
    if (finding.status === 'unknown' || stale) this.want(own);
    else this.wantDeltas(question, own);
    return finding;
  };

  /**
   * Judges until nothing is missing that can be had, or the validation timeout is over. Where the unknown is accepted
   * nobody waits for more than what lies on disk, unless the options are patient. Never rejects.
   */
  async prepare(
    judge: () => { readonly ok: true } | { readonly ok: false; readonly failure: PathFailure },
  ): Promise<void> {
    const { validationTimeoutMs, patient } = this.options;
    const end = this.now() + validationTimeoutMs;
    const asked = new Set<string>();
    for (let round = 0; round < PREPARE_ROUNDS_MAX; round++) {
      const { result, wanted } = this.collect(judge);
      keepAffordable(wanted.issuers, asked);
      const { crls, ocsp, issuers } = wanted;
      // a clock set back must not make the wait longer
      const left = Math.min(end - this.now(), validationTimeoutMs);
      if (!result.ok && result.failure.code !== 'revocation-unknown' && issuers.size === 0) return;
      if (left <= 0 || crls.size + ocsp.size + issuers.size === 0) return;
      if (!result.ok || patient) await this.supplier.supply(wanted, left);
      else if (round === 0) await this.supplier.supplyStored(wanted);
      else return;
    }
  }

  /** Notes where the issuer of a certificate may be got, for who collects; nobody goes there otherwise. */
  wantIssuers(locations: readonly string[]): void {
    for (const uri of locations) this.collecting?.issuers.add(uri);
  }

  /** One reading at a time: a second one would tell of changes that are none. */
  async readImported(): Promise<void> {
    if (this.options.crls.length === 0) return;
    this.reading ??= this.crls.readImported(this.options.crls).finally(() => {
      this.reading = null;
    });
    await this.reading;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.reader.close();
    await this.fetching.close();
    if (this.cache.passing) await rm(this.cache.folder, { recursive: true, force: true });
  }

  /** Where all is well without them, nobody waits for delta CRLs. */
  private wantDeltas({ certificate, at }: RevocationQuestion, own: Wanted): void {
    if (own.crls.size === 0) return;
    const complete = findRevocationSources(certificate).crls;
    for (const uri of own.crls) {
      if (complete.includes(uri)) continue;
      this.crls.supply(uri);
      // judged again soon, so that one that could not be had is asked for again
      this.footing?.passMoment(at.getTime() + REFUSAL_MS);
    }
  }

  private want(own: Wanted): void {
    if (this.collecting === null) {
      this.supplier.supplyBeside(own);
      return;
    }
    for (const uri of own.crls) this.collecting.crls.add(uri);
    for (const [key, question] of own.ocsp) this.collecting.ocsp.set(key, question);
  }

  /** What is at hand; what is not is noted. */
  private evidence(question: RevocationQuestion, own: Wanted): RevocationEvidence {
    const { atHand, footing } = this;
    return {
      listsOf: (issuer, uris) => {
        this.supplier.noteLists(uris, own);
        return atHand.listsOf(issuer, uris, footing);
      },
      responsesAbout: (certificate, issuer) => {
        this.noteOcsp({ ...question, certificate, issuer }, own);
        return atHand.responsesAbout(certificate, issuer, footing);
      },
      signersOf: (subject) => atHand.signersOf(subject, question.path, question.at, footing),
      intermediates: this.authorities,
    };
  }

  private noteOcsp(question: RevocationQuestion, own: Wanted): void {
    const { certificate, issuer, path: whole } = question;
    const uris = findRevocationSources(certificate).ocsp;
    if (uris.length === 0 || !this.ocsp.isWanting(certificate, issuer)) return;
    const judge = (held: HeldResponse): RevocationStatus =>
      checkResponses({
        certificate,
        issuer,
        path: whole,
        at: new Date(this.now()),
        evidence: { ...this.evidence(question, nothingWanted()), responsesAbout: () => [held] },
        tolerance: { skewMs: CLOCK_SKEW_MS, stalenessMs: 0 },
      });
    own.ocsp.set(certificate.sha256, { certificate, issuer, uris, judge });
  }

  /** The validator stops at the first certificate that fails: those below are asked for in the same breath. */
  private addSourcesBelow(question: RevocationQuestion, own: Wanted): void {
    const position = question.path.indexOf(question.certificate);
    for (let below = position - 1; below >= 0; below--) {
      const [certificate, issuer] = [question.path[below], question.path[below + 1]];
      if (certificate === undefined || issuer === undefined) continue;
      this.supplier.noteLists(findRevocationSources(certificate).crls, own);
      this.noteOcsp({ ...question, certificate, issuer }, own);
    }
  }

  /** Renews what is due, and looks at files; neither waits for the other. */
  private async tick(): Promise<void> {
    void this.supplier.renew();
    if (this.ticking) return;
    this.ticking = true;
    try {
      await this.readImported();
      if (isRefreshDue(this.trimAt, this.now(), TRIM_MS)) {
        this.trimAt = this.now() + TRIM_MS;
        await trimCache(this.cache.folder);
      }
    } catch {
      // a folder that cannot be read now is read at the next tick; what is at hand stays
    } finally {
      this.ticking = false;
    }
  }
}

/** At most so many locations for one question, those asked before included. */
function keepAffordable(issuers: Set<string>, asked: Set<string>): void {
  for (const uri of issuers) {
    if (asked.has(uri) || asked.size < ISSUERS_ASKED_MAX) asked.add(uri);
    else issuers.delete(uri);
  }
}
