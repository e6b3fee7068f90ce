/**
 * Fetching what a certificate points at, over HTTP (catalogue C20; RFC 5280 §4.2.1.13, RFC 6960 appendix A). The location
 * is attacker-chosen within what an authority signs, and the answer is anybody's: this only limits what asking can do.
 *
 * Refused: schemes other than http and https, names and passwords in the location, addresses the guard forbids (asked
 * again at every redirect, and at the moment of connecting), more than {@link REDIRECTS_MAX} redirects, answers larger
 * than asked for, everything after the deadline. Compressed answers are not taken apart.
 */
import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Agent, Dispatcher } from 'undici';
import type { AddressGuard } from './fetch-address.ts';
import { FetchBreaker } from './fetch-breaker.ts';

export const REDIRECTS_MAX = 3;
/** More than that at once is refused, so that many locations cost no more than few. */
const AT_ONCE_MAX = 64;
/** A host that failed is left alone for this long. */
const PAUSE_MS = 20_000;

export interface FetchRequest {
  readonly url: string;
  /** Body and type of a POST; null: GET. */
  readonly post: { readonly body: Buffer; readonly type: string } | null;
  readonly octetsMax: number;
  readonly timeoutMs: number;
  /** Entity tag and date of what is at hand. */
  readonly etag: string | null;
  readonly lastModified: string | null;
}

export type FetchOutcome =
  | {
      readonly ok: true;
      readonly modified: boolean;
      readonly etag: string | null;
      readonly lastModified: string | null;
    }
  /** For the log: no secret, but foreign text. */
  | { readonly ok: false; readonly reason: string };

export interface Fetcher {
  /**
   * Never rejects.
   * @param take is given the octets of an answer 200, in order; what it throws ends the fetch
   */
  fetch(request: FetchRequest, take: (octets: Buffer) => Promise<void> | void): Promise<FetchOutcome>;
  close(): Promise<void>;
}

/** For who must not go out. */
export const noFetcher: Fetcher = {
  fetch: async () => ({ ok: false, reason: 'nothing is fetched' }),
  close: async () => {},
};

/** Told to the log by its message. */
class Refused extends Error {}
/** The host answers, only not with this. */
class Absent extends Refused {}

/** @param now milliseconds since 1970 */
export function openFetcher(guard: AddressGuard, now: () => number): Fetcher {
  return new HttpFetcher(guard, now);
}

class HttpFetcher implements Fetcher {
  private readonly guard: AddressGuard;
  private readonly now: () => number;
  private readonly breaker = new FetchBreaker(PAUSE_MS);
  private agent: Promise<Agent> | null = null;
  private underWay = 0;

  constructor(guard: AddressGuard, now: () => number) {
    this.guard = guard;
    this.now = now;
  }

  async fetch(request: FetchRequest, take: (octets: Buffer) => Promise<void> | void): Promise<FetchOutcome> {
    if (this.underWay >= AT_ONCE_MAX) return { ok: false, reason: `${AT_ONCE_MAX} fetches are under way` };
    this.underWay++;
    const gaveUp = new AbortController();
    const done = new AbortController();
    const late = delay(request.timeoutMs, null, { signal: done.signal }).then(
      () => gaveUp.abort(new Refused(`no whole answer within ${request.timeoutMs} ms`)),
      () => {},
    );
    try {
      return await this.follow(request, take, gaveUp.signal);
    } catch (thrown) {
      const reason = gaveUp.signal.aborted ? gaveUp.signal.reason : thrown;
      return { ok: false, reason: reasonOf(reason) };
    } finally {
      this.underWay--;
      done.abort();
      await late;
    }
  }

  async close(): Promise<void> {
    await (await this.agent)?.destroy();
  }

  private async follow(
    request: FetchRequest,
    take: (octets: Buffer) => Promise<void> | void,
    signal: AbortSignal,
  ): Promise<FetchOutcome> {
    let url = this.check(request.url);
    for (let redirects = 0; ; redirects++) {
      const { host } = url;
      if (!this.breaker.admit(host, this.now())) throw new Refused(`${host} failed a moment ago`);
      try {
        const response = await this.ask(url, request, signal);
        // an answer that is given up tells so by an event, which without a listener would end the process
        response.body.on('error', () => {});
        const location = response.headers['location'];
        if (response.statusCode >= 300 && response.statusCode < 400 && response.statusCode !== 304) {
          await response.body.dump({ limit: 1024 }).catch(() => {});
          if (redirects === REDIRECTS_MAX) throw new Refused(`more than ${REDIRECTS_MAX} redirects`);
          if (typeof location !== 'string') throw new Refused(`status ${response.statusCode} without a location`);
          this.breaker.answered(host);
          url = this.check(new URL(location, url).href);
          continue;
        }
        const outcome = await this.read(response, request, take);
        this.breaker.answered(host);
        return outcome;
      } catch (thrown) {
        if (thrown instanceof Absent) this.breaker.answered(host);
        else this.breaker.failed(host, this.now());
        throw thrown;
      }
    }
  }

  /** @throws Refused */
  private check(text: string): URL {
    if (!URL.canParse(text)) throw new Refused('the location is no URL');
    const url = new URL(text);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Refused(`${url.protocol} is not fetched`);
    if (url.username !== '' || url.password !== '') throw new Refused('the location has a user name');
    const literal = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(literal) !== 0 && !this.guard.isAllowed(literal)) throw new Refused(`${literal} may not be asked`);
    return url;
  }

  private async ask(url: URL, request: FetchRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const { request: send } = await import('undici');
    this.agent ??= this.openAgent();
    const headers: Record<string, string> = { 'user-agent': 'sealgate', accept: '*/*' };
    if (request.post !== null) headers['content-type'] = request.post.type;
    if (request.etag !== null) headers['if-none-match'] = request.etag;
    if (request.lastModified !== null) headers['if-modified-since'] = request.lastModified;
    return await send(url, {
      dispatcher: await this.agent,
      method: request.post === null ? 'GET' : 'POST',
      body: request.post?.body ?? null,
      headers,
      signal,
      headersTimeout: request.timeoutMs,
      bodyTimeout: request.timeoutMs,
    });
  }

  private async read(
    response: Dispatcher.ResponseData,
    request: FetchRequest,
    take: (octets: Buffer) => Promise<void> | void,
  ): Promise<FetchOutcome> {
    const { statusCode, headers, body } = response;
    const facts = { etag: textOf(headers['etag']), lastModified: textOf(headers['last-modified']) };
    if (statusCode === 304) {
      await body.dump({ limit: 1024 });
      return { ok: true, modified: false, ...facts };
    }
    if (statusCode !== 200) {
      body.destroy();
      throw statusCode < 500 ? new Absent(`status ${statusCode}`) : new Refused(`status ${statusCode}`);
    }
    let octets = 0;
    const tooLarge = () => new Refused(`more than ${request.octetsMax} octets`);
    if (Number(headers['content-length'] ?? 0) > request.octetsMax) {
      body.destroy();
      throw tooLarge();
    }
    for await (const chunk of body) {
      octets += chunk.length;
      if (octets > request.octetsMax) throw tooLarge();
      await take(chunk);
    }
    return { ok: true, modified: true, ...facts };
  }

  private async openAgent(): Promise<Agent> {
    const { Agent: HttpAgent } = await import('undici');
    return new HttpAgent({
      connect: { lookup: guardedLookup(this.guard), autoSelectFamily: true },
      keepAliveTimeout: 1_000,
      connections: 4,
      pipelining: 1,
    });
  }
}

/** Resolves, and refuses a name any of whose addresses is forbidden. */
function guardedLookup(guard: AddressGuard): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      const forbidden = addresses?.find(({ address }) => !guard.isAllowed(address));
      const first = addresses?.[0];
      if (error !== null) callback(error, '', 0);
      else if (forbidden !== undefined) {
        callback(new Refused(`${hostname} is ${forbidden.address}, which may not be asked`), '', 0);
      } else if (first === undefined) callback(new Refused(`${hostname} has no address`), '', 0);
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function textOf(value: string | string[] | undefined): string | null {
  return typeof value === 'string' && value.length <= 200 ? value : null;
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause instanceof Error ? `: ${thrown.cause.message}` : '';
  return `${thrown.message}${cause}`.slice(0, 300);
}
