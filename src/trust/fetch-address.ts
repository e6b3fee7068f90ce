/**
 * Which addresses may be asked for what a certificate points at (catalogue C20): nothing of our own host or network, no
 * metadata service of a cloud, unless an administrator lists the network. The address that is checked is the one that is
 * connected to, so a name that resolves differently the second time gains nothing.
 */
import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import { FetchRefusal } from './fetch-refusal.ts';

/** Below 1024 only those of the four schemes: no other service is to be talked to in our name. */
const PORTS = [80, 443, 389, 636];
const PRIVILEGED_END = 1_024;

/** IANA special-purpose registries (RFC 6890 and after), multicast, and what clouds keep at public addresses. */
const FORBIDDEN: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['168.63.129.16', 32, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  // of IPv6 only what is routed (2000::/3) is allowed at all
  ['::', 3, 'ipv6'],
  ['2001::', 23, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['3fff::', 20, 'ipv6'],
  ['4000::', 2, 'ipv6'],
  ['8000::', 1, 'ipv6'],
];

export interface AddressGuard {
  /** @param address IPv4 or IPv6, without brackets */
  isAllowed(address: string): boolean;
  isAllowedPort(port: number): boolean;
}

/**
 * @param allow networks as `address/prefix`, already validated
 * @param own addresses of this host, public ones too, as they are now
 */
export function addressGuard(allow: readonly string[], own: () => readonly string[] = ownAddresses): AddressGuard {
  const forbidden = new FamilyLists();
  for (const [address, prefix, family] of FORBIDDEN) forbidden.add(address, prefix, family);
  const allowed = new FamilyLists();
  for (const network of allow) {
    const [address = '', prefix = ''] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    allowed.add(address, prefix === '' ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family);
  }
  return {
    isAllowed(address) {
      const plain = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
      const version = isIP(plain);
      if (version === 0) return false;
      const family = version === 6 ? 'ipv6' : 'ipv4';
      if (allowed.has(plain, family)) return true;
      return !forbidden.has(plain, family) && !new Set(own()).has(canonical(plain));
    },
    isAllowedPort: (port) => port >= PRIVILEGED_END || PORTS.includes(port),
  };
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => canonical(address)));
}

/** IPv6 in the one spelling of RFC 5952, which URL writes. */
function canonical(address: string): string {
  if (isIP(address) !== 6) return address;
  const bare = address.replace(/%.*$/, '');
  return URL.canParse(`http://[${bare}]/`) ? new URL(`http://[${bare}]/`).hostname.slice(1, -1) : bare;
}

/** Resolves, and refuses a name any of whose addresses is forbidden. */
export function guardedLookup(guard: AddressGuard): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      const forbidden = addresses?.find(({ address }) => !guard.isAllowed(address));
      const first = addresses?.[0];
      if (error !== null) callback(error, '', 0);
      else if (forbidden !== undefined) {
        const reason = `${hostname} is ${forbidden.address}, which may not be asked`;
        callback(new FetchRefusal('failed', reason), '', 0);
      } else if (first === undefined) callback(new FetchRefusal('failed', `${hostname} has no address`), '', 0);
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

/** QUIRK: one BlockList takes IPv4 addresses for IPv4-mapped ones, and so for members of IPv6 networks. */
class FamilyLists {
  private readonly lists = { ipv4: new BlockList(), ipv6: new BlockList() };

  add(address: string, prefix: number, family: 'ipv4' | 'ipv6'): void {
    this.lists[family].addSubnet(address, prefix, family);
  }

  has(address: string, family: 'ipv4' | 'ipv6'): boolean {
    return this.lists[family].check(address, family);
  }
}
