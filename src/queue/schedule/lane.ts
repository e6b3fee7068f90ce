/** First in, first out, at constant cost however long it grows (an array's `shift` moves all that is left). */
export class Lane<T> {
  #incoming: T[] = [];
  #outgoing: T[] = [];

  push(item: T): void {
    this.#incoming.push(item);
  }

  /** undefined when it is empty. */
  take(): T | undefined {
    if (this.#outgoing.length === 0) {
      this.#outgoing = this.#incoming.reverse();
      this.#incoming = [];
    }
    return this.#outgoing.pop();
  }
}
