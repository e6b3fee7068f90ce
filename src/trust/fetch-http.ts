/**
 * Fetching over HTTP/1.1 (RFC 9110, RFC 9112). Who may be asked is for the guard, at every redirect and at the moment of
 * connecting. A connection is for one question: what is asked here is asked once in hours.
 *
 * Refused: schemes other than http and https, user names, more than {@link REDIRECTS_MAX} redirects, statuses other than
 * 200 and 304, more octets than asked for, header fields of more than 16 KiB, more than {@link INTERIM_MAX} interim
 * responses. Compressed answers are not taken apart.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { type AddressGuard, guardedLookup } from './fetch-address.ts';
import type { FetchBreaker } from './fetch-breaker.ts';
import { FetchRefusal } from './fetch-refusal.ts';
import type { FetchFacts, FetchRequest, TakeOctets } from './fetch-request.ts';

const REDIRECTS_MAX = 3;
/** Responses 1xx before the one that counts (RFC 9110 §15.2). */
const INTERIM_MAX = 8;
const HEADER_OCTETS_MAX = 16 * 1024;

export class HttpFetch {
  private readonly guard: AddressGuard;
  private readonly breaker: FetchBreaker;
  private readonly underWay = new Set<ClientRequest>();

  constructor(guard: AddressGuard, breaker: FetchBreaker) {
    this.guard = guard;
    this.breaker = breaker;
  }

  /** @throws FetchRefusal */
  hostOf(url: string): string {
    return this.check(url).hostname;
  }

  /** @throws FetchRefusal, errors of the connection, what `take` throws */
  async fetch(request: FetchRequest, take: TakeOctets, signal: AbortSignal): Promise<FetchFacts> {
    let url = this.check(request.url);
    for (let redirects = 0; ; redirects++) {
      // with the scheme: where nothing listens for https, http may well be answered
      const { origin } = url;
      if (!this.breaker.admit(origin)) throw new FetchRefusal('failed', `${origin} failed a moment ago`);
      try {
        const response = await this.ask(url, request, signal);
        const { statusCode = 0, headers } = response;
        if (statusCode >= 300 && statusCode < 400 && statusCode !== 304) {
          response.destroy();
          const { location } = headers;
          if (redirects === REDIRECTS_MAX) throw new FetchRefusal('failed', `more than ${REDIRECTS_MAX} redirects`);
          if (location === undefined) throw new FetchRefusal('failed', `status ${statusCode} without a location`);
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

  /** Ends what is under way. */
  close(): void {
    for (const asking of this.underWay) asking.destroy(new FetchRefusal('busy', 'nobody needs it any more'));
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

  private async ask(url: URL, request: FetchRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { request: send } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
    signal.throwIfAborted();
    return await new Promise((resolve, reject) => {
      const { post, etag, lastModified } = request;
      const asking = send(url, {
        agent: false,
        method: post === null ? 'GET' : 'POST',
        headers: {
          'user-agent': 'sealgate',
          accept: '*/*',
          ...(post === null ? {} : { 'content-type': post.type, 'content-length': post.body.length }),
          ...(etag === null ? {} : { 'if-none-match': etag }),
          ...(lastModified === null ? {} : { 'if-modified-since': lastModified }),
        },
        lookup: guardedLookup(this.guard),
        maxHeaderSize: HEADER_OCTETS_MAX,
        insecureHTTPParser: false,
        signal,
      });
      this.underWay.add(asking);
      asking.on('close', () => this.underWay.delete(asking));
      asking.on('response', (response) => {
        // who gives an answer up is told so by an event, which without a listener would end the process
        response.on('error', () => {});
        resolve(response);
      });
      // stays, for the same reason
      asking.on('error', reject);
      let interim = 0;
      asking.on('information', () => {
        if (++interim > INTERIM_MAX) asking.destroy(new FetchRefusal('failed', 'interim responses without end'));
      });
      asking.end(post?.body);
    });
  }

  private async read(response: IncomingMessage, request: FetchRequest, take: TakeOctets): Promise<FetchFacts> {
    const { statusCode = 0, headers } = response;
    const facts = { etag: textOf(headers.etag), lastModified: textOf(headers['last-modified']) };
    if (statusCode !== 200) {
      response.destroy();
      if (statusCode === 304) return { modified: false, ...facts };
      throw new FetchRefusal(statusCode < 500 ? 'absent' : 'failed', `status ${statusCode}`);
    }
    let octets = 0;
    // it answers: whoever names a large file of somebody else must not close that host to others
    const tooLarge = () => new FetchRefusal('absent', `more than ${request.octetsMax} octets`);
    if (Number(headers['content-length'] ?? 0) > request.octetsMax) {
      response.destroy();
      throw tooLarge();
    }
    const chunks: AsyncIterable<Buffer> = response;
    for await (const chunk of chunks) {
      octets += chunk.length;
      if (octets > request.octetsMax) throw tooLarge();
      await take(chunk);
    }
    return { modified: true, ...facts };
  }
}

function textOf(value: string | undefined): string | null {
  return value !== undefined && value.length <= 200 ? value : null;
}
