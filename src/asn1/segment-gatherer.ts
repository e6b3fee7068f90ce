/**
 * The content of many small segments of a constructed string (X.690 §8.7.3) as one piece, so that ciphers and digests
 * are called once a buffer and not once a segment. Refuses nothing.
 */

/** Joins the segments of one buffer: a view while there is one, a copy from the second on. */
export class SegmentGatherer {
  /** All that one buffer can hold: what is allocated for the second segment. */
  private octetsMax = 0;
  private only: Buffer | null = null;
  private joined: Buffer | null = null;
  private length = 0;

  /** Begins a piece. The one before is void, for its memory is used again where it is large enough. */
  start(octetsMax: number): void {
    this.octetsMax = octetsMax;
    this.only = null;
    this.length = 0;
  }

  /** Adds the octets from `start` to `end` of the same buffer as before. */
  add(buffer: Buffer, start: number, end: number): void {
    if (end <= start) return;
    if (this.only === null) {
      this.only = buffer.subarray(start, end);
      return;
    }
    if (this.joined === null || this.joined.length < this.octetsMax) {
      this.joined = Buffer.allocUnsafeSlow(this.octetsMax);
    }
    if (this.length === 0) this.length = this.only.copy(this.joined);
    this.length += buffer.copy(this.joined, this.length, start, end);
  }

  /** What was added, or null when nothing was. */
  take(): Buffer | null {
    return this.joined === null || this.length === 0 ? this.only : this.joined.subarray(0, this.length);
  }
}
