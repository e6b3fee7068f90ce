/**
 * The door: every SMTP listener of the gateway, opened, changed while mail flows, and closed without losing any.
 *
 * Only `smtp/` knows smtp-server. What comes through the door is an {@link Envelope} that was checked and a stream of
 * CRLF-true octets; what is refused never reaches the receiver. A reconfiguration is all or nothing: it is planned and
 * its new sockets are bound before the first thing changes (catalogue O5).
 */
import { setTimeout as wait } from 'node:timers/promises';
import { gatewayError } from '../errors.ts';
import { logListener } from '../log/smtp-events.ts';
import { DoorServer, type ListenerPlan, planListener } from './door-server.ts';
import type { DoorState, OpenConnection } from './door-state.ts';
import type { DoorOptions } from './listener-options.ts';
import { LoginThrottle } from './login-throttle.ts';
import type { Receiver } from './receiver.ts';

/** An open door. */
export interface Door {
  /** What is bound; `listener` is `address:port` as configured, `port` the one in use. */
  readonly addresses: readonly { address: string; port: number; listener: string }[];

  /**
   * Changes options and receiver. Listeners of the same address and port keep their socket, new ones are bound first,
   * dropped ones take no more connections. Sessions go on; a transaction under way keeps the receiver it began with.
   * @throws GatewayError `smtp.cannot-open`; then nothing has changed
   */
  reconfigure(options: DoorOptions, receiver: Receiver): Promise<void>;

  /**
   * Takes no more connections at once, says 421 to idle ones, lets commands and messages under way end.
   * @param graceMs after that the rest is cut; a message of theirs that gets stored then was never acknowledged
   */
  close(graceMs: number): Promise<void>;
}

/** Opens all listeners, or none. @throws GatewayError `smtp.cannot-open` */
export async function openDoor(options: DoorOptions, receiver: Receiver): Promise<Door> {
  const door = new ListeningDoor(options, receiver);
  await door.reconfigure(options, receiver);
  return door;
}

class ListeningDoor implements Door {
  readonly #state: DoorState;
  #servers: readonly DoorServer[] = [];
  /** One change at a time. */
  #turn: Promise<void> = Promise.resolve();
  /** Dropped listeners whose sessions go on. */
  readonly #leaving = new Set<Promise<void>>();
  #closing: Promise<void> | null = null;

  constructor(options: DoorOptions, receiver: Receiver) {
    this.#state = {
      options,
      receiver,
      draining: false,
      connections: new Set<OpenConnection>(),
      throttle: new LoginThrottle(),
      ongone: () => undefined,
    };
  }

  get addresses(): readonly { address: string; port: number; listener: string }[] {
    return this.#servers.map(({ state, port }) => ({ address: state.options.address, port, listener: state.name }));
  }

  reconfigure(options: DoorOptions, receiver: Receiver): Promise<void> {
    const change = this.#turn.then(() => this.#change(options, receiver));
    this.#turn = change.catch(() => undefined);
    return change;
  }

  async #change(options: DoorOptions, receiver: Receiver): Promise<void> {
    if (this.#state.draining) throw gatewayError('smtp.cannot-open', 'the door is closed');
    const dropped = new Set(this.#servers);
    const kept = new Map<ListenerPlan, DoorServer>();
    const plans = options.listeners.map(planListener);
    for (const plan of plans) {
      const server = [...dropped].find((candidate) => candidate.state.name === plan.name);
      if (server === undefined) continue;
      dropped.delete(server);
      kept.set(plan, server);
    }
    const servers = plans.map((plan) => kept.get(plan) ?? new DoorServer(this.#state, plan));
    await bindAll(servers.filter((server) => server.port === 0));
    this.#state.options = options;
    this.#state.receiver = receiver;
    for (const [plan, server] of kept) {
      server.apply(plan);
      logListener(plan.name, server.port, 'changed');
    }
    for (const server of servers) server.options.name = options.hostname;
    this.#servers = servers;
    for (const server of dropped) {
      const left = server.stopListening();
      this.#leaving.add(left);
      void left.then(() => this.#leaving.delete(left));
    }
  }

  close(graceMs: number): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    await this.#turn;
    const { connections } = this.#state;
    this.#state.draining = true;
    const closed = this.#servers.map((server) => server.stopListening());
    this.#servers = [];
    const gone = new Promise<void>((resolve) => {
      this.#state.ongone = () => {
        if (connections.size === 0) resolve();
      };
      this.#state.ongone();
    });
    for (const connection of [...connections]) connection.drain();
    const alarm = new AbortController();
    await Promise.race([gone, wait(graceMs, undefined, { signal: alarm.signal }).catch(() => undefined)]);
    alarm.abort();
    for (const connection of [...connections]) connection.destroy();
    await Promise.all([...closed, ...this.#leaving, gone]);
  }
}

/** Binds all of them, or none. */
async function bindAll(servers: readonly DoorServer[]): Promise<void> {
  const results = await Promise.allSettled(servers.map((server) => server.bind()));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return;
  await Promise.all(servers.filter((server) => server.port !== 0).map((server) => server.stopListening()));
  throw failed.reason;
}
