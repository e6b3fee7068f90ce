/**
 * One authenticated connection to an LDAP server (RFC 4511, StartTLS RFC 4511 §4.14, TLS checks RFC 4513 §3.1.3).
 *
 * The connection is made here, not by ldapts: that library would reconnect by itself, in clear and without a bind,
 * where StartTLS had been agreed; and it sees only what `ldap-messages.ts` has checked. Refused: octets sent in clear
 * behind the StartTLS answer (response injection), a certificate that does not name the host, any bind that fails.
 */
import net from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { Client, type Entry, EqualityFilter, OrFilter } from 'ldapts';
import { LdapViolation } from '../ldap/ldap-ber.ts';
import { LdapMessages, OPERATION } from '../ldap/ldap-messages.ts';
import type { SourceOptions } from './directory.ts';

export type LdapOptions = Extract<SourceOptions, { kind: 'ldap' }>;

/**
 * Certificates of one entry. The name with `;binary` is the one of RFC 4523 and of OpenLDAP; Active Directory uses the
 * plain one; `userSMIMECertificate` takes no option in OpenLDAP and has one in RFC 2798.
 */
const ATTRIBUTES = [
  'userSMIMECertificate',
  'userSMIMECertificate;binary',
  'userCertificate',
  'userCertificate;binary',
] as const;
/** Entries of one mailbox: a person in several subtrees, not a directory that ignores the filter. */
const ENTRIES_MAX = 20;
const KEEP_ALIVE_MS = 30_000;

/** StartTLS, message ID 1 (RFC 4511 §4.14.1): ExtendedRequest with requestName 1.3.6.1.4.1.1466.20037. */
const START_TLS = Buffer.concat([
  Buffer.from('301d02010177188016', 'hex'),
  Buffer.from('1.3.6.1.4.1.1466.20037', 'latin1'),
]);

export class LdapConnection {
  readonly #socket: CheckedSocket;
  readonly #client: Client;
  readonly #base: string;

  /** @internal use {@link openLdapConnection} */
  constructor(socket: CheckedSocket, base: string) {
    let used = false;
    this.#socket = socket;
    this.#base = base;
    this.#client = new Client({
      url: 'ldap://checked-socket',
      createConnection: (() => {
        // asked a second time, the library wants to reconnect on its own
        if (used) throw new Error('connection lost');
        used = true;
        return socket;
      }) as unknown as typeof net.connect,
    });
  }

  /** False: look-ups on it can only fail. */
  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  /** What ended the connection; null while it is open, and when the server just closed it. */
  get violation(): LdapViolation | null {
    return this.#socket.errored instanceof LdapViolation ? this.#socket.errored : null;
  }

  /** @throws the error of ldapts or of the connection */
  async bind(dn: string, password: string): Promise<void> {
    await this.#client.bind(dn, password);
  }

  /**
   * Entries whose mail or proxyAddresses equals one of the spellings.
   * @param spellings of one mailbox; sent as octets, so nothing in them is filter syntax (RFC 4515 §3 has no part in it)
   * @throws ResultCodeError for every result but success, with the codes of RESULT for incomplete answers
   */
  async search(spellings: readonly string[], timeLimitMs: number): Promise<readonly Entry[]> {
    const filters = spellings.flatMap((spelling) => [
      new EqualityFilter({ attribute: 'mail', value: spelling }),
      new EqualityFilter({ attribute: 'proxyAddresses', value: `smtp:${spelling}` }),
    ]);
    const { searchEntries } = await this.#client.search(this.#base, {
      scope: 'sub',
      derefAliases: 'never',
      filter: new OrFilter({ filters }),
      attributes: [...ATTRIBUTES],
      explicitBufferAttributes: [...ATTRIBUTES],
      sizeLimit: ENTRIES_MAX,
      timeLimit: Math.max(1, Math.ceil(timeLimitMs / 1000)),
    });
    return searchEntries;
  }

  /** Ends it; look-ups under way fail. Closing is as good as an unbind (RFC 4511 §4.3). */
  close(): void {
    this.#socket.destroy();
  }
}

/**
 * Connects, secures, binds.
 * @param signal ends the attempt, and with it everything opened for it
 * @throws Error with a reason for the log; it holds no password
 */
export async function openLdapConnection(options: LdapOptions, signal: AbortSignal): Promise<LdapConnection> {
  const { host, port, secure } = parseLdapUrl(options.url);
  const tlsOptions: tls.ConnectionOptions = { minVersion: 'TLSv1.2', rejectUnauthorized: true, host };
  if (options.ca !== null) tlsOptions.ca = options.ca;
  // a server name is never an IP address (RFC 6066 §3); the certificate is compared with `host` all the same
  if (net.isIP(host) === 0) tlsOptions.servername = host;
  const opened: Duplex[] = [];
  const abort = (): void => {
    for (const socket of opened) socket.destroy(new Error('no answer within the deadline'));
  };
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    let socket: net.Socket = secure ? tls.connect({ ...tlsOptions, port }) : net.connect({ host, port });
    opened.push(socket);
    await readiness(socket, secure ? 'secureConnect' : 'connect');
    if (options.startTls && !secure) {
      await requestStartTls(socket);
      socket = tls.connect({ ...tlsOptions, socket });
      opened.push(socket);
      await readiness(socket, 'secureConnect');
    }
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const checked = new CheckedSocket(socket);
    opened.push(checked);
    const connection = new LdapConnection(checked, options.base);
    if (options.bind !== null) await connection.bind(options.bind.dn, options.bind.password);
    return connection;
  } catch (error) {
    for (const socket of opened) socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** @throws Error when it is no `ldap://host[:port]` or `ldaps://host[:port]` */
export function parseLdapUrl(text: string): { host: string; port: number; secure: boolean } {
  const url = new URL(text);
  if (url.protocol !== 'ldap:' && url.protocol !== 'ldaps:') throw new Error(`not an LDAP URL: ${text}`);
  if (url.hostname === '') throw new Error(`LDAP URL without host: ${text}`);
  const secure = url.protocol === 'ldaps:';
  const port = url.port === '' ? (secure ? 636 : 389) : Number(url.port);
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port, secure };
}

function readiness(socket: net.Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, resolve);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('connection closed before it was ready')));
    // later errors are those of the stream round it; without a listener they would end the process
    socket.on('error', () => undefined);
  });
}

/** The one exchange in clear: nothing may follow the answer until TLS speaks. */
function requestStartTls(socket: net.Socket): Promise<void> {
  const messages = new LdapMessages();
  messages.expect(START_TLS);
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new Error('connection closed during StartTLS'));
    const data = (chunk: Buffer): void => {
      try {
        const [answer] = messages.push(chunk);
        if (answer === undefined) return;
        socket.off('data', data);
        socket.off('close', closed);
        socket.pause();
        if (messages.unread > 0) throw new LdapViolation('octets in clear behind the StartTLS answer');
        if (answer.operation !== OPERATION.extendedResponse || answer.resultCode !== 0) {
          throw new Error(`StartTLS refused, result code ${answer.resultCode}`);
        }
        resolve();
      } catch (error) {
        reject(error);
      }
    };
    socket.on('data', data);
    socket.once('close', closed);
    socket.once('error', reject);
    socket.write(START_TLS);
  });
}

/** What ldapts gets for its socket: each `data` event is one checked message. */
class CheckedSocket extends Duplex {
  readonly #socket: net.Socket;
  readonly #messages = new LdapMessages();
  /** ldapts asks these two: the connection is there already. */
  readonly connecting = false;
  readonly readyState = 'open';

  constructor(socket: net.Socket) {
    super({ readableObjectMode: true });
    this.#socket = socket;
    // ldapts listens from its first operation on; before and after that an error must not end the process
    this.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    socket.resume();
  }

  override _read(): void {
    // answers are bounded by LdapMessages, and the library reads all of them
  }

  override _write(octets: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#messages.expect(octets);
    this.#socket.write(octets, done);
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #receive(chunk: Buffer): void {
    if (this.destroyed) return;
    try {
      for (const message of this.#messages.push(chunk)) this.push(message.octets);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
