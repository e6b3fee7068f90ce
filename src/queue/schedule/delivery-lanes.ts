/**
 * Whose turn it is. Three lanes are served in rotation: new mail, deferred mail, and further groups of messages already
 * begun; so a backlog cannot starve new mail, nor new mail the backlog, nor a message to a thousand groups either.
 */
import { Lane } from './lane.ts';

export class DeliveryLanes<T> {
  /** Never tried before. */
  readonly fresh = new Lane<T>();
  /** Tried before, and due again. */
  readonly deferred = new Lane<T>();
  /** Begun, with groups still to deliver. */
  readonly further = new Lane<T>();
  #turn = 0;

  /**
   * The next one; undefined when there is none.
   * @param mayBegin false serves only what is begun already
   */
  take(mayBegin: boolean): T | undefined {
    const lanes = [this.fresh, this.deferred, this.further];
    for (let i = 0; i < lanes.length; i += 1) {
      const lane = lanes[(this.#turn + i) % lanes.length];
      if (lane === undefined || (lane !== this.further && !mayBegin)) continue;
      const item = lane.take();
      if (item === undefined) continue;
      this.#turn = (this.#turn + i + 1) % lanes.length;
      return item;
    }
    return undefined;
  }
}
