/**
 * The CRLs at hand: fetched ones by their location, and those an administrator put into a folder. A fetched list is
 * written to disk first and read from there, so that a restart finds it and a large one is never held whole.
 *
 * A list replaces another only when the same key signed it, it is not older, and it is about the same certificates, as
 * long as the one before is current (`lists-at-location.ts`): a replayed or forged one, that of another CA or of another
 * key takes nothing away. One fetch at a time for each location.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { LRUCache } from 'lru-cache';
import { GatewayError } from '../errors.ts';
import { revocationFetched, revocationFetchFailed, revocationFileRefused } from '../log/revocation-events.ts';
import type { RevocationList } from '../x509/crl.ts';
import { CRL_OCTETS_MAX } from '../x509/crl-reader.ts';
import { sameName } from '../x509/name.ts';
import type { CrlSigners } from './crl-signers.ts';
import type { CrlThread } from './crl-thread.ts';
import { handPlace, listPlace } from './evidence-places.ts';
import type { Fetcher } from './fetch.ts';
import {
  findSlot,
  findSuccessionFault,
  isCurrent,
  KEYS_MAX,
  type LocatedList,
  slotFile,
  withList,
} from './lists-at-location.ts';
import { RestList } from './rest-list.ts';
import { RevocationFlights } from './revocation-flights.ts';
import { isRefreshDue, refreshMoment } from './revocation-refresh.ts';

const LISTS_MAX = 2_000;
/** Octets of all indexes together. */
const INDEX_OCTETS_MAX = 512 * 1024 * 1024;
const FILES_MAX = 1_000;
/** A location that gave nothing usable is left alone for this long. */
const PAUSE_MS = 20_000;
/** Where a directory has CRLs (RFC 4523 §2.3 to §2.5). One value: a location is one list here, whichever comes first. */
const ENTRY = {
  attributes: ['certificateRevocationList', 'authorityRevocationList', 'deltaRevocationList'],
  valuesMax: 1,
} as const;

interface HeldLists {
  /** The one that came last, then those of other keys. */
  readonly lists: readonly LocatedList[];
  readonly refreshAt: number;
  /** Of the one that came last. */
  readonly etag: string | null;
  readonly lastModified: string | null;
}

/** What the shelf needs to know of the settings and the world. */
export interface ShelfContext {
  readonly fetcher: Fetcher;
  readonly signers: CrlSigners;
  /** Reads lists; whoever made it ends it. */
  readonly reader: CrlThread;
  readonly fetchTimeoutMs: number;
  readonly refreshMs: number;
  /** Absolute; exists. */
  readonly cache: string;
  now(): number;
  /** @param place made by `evidence-places.ts`: what lies there is another than before, or gone */
  changed(place: string): void;
}

export class CrlShelf {
  private readonly context: ShelfContext;
  private readonly held = new LRUCache<string, HeldLists>({
    max: LISTS_MAX,
    maxSize: INDEX_OCTETS_MAX,
    sizeCalculation: ({ lists }) => lists.reduce((sum, { list }) => sum + list.entries.octets + 4_096, 0),
    dispose: (_, uri, why) => {
      if (why !== 'set') this.context.changed(listPlace(uri));
    },
  });
  private readonly flights = new RevocationFlights();
  private readonly rests: RestList;
  private imported = new Map<string, { readonly stamp: string; readonly list: RevocationList | null }>();

  constructor(context: ShelfContext) {
    this.context = context;
    this.rests = new RestList(LISTS_MAX, PAUSE_MS, context.now);
  }

  /** One of each key that signs lists there. */
  listsAt(uri: string): RevocationList[] {
    return this.held.get(uri)?.lists.map(({ list }) => list) ?? [];
  }

  /** Lists brought by hand that are by this issuer. */
  importedBy(issuer: Buffer): RevocationList[] {
    const found: RevocationList[] = [];
    for (const { list } of this.imported.values()) if (list !== null && sameName(list.issuer, issuer)) found.push(list);
    return found;
  }

  /** Would asking this location perhaps bring something? */
  isWanting(uri: string): boolean {
    if (this.rests.isResting(uri)) return false;
    const held = this.held.get(uri);
    return held === undefined || held.lists.some(({ list }) => this.hasNewKeys(list)) || !this.isLatestCurrent(held);
  }

  /** Locations whose lists should be asked for again by now. */
  due(): string[] {
    const { now, refreshMs } = this.context;
    const found: string[] = [];
    for (const [uri, { refreshAt }] of this.held.entries()) {
      if (isRefreshDue(refreshAt, now(), refreshMs) && !this.rests.isResting(uri)) found.push(uri);
    }
    return found;
  }

  /** Fetched ones, and those brought by hand that can be read. */
  get count(): number {
    return this.held.size + [...this.imported.values()].filter(({ list }) => list !== null).length;
  }

  /** Gets the list of a location from disk or from there. Neither promise rejects. */
  supply(uri: string): ReturnType<RevocationFlights['join']> {
    const file = path.join(this.context.cache, `${createHash('sha256').update(uri).digest('hex')}.crl`);
    return this.flights.join(
      uri,
      () => this.loadStored(uri, file),
      () => this.download(uri, file),
    );
  }

  /** Reads what is new among imported lists, drops what is gone. @param locations files and folders */
  async readImported(locations: readonly string[]): Promise<void> {
    const next = new Map<string, { stamp: string; list: RevocationList | null }>();
    const changed: (RevocationList | null)[] = [];
    for (const file of (await Promise.all(locations.map(filesIn))).flat()) {
      const facts = await stat(file).catch(() => null);
      if (facts === null || !facts.isFile()) continue;
      const stamp = `${facts.size} ${facts.mtimeMs} ${facts.ino}`;
      const known = this.imported.get(file);
      if (known !== undefined && known.stamp === stamp && !(known.list !== null && this.hasNewKeys(known.list))) {
        next.set(file, known);
        continue;
      }
      const list = await this.readQuietly(file);
      next.set(file, { stamp, list });
      changed.push(list, known?.list ?? null);
    }
    for (const [file, { list }] of this.imported) if (!next.has(file)) changed.push(list);
    this.imported = next;
    for (const list of changed) if (list !== null) this.context.changed(handPlace(list.issuer));
  }

  /** Could a key that this list was not tried with be its signer's? */
  hasNewKeys(list: RevocationList): boolean {
    const candidates = this.context.signers.find(list.issuer);
    return candidates.some(({ spki }) => !list.tried.some((key) => key.equals(spki)));
  }

  private async readQuietly(file: string): Promise<RevocationList | null> {
    try {
      return await this.context.reader.read(file, this.context.signers.find);
    } catch (thrown) {
      if (!this.context.reader.closed) revocationFileRefused(file, reasonOf(thrown));
      return null;
    }
  }

  private async loadStored(uri: string, file: string): Promise<boolean> {
    const held = this.held.get(uri);
    if (held !== undefined && !held.lists.some(({ list }) => this.hasNewKeys(list))) return false;
    let found = false;
    for (let slot = 0; slot < KEYS_MAX; slot++) {
      const stored = await this.readStored(slotFile(file, slot));
      if (stored === null) continue;
      const { list, storedAt } = stored;
      // a list of before the restart is renewed as if there had been none
      found = (this.keep(uri, { list, slot }, null, null, storedAt) && isCurrent(list, this.context.now())) || found;
    }
    return found;
  }

  private async readStored(file: string): Promise<{ list: RevocationList; storedAt: number } | null> {
    const facts = await stat(file).catch(() => null);
    // a pipe would be waited for
    if (facts === null || !facts.isFile()) return null;
    const list = await this.readQuietly(file);
    if (list !== null) return { list, storedAt: facts.mtimeMs };
    // one that was not read to its end may be as good as before
    if (!this.context.reader.closed) await rm(file, { force: true }).catch(() => {});
    return null;
  }

  private isLatestCurrent({ lists: [latest] }: HeldLists): boolean {
    return latest !== undefined && isCurrent(latest.list, this.context.now());
  }

  private async download(uri: string, file: string): Promise<boolean> {
    const { fetcher, fetchTimeoutMs, now, reader, signers } = this.context;
    const started = now();
    const held = this.held.get(uri);
    const fresh = `${file}.${randomBytes(6).toString('hex')}.new`;
    try {
      const etag = held?.etag ?? null;
      const lastModified = held?.lastModified ?? null;
      const request = {
        url: uri,
        post: null,
        entry: ENTRY,
        into: fresh,
        octetsMax: CRL_OCTETS_MAX,
        timeoutMs: fetchTimeoutMs,
        etag,
        lastModified,
      };
      const outcome = await fetcher.fetch(request);
      if (!outcome.ok) return this.failed(uri, outcome.reason, started, outcome.kind !== 'busy');
      if (!outcome.modified) {
        if (held === undefined) return this.failed(uri, 'status 304 without a question', started);
        const [latest] = held.lists;
        if (latest === undefined || !isCurrent(latest.list, now())) {
          return this.failed(uri, 'status 304 for a list that is stale', started);
        }
        this.held.set(uri, { ...held, refreshAt: this.nextRefresh(latest.list, now()) });
        return true;
      }
      const list = await reader.read(fresh, signers.find);
      const lists = held?.lists ?? [];
      const fault = findSuccessionFault(lists, list, uri, now());
      if (fault !== null) return this.failed(uri, fault, started);
      const slot = await findSlot(lists, list, file, now());
      await rename(fresh, slotFile(file, slot));
      this.keep(uri, { list, slot }, outcome.etag, outcome.lastModified, now(), lists);
      const { thisUpdate, nextUpdate, entries } = list;
      const milliseconds = now() - started;
      revocationFetched({ kind: 'crl', source: uri, thisUpdate, nextUpdate, entries: entries.count, milliseconds });
      return true;
    } catch (thrown) {
      return this.failed(uri, reasonOf(thrown), started);
    } finally {
      await rm(fresh, { force: true }).catch(() => {});
    }
  }

  /** @param rest false: nobody was asked, so nothing speaks against asking soon */
  private failed(uri: string, reason: string, started: number, rest = true): false {
    if (rest) this.rests.rest(uri);
    revocationFetchFailed('crl', uri, reason, this.context.now() - started);
    return false;
  }

  /**
   * @param since when it was fetched, milliseconds since 1970
   * @param before what was at hand when it was asked for, where that went meanwhile to make room
   */
  private keep(
    uri: string,
    one: LocatedList,
    etag: string | null,
    lastModified: string | null,
    since: number,
    before: readonly LocatedList[] = [],
  ): boolean {
    if (one.list.signedBy.length === 0) return false;
    const lists = withList(this.held.get(uri)?.lists ?? before, one, this.context.now());
    if (!lists.includes(one)) return false;
    this.held.set(uri, { lists, refreshAt: this.nextRefresh(one.list, since), etag, lastModified });
    this.rests.end(uri);
    this.context.changed(listPlace(uri));
    return true;
  }

  private nextRefresh({ thisUpdate, nextUpdate }: RevocationList, since: number): number {
    return refreshMoment(since, thisUpdate, nextUpdate, this.context.refreshMs, Math.random());
  }
}

async function filesIn(location: string): Promise<string[]> {
  const facts = await stat(location).catch(() => null);
  if (facts === null) {
    revocationFileRefused(location, 'it does not exist');
    return [];
  }
  if (!facts.isDirectory()) return [location];
  const names = (await readdir(location)).filter((name) => !name.startsWith('.')).sort();
  if (names.length > FILES_MAX) revocationFileRefused(location, `more than ${FILES_MAX} files`);
  return names.slice(0, FILES_MAX).map((name) => path.join(location, name));
}

function reasonOf(thrown: unknown): string {
  if (thrown instanceof GatewayError) return thrown.detail;
  return thrown instanceof Error ? thrown.message : String(thrown);
}
