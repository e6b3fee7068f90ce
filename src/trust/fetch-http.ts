/**
 * Fetching over HTTP (RFC 9110). Who may be asked is for the guard, at every redirect and at the moment of connecting.
 *
 * Refused: schemes other than http and https, user names, more than {@link REDIRECTS_MAX} redirects, statuses other than
 * 200 and 304, more octets than asked for. Compressed answers are not taken apart.
 */
import { isIP } from 'node:net';
import type { Agent, Dispatcher } from 'undici';
import { type AddressGuard, guardedLookup } from './fetch-address.ts';
import type { FetchBreaker } from './fetch-breaker.ts';
import { FetchRefusal } from './fetch-refusal.ts';
import type { FetchOutcome, FetchRequest, TakeOctets } from './fetch-request.ts';

const REDIRECTS_MAX = 3;

export class HttpFetch {
  private readonly guard: AddressGuard;
  private readonly breaker: FetchBreaker;
  private agent: Promise<Agent> | null = null;

  constructor(guard: AddressGuard, breaker: FetchBreaker) {
    this.guard = guard;
    this.breaker = breaker;
  }

  /** @throws FetchRefusal */
  hostOf(url: string): string {
    return this.check(url).hostname;
  }

  /** @throws FetchRefusal, errors of the connection, what `take` throws */
  async fetch(request: FetchRequest, take: TakeOctets, signal: AbortSignal): Promise<FetchOutcome> {
    let url = this.check(request.url);
    for (let redirects = 0; ; redirects++) {
      // with the scheme: where nothing listens for https, http may well be answered
      const { origin } = url;
      if (!this.breaker.admit(origin)) throw new FetchRefusal('failed', `${origin} failed a moment ago`);
      try {
        const response = await this.ask(url, request, signal);
        // an answer that is given up tells so by an event, which without a listener would end the process
        response.body.on('error', () => {});
        const location = response.headers['location'];
        if (response.statusCode >= 300 && response.statusCode < 400 && response.statusCode !== 304) {
          await response.body.dump({ limit: 1024 }).catch(() => {});
          if (redirects === REDIRECTS_MAX) throw new FetchRefusal('failed', `more than ${REDIRECTS_MAX} redirects`);
          if (typeof location !== 'string') {
            throw new FetchRefusal('failed', `status ${response.statusCode} without a location`);
          }
          this.breaker.answered(origin);
          url = this.check(URL.canParse(location, url.href) ? new URL(location, url).href : location);
          continue;
        }
        const outcome = await this.read(response, request, take);
        this.breaker.answered(origin);
        return outcome;
      } catch (thrown) {
        if (thrown instanceof FetchRefusal && thrown.kind === 'absent') this.breaker.answered(origin);
        // a redirect must not decide whom others may not ask
        else if (redirects === 0) this.breaker.failed(origin);
        throw thrown;
      }
    }
  }

  async close(): Promise<void> {
    await (await this.agent)?.destroy();
  }

  private check(text: string): URL {
    if (!URL.canParse(text)) throw new FetchRefusal('failed', 'the location is no URL');
    const url = new URL(text);
    const { protocol } = url;
    if (protocol !== 'http:' && protocol !== 'https:') throw new FetchRefusal('failed', `${protocol} is not fetched`);
    if (url.username !== '' || url.password !== '') {
      throw new FetchRefusal('failed', 'the location has a user name');
    }
    const standard = protocol === 'https:' ? 443 : 80;
    const port = url.port === '' ? standard : Number(url.port);
    if (!this.guard.isAllowedPort(port)) throw new FetchRefusal('failed', `port ${port} may not be asked`);
    const literal = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(literal) !== 0 && !this.guard.isAllowed(literal)) {
      throw new FetchRefusal('failed', `${literal} may not be asked`);
    }
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
    take: TakeOctets,
  ): Promise<FetchOutcome> {
    const { statusCode, headers, body } = response;
    const facts = { etag: textOf(headers['etag']), lastModified: textOf(headers['last-modified']) };
    if (statusCode === 304) {
      await body.dump({ limit: 1024 });
      return { ok: true, modified: false, ...facts };
    }
    if (statusCode !== 200) {
      body.destroy();
      throw new FetchRefusal(statusCode < 500 ? 'absent' : 'failed', `status ${statusCode}`);
    }
    let octets = 0;
    // it answers: whoever names a large file of somebody else must not close that host to others
    const tooLarge = () => new FetchRefusal('absent', `more than ${request.octetsMax} octets`);
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

function textOf(value: string | string[] | undefined): string | null {
  return typeof value === 'string' && value.length <= 200 ? value : null;
}
