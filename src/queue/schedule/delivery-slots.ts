/** How many deliveries run at once, and the wait for the last of them to end. */
export class DeliverySlots {
  readonly limit: number;
  #taken = 0;
  #idleWaiters: (() => void)[] = [];

  /** @param limit deliveries at once; at least 1 */
  constructor(limit: number) {
    this.limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  get free(): boolean {
    return this.#taken < this.limit;
  }

  /** Each taken slot is given back once, by {@link release}. */
  take(): void {
    this.#taken += 1;
  }

  release(): void {
    this.#taken -= 1;
    if (this.#taken === 0) for (const wake of this.#idleWaiters.splice(0)) wake();
  }

  /** Resolves when no slot is taken: true; or false when that takes longer than this. */
  idle(timeoutMs: number): Promise<boolean> {
    if (this.#taken === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      this.#idleWaiters.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }
}
