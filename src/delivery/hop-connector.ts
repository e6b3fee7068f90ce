/**
 * Opens a connection to a next hop: TCP, banner, EHLO, and STARTTLS as the route asks (RFC 5321 §3.1, RFC 3207,
 * RFC 7435).
 *
 * Nothing here falls back to less security. `required` needs a certificate valid for the host, else 4.7.10.
 * `opportunistic` takes STARTTLS where it is offered, and a hop that offers it and fails at it is waited for: going on
 * in clear would let whoever can break a handshake choose it. For the same reason EHLO refused is no HELO session where
 * TLS is wanted. Every failure here is temporary, even a banner of 554: it says nothing about the message.
 */
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { gatewayError } from '../errors.ts';
import type { Reply } from '../queue/queue.ts';
import { HopConnection } from './hop-connection.ts';
import type { HopError } from './hop-verdict.ts';
import type { RouteOptions } from './route-options.ts';
import { findingReply, garbageReply, parseReply } from './smtp-reply.ts';

/** What a connection needs besides its route. */
export interface ConnectOptions {
  /** Our EHLO name. */
  readonly hostname: string;
  readonly connectTimeoutMs: number;
  readonly replyTimeoutMs: number;
}

export type ConnectResult =
  | { readonly ok: true; readonly connection: HopConnection }
  | { readonly ok: false; readonly reply: Reply };

/** A reply is a few lines: a peer does not fill our memory with one. */
const REPLY_BYTES_MAX = 65536;
/** EHLO, STARTTLS, EHLO: replies awaited after the banner. */
const REPLIES = 3;

/**
 * Connects and greets. Never rejects.
 * @param signal gives up at once
 */
export function connectHop(route: RouteOptions, options: ConnectOptions, signal: AbortSignal): Promise<ConnectResult> {
  const hop = `${route.host}:${route.port}`;
  const smtp = new SMTPConnection(connectionOptions(route, options));
  return new Promise((resolve) => {
    let over = false;
    const settle = (result: ConnectResult): void => {
      if (over) return;
      over = true;
      clearTimeout(deadline);
      signal.removeEventListener('abort', aborted);
      smtp.off('error', failed);
      if (!result.ok) {
        // what the socket says from here on is of no interest, but an 'error' without listener ends the process
        smtp.on('error', () => {});
        smtp.close();
      }
      resolve(result);
    };
    const failed = (error: HopError): void => settle({ ok: false, reply: failureReply(route, hop, smtp, error) });
    const aborted = (): void =>
      settle({ ok: false, reply: findingReply(gatewayError('smtp.shutting-down', 'aborted')) });
    const timedOut = (): void => settle({ ok: false, reply: unreachable(`${hop}: time-out`) });
    const deadline = setTimeout(timedOut, options.connectTimeoutMs + REPLIES * options.replyTimeoutMs);
    if (signal.aborted) {
      aborted();
      return;
    }
    signal.addEventListener('abort', aborted);
    smtp.on('error', failed);
    smtp.connect((error) => {
      if (error) failed(error);
      else settle(checkSession(route, hop, new HopConnection(smtp, hop, options.replyTimeoutMs)));
    });
  });
}

function connectionOptions(
  route: RouteOptions,
  options: ConnectOptions,
): ConstructorParameters<typeof SMTPConnection>[0] {
  return {
    host: route.host,
    port: route.port,
    secure: false,
    name: options.hostname,
    ignoreTLS: route.tls === 'none',
    requireTLS: route.tls === 'required',
    tls: tlsOptions(route),
    connectionTimeout: options.connectTimeoutMs,
    greetingTimeout: options.connectTimeoutMs,
    dnsTimeout: options.connectTimeoutMs,
    socketTimeout: options.replyTimeoutMs,
    // closing means tearing down: a half-closed connection must not make a message of what was cut short
    socketCloseTimeout: 0,
    maxResponseSize: REPLY_BYTES_MAX,
    // a host with loopback addresses only is a next hop like any other
    allowInternalNetworkInterfaces: true,
  };
}

function tlsOptions(route: RouteOptions): ConnectionOptions {
  if (route.tls !== 'required') return { rejectUnauthorized: false };
  return {
    // said here because an environment variable can change the default
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(isIP(route.host) === 0 ? { servername: route.host } : {}),
    ...(route.ca === null ? {} : { ca: route.ca }),
  };
}

/** The session is what the route asked for, whatever SMTPConnection made of it. */
function checkSession(route: RouteOptions, hop: string, connection: HopConnection): ConnectResult {
  if (route.tls === 'required' && !connection.secure) {
    connection.destroy();
    return { ok: false, reply: tlsRequired(hop) };
  }
  if (route.tls !== 'none' && !connection.extended) {
    connection.destroy();
    return { ok: false, reply: unreachable(`${hop}: EHLO refused`) };
  }
  return { ok: true, connection };
}

function failureReply(route: RouteOptions, hop: string, smtp: SMTPConnection, error: HopError): Reply {
  const reason = error.timeoutType === undefined ? String(error.originalCode ?? error.code) : 'time-out';
  if (error.code === 'ETLS' || smtp.upgrading === true || /STARTTLS/.test(error.message)) {
    return route.tls === 'required' ? tlsRequired(`${hop}: ${reason}`) : unreachable(`${hop}: TLS failed: ${reason}`);
  }
  if (typeof error.response === 'string') {
    const reply = parseReply(error.response, hop);
    return reply === null || reply.code < 400 ? garbageReply(error.response, hop) : reply;
  }
  return unreachable(`${hop}: ${reason}`);
}

function unreachable(where: string): Reply {
  return findingReply(gatewayError('delivery.unreachable', where), where);
}

function tlsRequired(where: string): Reply {
  return findingReply(gatewayError('delivery.tls-required', where), where);
}
