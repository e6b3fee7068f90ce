/**
 * The cache before a live source: positive and negative answers with lifetimes, and one flight an address.
 *
 * Failures are never kept: the breaker of the source answers those at once. Refused: reading an answer of "none" as
 * such where the same mailbox had a certificate lately (catalogue C28: one that worked lately and is gone is unusable,
 * not absent); whoever can delete a directory entry must not switch its mail to plain by that.
 */
import { LRUCache } from 'lru-cache';
import type { Address } from '../address.ts';
import { certificateGone, sourceDefect } from '../log/directory-events.ts';
import type { Candidate, DirectoryOptions, SourceStatus } from './directory.ts';
import type { Source, SourceAnswer } from './source.ts';

/** Certificates in the cache, all addresses together. Entries are chosen by whoever writes the directory. */
const CACHED_BYTES_MAX = 64 * 1024 * 1024;
/** What an entry costs besides the certificates. */
const ENTRY_BYTES = 1024;
/** How long a certificate that vanished is missed. */
const GONE_LATELY_MS = 24 * 60 * 60 * 1000;

interface Answered {
  readonly ok: true;
  readonly candidates: readonly Candidate[];
}

export class CachedSource implements Source {
  readonly name: string;
  readonly domains: readonly string[] | null;
  readonly #inner: Source;
  readonly #rank: number;
  readonly #options: DirectoryOptions['cache'];
  readonly #clock: () => number;
  readonly #answers: LRUCache<string, Answered>;
  readonly #flights = new Map<string, Promise<SourceAnswer>>();
  /** Address key to when it last had candidates, milliseconds. */
  readonly #lately: LRUCache<string, number>;

  constructor(inner: Source, rank: number, options: DirectoryOptions['cache'], clock: () => number) {
    this.name = inner.name;
    this.domains = inner.domains;
    this.#inner = inner;
    this.#rank = rank;
    this.#options = options;
    this.#clock = clock;
    const max = Math.max(1, options.entriesMax);
    this.#answers = new LRUCache({
      max,
      maxSize: CACHED_BYTES_MAX,
      sizeCalculation: bytesOf,
      ttlResolution: 0,
      perf: { now: clock },
    });
    this.#lately = new LRUCache({ max });
  }

  find(address: Address): SourceAnswer | Promise<SourceAnswer> {
    const cached = this.#answers.get(address.key);
    if (cached !== undefined) return cached;
    const flying = this.#flights.get(address.key);
    if (flying !== undefined) return flying;
    const answer = this.#inner.find(address);
    if (!(answer instanceof Promise)) return this.#keep(address, answer);
    const flight = answer
      .then(
        (landed) => this.#keep(address, landed),
        (thrown: unknown): SourceAnswer => {
          sourceDefect(this.name, thrown);
          return { ok: false, reason: 'internal error' };
        },
      )
      .finally(() => this.#flights.delete(address.key));
    this.#flights.set(address.key, flight);
    return flight;
  }

  status(): SourceStatus {
    return this.#inner.status();
  }

  close(): Promise<void> {
    this.#answers.clear();
    return this.#inner.close();
  }

  #keep(address: Address, answer: SourceAnswer): SourceAnswer {
    if (!answer.ok) return answer;
    if (answer.candidates.length > 0) {
      this.#lately.set(address.key, this.#clock());
      this.#store(address.key, answer, this.#options.positiveTtlMs);
      return answer;
    }
    const lastSeen = this.#lately.get(address.key);
    if (lastSeen === undefined || this.#clock() - lastSeen > GONE_LATELY_MS) {
      this.#store(address.key, answer, this.#options.negativeTtlMs);
      return answer;
    }
    certificateGone(this.name, address.text, new Date(lastSeen));
    const gone: Answered = { ok: true, candidates: [this.#gone(new Date(lastSeen))] };
    this.#store(address.key, gone, this.#options.negativeTtlMs);
    return gone;
  }

  /** lru-cache reads a lifetime of 0 as "for ever"; here it means "not at all". */
  #store(key: string, answer: Answered, ttl: number): void {
    if (ttl > 0) this.#answers.set(key, answer, { ttl });
  }

  #gone(lastSeen: Date): Candidate {
    return {
      certificate: null,
      problem: `a certificate was published here until lately (last seen ${lastSeen.toISOString()}) and is gone`,
      companions: [],
      source: this.name,
      rank: this.#rank,
      seenAt: lastSeen,
    };
  }
}

function bytesOf(answer: Answered): number {
  let bytes = ENTRY_BYTES;
  const counted = new Set<string>();
  for (const { certificate, companions } of answer.candidates) {
    for (const one of certificate === null ? companions : [certificate, ...companions]) {
      if (counted.has(one.sha256)) continue;
      counted.add(one.sha256);
      // parsed fields are views of `der` and small objects: three times the octets covers both
      bytes += 3 * one.der.length;
    }
  }
  return bytes;
}
