/**
 * Which addresses may be asked for what a certificate points at (catalogue C20): nothing of our own host or network, no
 * metadata service of a cloud, unless an administrator lists the network. The address that is checked is the one that is
 * connected to, so a name that resolves differently the second time gains nothing.
 */
import { BlockList, isIP } from 'node:net';

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
}

/** @param allow networks as `address/prefix`, already validated */
export function addressGuard(allow: readonly string[]): AddressGuard {
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
      return allowed.has(plain, family) || !forbidden.has(plain, family);
    },
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
