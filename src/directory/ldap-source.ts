/**
 * A live LDAP or Active Directory server as a source: one search a mailbox over one shared connection.
 *
 * Success with entries or success without is an answer; everything else is a failure: a missed deadline, a refused bind,
 * any other result code, noise (catalogue C22, L10). After a failure a breaker answers in its place; what is wrong
 * with one mailbox only (its answer exceeds the limits) does not trip it, or whoever writes one entry could stop the mail of all.
 */
import { domainToUnicode } from 'node:url';
import { type Entry, ResultCodeError } from 'ldapts';
import { type Address, parseAddress } from '../address.ts';
import { RESULT } from '../ldap/ldap-messages.ts';
import { answerCut, sourceFailed, sourceRecovered } from '../log/directory-events.ts';
import { printable } from '../log/logger.ts';
import { Breaker, type Ticket } from './breaker.ts';
import type { Candidate, SourceFailure, SourceStatus } from './directory.ts';
import type { FirstSeen } from './first-seen.ts';
import { readLdapCandidates } from './ldap-candidates.ts';
import { type LdapConnection, type LdapOptions, openLdapConnection } from './ldap-connection.ts';
import type { Source, SourceAnswer } from './source.ts';

/** An unused connection is given up before a firewall in between forgets it. */
const IDLE_MS = 60_000;

export interface LdapSourceOptions {
  readonly ldap: LdapOptions;
  readonly rank: number;
  readonly deadlineMs: number;
  readonly failFastMs: number;
}

export class LdapSource implements Source {
  readonly name: string;
  readonly domains: readonly string[] | null;
  readonly #options: LdapSourceOptions;
  readonly #firstSeen: FirstSeen;
  readonly #clock: () => number;
  readonly #breaker: Breaker;
  #connection: LdapConnection | null = null;
  #opening: { promise: Promise<LdapConnection>; abort: AbortController } | null = null;
  #underWay = 0;
  #idleTimer: NodeJS.Timeout | null = null;
  #lastFailure: { failure: SourceFailure; at: Date } | null = null;
  #closed = false;

  constructor(options: LdapSourceOptions, firstSeen: FirstSeen, clock: () => number) {
    this.name = `ldap ${options.ldap.label}`;
    this.domains = options.ldap.for;
    this.#options = options;
    this.#firstSeen = firstSeen;
    this.#clock = clock;
    this.#breaker = new Breaker(options.failFastMs, clock);
  }

  async find(address: Address): Promise<SourceAnswer> {
    if (this.#closed) return { ok: false, reason: 'shutting down' };
    const ticket = this.#breaker.admit();
    if (ticket === null) return { ok: false, reason: `not asked after a failure: ${this.#lastReason()}` };
    this.#underWay += 1;
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
    try {
      const entries = await this.#withinDeadline(this.#search(address, ticket));
      this.#answered(ticket);
      return { ok: true, candidates: this.#candidates(address, entries) };
    } catch (error) {
      return this.#failed(ticket, address, error);
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#closeWhenIdle();
    }
  }

  status(): SourceStatus {
    return {
      source: this.name,
      entries: null,
      lastFailure: this.#lastFailure?.failure ?? null,
      lastFailureAt: this.#lastFailure?.at ?? null,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#hangUp();
  }

  async #search(address: Address, ticket: Ticket): Promise<readonly Entry[]> {
    const spellings = spellingsOf(address);
    const reused = this.#connection?.isOpen ? this.#connection : null;
    const connection = reused ?? (await this.#connect());
    try {
      return await connection.search(spellings, this.#options.deadlineMs);
    } catch (error) {
      // servers close idle connections, and the news may cross our request: one more try, on a fresh one
      if (reused === null || reused.isOpen) throw error;
      if (reused.violation !== null) throw reused.violation;
      if (this.#closed || !this.#breaker.isCurrent(ticket)) throw error;
      return await (await this.#connect()).search(spellings, this.#options.deadlineMs);
    }
  }

  /** One attempt at a time, for all who wait. */
  #connect(): Promise<LdapConnection> {
    if (this.#connection?.isOpen) return Promise.resolve(this.#connection);
    if (this.#opening !== null) return this.#opening.promise;
    const abort = new AbortController();
    const promise = openLdapConnection(this.#options.ldap, abort.signal).then((connection) => {
      if (abort.signal.aborted || this.#closed) {
        connection.close();
        throw new Error('connection no longer wanted');
      }
      this.#connection = connection;
      return connection;
    });
    const opening = { promise, abort };
    this.#opening = opening;
    promise
      .finally(() => {
        if (this.#opening === opening) this.#opening = null;
      })
      .catch(() => undefined);
    return promise;
  }

  #withinDeadline<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const { deadlineMs } = this.#options;
      const timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs);
      work.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  #candidates(address: Address, entries: readonly Entry[]): readonly Candidate[] {
    const { candidates, published } = readLdapCandidates(entries, {
      source: this.name,
      rank: this.#options.rank,
      firstSeen: this.#firstSeen,
      address,
      nowMs: this.#clock(),
    });
    if (published > candidates.length) answerCut(this.name, address.text, candidates.length, published);
    return candidates;
  }

  #answered(ticket: Ticket): void {
    if (this.#breaker.answered(ticket)) sourceRecovered(this.name);
  }

  #failed(ticket: Ticket, address: Address, error: unknown): SourceAnswer {
    const code = error instanceof ResultCodeError ? error.code : null;
    if (code === RESULT.answerTooLarge) {
      // something is published, and nothing of it can be used
      this.#answered(ticket);
      answerCut(this.name, address.text, 0, 0);
      return { ok: true, candidates: [this.#tooLarge(address)] };
    }
    const reason = printable(error instanceof Error ? error.message : String(error));
    this.#lastFailure = { failure: { source: this.name, reason }, at: new Date(this.#clock()) };
    if (code === RESULT.answerIncomplete) {
      this.#answered(ticket);
    } else if (this.#breaker.failed(ticket)) {
      sourceFailed(this.name, reason, this.#options.failFastMs);
      this.#hangUp();
    }
    return { ok: false, reason };
  }

  #tooLarge(address: Address): Candidate {
    const problem = 'what the directory publishes for this mailbox exceeds the limits; none of it was read';
    const seenAt = this.#firstSeen.of(`${this.name} ${address.key}`);
    return { certificate: null, problem, companions: [], source: this.name, rank: this.#options.rank, seenAt };
  }

  #lastReason(): string {
    return this.#lastFailure?.failure.reason ?? 'a look-up is under way that tells';
  }

  #hangUp(): void {
    this.#opening?.abort.abort();
    this.#opening = null;
    this.#connection?.close();
    this.#connection = null;
  }

  #closeWhenIdle(): void {
    if (this.#closed || this.#connection === null) return;
    this.#idleTimer = setTimeout(() => {
      if (this.#underWay === 0) this.#hangUp();
    }, IDLE_MS);
    this.#idleTimer.unref();
  }
}

/**
 * The mailbox as a directory holds it: without needless quotes, domain in A-labels, and in U-labels where that differs.
 * Made of {@link Address.key} alone, as the cache is: were it made of what the sender wrote, `"bob"@bank.example` would
 * find nothing, and that "none" would stand in the cache for bob@bank.example.
 */
function spellingsOf({ key, domain }: Address): readonly string[] {
  const bare = key.slice(0, -domain.length - 1);
  const isPlain = !bare.startsWith('"') && parseAddress(key) !== null;
  const local = isPlain ? bare : `"${bare.replace(/["\\]/g, '\\$&')}"`;
  return [...new Set([`${local}@${domain}`, `${local}@${domainToUnicode(domain)}`])];
}
