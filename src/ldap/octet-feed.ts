/**
 * Octets of a peer, asked for as they are needed, with a limit on all of them together. What is not needed any more is
 * not kept, so an answer of any length costs one chunk of memory.
 *
 * Refused with LdapViolation: an end before what was announced is there; more than the limit.
 */
import { LdapViolation } from './ldap-ber.ts';

export class OctetFeed {
  private readonly source: AsyncIterator<Buffer>;
  private readonly octetsMax: number;
  private chunk = Buffer.alloc(0);
  private taken = 0;

  /** @param octetsMax of the whole answer */
  constructor(source: AsyncIterator<Buffer>, octetsMax: number) {
    this.source = source;
    this.octetsMax = octetsMax;
  }

  /** Octets taken so far. */
  get position(): number {
    return this.taken;
  }

  /** Would an element of this length, which begins here, exceed the limit? @throws LdapViolation */
  announce(length: number): void {
    if (this.taken + length > this.octetsMax) throw new LdapViolation(`more than ${this.octetsMax} octets`);
  }

  /** Exactly so many octets, in one piece. @param count small, as its octets are held together */
  async take(count: number): Promise<Buffer> {
    this.announce(count);
    while (this.chunk.length < count) this.chunk = Buffer.concat([this.chunk, await this.next()]);
    const octets = this.chunk.subarray(0, count);
    this.chunk = this.chunk.subarray(count);
    this.taken += count;
    return octets;
  }

  /** So many octets, handed on as they come. @param sink null: they are not wanted */
  async pass(count: number, sink: ((octets: Buffer) => Promise<void> | void) | null): Promise<void> {
    this.announce(count);
    for (let left = count; left > 0; ) {
      if (this.chunk.length === 0) this.chunk = await this.next();
      const octets = this.chunk.subarray(0, left);
      this.chunk = this.chunk.subarray(octets.length);
      this.taken += octets.length;
      left -= octets.length;
      if (sink !== null) await sink(octets);
    }
  }

  private async next(): Promise<Buffer<ArrayBuffer>> {
    const { done, value } = await this.source.next();
    if (done === true) throw new LdapViolation('the connection ended before the answer did');
    return value as Buffer<ArrayBuffer>;
  }
}
