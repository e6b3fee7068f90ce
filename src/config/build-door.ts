/** From `hostname`, `listen` and `limits` to {@link DoorOptions}: reads TLS files, user files and secrets. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Vouches } from '../envelope.ts';
import type { ClientRule, DoorOptions, ListenerOptions, LoginUser } from '../smtp/listener-options.ts';
import type { clientShape, listenerShape, Site, TreeOf } from './language.ts';
import { usersShape } from './language.ts';
import { type Located, MistakeList } from './mistake-list.ts';
import type { NamedFiles } from './named-files.ts';
import { containsNetwork, type Network } from './network.ts';
import { decodeUtf8, parseYamlText } from './yaml-text.ts';

type Listener = TreeOf<typeof listenerShape>;
type Client = TreeOf<typeof clientShape>;
type VouchesTree = NonNullable<Client['vouches']>;

/** What the builders work with: where mistakes go, how files are read, and the time that validity is judged at. */
export interface Building {
  readonly list: MistakeList;
  readonly files: NamedFiles;
  readonly now: Date;
}

/**
 * Where the tree has gaps, mistakes were reported and the configuration is never released: the values that stand in
 * for them here only let the rest be checked.
 */
export async function buildDoor(site: Site, building: Building): Promise<DoorOptions> {
  const hostname = site.hostname?.value ?? '';
  const listeners = site.listen?.value ?? [];
  const limits = site.limits?.value;
  refuseDuplicateListeners(listeners, building.list);
  return {
    hostname,
    listeners: await Promise.all(listeners.map((listener) => buildListener(listener.value, hostname, building))),
    messageBytesMax: limits?.message?.value ?? 0,
    recipientsMax: limits?.recipients?.value ?? 0,
    connectionsMax: limits?.connections?.value ?? 0,
  };
}

function refuseDuplicateListeners(listeners: readonly Located<Listener>[], list: MistakeList): void {
  const seen = new Map<string, Located<unknown>>();
  for (const { value } of listeners) {
    if (value.address === null || value.address.value.port === 0) continue;
    const { host, port } = value.address.value;
    const earlier = seen.get(`${host} ${port}`);
    if (earlier === undefined) seen.set(`${host} ${port}`, value.address);
    else list.mistake(value.address, 'duplicate listener', `it stands in line ${list.lineOf(earlier.offset)} already`);
  }
}

async function buildListener(listener: Listener, hostname: string, building: Building): Promise<ListenerOptions> {
  const clients = listener.clients?.value ?? [];
  refuseShadowedClients(clients, building.list);
  for (const client of clients) {
    if (client.value.login !== null && listener.tls === null) {
      building.list.mistake(client.value.login, 'logins need TLS', 'tls: { certificate, key } on this listener');
    }
  }
  const rules = await Promise.all(clients.map((client) => buildClient(client, building)));
  return {
    address: listener.address?.value.host ?? '',
    port: listener.address?.value.port ?? 0,
    tls: listener.tls === null ? null : await buildTls(listener.tls, hostname, building),
    clients: rules.filter((rule) => rule !== null),
  };
}

/** The first client that fits decides, so one inside an earlier network would never be reached. */
function refuseShadowedClients(clients: readonly Located<Client>[], list: MistakeList): void {
  const earlier: Located<Network>[] = [];
  let login: Located<string> | null = null;
  for (const { value: client } of clients) {
    const { network } = client;
    if (network !== null) {
      const shadow = earlier.find((other) => containsNetwork(other.value, network.value));
      if (shadow !== undefined) {
        const allowed = 'put the narrower network first, or take it out';
        list.mistake(network, `is never reached: line ${list.lineOf(shadow.offset)} fits first`, allowed);
      }
      if (network.value.prefix === 0) {
        list.mistake(network, `${network.value.cidr} lets everybody relay`, 'the networks of your own mail servers');
      }
      earlier.push(network);
    }
    if (client.login !== null) {
      if (login !== null) {
        const problem = `is never reached: line ${list.lineOf(login.offset)} fits first`;
        list.mistake(client.login, problem, 'one file with all users');
      }
      login = client.login;
    }
  }
}

async function buildClient(located: Located<Client>, building: Building): Promise<ClientRule | null> {
  const client = located.value;
  if ((client.network === null) === (client.login === null)) {
    if (building.list.hasMistakeUnder(located.key)) return null;
    const problem = client.network === null ? 'says not who it is' : 'is a network and a login at once';
    building.list.mistake(located, problem, 'either network or login');
    return null;
  }
  const vouches = client.vouches === null ? null : await buildVouches(client.vouches, client, building);
  const users = client.login === null ? [] : await readUsers(client.login, building);
  if (vouches === null) return null;
  return client.network === null
    ? { kind: 'login', users, vouches }
    : { kind: 'network', cidr: client.network.value.cidr, vouches };
}

async function buildVouches(tree: VouchesTree, client: Client, building: Building): Promise<Vouches | null> {
  const { list, files } = building;
  if (typeof tree.value === 'string') {
    if (tree.value === 'own-address' && client.login === null) {
      list.mistake(tree, 'own-address needs a login', 'never, always, or a header');
    }
    return { kind: tree.value };
  }
  const { header, value, 'value-from': from } = tree.value;
  if ((value === null) === (from === null)) {
    if (list.hasMistakeUnder(tree.key)) return null;
    list.mistake(tree, value === null ? 'has no value' : 'has two values', 'either value or value-from');
    return null;
  }
  const text = from === null ? value?.value : await files.readSecretLine(from);
  return header === null || text === null || text === undefined
    ? null
    : { kind: 'header', name: header.value, value: text };
}

async function readUsers(path: Located<string>, building: Building): Promise<readonly LoginUser[]> {
  const bytes = await building.files.readPrivate(path);
  if (bytes === null) return [];
  const text = decodeUtf8(bytes);
  if (text === null) {
    building.list.mistake(path, `${path.value} is not UTF-8`, '');
    return [];
  }
  const list = new MistakeList(path.value, text);
  building.list.include(list);
  const root = parseYamlText(text, list);
  const users = root === null ? null : usersShape.read(root, { key: '', offset: 0 }, list);
  return (users?.value ?? []).map(({ name, content }) => ({
    name: name.value,
    passwordHash: content.value.password?.value ?? '',
    addresses: (content.value.addresses?.value ?? []).map((address) => address.value),
  }));
}

async function buildTls(
  tls: NonNullable<Listener['tls']>,
  hostname: string,
  building: Building,
): Promise<ListenerOptions['tls']> {
  const { certificate: certificatePath, key: keyPath } = tls.value;
  const certificate = certificatePath === null ? null : await building.files.readPublic(certificatePath);
  const key = keyPath === null ? null : await building.files.readPrivate(keyPath);
  const leaf =
    certificate === null || certificatePath === null ? null : readLeaf(certificate, certificatePath, building);
  if (leaf !== null && certificatePath !== null) warnAboutLeaf(leaf, certificatePath, hostname, building);
  if (key !== null && keyPath !== null) checkKey(key, keyPath, leaf, building.list);
  return certificate === null || key === null ? null : { certificate, key };
}

/** The first certificate of the file, or null after a mistake was reported. */
export function readLeaf(pem: Buffer, path: Located<string>, building: Building): X509Certificate | null {
  try {
    if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new RangeError('no PEM');
    return new X509Certificate(pem);
  } catch {
    building.list.mistake(path, `${path.value} holds no certificate`, 'PEM');
    return null;
  }
}

function warnAboutLeaf(leaf: X509Certificate, path: Located<string>, hostname: string, building: Building): void {
  const until = new Date(leaf.validTo);
  if (until.getTime() < building.now.getTime()) {
    building.list.warning(path, `${path.value} expired ${until.toISOString().slice(0, 10)}`, 'renew it');
  }
  if (hostname !== '' && leaf.checkHost(hostname) === undefined) {
    building.list.warning(path, `${path.value} is not for ${hostname}`, 'clients that check our name will refuse it');
  }
}

function checkKey(pem: Buffer, path: Located<string>, leaf: X509Certificate | null, list: MistakeList): void {
  try {
    const key = createPrivateKey(pem);
    if (leaf !== null && !leaf.checkPrivateKey(key)) {
      list.mistake(
        path,
        `${path.value} is not the key of the certificate`,
        'the key that the certificate was made for',
      );
    }
  } catch {
    list.mistake(path, `${path.value} holds no private key that can be read`, 'PEM without a password');
  }
}
