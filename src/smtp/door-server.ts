/**
 * One listener: smtp-server with nothing of its own left on, and our connections (RFC 5321 §4.5.4.2 for the limits).
 * TLS has our certificate or is not there: the library's built-in key is public, and is thrown away before the first
 * client comes (catalogue S5).
 */
import type { Server, Socket } from 'node:net';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { SMTPServer, type SMTPServerAuthentication, type SMTPServerSession } from 'smtp-server';
import type { SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { gatewayError } from '../errors.ts';
import { logConnectionRefused, logListener, logSocketError } from '../log/smtp-events.ts';
import { ClientRules, unmapAddress } from './client-rules.ts';
import { DoorConnection } from './door-connection.ts';
import type { DoorState, ListenerState } from './door-state.ts';
import type { ListenerOptions } from './listener-options.ts';
import { replyOf } from './replies.ts';

/** RFC 5321 §4.5.3.2.7: five minutes for the next command. */
const SILENCE_MS_MAX = 300_000;

/** What a listener needs, checked before anything is changed. */
export interface ListenerPlan {
  readonly name: string;
  readonly options: ListenerOptions;
  readonly rules: ClientRules;
  readonly secureContext: SecureContext | null;
}

/** @throws GatewayError `smtp.cannot-open`: a network that is none, a certificate without its key */
export function planListener(options: ListenerOptions): ListenerPlan {
  const name = `${options.address.includes(':') ? `[${options.address}]` : options.address}:${options.port}`;
  return { name, options, rules: new ClientRules(options.clients), secureContext: readTls(name, options.tls) };
}

function readTls(name: string, tls: ListenerOptions['tls']): SecureContext | null {
  if (tls === null) return null;
  if (tls.certificate.length === 0 || tls.key.length === 0) {
    throw gatewayError('smtp.cannot-open', `${name}: TLS needs a certificate and its key`);
  }
  try {
    return createSecureContext({ cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2', honorCipherOrder: true });
  } catch (cause) {
    throw gatewayError('smtp.cannot-open', `${name}: TLS certificate or key cannot be used`, cause);
  }
}

/** A listening socket and the sessions that came through it. */
export class DoorServer extends SMTPServer {
  readonly state: ListenerState;
  readonly #door: DoorState;
  readonly #connections = new WeakMap<SMTPServerSession, DoorConnection>();

  constructor(door: DoorState, plan: ListenerPlan) {
    super({
      name: door.options.hostname,
      secure: false,
      // what EHLO offers is ours to say, and so are the enhanced codes
      hideENHANCEDSTATUSCODES: true,
      hideSMTPUTF8: true,
      hideDSN: true,
      hideREQUIRETLS: true,
      authMethods: ['PLAIN', 'LOGIN'],
      // who may relay is decided at MAIL, by rule
      authOptional: true,
      disableReverseLookup: true,
      useProxy: false,
      useXClient: false,
      useXForward: false,
      socketTimeout: SILENCE_MS_MAX,
      logger: false,
    });
    this.#door = door;
    this.state = { name: plan.name, options: plan.options, rules: plan.rules };
    this.apply(plan);
    this.on('error', (error: Error) => logSocketError(this.state.name, error));
    // a reset between accept and the session's own listeners must not be an uncaught error
    this.netServer.on('connection', (socket) => {
      // replies to pipelined commands leave one by one: held back, each would wait for the peer's delayed ACK
      socket.setNoDelay(true);
      socket.on('error', (error) => logSocketError(this.state.name, error));
    });
  }

  get netServer(): Server {
    return this.server;
  }

  /** The port in use; 0 when it is not open. */
  get port(): number {
    const address = this.server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  }

  /** Takes over new options on the open socket; sessions under way see them from their next MAIL or STARTTLS. */
  apply(plan: ListenerPlan): void {
    this.state.options = plan.options;
    this.state.rules = plan.rules;
    this.options.name = this.#door.options.hostname;
    this.secureContext.clear();
    if (plan.secureContext !== null) this.secureContext.set('*', plan.secureContext);
  }

  /** @throws GatewayError `smtp.cannot-open` */
  bind(): Promise<void> {
    const { address, port } = this.state.options;
    return new Promise((resolve, reject) => {
      const failed = (cause: Error): void => {
        reject(gatewayError('smtp.cannot-open', `${this.state.name}: ${cause.message}`, cause));
      };
      this.server.once('error', failed);
      this.listen(port, address, () => {
        this.server.removeListener('error', failed);
        logListener(this.state.name, this.port, 'opened');
        resolve();
      });
    });
  }

  /** Takes no more connections. Resolves when the last one is gone. */
  stopListening(): Promise<void> {
    logListener(this.state.name, this.port, 'closed');
    return new Promise((resolve) => this.server.close(() => resolve()));
  }

  override connect(socket: Socket | TLSSocket, options?: SMTPConnectionOptions | null): void {
    const door = this.#door;
    const refusal =
      door.connections.size >= door.options.connectionsMax
        ? gatewayError('smtp.too-many-connections', `${door.connections.size} open`)
        : door.draining
          ? gatewayError('smtp.shutting-down', 'door closes')
          : null;
    if (refusal !== null) {
      logConnectionRefused(this.state.name, unmapAddress(socket.remoteAddress), refusal);
      const reply = replyOf(refusal);
      socket.end(`${reply.code} ${reply.text}\r\n`, () => socket.destroySoon());
      return;
    }
    const connection = new DoorConnection(this, socket, options, { door, listener: this.state });
    this.#connections.set(connection.session, connection);
    this.connections.add(connection);
    door.connections.add(connection);
    connection.on('error', (error: Error) => logSocketError(this.state.name, error));
    connection.init();
  }

  override onAuth(
    auth: SMTPServerAuthentication,
    session: SMTPServerSession,
    callback: (error: Error | null | undefined, answer?: { user?: string }) => void,
  ): void {
    const connection = this.#connections.get(session);
    if (connection === undefined) callback(null, {});
    else connection.verifyLogin(auth, callback);
  }
}
