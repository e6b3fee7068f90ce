/**
 * Waiting messages by the moment they are due: a binary heap, so that a hundred thousand of them need one timer and no
 * scan. An item that changed its mind is not searched for: it is pushed again, and the stale place is passed over.
 */

export interface DueItem {
  /** Monotonic milliseconds; what the heap holds is stale when it differs from this. */
  dueMs: number;
}

export class DueHeap<T extends DueItem> {
  readonly #places: { readonly dueMs: number; readonly item: T }[] = [];

  /** Enters the item under its present `dueMs`. */
  push(item: T): void {
    const places = this.#places;
    const place = { dueMs: item.dueMs, item };
    let at = places.length;
    places.push(place);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = places[up];
      if (parent === undefined || parent.dueMs <= place.dueMs) break;
      places[at] = parent;
      at = up;
    }
    places[at] = place;
  }

  /** The earliest moment anything is due; null when nothing waits. */
  earliestMs(): number | null {
    for (;;) {
      const top = this.#places[0];
      if (top === undefined) return null;
      if (top.item.dueMs === top.dueMs) return top.dueMs;
      this.#removeTop();
    }
  }

  /** Takes out the earliest item that is due at `nowMs`; null when none is. */
  take(nowMs: number): T | null {
    const earliest = this.earliestMs();
    if (earliest === null || earliest > nowMs) return null;
    return this.#removeTop();
  }

  #removeTop(): T | null {
    const places = this.#places;
    const top = places[0];
    const last = places.pop();
    if (top === undefined || last === undefined) return null;
    if (top === last) return top.item;
    let at = 0;
    for (;;) {
      const left = places[2 * at + 1];
      const right = places[2 * at + 2];
      const smaller = right !== undefined && left !== undefined && right.dueMs < left.dueMs ? right : left;
      if (smaller === undefined || smaller.dueMs >= last.dueMs) break;
      places[at] = smaller;
      at = smaller === right ? 2 * at + 2 : 2 * at + 1;
    }
    places[at] = last;
    return top.item;
  }
}
