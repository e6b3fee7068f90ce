/** IP networks in CIDR notation (RFC 4632, RFC 4291 §2.3): parsing, and whether one lies within another. */
import { isIPv4, isIPv6 } from 'node:net';

export interface Network {
  /** `10.1.2.0/24`; a bare address got its full prefix. */
  readonly cidr: string;
  readonly bits: 32 | 128;
  readonly prefix: number;
  /** The address as a number, bits beyond the prefix zero. */
  readonly base: bigint;
}

export type NetworkResult =
  | { readonly ok: true; readonly network: Network }
  | { readonly ok: false; readonly problem: 'malformed' }
  /** Bits beyond the prefix are set: `10.1.2.3/24`; `meant` has them cleared, and nobody knows which was meant. */
  | { readonly ok: false; readonly problem: 'host-bits'; readonly meant: string };

/** Parses an address or `address/prefix`. IPv4-mapped IPv6 is refused: the door compares IPv4 peers as IPv4. */
export function parseNetwork(text: string): NetworkResult {
  const [address = '', prefixText, ...more] = text.split('/');
  const bits = isIPv4(address) ? 32 : isIPv6(address) && !/[.%]/.test(address) ? 128 : null;
  if (bits === null || more.length > 0) return { ok: false, problem: 'malformed' };
  if (prefixText !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(prefixText)) return { ok: false, problem: 'malformed' };
  const prefix = prefixText === undefined ? bits : Number(prefixText);
  if (prefix > bits) return { ok: false, problem: 'malformed' };
  const value = bits === 32 ? ipv4Number(address) : ipv6Number(address);
  const base = (value >> BigInt(bits - prefix)) << BigInt(bits - prefix);
  if (base !== value) {
    return {
      ok: false,
      problem: 'host-bits',
      meant: `${bits === 32 ? ipv4Text(base) : 'the first address of it'}/${prefix}`,
    };
  }
  return { ok: true, network: { cidr: `${address}/${prefix}`, bits, prefix, base } };
}

/** True when every address of `inner` is one of `outer`. */
export function containsNetwork(outer: Network, inner: Network): boolean {
  if (outer.bits !== inner.bits || outer.prefix > inner.prefix) return false;
  const shift = BigInt(outer.bits - outer.prefix);
  return outer.base >> shift === inner.base >> shift;
}

function ipv4Number(address: string): bigint {
  return address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
}

function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
}

/** @param address valid, without zone and without dotted tail */
function ipv6Number(address: string): bigint {
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = tail === undefined ? left : [...left, ...Array(8 - left.length - right.length).fill('0'), ...right];
  return groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}
