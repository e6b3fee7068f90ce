/**
 * One errand at a time for each thing that is fetched, in two parts: what lies on disk, which is quick, then the network.
 * Who waits for the first does not wait for the second. Nothing here rejects.
 *
 * An errand that does not come back (a file system that hangs) is given up after {@link ERRAND_MS_MAX}, or the thing
 * would never be fetched again.
 */

/** Longer than the fetches of one errand with their limits, and the reading of the largest list. */
const ERRAND_MS_MAX = 5 * 60_000;

interface Flight {
  readonly stored: Promise<boolean>;
  readonly done: Promise<boolean>;
}

export class RevocationFlights {
  private readonly flights = new Map<string, Flight>();
  private readonly errandMsMax: number;

  constructor(errandMsMax: number = ERRAND_MS_MAX) {
    this.errandMsMax = errandMsMax;
  }

  /**
   * Starts the errand, or joins the one under way.
   * @param readStored true when that is enough
   * @param fetch true when it brought something that counts
   */
  join(key: string, readStored: () => Promise<boolean>, fetch: () => Promise<boolean>): Flight {
    const known = this.flights.get(key);
    if (known !== undefined) return known;
    const late = this.lateness();
    const stored = Promise.race([readStored(), late.promise]).catch(() => false);
    const done = Promise.race([stored.then((enough) => enough || fetch()), late.promise])
      .catch(() => false)
      .finally(() => {
        late.end();
        if (this.flights.get(key) === flight) this.flights.delete(key);
      });
    const flight = { stored, done };
    this.flights.set(key, flight);
    return flight;
  }

  private lateness(): { promise: Promise<boolean>; end: () => void } {
    let timer: NodeJS.Timeout | undefined;
    const promise = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, this.errandMsMax, false);
      timer.unref();
    });
    return { promise, end: () => clearTimeout(timer) };
  }
}
