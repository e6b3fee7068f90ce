/**
 * The connections to one next hop: reused while idle, never more than allowed, first come first served.
 *
 * When a hop cannot be reached and no connection to it is left, everybody in line fails with the same reply (the blast
 * radius is the site); when some connections stand, the hop only limits their number, and those in line wait for them.
 */
import { logRouteDown, logRouteUp } from '../log/delivery-events.ts';
import type { Reply } from '../queue/queue.ts';
import type { RouteName } from '../queue/record.ts';
import type { HopConnection } from './hop-connection.ts';
import { type ConnectOptions, type ConnectResult, connectHop } from './hop-connector.ts';
import type { RouteOptions } from './route-options.ts';

export interface PoolOptions extends ConnectOptions {
  /** Connections at most, and transactions over each before it is closed. */
  readonly connectionsMax: number;
  readonly messagesPerConnection: number;
}

/** What an administrator sees of a route. */
export interface RouteStatus {
  readonly hop: string;
  readonly openConnections: number;
  readonly idleConnections: number;
  /** Deliveries in line for a connection. */
  readonly waiting: number;
  readonly up: boolean;
  /** When the hop last took a message; null: not since the start. */
  readonly lastSuccess: Date | null;
  /** When connecting or the dialogue last broke; null: not since the start. */
  readonly lastFailure: { readonly at: Date; readonly text: string } | null;
}

/** `retired`: the pool was replaced while waiting; ask its successor. */
export type AcquireResult = ConnectResult | { readonly ok: false; readonly retired: true };

/** Idle connections are a courtesy of the hop: many end them after some ten seconds, so we do it first. */
const IDLE_MS = 8000;
/** After a failed connect no new one for that long while others stand. */
const COOL_DOWN_MS = 5000;

interface Waiter {
  readonly signal: AbortSignal;
  readonly grant: (result: AcquireResult) => void;
}

export class HopPool {
  readonly hop: string;
  readonly #name: RouteName;
  readonly #route: RouteOptions;
  readonly #options: PoolOptions;
  /** Connected ones, idle or in use. */
  readonly #live = new Set<HopConnection>();
  readonly #idle = new Map<HopConnection, NodeJS.Timeout>();
  readonly #waiters: Waiter[] = [];
  readonly #quitting = new Set<Promise<void>>();
  #connecting = 0;
  #closed = false;
  #coolUntil = 0;
  #downSince: number | null = null;
  #lastSuccess: Date | null = null;
  #lastFailure: { at: Date; text: string } | null = null;

  constructor(name: RouteName, route: RouteOptions, options: PoolOptions) {
    this.#name = name;
    this.#route = route;
    this.#options = options;
    this.hop = `${route.host}:${route.port}`;
  }

  /**
   * A connection for one transaction, to be given back with {@link release}. Never rejects.
   * @param fresh true: none that was idle, for one such was just found dead; all idle ones are closed
   */
  acquire(fresh: boolean, signal: AbortSignal): Promise<AcquireResult> {
    if (this.#closed) return Promise.resolve({ ok: false, retired: true });
    if (fresh) this.#quitIdle();
    const idle = [...this.#idle.keys()].reverse().find((connection) => connection.usable);
    if (idle !== undefined) {
      this.#unidle(idle);
      return Promise.resolve({ ok: true, connection: idle });
    }
    return this.#mayConnect() ? this.#connect(signal) : this.#wait(signal);
  }

  /** Gives a connection back, usable or not. */
  release(connection: HopConnection): void {
    const spent = connection.used >= this.#options.messagesPerConnection || this.#closed;
    if (!connection.usable || spent) {
      this.#quit(connection);
      this.#serve();
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) {
      waiter.grant({ ok: true, connection });
      return;
    }
    connection.onEnd(() => this.#forget(connection));
    this.#idle.set(
      connection,
      setTimeout(() => this.#quit(connection), IDLE_MS),
    );
  }

  noteSuccess(): void {
    this.#lastSuccess = new Date();
  }

  noteFailure(reply: Reply): void {
    this.#lastFailure = { at: new Date(), text: reply.text };
  }

  status(): RouteStatus {
    return {
      hop: this.hop,
      openConnections: this.#live.size + this.#connecting,
      idleConnections: this.#idle.size,
      waiting: this.#waiters.length,
      up: this.#downSince === null,
      lastSuccess: this.#lastSuccess,
      lastFailure: this.#lastFailure,
    };
  }

  /**
   * Lends no more connections and closes the idle ones; those in use are closed when they come back.
   * Resolves when all idle ones are closed.
   */
  async close(): Promise<void> {
    this.#closed = true;
    for (const waiter of this.#waiters.splice(0)) waiter.grant({ ok: false, retired: true });
    this.#quitIdle();
    await Promise.all(this.#quitting);
  }

  #mayConnect(): boolean {
    const open = this.#live.size + this.#connecting;
    if (open >= this.#options.connectionsMax) return false;
    return this.#live.size === 0 || performance.now() >= this.#coolUntil;
  }

  async #connect(signal: AbortSignal): Promise<AcquireResult> {
    this.#connecting += 1;
    const result = await connectHop(this.#route, this.#options, signal);
    this.#connecting -= 1;
    if (this.#closed && !signal.aborted) {
      if (result.ok) this.#quit(result.connection);
      return { ok: false, retired: true };
    }
    if (result.ok) {
      this.#live.add(result.connection);
      this.#noteUp();
      return result;
    }
    if (signal.aborted) {
      this.#serve();
      return result;
    }
    this.noteFailure(result.reply);
    this.#coolUntil = performance.now() + COOL_DOWN_MS;
    if (this.#live.size > 0) return this.#wait(signal);
    this.#noteDown(result.reply);
    for (const waiter of this.#waiters.splice(0)) waiter.grant(result);
    return result;
  }

  #wait(signal: AbortSignal): Promise<AcquireResult> {
    return new Promise((resolve) => {
      const waiter: Waiter = {
        signal,
        grant: (result) => {
          signal.removeEventListener('abort', leave);
          resolve(result);
        },
      };
      const leave = (): void => {
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) this.#waiters.splice(at, 1);
        // connecting with an aborted signal gives the reply that says so
        resolve(connectHop(this.#route, this.#options, signal));
      };
      if (signal.aborted) {
        leave();
        return;
      }
      signal.addEventListener('abort', leave);
      this.#waiters.push(waiter);
    });
  }

  /** A place came free: the first in line connects. */
  #serve(): void {
    while (this.#waiters.length > 0 && this.#mayConnect()) {
      const waiter = this.#waiters.shift();
      if (waiter !== undefined) void this.#connect(waiter.signal).then(waiter.grant);
    }
  }

  #quitIdle(): void {
    for (const connection of [...this.#idle.keys()]) this.#quit(connection);
  }

  #quit(connection: HopConnection): void {
    this.#unidle(connection);
    this.#live.delete(connection);
    const quitting = connection.quit();
    this.#quitting.add(quitting);
    void quitting.then(() => this.#quitting.delete(quitting));
  }

  #forget(connection: HopConnection): void {
    this.#unidle(connection);
    this.#live.delete(connection);
  }

  #unidle(connection: HopConnection): void {
    clearTimeout(this.#idle.get(connection));
    this.#idle.delete(connection);
    connection.onEnd(() => {});
  }

  #noteDown(reply: Reply): void {
    if (this.#downSince !== null) return;
    this.#downSince = performance.now();
    logRouteDown(this.#name, this.hop, reply.text);
  }

  #noteUp(): void {
    if (this.#downSince === null) return;
    logRouteUp(this.#name, this.hop, performance.now() - this.#downSince);
    this.#downSince = null;
  }
}
