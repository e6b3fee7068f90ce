/** Which collections the configuration names and where they are: what every command about them begins with. */
import type { Configuration } from '../config/configuration.ts';
import { type CollectionReading, readCollection } from '../trust/collection-reader.ts';
import { loadOrReport } from './load-or-report.ts';
import type { Terminal } from './terminal.ts';

export interface TrustCommandOptions {
  readonly config?: string;
  readonly json?: boolean;
  /** Name of the collection. */
  readonly name?: string;
}

/** One collection of the configuration. */
export interface Place {
  readonly name: string;
  readonly from: string;
  readonly onlyFor: readonly string[] | null;
}

/** The collection that `--name` means; null after what is wrong was said. */
export async function findPlace(
  options: TrustCommandOptions,
  terminal: Terminal,
): Promise<{ place: Place; configuration: Configuration } | null> {
  const configuration = await loadOrReport(options.config, terminal);
  if (configuration === null) return null;
  const name = options.name ?? 'default';
  const place = placesOf(configuration).find((one) => one.name === name);
  if (place !== undefined) return { place, configuration };
  terminal.say(`the configuration has no collection "${name}"`);
  terminal.hint(`trust: { ${name}: { from: FOLDER, only-for: [DOMAIN] } } makes one`);
  return null;
}

/** `default` first. */
export function placesOf({ trust }: Configuration): Place[] {
  const named = (trust.named ?? []).map(({ name, from, onlyFor }) => ({ name, from, onlyFor }));
  return [{ name: 'default', from: trust.default, onlyFor: null }, ...named];
}

/** All collections, or the one that `--name` means; null after what is wrong was said. */
export async function readAll(options: TrustCommandOptions, terminal: Terminal): Promise<CollectionReading[] | null> {
  if (options.name !== undefined) {
    const found = await findPlace(options, terminal);
    return found === null ? null : [await readPlace(found.place)];
  }
  const configuration = await loadOrReport(options.config, terminal);
  return configuration === null ? null : Promise.all(placesOf(configuration).map(readPlace));
}

function readPlace({ name, from, onlyFor }: Place): Promise<CollectionReading> {
  return readCollection(name, from, new Date(), onlyFor);
}
