/**
 * Revocation for a collection of authorities: answers the path validator at once from what is at hand, remembers what was
 * missing, gets it, and renews what it has in the background.
 *
 * Nothing is fetched before the path up to the issuer was verified: the validator asks only then (catalogue C20). Mail
 * waits for the network only where the policy refuses what is unknown and nothing is at hand, and no longer than the
 * validation timeout; the judgement itself never waits.
 */
import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
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
import { EvidenceAtHand } from './evidence-at-hand.ts';
import { EvidencePlaces, signersPlace } from './evidence-places.ts';
import { type Fetcher, noFetcher, openFetcher } from './fetch.ts';
import { addressGuard } from './fetch-address.ts';
import { FindingRecord } from './finding-record.ts';
import { type OcspQuestion, OcspShelf } from './ocsp-shelf.ts';
import { type CacheFolder, openCache, trimCache } from './revocation-cache.ts';
import type { RevocationOptions } from './revocation-options.ts';
import type { RevocationCounters } from './trust.ts';
import type { VerdictFooting } from './verdict-footing.ts';
import { REFUSAL_MS } from './verdict-interval.ts';

/** OCSP is asked beside the CRL when that takes longer than this. */
const OCSP_AFTER_MS = 2_000;
const TICK_MS = 15_000;
const AT_ONCE_MAX = 8;
/** The cache is held to its size this often. */
const TRIM_MS = 5 * 60_000;
/** A list may name a delta, or have a signer with a list of its own. */
const PREPARE_ROUNDS_MAX = 4;

/** What a judgement missed. */
export interface Wanted {
  readonly crls: Set<string>;
  readonly ocsp: Map<string, OcspQuestion>;
}

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
  private readonly fetcher: Fetcher;
  readonly places = new EvidencePlaces();
  readonly signers = new CrlSigners((subject) => this.places.change(signersPlace(subject)));
  private readonly authorities: readonly Certificate[];
  readonly crls: CrlShelf;
  readonly ocsp: OcspShelf;
  private readonly atHand: EvidenceAtHand;
  private readonly tolerance: RevocationTolerance;
  private readonly timer: NodeJS.Timeout;
  private collecting: Wanted | null = null;
  private footing: VerdictFooting | null = null;
  private ticking = false;
  private trimAt = 0;
  private readonly found = new FindingRecord();

  constructor(options: RevocationOptions, cache: CacheFolder, authorities: readonly Certificate[], now: () => number) {
    this.options = options;
    this.cache = cache;
    this.now = now;
    this.fetcher = options.fetch ? openFetcher(addressGuard(options.allow), now) : noFetcher;
    this.authorities = authorities;
    for (const authority of authorities) this.signers.add(authority);
    const context: ShelfContext = {
      fetcher: this.fetcher,
      signers: this.signers,
      fetchTimeoutMs: options.fetchTimeoutMs,
      refreshMs: options.refreshMs,
      cache: cache.folder,
      now,
      changed: (place) => this.places.change(place),
    };
    this.crls = new CrlShelf(context);
    this.ocsp = new OcspShelf(context);
    this.tolerance = { skewMs: CLOCK_SKEW_MS, stalenessMs: options.stalenessMaxMs };
    this.atHand = new EvidenceAtHand(this, authorities, this.tolerance);
    this.timer = setInterval(() => void this.tick(), Math.min(TICK_MS, options.refreshMs / 4));
    this.timer.unref();
  }

  get counters(): RevocationCounters {
    const { unknownAccepted, revoked } = this.found;
    return { lists: this.crls.count, responses: this.ocsp.count, unknownAccepted, revoked };
  }

  /** Runs a judgement and says what it missed. Synchronous. */
  collect<T>(run: () => T): { readonly result: T; readonly wanted: Wanted } {
    const wanted: Wanted = { crls: new Set(), ocsp: new Map() };
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
    const own: Wanted = { crls: new Set(), ocsp: new Map() };
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
    const end = this.now() + this.options.validationTimeoutMs;
    for (let round = 0; round < PREPARE_ROUNDS_MAX; round++) {
      const { result, wanted } = this.collect(judge);
      const left = end - this.now();
      if (!result.ok && result.failure.code !== 'revocation-unknown') return;
      if (left <= 0 || wanted.crls.size + wanted.ocsp.size === 0) return;
      if (!result.ok || this.options.patient) await this.supply(wanted, left);
      else if (round === 0) await this.supplyStored(wanted);
      else return;
    }
  }

  /** Gets what is missing, for at most this long. Never rejects. */
  async supply(wanted: Wanted, deadlineMs: number): Promise<void> {
    const stop = new AbortController();
    const all = this.supplyAll(wanted);
    await Promise.race([all, delay(deadlineMs, null, { signal: stop.signal }).catch(() => {})]);
    stop.abort();
  }

  /** What lies on disk; the network goes on beside. */
  private async supplyStored(wanted: Wanted): Promise<void> {
    const flights = [
      ...[...wanted.crls].map((uri) => this.crls.supply(uri)),
      ...[...wanted.ocsp.values()].map((question) => this.ocsp.supply(question)),
    ];
    await Promise.all(flights.map(({ stored }) => stored));
  }

  async readImported(): Promise<void> {
    if (this.options.crls.length > 0) await this.crls.readImported(this.options.crls);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.fetcher.close();
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
      if (own.crls.size + own.ocsp.size > 0) void this.supplyAll(own);
      return;
    }
    for (const uri of own.crls) this.collecting.crls.add(uri);
    for (const [key, question] of own.ocsp) this.collecting.ocsp.set(key, question);
  }

  private async supplyAll(wanted: Wanted): Promise<void> {
    const lists = [...wanted.crls].map((uri) => this.crls.supply(uri).done);
    if (wanted.ocsp.size > 0) {
      const byCrl = Promise.all(lists).then((found) => found.length > 0 && found.every((one) => one));
      const enough = await Promise.race([byCrl, delay(OCSP_AFTER_MS, false, { ref: false })]);
      if (!enough) await Promise.all([...wanted.ocsp.values()].map((question) => this.ocsp.supply(question).done));
    }
    await Promise.all(lists);
  }

  /** What is at hand; what is not is noted. */
  private evidence(question: RevocationQuestion, own: Wanted): RevocationEvidence {
    const { atHand, footing } = this;
    return {
      listsOf: (issuer, uris) => {
        for (const uri of uris) if (this.crls.isWanting(uri)) own.crls.add(uri);
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
        evidence: { ...this.evidence(question, { crls: new Set(), ocsp: new Map() }), responsesAbout: () => [held] },
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
      for (const uri of findRevocationSources(certificate).crls) if (this.crls.isWanting(uri)) own.crls.add(uri);
      this.noteOcsp({ ...question, certificate, issuer }, own);
    }
  }

  /** Renews what is due. One round at a time. */
  private async tick(): Promise<void> {
    if (this.ticking) return;
    this.ticking = true;
    try {
      await this.readImported();
      if (this.now() >= this.trimAt) {
        this.trimAt = this.now() + TRIM_MS;
        await trimCache(this.cache.folder);
      }
      const jobs = [
        ...this.crls.due().map((uri) => () => this.crls.supply(uri).done),
        ...this.ocsp.due().map((question) => () => this.ocsp.supply(question).done),
      ];
      await Promise.all(Array.from({ length: AT_ONCE_MAX }, () => drain(jobs)));
    } catch {
      // a folder that cannot be read now is read at the next tick; what is at hand stays
    } finally {
      this.ticking = false;
    }
  }
}

async function drain(jobs: (() => Promise<unknown>)[]): Promise<void> {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await job();
}
