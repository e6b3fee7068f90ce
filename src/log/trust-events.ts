/** Events of `trust/`: collections opened and refused. */
import { log, printable } from './logger.ts';

/** A collection was read and is in use from now on. */
export function collectionOpened(facts: {
  readonly name: string;
  readonly version: string;
  readonly anchors: number;
  readonly intermediates: number;
  readonly earliestExpiry: Date | null;
  readonly earliest: string | null;
  readonly onlyFor: readonly string[] | null;
}): void {
  const earliestExpiry = facts.earliestExpiry?.toISOString() ?? null;
  log().info({ event: 'trust.collection-opened', ...facts, earliestExpiry }, 'trust collection opened');
}

/** Something about a collection that an administrator should look at; it is in use all the same. */
export function collectionWarning(name: string, warning: string): void {
  log().warn({ event: 'trust.collection-warning', name, warning: printable(warning) }, 'trust collection warning');
}

/** Files of the collections changed, and what they hold now is in use from now on. */
export function collectionsChanged(collections: readonly { readonly name: string; readonly version: string }[]): void {
  const versions = Object.fromEntries(collections.map(({ name, version }) => [name, version]));
  log().info({ event: 'trust.collections-changed', collections: versions }, 'trust collections changed');
}

/** Files of the collections changed and cannot be used as they are now; what was in use stays in use. */
export function collectionsKept(mistakes: readonly string[]): void {
  const told = mistakes.slice(0, 20).map(printable);
  log().error(
    { event: 'trust.change-refused', count: mistakes.length, mistakes: told },
    'changed trust collections refused',
  );
}

/** The last CA was taken out of a collection in use: it vouches for nobody, and mail that needs it waits. */
export function collectionEmpty(name: string): void {
  log().error({ event: 'trust.collection-empty', name }, 'trust collection is empty');
}

/** A collection has mistakes and was not taken into use; the configuration's own report tells them one by one. */
export function collectionRefused(name: string, mistakes: number): void {
  log().error({ event: 'trust.collection-refused', name, mistakes }, 'trust collection refused');
}
