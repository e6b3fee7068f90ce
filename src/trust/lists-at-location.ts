/**
 * What may lie at one location of CRLs at the same time: one list of each key of the issuer. An authority that changed its
 * key has two keys under one name, and both may sign lists (RFC 5280 §6.3.3 (f), (g)): some publish one list for all their
 * certificates, others one a key. So the list of one key is never taken for a newer one of the other.
 *
 * Refused as the successor of a list: what no key of its issuer signed, what is stale or older, what is about other
 * certificates. Whoever sits on the way can answer with any list that is genuine somewhere else, and what is known of the
 * revoked must not go with the list that said it.
 */
import { stat } from 'node:fs/promises';
import type { RevocationList } from '../x509/crl.ts';
import { sharesKey } from '../x509/crl-rules.ts';
import { sameName } from '../x509/name.ts';

/** Of one location. More keys than an authority has at once; each costs memory and a file. */
export const KEYS_MAX = 4;

/** A list, and which file of its location it is in: 0 to {@link KEYS_MAX} - 1. */
export interface LocatedList {
  readonly list: RevocationList;
  readonly slot: number;
}

/** @param now milliseconds since 1970 */
export function isCurrent({ nextUpdate }: Pick<RevocationList, 'nextUpdate'>, now: number): boolean {
  return nextUpdate !== null && now <= nextUpdate.getTime();
}

/**
 * Why a list that came has no place beside or instead of those at hand; null when it has.
 * @param held of this location
 * @param list may be anybody's
 * @param uri attacker-chosen
 */
export function findSuccessionFault(
  held: readonly LocatedList[],
  list: RevocationList,
  uri: string,
  now: number,
): string | null {
  if (list.signedBy.length === 0) return 'it is not signed by a key of its issuer';
  if (!isCurrent(list, now)) return 'it is stale';
  const current = held.filter((one) => isCurrent(one.list, now));
  if (current.some((one) => isOfOthers(one.list, list, uri))) {
    return 'it is about other certificates than the one at hand';
  }
  for (const { list: old } of held) {
    if (!sameName(old.issuer, list.issuer) || !sharesKey(old, list)) continue;
    if (list.thisUpdate < old.thisUpdate) return 'it is older than the one at hand';
    if (old.number !== null && list.number !== null && list.number < old.number) return 'its number went back';
  }
  const others = current.filter((one) => !sharesKey(one.list, list));
  return others.length < KEYS_MAX ? null : `lists of ${KEYS_MAX} other keys are at hand`;
}

/**
 * The lists of a location with one more, newest first: those of other keys stay as long as they are current.
 * @param put passed {@link findSuccessionFault}, or was stored by who did
 */
export function withList(held: readonly LocatedList[], put: LocatedList, now: number): readonly LocatedList[] {
  const others = held.filter(({ list }) => isCurrent(list, now) && !sharesKey(list, put.list));
  // one that lay in a file for too long takes no place
  if (others.length > 0 && !isCurrent(put.list, now)) return held;
  return [put, ...others].slice(0, KEYS_MAX);
}

/** @param file absolute path of the first list of a location */
export function slotFile(file: string, slot: number): string {
  return slot === 0 ? file : file.replace(/\.crl$/, `.${slot}.crl`);
}

/**
 * Where a list goes: in the place of the one of its key, else where no file is, else where none is that counts.
 * @param file absolute path of the first list of the location
 */
export async function findSlot(
  held: readonly LocatedList[],
  list: RevocationList,
  file: string,
  now: number,
): Promise<number> {
  const same = held.find((one) => sharesKey(one.list, list));
  if (same !== undefined) return same.slot;
  const taken = held.filter((one) => isCurrent(one.list, now)).map(({ slot }) => slot);
  const free = Array.from({ length: KEYS_MAX }, (_, slot) => slot).filter((slot) => !taken.includes(slot));
  // a file that nobody holds may be the list of a key that was not met yet
  for (const slot of free) if ((await stat(slotFile(file, slot)).catch(() => null)) === null) return slot;
  return free[0] ?? 0;
}

function isOfOthers(old: RevocationList, list: RevocationList, uri: string): boolean {
  if (!sameName(old.issuer, list.issuer) || (old.base === null) !== (list.base === null)) return true;
  const names = list.scope?.names ?? null;
  if (names === null || names.includes(`uri:${uri}`)) return false;
  return old.scopeOctets === null || list.scopeOctets?.equals(old.scopeOctets) !== true;
}
