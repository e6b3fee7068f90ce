/**
 * The composition root: builds every part from one configuration, starts, reloads and stops them. It decides nothing
 * about mail; whoever wants to know how a message is judged reads `relay/`.
 *
 * A reload opens everything new first and swaps only when all of it is good (catalogue O5); transactions under way
 * keep the snapshot they took at MAIL.
 */
import path from 'node:path';
import { type ControlServer, type ControlViews, openControlServer } from './admin/control-server.ts';
import type { Configuration } from './config/configuration.ts';
import { loadConfiguration } from './config/load-configuration.ts';
import { formatMistake } from './config/mistake-list.ts';
import { openCourier, type SmtpCourier } from './delivery/smtp-courier.ts';
import { ExpiryReminder, soonestExpiries } from './keys/expiry-reminder.ts';
import { systemEntropy } from './keys/system-entropy.ts';
import {
  configurationLoaded,
  configurationRefused,
  configurationWarning,
  gatewayStarted,
  gatewayStopped,
  gatewayStopping,
} from './log/gateway-events.ts';
import { collectionsChanged, collectionsKept } from './log/trust-events.ts';
import { type Opened, openSnapshot } from './open-snapshot.ts';
import { openQueue } from './queue/open-queue.ts';
import type { Queue } from './queue/queue.ts';
import { viewOf } from './queue/queue-view.ts';
import { openRelay } from './relay/relay.ts';
import { RetiredParts } from './relay/retired-parts.ts';
import { closeSnapshot, type Snapshot } from './relay/snapshot.ts';
import { type Door, openDoor } from './smtp/door.ts';
import { CollectionWatch, stampCollections } from './trust/collection-watch.ts';
import { openTrust } from './trust/open-trust.ts';
import type { CollectionFacts, TrustOptions } from './trust/trust.ts';

/** Version in health answers, logs and `sealgate version`. */
export const VERSION = '0.1.0';

/** Certificates of ours in a health answer: those that end first. */
const EXPIRIES_SHOWN = 20;

/** What became of a reload; mistakes are lines for an administrator. */
export type ReloadResult =
  | { readonly ok: true; readonly configuration: string }
  | { readonly ok: false; readonly mistakes: readonly string[] };

/** What became of reading the collections again. */
type TrustReading =
  | { readonly ok: true; readonly collections: readonly CollectionFacts[] }
  | { readonly ok: false; readonly mistakes: readonly string[] };

/** A gateway that takes mail. */
export interface Gateway {
  readonly addresses: Door['addresses'];
  /** Path of the control socket. */
  readonly control: string;
  /** Reads the configuration file again; on any mistake the old one stays in force. Never rejects. */
  reload(): Promise<ReloadResult>;
  /** Takes no new mail, lets what is under way finish for at most `graceMs`, leaves the rest in the spool. */
  stop(graceMs: number): Promise<void>;
}

/** The control socket of the gateway that owns the spool in this folder. */
export function controlSocketIn(spoolFolder: string): string {
  return path.join(spoolFolder, 'control.sock');
}

/** Opens the whole gateway: spool first, door last. */
export async function openGateway(configuration: Configuration): Promise<Opened<Gateway>> {
  const stamp = await stampCollections(configuration.trust);
  const snapshot = await openSnapshot(configuration);
  if (!snapshot.ok) return snapshot;
  const queue = await openQueue(configuration.queue);
  if (!queue.ok) {
    await closeSnapshot(snapshot.value);
    return queue;
  }
  const gateway = new RunningGateway(configuration, snapshot.value, stamp, queue.queue);
  const problem = await gateway.start();
  if (problem !== null) return { ok: false, mistakes: [problem] };
  return { ok: true, value: gateway, warnings: [...snapshot.warnings, ...queue.warnings] };
}

class RunningGateway implements Gateway {
  readonly control: string;
  readonly #queue: Queue;
  readonly #courier: SmtpCourier;
  readonly #startedAt = new Date();
  readonly #retired = new RetiredParts();
  readonly #watch: CollectionWatch;
  readonly #reminder = new ExpiryReminder(() => this.#snapshot.identities);
  /** Why the files of the collections, as they are now, are not in use; empty when they are. */
  #trustMistakes: readonly string[] = [];
  #configuration: Configuration;
  #snapshot: Snapshot;
  #door: Door | null = null;
  #controlServer: ControlServer | null = null;
  #reloading: Promise<unknown> = Promise.resolve();
  #stopping = false;

  constructor(configuration: Configuration, snapshot: Snapshot, stamp: string, queue: Queue) {
    this.#configuration = configuration;
    this.#snapshot = snapshot;
    this.#queue = queue;
    this.#courier = openCourier(configuration.delivery);
    this.#watch = new CollectionWatch(async () => {
      await this.#inTurn(() => this.#rereadTrust());
    });
    this.#watch.follow(configuration.trust, stamp);
    this.control = controlSocketIn(configuration.queue.folder);
  }

  get addresses(): Door['addresses'] {
    return this.#door?.addresses ?? [];
  }

  /** @returns what stopped the start, or null */
  async start(): Promise<string | null> {
    try {
      this.#door = await openDoor(this.#configuration.door, this.#relay());
      this.#controlServer = await openControlServer(this.control, this.#views());
    } catch (error) {
      await this.stop(0);
      return `cannot listen: ${error instanceof Error ? error.message : String(error)}`;
    }
    this.#queue.start(this.#courier);
    this.#watch.start();
    this.#reminder.start();
    gatewayStarted({
      version: VERSION,
      configuration: this.#configuration.id,
      file: this.#configuration.file,
      listeners: this.addresses.map(({ address, port }) => `${address}:${port}`),
      identities: this.#snapshot.identities.all.length,
      anchors: this.#snapshot.trust.collections.reduce((sum, { anchors }) => sum + anchors, 0),
    });
    return null;
  }

  reload(): Promise<ReloadResult> {
    return this.#inTurn(() => this.#reload());
  }

  /** Changes of the snapshot, one after the other. @param change never rejects */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#reloading.then(change);
    this.#reloading = result;
    return result;
  }

  async stop(graceMs: number): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    gatewayStopping(graceMs);
    this.#watch.stop();
    this.#reminder.stop();
    await this.#reloading;
    await this.#door?.close(graceMs);
    await this.#queue.stop(graceMs);
    await this.#courier.close();
    await this.#retired.close();
    await closeSnapshot(this.#snapshot);
    await this.#controlServer?.close();
    gatewayStopped();
  }

  #relay() {
    return openRelay({
      snapshot: () => this.#snapshot,
      queue: this.#queue,
      entropy: systemEntropy,
      now: () => new Date(),
    });
  }

  async #reload(): Promise<ReloadResult> {
    const previous = this.#configuration.id;
    const loaded = await this.#openNew().catch((error: unknown) => ({
      ok: false as const,
      mistakes: [`cannot reload: ${error instanceof Error ? error.message : String(error)}`],
    }));
    if (!loaded.ok) {
      configurationRefused(loaded.mistakes, previous);
      return loaded;
    }
    configurationLoaded(loaded.configuration, previous);
    return loaded;
  }

  async #openNew(): Promise<ReloadResult> {
    const read = await loadConfiguration(this.#configuration.file);
    if (!read.ok) return { ok: false, mistakes: read.mistakes.map(formatMistake) };
    const fixed = restartReasons(this.#configuration, read.configuration);
    if (fixed.length > 0) return { ok: false, mistakes: fixed };
    const stamp = await stampCollections(read.configuration.trust);
    const snapshot = await openSnapshot(read.configuration);
    if (!snapshot.ok) return snapshot;
    for (const warning of [...read.warnings.map(formatMistake), ...snapshot.warnings]) configurationWarning(warning);
    try {
      await this.#door?.reconfigure(read.configuration.door, this.#relay());
    } catch (error) {
      await closeSnapshot(snapshot.value);
      throw error;
    }
    this.#courier.reconfigure(read.configuration.delivery);
    const old = this.#snapshot;
    this.#retired.retire(() => closeSnapshot(old));
    this.#snapshot = snapshot.value;
    this.#configuration = read.configuration;
    this.#watch.follow(read.configuration.trust, stamp);
    this.#trustMistakes = [];
    return { ok: true, configuration: read.configuration.id };
  }

  /** The files of the collections changed: all of them are taken, or none. The configuration file is not read. */
  async #rereadTrust(): Promise<TrustReading> {
    if (this.#stopping) return { ok: false, mistakes: ['the gateway is stopping'] };
    const options = this.#configuration.trust;
    const stamp = await stampCollections(options);
    const opened = await openChanged(options, stamp).catch((error: unknown) => ({
      ok: false as const,
      mistakes: [String(error)],
    }));
    this.#trustMistakes = opened.ok ? opened.empty : opened.mistakes;
    if (!opened.ok) {
      collectionsKept(opened.mistakes);
      this.#watch.refuse(stamp);
      return opened;
    }
    this.#watch.follow(options, stamp);
    const { trust: old } = this.#snapshot;
    this.#retired.retire(() => old.close());
    // what is under way keeps the snapshot it took, with the same directory
    this.#snapshot = { ...this.#snapshot, trust: opened.trust };
    const { collections } = opened.trust;
    collectionsChanged(collections);
    return { ok: true, collections };
  }

  #views(): ControlViews {
    return {
      health: () => this.#health(),
      queueList: async () => (await this.#queue.list()).map(viewOf),
      queueShow: async (id) => {
        const entry = await this.#queue.show(id);
        return entry === null ? null : viewOf(entry);
      },
      queueRetry: (id) => this.#queue.retry(id),
      queueDrop: (id) => this.#queue.drop(id),
      directoryStatus: () => this.#snapshot.directory.status(),
      reload: () => this.reload(),
      rereadTrust: () => this.#inTurn(() => this.#rereadTrust()),
    };
  }

  #health() {
    const { directory, identities, trust } = this.#snapshot;
    return {
      healthy: this.#door !== null && !this.#stopping,
      version: VERSION,
      configuration: this.#configuration.id,
      startedAt: this.#startedAt.toISOString(),
      listeners: this.addresses,
      routes: this.#courier.status(),
      queue: this.#queue.counters(),
      directory: directory.status(),
      trust: trust.collections,
      trustMistakes: this.#trustMistakes,
      revocation: trust.revocation,
      verdicts: trust.verdicts,
      identities: { count: identities.all.length, soonest: soonestExpiries(identities, EXPIRIES_SHOWN) },
    };
  }
}

/**
 * A collection that lost its last CA is taken too: what is no longer trusted must not go on to be. But only as long as
 * nobody is changing the files, who may be about to put the next ones there.
 * @param stamp of the files before they are read
 * @returns in `empty`, what is to be told of collections that hold nothing
 */
async function openChanged(options: TrustOptions, stamp: string) {
  const opened = await openTrust(options, new Date(), true);
  if (!opened.ok) return opened;
  const empty = opened.trust.collections
    .filter(({ anchors, intermediates }) => anchors + intermediates === 0)
    .map(({ name }) => `trust: collection ${name} is empty: mail that needs it waits at its sender`);
  if (empty.length === 0 || (await stampCollections(options)) === stamp) return { ...opened, empty };
  await opened.trust.close();
  return { ok: false as const, mistakes: ['trust: the files are being changed, and a collection is empty meanwhile'] };
}

/** What a running process cannot change: said, rather than silently kept. */
function restartReasons(old: Configuration, next: Configuration): string[] {
  const same = JSON.stringify(old.queue) === JSON.stringify(next.queue);
  return same ? [] : [`${next.file}: queue: cannot change while running: restart the gateway`];
}
