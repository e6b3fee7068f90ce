/**
 * One errand at a time for each thing that is fetched, in two parts: what lies on disk, which is quick, then the network.
 * Who waits for the first does not wait for the second. Nothing here rejects as long as the two parts do not.
 */

interface Flight {
  readonly stored: Promise<boolean>;
  readonly done: Promise<boolean>;
}

export class RevocationFlights {
  private readonly flights = new Map<string, Flight>();

  /**
   * Starts the errand, or joins the one under way.
   * @param readStored true when that is enough
   * @param fetch true when it brought something that counts
   */
  join(key: string, readStored: () => Promise<boolean>, fetch: () => Promise<boolean>): Flight {
    const known = this.flights.get(key);
    if (known !== undefined) return known;
    const stored = readStored();
    const done = stored.then((enough) => enough || fetch()).finally(() => this.flights.delete(key));
    const flight = { stored, done };
    this.flights.set(key, flight);
    return flight;
  }
}
