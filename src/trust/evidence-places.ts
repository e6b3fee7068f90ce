/**
 * The places evidence of revocation comes from (the list of one location, the lists by hand of one issuer, the answer about
 * one certificate, the keys of one name), each with a version. A verdict remembers the places it looked at, also those where
 * nothing was, and holds while none of their versions has changed: what is renewed elsewhere leaves it alone.
 *
 * Bounded by count. A place that is forgotten counts as changed, so forgetting costs a signature check, never a stale verdict.
 */
import { LRUCache } from 'lru-cache';
import { nameKey } from '../x509/name.ts';

/** More than the lists, responses and names that are kept. */
const PLACES_MAX = 200_000;

/** Compared by identity. */
export interface EvidencePlace {
  /** Goes up with every change. */
  readonly version: number;
}

export class EvidencePlaces {
  private readonly places = new LRUCache<string, { version: number }>({
    max: PLACES_MAX,
    dispose: (place) => {
      place.version++;
    },
  });

  /** @param name made by one of the functions below */
  placeOf(name: string): EvidencePlace {
    const known = this.places.get(name);
    if (known !== undefined) return known;
    const place = { version: 0 };
    this.places.set(name, place);
    return place;
  }

  /** What lies there is another than before. */
  change(name: string): void {
    const place = this.places.peek(name);
    if (place !== undefined) place.version++;
  }
}

/** @param uri attacker-chosen */
export function listPlace(uri: string): string {
  return `crl ${uri}`;
}

/** @param issuer Name of the issuer of lists brought by hand */
export function handPlace(issuer: Buffer): string {
  return `hand ${nameKey(issuer)}`;
}

/** @param key of the response shelf */
export function responsePlace(key: string): string {
  return `ocsp ${key}`;
}

/** @param subject Name of those who may sign lists */
export function signersPlace(subject: Buffer): string {
  return `keys ${nameKey(subject)}`;
}
