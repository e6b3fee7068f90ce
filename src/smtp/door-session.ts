/**
 * One SMTP session as far as it carries no mail (RFC 5321, RFC 3207, RFC 4954): smtp-server's connection with our
 * input, our EHLO, our limits and our words, because its reading of them is wider than ours (catalogue S2, S5, S11).
 *
 * What stays smtp-server's: the socket's life, TLS, SASL, QUIT, NOOP, VRFY and the order of commands. Its commands
 * XCLIENT, XFORWARD and the jokes are off. QUIRK: it is extended through members with an underscore; the version is
 * pinned and a test proves that they are still there.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { SMTPServer, SMTPServerAuthentication } from 'smtp-server';
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { asGatewayError, type GatewayError, gatewayError } from '../errors.ts';
import { logConnectionRefused, logLoginFailed, logTransactionRefused } from '../log/smtp-events.ts';
import { unmapAddress } from './client-rules.ts';
import type { DoorState, ListenerState, OpenConnection } from './door-state.ts';
import { InputParser } from './input-parser.ts';
import { REPLY, type Reply, replyOf, settleLibraryReply } from './replies.ts';

/** Commands that carry no mail; this many without a message accepted, and the session ends (S11). */
const IDLE_COMMANDS_MAX = 100;
const IDLE_COMMANDS = /^(?:NOOP|RSET|VRFY|HELP|EHLO|HELO)\b/i;
/** Replies for which the client alone is to blame: syntax, order, no right to relay. */
const CLIENT_ERRORS_MAX = 20;
const LOGIN_ATTEMPTS_MAX = 5;
const COMMANDS_OFF = new Set(['XCLIENT', 'XFORWARD', 'WIZ', 'SHELL', 'KILL', 'LHLO']);

type LoginAnswer = (error: Error | null, answer?: { user?: string }) => void;

export abstract class DoorSession extends SMTPConnection implements OpenConnection {
  protected readonly door: DoorState;
  protected readonly listener: ListenerState;
  /** Of the peer, unmapped. */
  protected readonly ip: string;
  #idleCommands = 0;
  #clientErrors = 0;
  #loginAttempts = 0;
  #corked: Socket | null = null;

  constructor(
    server: SMTPServer,
    socket: Socket | TLSSocket,
    options: SMTPConnectionOptions | null | undefined,
    shared: { readonly door: DoorState; readonly listener: ListenerState },
  ) {
    super(server, socket, options);
    this.door = shared.door;
    this.listener = shared.listener;
    this.ip = unmapAddress(socket.remoteAddress);
  }

  /** Ends the open transaction, if there is one; a message under way fails for `reason`. */
  protected abstract endTransaction(reason?: GatewayError): void;

  protected abstract get inTransaction(): boolean;

  /** True from 354 to the reply after the message. */
  protected abstract get receiving(): boolean;

  // the life of the session

  drain(): void {
    if (this._handlerPending || this.receiving) return;
    this.#endWith(gatewayError('smtp.shutting-down', 'door closes'));
  }

  destroy(): void {
    this._socket.destroy();
  }

  /** Greets known clients at once; strangers wait the moment in which early talkers give themselves away. */
  override init(): void {
    if (this.listener.rules.admit(this.ip, null) === null) super.init();
    else this._setListeners(() => this.connectionReady());
  }

  override _createParser(): InputParser {
    const parser = new InputParser();
    parser.oncommand = (line, resume) => this._onCommand(line, resume);
    parser.onoffence = () => this.#offence();
    parser.on('error', () => this.#endWith(gatewayError('smtp.too-many-errors', 'command line too long')));
    return parser;
  }

  override close(): void {
    super.close();
    this.endTransaction();
  }

  override _onClose(): void {
    super._onClose();
    this.endTransaction();
    this.door.connections.delete(this);
    this.door.ongone();
  }

  #offence(): void {
    const refusal = gatewayError('smtp.bare-newline', 'bare CR, bare LF or NUL');
    if (!this.receiving) logConnectionRefused(this.listener.name, this.ip, refusal);
    this.endTransaction(refusal);
    this.say(replyOf(refusal));
    this.close();
  }

  /** Ends the session with a 421, which closes it. */
  #endWith(refusal: GatewayError): void {
    if (this._closing || this._closed) return;
    if (refusal.code !== 'smtp.shutting-down') logConnectionRefused(this.listener.name, this.ip, refusal);
    this.say(replyOf(refusal));
  }

  // commands

  override _isDisabled(command: string): boolean {
    const { tls } = this.listener.options;
    if (command === 'STARTTLS') return tls === null;
    if (command === 'AUTH') return tls === null || !this.listener.rules.hasLogins;
    return COMMANDS_OFF.has(command);
  }

  override _onCommand(line: Buffer, resume?: () => void): void {
    if (IDLE_COMMANDS.test(line.toString('latin1', 0, 5))) this.#idleCommands += 1;
    if (this.#idleCommands > IDLE_COMMANDS_MAX || this.#clientErrors > CLIENT_ERRORS_MAX) {
      this.#endWith(gatewayError('smtp.too-many-errors', `${this.#idleCommands} idle, ${this.#clientErrors} wrong`));
      return;
    }
    super._onCommand(line, () => {
      if (this.door.draining) this.drain();
      resume?.();
    });
  }

  override handler_EHLO(command: Buffer, callback: () => void): void {
    if (this.#takeHostname(command)) {
      const features = ['PIPELINING', '8BITMIME', 'ENHANCEDSTATUSCODES', `SIZE ${this.door.options.messageBytesMax}`];
      if (!this.secure && !this._isDisabled('STARTTLS')) features.push('STARTTLS');
      if (this.authOffered && this.login === null) features.push('AUTH PLAIN LOGIN');
      super.send(250, [this.door.options.hostname, ...features], false);
    }
    callback();
  }

  override handler_HELO(command: Buffer, callback: () => void): void {
    if (this.#takeHostname(command)) super.send(250, this.door.options.hostname, false);
    callback();
  }

  override handler_HELP(_command: Buffer, callback: () => void): void {
    this.say(REPLY.help);
    callback();
  }

  override handler_RSET(_command: Buffer, callback: () => void): void {
    this.endTransaction();
    this.say(REPLY.reset);
    callback();
  }

  override handler_STARTTLS(command: Buffer, callback: () => void): void {
    this.endTransaction();
    super.handler_STARTTLS(command, callback);
  }

  override handler_AUTH(command: Buffer, callback: () => void): void {
    if (this.secure && !this.inTransaction) {
      super.handler_AUTH(command, callback);
      return;
    }
    this.blame();
    this.say(this.secure ? REPLY.transactionOpen : replyOf(gatewayError('smtp.tls-needed', 'AUTH in clear')));
    callback();
  }

  #takeHostname(command: Buffer): boolean {
    const words = command.toString('latin1').trim().split(/ +/);
    const hostname = words[1] ?? '';
    if (words.length !== 2 || !/^[!-~]{1,255}$/.test(hostname)) {
      super.send(REPLY.badHostname.code, REPLY.badHostname.text, false);
      return false;
    }
    this.endTransaction();
    this.hostNameAppearsAs = hostname;
    return true;
  }

  // logins

  /** The name that AUTH accepted in this session. */
  protected get login(): string | null {
    return typeof this.session.user === 'string' ? this.session.user : null;
  }

  protected get authOffered(): boolean {
    return this.secure && !this._isDisabled('AUTH');
  }

  /** Checks a name and password for SASL. Answers after the wait that the address has earned. */
  verifyLogin(auth: SMTPServerAuthentication, callback: LoginAnswer): void {
    const name = auth.username ?? '';
    // RFC 4616: to act for somebody else is nobody's right here
    const forAnother = Boolean(auth.authzid) && Boolean(auth.authcid) && auth.authzid !== auth.authcid;
    this.#loginAttempts += 1;
    if (this.#loginAttempts > LOGIN_ATTEMPTS_MAX) {
      this.#endWith(gatewayError('smtp.too-many-errors', 'login attempts'));
      callback(null, {});
      return;
    }
    const attempt = this.door.throttle.attempt(this.ip, async () => {
      const right = await this.listener.rules.verifyLogin(name, auth.password ?? '');
      return right && !forAnother;
    });
    attempt
      .then((right) => {
        if (!right) logLoginFailed(this.listener.name, this.ip, name);
        return right ? null : gatewayError('smtp.login-failed', 'wrong name or password');
      })
      .catch((thrown: unknown) => {
        const defect = asGatewayError(thrown);
        logTransactionRefused('auth', defect, {
          listener: this.listener.name,
          ip: this.ip,
          traceId: null,
          from: null,
          said: null,
        });
        return defect;
      })
      .then((refusal) => {
        if (refusal === null) callback(null, { user: name });
        else callback(Object.assign(new Error(refusal.publicText), { responseCode: refusal.reply }));
      })
      .catch(() => this.destroy());
  }

  // words

  /** smtp-server's own replies come through here. */
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    const text = Array.isArray(data) ? data.join(' ') : (data ?? '');
    if (code === 500 || code === 503) this.blame();
    this.say({ code, text: settleLibraryReply(code, text, context) });
  }

  /** Counts one mistake of the client. */
  protected blame(): void {
    this.#clientErrors += 1;
  }

  /** A message was accepted: the client is a sender, and its slate is clean. */
  protected forgive(): void {
    this.#idleCommands = 0;
    this.#clientErrors = 0;
  }

  /** Replies to commands that came in one packet leave in one packet (RFC 2920 §3.2). */
  protected say(reply: Reply): void {
    const parser = this._parser;
    const more = reply.code < 421 && reply.code !== 220 && parser instanceof InputParser && parser.pipelined;
    if (more && this.#corked === null) {
      this.#corked = this._socket;
      this._socket.cork();
      setImmediate(() => this.#flush());
    }
    super.send(reply.code, reply.text, false);
    if (!more) this.#flush();
  }

  #flush(): void {
    this.#corked?.uncork();
    this.#corked = null;
  }
}
