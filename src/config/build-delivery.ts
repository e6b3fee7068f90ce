/** From `routes` and `queue` to the options of delivery and queue; refuses routes that lead back to ourselves. */
import nodePath from 'node:path';
import type { DeliveryOptions, RouteOptions } from '../delivery/route-options.ts';
import type { QueueOptions } from '../queue/queue.ts';
import type { Building } from './build-door.ts';
import { readCa } from './build-lookups.ts';
import type { queueShape, routeShape, Site, TreeOf } from './language.ts';
import type { Located, MistakeList } from './mistake-list.ts';
import type { Endpoint } from './scalars.ts';

type Route = TreeOf<typeof routeShape>;

export async function buildDelivery(site: Site, building: Building): Promise<DeliveryOptions> {
  const { internal = null, outside = null } = site.routes?.value ?? {};
  return {
    hostname: site.hostname?.value ?? '',
    ours: (site.ours?.value ?? []).map((domain) => domain.value),
    routes: {
      internal: await buildRoute(internal, site, building),
      outside: await buildRoute(outside, site, building),
    },
    connectionsPerRoute: 10,
    messagesPerConnection: 100,
    connectTimeoutMs: 30_000,
    // RFC 5321 §4.5.3.2.6: ten minutes after the final dot
    replyTimeoutMs: 600_000,
  };
}

async function buildRoute(route: Located<Route> | null, site: Site, building: Building): Promise<RouteOptions> {
  const { host = null, tls = null, ca = null } = route?.value ?? {};
  if (host !== null) refuseLoop(host, site, building.list);
  if (ca !== null && tls !== null && tls.value !== 'required') {
    building.list.warning(ca, `has no effect where tls is ${tls.value}`, 'tls: required');
  }
  return {
    host: host?.value.host ?? '',
    port: host?.value.port ?? 0,
    tls: tls?.value ?? 'required',
    ca: ca === null ? null : await readCa(ca, building),
  };
}

/** A next hop that is one of our own listeners would send each mail round until its Received fields are too many. */
function refuseLoop(hop: Located<Endpoint>, site: Site, list: MistakeList): void {
  const { host, port } = hop.value;
  const ownAddress = (site.listen?.value ?? []).find(({ value: { address } }) => {
    if (address === null || address.value.port !== port || port === 0) return false;
    return address.value.host === host || host === site.hostname?.value;
  });
  if (ownAddress === undefined) return;
  list.mistake(hop, `leads back to our own listener in line ${list.lineOf(ownAddress.offset)}`, 'another server');
}

export async function buildQueue(site: Site, building: Building): Promise<QueueOptions> {
  const { files, list } = building;
  const { folder = null, key = null, retry = null, reserve = null, deliveries = null } = site.queue?.value ?? {};
  const folderPath = folder === null ? '' : files.resolve(folder.value);
  const keyFile = key === null ? '' : files.resolve(key.value);
  if (folder !== null) await files.expectFolderIfPresent(folder);
  if (key !== null && folder !== null && isInside(keyFile, folderPath)) {
    list.mistake(key, 'lies in the folder it protects', 'a path outside queue.folder');
  } else if (key !== null) {
    await files.expectPrivateIfPresent(key);
  }
  return {
    folder: folderPath,
    keyFile,
    concurrency: deliveries?.value ?? 1,
    retry: buildRetry(retry, list),
    reserveBytes: reserve?.value ?? 0,
  };
}

function buildRetry(retry: TreeOf<typeof queueShape>['retry'], list: MistakeList): QueueOptions['retry'] {
  const { first = null, max = null, lifetime = null } = retry?.value ?? {};
  if (first !== null && max !== null && first.value > max.value) {
    list.mistake(max, 'is shorter than first', 'first <= max <= lifetime');
  }
  if (max !== null && lifetime !== null && max.value > lifetime.value) {
    list.mistake(lifetime, 'is shorter than max', 'first <= max <= lifetime');
  }
  return { firstMs: first?.value ?? 0, maxMs: max?.value ?? 0, lifetimeMs: lifetime?.value ?? 0 };
}

/** @param inner, outer absolute paths */
function isInside(inner: string, outer: string): boolean {
  const way = nodePath.relative(outer, inner);
  return way === '' || (way !== '..' && !way.startsWith(`..${nodePath.sep}`));
}
