/**
 * What all connections of one door share, and what those of one listener do. Both are replaced in place by
 * `reconfigure`; a transaction keeps what it read at MAIL.
 */
import type { ClientRules } from './client-rules.ts';
import type { DoorOptions, ListenerOptions } from './listener-options.ts';
import type { LoginThrottle } from './login-throttle.ts';
import type { Receiver } from './receiver.ts';

/** A connection as the door sees it. */
export interface OpenConnection {
  /** Says 421 as soon as no message and no command is under way. */
  drain(): void;
  /** Cuts the connection. */
  destroy(): void;
}

export interface DoorState {
  options: DoorOptions;
  receiver: Receiver;
  /** True once the door closes: connections say 421 when they are done with what is under way. */
  draining: boolean;
  /** Every open socket, those that wait for the peer's last octet included. */
  readonly connections: Set<OpenConnection>;
  readonly throttle: LoginThrottle;
  /** Called when a connection has left {@link connections}. */
  ongone: () => void;
}

export interface ListenerState {
  /** `address:port` as configured. */
  readonly name: string;
  options: ListenerOptions;
  rules: ClientRules;
}
