/**
 * Who may relay through one listener (catalogue S1): the first rule that fits by network or by login decides, and
 * whoever fits none is refused. There is no rule for everybody and no default that admits.
 */
import { BlockList, isIP } from 'node:net';
import type { Vouches } from '../envelope.ts';
import { gatewayError } from '../errors.ts';
import type { ClientRule, LoginUser } from './listener-options.ts';
import { decoyOf, verifyPassword } from './password-hash.ts';

/** A client that may relay. */
export interface Admission {
  readonly vouches: Vouches;
  /** null when it was admitted by its network. */
  readonly user: LoginUser | null;
}

interface CompiledRule {
  readonly vouches: Vouches;
  /** null in a login rule */
  readonly networks: BlockList | null;
  /** by name; null in a network rule */
  readonly users: ReadonlyMap<string, LoginUser> | null;
}

/** The compiled client rules of one listener. */
export class ClientRules {
  /** True when some rule admits by login. */
  readonly hasLogins: boolean;
  readonly #rules: readonly CompiledRule[];
  readonly #decoy: string;

  /** @throws GatewayError `smtp.cannot-open` for a network that is none */
  constructor(rules: readonly ClientRule[]) {
    this.#rules = rules.map(compileRule);
    const users = rules.flatMap((rule) => (rule.kind === 'login' ? rule.users : []));
    this.hasLogins = rules.some((rule) => rule.kind === 'login');
    this.#decoy = decoyOf(users[0]?.passwordHash ?? '');
  }

  /**
   * Finds the rule for a client.
   * @param ip as {@link unmapAddress} gives it
   * @param login the name that AUTH accepted on this connection, or null
   * @returns null: it may not relay
   */
  admit(ip: string, login: string | null): Admission | null {
    const family = isIP(ip) === 6 ? 'ipv6' : 'ipv4';
    for (const rule of this.#rules) {
      if (isIP(ip) !== 0 && rule.networks?.check(ip, family)) return { vouches: rule.vouches, user: null };
      const user = login === null ? undefined : rule.users?.get(login);
      if (user !== undefined) return { vouches: rule.vouches, user };
    }
    return null;
  }

  /**
   * Checks a name and password against the login rules; an unknown name costs as much as a wrong password.
   * @param name attacker-chosen
   * @param password attacker-chosen
   */
  async verifyLogin(name: string, password: string): Promise<boolean> {
    const user = this.#rules.map((rule) => rule.users?.get(name)).find((found) => found !== undefined);
    const right = await verifyPassword(password, user?.passwordHash ?? this.#decoy);
    return right && user !== undefined;
  }
}

/**
 * Gives an IPv4 peer of a dual-stack socket its IPv4 form, and takes an IPv6 zone off.
 * @param address as a socket reports it; undefined once the peer is gone
 */
export function unmapAddress(address: string | undefined): string {
  const bare = (address ?? '').replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  return mapped?.[1] ?? bare.toLowerCase();
}

function compileRule(rule: ClientRule): CompiledRule {
  if (rule.kind === 'login') {
    return { vouches: rule.vouches, networks: null, users: new Map(rule.users.map((user) => [user.name, user])) };
  }
  const networks = new BlockList();
  const [network = '', prefix, ...rest] = rule.cidr.split('/');
  const family = isIP(network);
  const bits = prefix === undefined ? (family === 6 ? 128 : 32) : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
  if (family === 0 || rest.length > 0 || bits < 0 || bits > (family === 6 ? 128 : 32)) {
    throw gatewayError('smtp.cannot-open', `client rule: ${rule.cidr} is not a network`);
  }
  networks.addSubnet(network, bits, family === 6 ? 'ipv6' : 'ipv4');
  return { vouches: rule.vouches, networks, users: null };
}
