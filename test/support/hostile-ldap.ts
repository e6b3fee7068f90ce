/**
 * An LDAP server that answers every search as a test says, with octets of its own making (catalogue C22).
 * Binds and StartTLS are answered by the same function; nothing is checked.
 */
import { once } from 'node:events';
import net from 'node:net';
import { der, derInteger, derOctetString, derSequence } from '../../src/asn1/der-writer.ts';

/** @param id message ID of the request, @param operation its tag: 0x63 search, 0x60 bind, 0x77 extended */
export type LdapBehaviour = (socket: net.Socket, id: number, operation: number) => void;

export interface HostileLdap {
  readonly url: string;
  /** Requests so far. */
  readonly requests: () => number;
  readonly connections: () => number;
  /** Another behaviour from now on. */
  behave(behaviour: LdapBehaviour): void;
  stop(): Promise<void>;
}

export async function startHostileLdap(behaviour: LdapBehaviour): Promise<HostileLdap> {
  let current = behaviour;
  let requests = 0;
  let connections = 0;
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    connections += 1;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => undefined);
    let unread = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      unread = Buffer.concat([unread, chunk]);
      for (let bytes = messageBytes(unread); bytes > 0 && bytes <= unread.length; bytes = messageBytes(unread)) {
        const { id, operation } = requestOf(unread.subarray(0, bytes));
        unread = unread.subarray(bytes);
        requests += 1;
        current(socket, id, operation);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `ldap://127.0.0.1:${address.port}`,
    requests: () => requests,
    connections: () => connections,
    behave: (next) => {
      current = next;
    },
    stop: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** SearchResultEntry; attribute names and values as given, in that order. */
export function ldapEntry(
  id: number,
  dn: string,
  attributes: readonly (readonly [string, readonly Buffer[]])[],
): Buffer {
  const list = attributes.map(([name, values]) =>
    derSequence(
      derOctetString(Buffer.from(name)),
      der(0x31, Buffer.concat(values.map((value) => derOctetString(value)))),
    ),
  );
  return ldapMessage(id, 0x64, derOctetString(Buffer.from(dn)), derSequence(...list));
}

/** SearchResultDone, or another result by its tag. */
export function ldapDone(id: number, code = 0, operation = 0x65): Buffer {
  return ldapMessage(
    id,
    operation,
    der(0x0a, Buffer.from([code])),
    derOctetString(Buffer.alloc(0)),
    derOctetString(Buffer.alloc(0)),
  );
}

/** Any message. */
export function ldapMessage(id: number, operation: number, ...parts: readonly Buffer[]): Buffer {
  return derSequence(derInteger(id), der(operation, Buffer.concat(parts)));
}

function messageBytes(octets: Buffer): number {
  const second = octets[1];
  if (second === undefined) return 0;
  if (second < 0x80) return 2 + second;
  const count = second & 0x7f;
  return octets.length < 2 + count ? 0 : 2 + count + octets.readUIntBE(2, count);
}

function requestOf(message: Buffer): { id: number; operation: number } {
  const second = message[1] ?? 0;
  const idAt = second < 0x80 ? 2 : 2 + (second & 0x7f);
  const idBytes = message[idAt + 1] ?? 0;
  return { id: message.readUIntBE(idAt + 2, idBytes), operation: message[idAt + 2 + idBytes] ?? 0 };
}
