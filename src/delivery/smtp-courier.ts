/**
 * The courier: takes one copy to the next hop of its route over pooled SMTP connections, and says for every recipient
 * what became of it (RFC 5321, RFC 6152, RFC 1870).
 *
 * It refuses to send what must be encrypted and is not (catalogue C19), 8-bit content to a 7-bit hop (5.6.3), a message
 * larger than the hop takes (5.3.4), and addresses that are none. Called by the queue, and by the courier of `relay/`
 * that opens inbound mail. Retries and their times are the queue's.
 */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { type Address, parseAddress } from '../address.ts';
import { asGatewayError, type ErrorCode, gatewayError } from '../errors.ts';
import { logDeliveryDefect, logNotSealed } from '../log/delivery-events.ts';
import type { Courier, Delivery, FailureReport, RecipientOutcome, Reply, ReportMessage } from '../queue/queue.ts';
import type { HopConnection } from './hop-connection.ts';
import { HopPool, type RouteStatus } from './hop-pool.ts';
import type { HopResult } from './hop-verdict.ts';
import { OutcomeSheet } from './outcome-sheet.ts';
import { formatReport } from './report.ts';
import type { DeliveryOptions } from './route-options.ts';
import { checkSealed, type ProvenContent } from './sealed-proof.ts';
import { findingReply, resultOf } from './smtp-reply.ts';
import { isEightBit, wireBytes, wireOctets } from './wire-form.ts';

/** The courier of the SMTP routes. It holds connections open until it is closed. */
export interface SmtpCourier extends Courier {
  /** New options from the next delivery on; routes that did not change keep their connections. */
  reconfigure(options: DeliveryOptions): void;
  /** Ends deliveries under way as deferred and closes all connections. Never rejects. */
  close(): Promise<void>;
  status(): { readonly internal: RouteStatus; readonly outside: RouteStatus };
}

/** Opens no connection before the first delivery. */
export function openCourier(options: DeliveryOptions): SmtpCourier {
  return new PooledCourier(options);
}

interface Pools {
  readonly internal: HopPool;
  readonly outside: HopPool;
}

/** One transaction about to be tried. */
interface Attempt {
  readonly delivery: Delivery;
  readonly content: ProvenContent;
  readonly reversePath: Address | null;
  readonly sheet: OutcomeSheet;
  readonly signal: AbortSignal;
}

class PooledCourier implements SmtpCourier {
  #options: DeliveryOptions;
  #pools: Pools;
  readonly #underWay = new Set<AbortController>();
  readonly #retiring = new Set<Promise<void>>();
  #closed = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#pools = { internal: openPool('internal', options), outside: openPool('outside', options) };
  }

  async deliver(delivery: Delivery, signal: AbortSignal): Promise<readonly RecipientOutcome[]> {
    const sheet = new OutcomeSheet(delivery);
    const own = new AbortController();
    const abort = (): void => own.abort();
    if (signal.aborted || this.#closed) abort();
    // the queue may give one signal to all its deliveries, far more than the ten that Node warns about
    setMaxListeners(0, signal);
    signal.addEventListener('abort', abort);
    this.#underWay.add(own);
    try {
      await this.#deliver(delivery, sheet, own.signal);
    } catch (thrown) {
      const error = asGatewayError(thrown);
      if (error.code === 'defect') logDeliveryDefect(sheet.subject, error);
      sheet.settleRest('deferred', findingReply(error));
    } finally {
      signal.removeEventListener('abort', abort);
      this.#underWay.delete(own);
    }
    return sheet.finish();
  }

  async #deliver(delivery: Delivery, sheet: OutcomeSheet, signal: AbortSignal): Promise<void> {
    const proof = checkSealed(delivery.group, delivery.recipients);
    if (!proof.ok) {
      // Only a defect or tampering leads here, and neither is the sender's to mend. So it is held back, not failed: a
      // report would take it out of the queue and with it the evidence, and a repair could not deliver it any more.
      // The alarm calls somebody; the lifetime of the queue still ends it.
      logNotSealed(sheet.subject, delivery.recipients, proof.failure);
      sheet.settleRest('deferred', finding('delivery.not-sealed', proof.failure));
      return;
    }
    checkHeader(delivery.group.header);
    const reversePath = this.#checkAddresses(delivery, sheet);
    if (reversePath === undefined) return;
    const attempt: Attempt = { delivery, content: proof.content, reversePath, sheet, signal };
    let fresh = false;
    while (sheet.waiting.length > 0) {
      if (signal.aborted) return sheet.settleRest('deferred', finding('smtp.shutting-down'));
      const pool = this.#pools[delivery.group.route];
      const acquired = await pool.acquire(fresh, signal);
      if (!acquired.ok && 'retired' in acquired) continue;
      // before MAIL nothing is said about the message: even a banner of 554 is a temporary trouble of the site
      if (!acquired.ok) return sheet.settleRest('deferred', acquired.reply);
      const next = await this.#attempt(attempt, pool, acquired.connection, !fresh);
      if (next === 'done') return;
      fresh = next === 'fresh';
    }
  }

  /** @returns undefined when nothing is left to try: no usable reverse-path or no usable recipient */
  #checkAddresses(delivery: Delivery, sheet: OutcomeSheet): Address | null | undefined {
    const text = delivery.record.reversePath;
    const reversePath = text === null ? null : usableAddress(text);
    if (text !== null && reversePath === null) {
      sheet.settleRest('failed', finding('smtp.bad-sender-address'));
      return undefined;
    }
    for (const recipient of sheet.waiting) {
      if (usableAddress(recipient) === null) sheet.settle(recipient, 'failed', finding('smtp.bad-address'));
    }
    return sheet.waiting.length === 0 ? undefined : reversePath;
  }

  /** @returns `fresh`: nothing was tried, take a new connection; `again`: some recipients are left for another transaction */
  async #attempt(
    attempt: Attempt,
    pool: HopPool,
    connection: HopConnection,
    mayRetry: boolean,
  ): Promise<'done' | 'fresh' | 'again'> {
    const { delivery, content, sheet, signal } = attempt;
    const bytes = wireBytes(delivery.group.header, content, delivery.bodyBytes ?? null);
    const eightBit = isEightBit(delivery.group.header, content);
    if (!settleUnfit(attempt, connection, bytes, eightBit)) {
      pool.release(connection);
      return 'done';
    }
    const recipients = sheet.waiting;
    const addresses = new Map(recipients.map((recipient) => [wireAddress(recipient), recipient]));
    const reused = connection.used > 0;
    const began = performance.now();
    const result = await connection.send(
      { reversePath: attempt.reversePath?.text ?? null, recipients: [...addresses.keys()], bytes, eightBit },
      wireOctets(delivery.group.header, content, () => delivery.openBody()),
      signal,
    );
    const { secure } = connection;
    pool.release(connection);
    if (result.untouched && reused && mayRetry && !signal.aborted) return 'fresh';
    if (result.reply.code >= 200 && result.reply.code < 300) pool.noteSuccess();
    else if (result.reply.code === 0) pool.noteFailure(result.reply);
    sheet.tookMs = performance.now() - began;
    sheet.tls = secure;
    return settleResult(sheet, addresses, result);
  }

  report(failures: FailureReport): ReportMessage | null {
    const unique = randomBytes(12).toString('hex');
    return formatReport(failures, { hostname: this.#options.hostname, ours: this.#options.ours, unique });
  }

  reconfigure(options: DeliveryOptions): void {
    const before = this.#options;
    this.#options = options;
    const renew = (name: keyof Pools): HopPool => {
      if (poolKey(name, before) === poolKey(name, options)) return this.#pools[name];
      this.#retire(this.#pools[name]);
      return openPool(name, options);
    };
    this.#pools = { internal: renew('internal'), outside: renew('outside') };
  }

  #retire(pool: HopPool): void {
    const closing = pool.close();
    this.#retiring.add(closing);
    void closing.then(() => this.#retiring.delete(closing));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const controller of this.#underWay) controller.abort();
    this.#retire(this.#pools.internal);
    this.#retire(this.#pools.outside);
    await Promise.all(this.#retiring);
  }

  status(): { readonly internal: RouteStatus; readonly outside: RouteStatus } {
    return { internal: this.#pools.internal.status(), outside: this.#pools.outside.status() };
  }
}

/** @returns false when this hop cannot be given the message at all; then everybody waiting is settled */
function settleUnfit(attempt: Attempt, connection: HopConnection, bytes: number | null, eightBit: boolean): boolean {
  const { sheet, reversePath } = attempt;
  const refuse = (code: ErrorCode): false => {
    sheet.settleRest('failed', finding(code, connection.hop));
    return false;
  };
  // converting would break what was signed, so this hop cannot have it (RFC 6152 §3)
  if (eightBit && !connection.offers('8BITMIME')) return refuse('delivery.no-8bit');
  if (bytes !== null && connection.bytesMax !== null && bytes > connection.bytesMax) return refuse('smtp.too-large');
  if (!connection.offers('SMTPUTF8')) {
    if (reversePath !== null && !isAscii(reversePath.text)) return refuse('smtp.utf8-address');
    for (const recipient of sheet.waiting) {
      if (!isAscii(wireAddress(recipient)))
        sheet.settle(recipient, 'failed', finding('smtp.utf8-address', connection.hop));
    }
  }
  return sheet.waiting.length > 0;
}

function settleResult(
  sheet: OutcomeSheet,
  addresses: ReadonlyMap<string, string>,
  result: HopResult,
): 'done' | 'again' {
  const shared = resultOf(result.reply);
  const crowded: string[] = [];
  for (const [address, recipient] of addresses) {
    const rejection = result.rejected.get(address);
    if (rejection === undefined) sheet.settle(recipient, shared, result.reply, result.ambiguous);
    else if (shared === 'delivered' && isTooMany(rejection)) crowded.push(recipient);
    else sheet.settle(recipient, resultOf(rejection), rejection);
  }
  // RFC 5321 §4.5.3.1.10: those beyond the limit of the hop go in a further transaction at once. It ends, for each
  // transaction that leads to another delivered to somebody.
  return crowded.length > 0 ? 'again' : 'done';
}

function isTooMany(reply: Reply): boolean {
  return reply.code === 452 && (reply.enhanced === '4.5.3' || reply.enhanced === '4.0.0');
}

/** SMTPConnection refuses the whole transaction for one address with angle brackets; legal in quotes, used by nobody. */
function usableAddress(text: string): Address | null {
  const address = parseAddress(text);
  return address === null || /[<>]/.test(address.text) ? null : address;
}

function wireAddress(recipient: string): string {
  return usableAddress(recipient)?.text ?? recipient;
}

function isAscii(text: string): boolean {
  return !/[^\x20-\x7e]/.test(text);
}

/** An empty line inside, or a missing end, would move the border between header and body. */
function checkHeader(header: string): void {
  const bordered = header.endsWith('\r\n') && !header.startsWith('\r\n') && !header.includes('\r\n\r\n');
  if (!bordered || /[^\x00-\xff]/.test(header)) throw gatewayError('defect', 'stored header is not a header section');
}

function finding(code: ErrorCode, where = ''): Reply {
  // the reason of the alarm is for the log alone
  return findingReply(gatewayError(code, where), code === 'delivery.not-sealed' ? '' : where);
}

function openPool(name: keyof Pools, options: DeliveryOptions): HopPool {
  return new HopPool(name, options.routes[name], {
    hostname: options.hostname,
    connectTimeoutMs: options.connectTimeoutMs,
    replyTimeoutMs: options.replyTimeoutMs,
    connectionsMax: options.connectionsPerRoute,
    messagesPerConnection: options.messagesPerConnection,
  });
}

/** Everything about a pool that a connection depends on. */
function poolKey(name: keyof Pools, options: DeliveryOptions): string {
  const { host, port, tls, ca } = options.routes[name];
  const { hostname, connectionsPerRoute, messagesPerConnection, connectTimeoutMs, replyTimeoutMs } = options;
  const limits = [connectionsPerRoute, messagesPerConnection, connectTimeoutMs, replyTimeoutMs];
  return JSON.stringify([host, port, tls, ca?.toString('latin1') ?? null, hostname, ...limits]);
}
