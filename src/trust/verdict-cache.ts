/**
 * Verdicts already given (catalogue C29): the same question gets the same answer without a signature check, as long
 * as no date has passed that could change it and none of the evidence it rests on is another. What "the same question" is,
 * is in the key: certificate, collection (which never changes once open), purpose, mailbox. A verdict for one partner's
 * root is never given for another's.
 *
 * Bounded by count, and by count for each certificate: one certificate may be asked about for every mailbox of a domain.
 * A clock set back is outside the interval, so it asks anew.
 */
import { LRUCache } from 'lru-cache';
import type { Purpose } from '../x509/path.ts';
import type { VerdictFooting } from './verdict-footing.ts';

/** Purposes a certificate can be asked about, for the number of a row. */
const PURPOSES: Readonly<Record<Purpose, number>> = { encrypt: 0, sign: 1, any: 2 };
/** Share of all entries that one certificate may have. */
const SHARE = 5;

/** When a verdict may be given again: milliseconds since 1970, both inclusive. */
export interface VerdictInterval {
  readonly from: number;
  readonly until: number;
}

interface Entry<Verdict> extends VerdictInterval {
  readonly verdict: Verdict;
  /** null: it rests on no evidence that could change. */
  readonly footing: VerdictFooting | null;
}

/** Of one certificate: rows by collection and purpose, in each row by mailbox. */
interface Shelf<Verdict> {
  count: number;
  readonly rows: (Map<string, Entry<Verdict>> | undefined)[];
}

export class VerdictCache<Verdict> {
  private readonly shelves: LRUCache<string, Shelf<Verdict>>;
  private readonly shelfMax: number;

  /** @param entriesMax the certificates least recently asked about go first */
  constructor(entriesMax: number) {
    this.shelves = new LRUCache({ max: entriesMax, maxSize: entriesMax, sizeCalculation: ({ count }) => count });
    this.shelfMax = Math.max(1, Math.floor(entriesMax / SHARE));
  }

  /** Verdicts held, also those that no longer hold. */
  get count(): number {
    return this.shelves.calculatedSize;
  }

  /**
   * The verdict given before, if it still holds at this moment.
   * @param sha256 of the certificate
   * @param collection its number
   * @param words the rest of the question: the mailbox, and whatever else the verdict was given for
   */
  find(sha256: string, collection: number, purpose: Purpose, words: string, at: Date): Verdict | null {
    const entry = this.shelves.get(sha256)?.rows[rowOf(collection, purpose)]?.get(words);
    if (entry === undefined) return null;
    const moment = at.getTime();
    // asked so that an invalid Date is outside
    if (!(moment >= entry.from && moment <= entry.until)) return null;
    return entry.footing === null || entry.footing.isUnchanged ? entry.verdict : null;
  }

  keep(
    [sha256, collection, purpose, words]: readonly [string, number, Purpose, string],
    verdict: Verdict,
    { from, until }: VerdictInterval,
    footing: VerdictFooting | null,
  ): void {
    const known = this.shelves.peek(sha256);
    const shelf = known === undefined || known.count >= this.shelfMax ? { count: 0, rows: [] } : known;
    const number = rowOf(collection, purpose);
    const row = shelf.rows[number] ?? new Map<string, Entry<Verdict>>();
    shelf.rows[number] = row;
    if (!row.has(words)) shelf.count++;
    row.set(words, { verdict, from, until, footing });
    // its size is asked only of what is new
    this.shelves.delete(sha256);
    this.shelves.set(sha256, shelf);
  }
}

function rowOf(collection: number, purpose: Purpose): number {
  return collection * 3 + PURPOSES[purpose];
}
