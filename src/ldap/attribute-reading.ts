/**
 * Reads one attribute of one entry of an LDAP server that nobody here knows (RFC 4511 §4.5): no bind, so as anonymous
 * (RFC 4513 §4), one search of scope base, one connection, closed behind it. Who may be connected to is for the caller,
 * through `lookup` and the check of literal addresses.
 *
 * Refused: everything that `entry-reader.ts` refuses; over ldaps, a server that no known authority vouches for.
 */
import net from 'node:net';
import tls from 'node:tls';
import { type LdapEntryAnswer, readLdapEntry } from './entry-reader.ts';
import { TAG, writeElement } from './ldap-ber.ts';
import { OctetFeed } from './octet-feed.ts';

const MESSAGE_ID = 1;
const SEARCH_REQUEST = 0x63;
const BOOLEAN = 0x01;
/** Filter `(objectClass=*)`: every entry has it (RFC 4512 §2.4.1). */
const PRESENT = 0x87;
/** Names and headers round the values. */
const FRAME_OCTETS_MAX = 256 * 1024;

export interface LdapAttributeRequest {
  /** Name or literal address. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** Octets of the distinguished name. */
  readonly dn: Buffer;
  /** Attribute type, without options. It is asked for as it stands, which means any options, and with `;binary`. */
  readonly attribute: string;
  readonly valuesMax: number;
  /** Of all values together. */
  readonly octetsMax: number;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Of names; refuses whom nobody may connect to. */
  readonly lookup: net.LookupFunction;
  /** PEM certificates that may vouch for a server beside those of Node. */
  readonly authorities: readonly string[];
}

/**
 * @param sink is given the octets of the values, one value after the other
 * @throws LdapViolation, errors of the socket, the reason of the signal, what `sink` throws
 */
export async function readLdapAttribute(
  request: LdapAttributeRequest,
  sink: (octets: Buffer) => Promise<void> | void,
): Promise<LdapEntryAnswer> {
  const { signal, octetsMax, valuesMax, attribute } = request;
  signal.throwIfAborted();
  const socket = connect(request);
  const abort = (): void => void socket.destroy(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  // errors come out of the iterator; without a listener a late one would end the process
  socket.on('error', () => {});
  try {
    socket.write(searchRequest(request));
    const feed = new OctetFeed(socket[Symbol.asyncIterator](), octetsMax + FRAME_OCTETS_MAX);
    return await readLdapEntry(feed, { messageId: MESSAGE_ID, type: attribute.toLowerCase(), valuesMax }, sink);
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

function connect({ host, port, secure, lookup, authorities }: LdapAttributeRequest): net.Socket {
  const address = { host, port, lookup, autoSelectFamily: true };
  if (!secure) return net.connect(address);
  // a server name is never an IP address (RFC 6066 §3); the certificate is compared with `host` all the same
  const name = net.isIP(host) === 0 ? { servername: host } : {};
  const ca = [...tls.rootCertificates, ...authorities];
  return tls.connect({ ...address, ...name, ca, minVersion: 'TLSv1.2', rejectUnauthorized: true });
}

function searchRequest({ dn, attribute }: LdapAttributeRequest): Buffer {
  const baseObject = writeElement(TAG.enumerated, Buffer.of(0));
  const neverDereference = writeElement(TAG.enumerated, Buffer.of(0));
  const noLimit = writeElement(TAG.integer, Buffer.of(0));
  const attributes = [attribute, `${attribute};binary`].map((name) => writeElement(TAG.octetString, Buffer.from(name)));
  const search = [
    writeElement(TAG.octetString, dn),
    baseObject,
    neverDereference,
    noLimit,
    noLimit,
    writeElement(BOOLEAN, Buffer.of(0)),
    writeElement(PRESENT, Buffer.from('objectClass')),
    writeElement(TAG.sequence, Buffer.concat(attributes)),
  ];
  const id = writeElement(TAG.integer, Buffer.of(MESSAGE_ID));
  return writeElement(TAG.sequence, Buffer.concat([id, writeElement(SEARCH_REQUEST, Buffer.concat(search))]));
}
