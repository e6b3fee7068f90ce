/**
 * The OCSP responses at hand, by certificate, in memory and on disk (RFC 6960). A response is kept only when it was found
 * to answer for that certificate, by whom may answer, so what a stranger sends in between changes nothing.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { LRUCache } from 'lru-cache';
import { GatewayError } from '../errors.ts';
import { revocationFetched, revocationFetchFailed } from '../log/revocation-events.ts';
import type { Certificate } from '../x509/certificate.ts';
import { formatOcspRequest } from '../x509/ocsp-request.ts';
import { OCSP_OCTETS_MAX, parseOcspResponse } from '../x509/ocsp-response.ts';
import type { HeldResponse, RevocationStatus, UsedEvidence } from '../x509/revocation.ts';
import type { ShelfContext } from './crl-shelf.ts';
import { responsePlace } from './evidence-places.ts';
import { RestList } from './rest-list.ts';
import { writeEvidence } from './revocation-cache.ts';
import { RevocationFlights } from './revocation-flights.ts';
import { isRefreshDue, refreshMoment } from './revocation-refresh.ts';

const RESPONSES_MAX = 50_000;
/** Of all responses together, with what each costs beside its octets: a responder may answer with 64 KB each time. */
const RESPONSES_OCTETS_MAX = 256 * 1024 * 1024;
const OVERHEAD_OCTETS = 4_096;
const PAUSE_MS = 20_000;
const NONCE_OCTETS = 32;
/** Nobody was asked, so nothing speaks against asking soon. */
const NOT_ASKED = 'its turn to be asked did not come';
/** A response nobody asked for in that time is not renewed. */
const IDLE_MS = 24 * 60 * 60 * 1000;

/** What is asked, and who judges the answer: found good or revoked by that response alone, or why not. */
export interface OcspQuestion {
  readonly certificate: Certificate;
  readonly issuer: Certificate;
  readonly uris: readonly string[];
  judge(held: HeldResponse): RevocationStatus;
}

interface Kept {
  readonly held: HeldResponse;
  readonly question: OcspQuestion;
  readonly used: UsedEvidence;
  readonly kind: RevocationStatus['kind'];
  readonly refreshAt: number;
  readonly octets: number;
  usedAt: number;
}

export class OcspShelf {
  private readonly context: ShelfContext;
  private readonly kept = new LRUCache<string, Kept>({
    max: RESPONSES_MAX,
    maxSize: RESPONSES_OCTETS_MAX,
    sizeCalculation: ({ octets }) => octets + OVERHEAD_OCTETS,
    dispose: (_, key, why) => {
      if (why !== 'set') this.context.changed(responsePlace(key));
    },
  });
  private readonly flights = new RevocationFlights();
  private readonly rests: RestList;

  constructor(context: ShelfContext) {
    this.context = context;
    this.rests = new RestList(RESPONSES_MAX, PAUSE_MS, context.now);
  }

  find(certificate: Certificate, issuer: Certificate): HeldResponse | null {
    const kept = this.kept.get(responseKey(certificate, issuer));
    if (kept === undefined) return null;
    kept.usedAt = this.context.now();
    return kept.held;
  }

  /** When the response at hand is renewed, in milliseconds since 1970, if somebody asks for it; null: there is none. */
  renewalOf(certificate: Certificate, issuer: Certificate): number | null {
    return this.kept.get(responseKey(certificate, issuer))?.refreshAt ?? null;
  }

  isWanting(certificate: Certificate, issuer: Certificate): boolean {
    const key = responseKey(certificate, issuer);
    if (this.rests.isResting(key)) return false;
    const kept = this.kept.get(key);
    return kept === undefined || this.context.now() > kept.used.nextUpdate.getTime();
  }

  due(): OcspQuestion[] {
    const now = this.context.now();
    const found: OcspQuestion[] = [];
    for (const [key, { refreshAt, usedAt, question }] of this.kept.entries()) {
      const isDue = isRefreshDue(refreshAt, now, this.context.refreshMs) && !this.rests.isResting(key);
      if (isDue && now - usedAt < IDLE_MS) found.push(question);
    }
    return found;
  }

  get count(): number {
    return this.kept.size;
  }

  /** Neither promise rejects. */
  supply(question: OcspQuestion): ReturnType<RevocationFlights['join']> {
    const key = responseKey(question.certificate, question.issuer);
    const file = path.join(this.context.cache, `${key}.ocsp`);
    return this.flights.join(
      key,
      () => this.loadStored(key, file, question),
      () => this.askAll(key, file, question),
    );
  }

  private async loadStored(key: string, file: string, question: OcspQuestion): Promise<boolean> {
    if (this.kept.get(key) !== undefined) return false;
    const facts = await stat(file).catch(() => null);
    // a pipe would be waited for
    if (facts === null || !facts.isFile() || facts.size > OCSP_OCTETS_MAX) return false;
    const stored = await readFile(file).catch(() => null);
    return stored !== null && this.take(key, stored, null, question, facts.mtimeMs) === null;
  }

  private async askAll(key: string, file: string, question: OcspQuestion): Promise<boolean> {
    const started = this.context.now();
    let reason = 'it names no responder';
    let asked = false;
    for (const uri of question.uris) {
      const answer = await this.ask(uri, question);
      const fault =
        typeof answer === 'string' ? answer : this.take(key, answer.octets, answer.nonce, question, this.context.now());
      if (fault === null && typeof answer !== 'string') {
        await writeEvidence(file, answer.octets);
        const used = this.kept.get(key)?.used;
        const milliseconds = this.context.now() - started;
        if (used !== undefined) revocationFetched({ kind: 'ocsp', source: uri, ...used, entries: 1, milliseconds });
        return true;
      }
      reason = `${uri}: ${fault}`;
      asked ||= fault !== NOT_ASKED;
    }
    if (asked) this.rests.rest(key);
    revocationFetchFailed('ocsp', question.certificate.subjectName, reason, this.context.now() - started);
    return false;
  }

  /** @returns why there is no answer, as text */
  private async ask(uri: string, question: OcspQuestion): Promise<string | { octets: Buffer; nonce: Buffer }> {
    const nonce = randomBytes(NONCE_OCTETS);
    const body = formatOcspRequest(question.certificate, question.issuer, 'sha1', nonce);
    const outcome = await this.context.fetcher.fetch({
      url: uri,
      post: { body, type: 'application/ocsp-request' },
      entry: null,
      into: null,
      octetsMax: OCSP_OCTETS_MAX,
      timeoutMs: this.context.fetchTimeoutMs,
      etag: null,
      lastModified: null,
    });
    if (outcome.ok) return { octets: outcome.octets, nonce };
    return outcome.kind === 'busy' ? NOT_ASKED : outcome.reason;
  }

  /**
   * @param since when it was fetched, milliseconds since 1970
   * @returns why it does not count; null when it does
   */
  private take(
    key: string,
    octets: Buffer,
    nonce: Buffer | null,
    question: OcspQuestion,
    since: number,
  ): string | null {
    let held: HeldResponse;
    try {
      held = { response: parseOcspResponse(octets), nonce };
    } catch (thrown) {
      if (!(thrown instanceof GatewayError)) throw thrown;
      return thrown.detail;
    }
    const status = question.judge(held);
    if (status.kind === 'unknown') return status.why.join('; ') || 'it says nothing';
    const { used, kind } = status;
    const before = this.kept.get(key);
    if (before !== undefined && used.thisUpdate < before.used.thisUpdate) return 'it is older than the one at hand';
    const now = this.context.now();
    const { refreshMs } = this.context;
    const refreshAt = refreshMoment(since, used.thisUpdate, used.nextUpdate, refreshMs, Math.random());
    this.kept.set(key, { held, question, used, kind, refreshAt, octets: octets.length, usedAt: before?.usedAt ?? now });
    this.rests.end(key);
    this.context.changed(responsePlace(key));
    return null;
  }
}

/** The name of the answer about this certificate by this issuer. */
export function responseKey(certificate: Certificate, issuer: Certificate): string {
  return createHash('sha256').update(certificate.sha256).update(issuer.spki).digest('hex');
}
