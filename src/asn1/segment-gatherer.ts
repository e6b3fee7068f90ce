/**
 * The content of many small segments of a constructed string (X.690 §8.7.3) as one piece, so that ciphers and digests
 * are called once a buffer and not once a segment. Refuses nothing.
 */

/** Joins the segments of one buffer: a view while there is one, a copy from the second on. */
export class SegmentGatherer {
  /** All that one buffer can hold: what is allocated for the second segment. */
  private readonly octetsMax: number;
  private only: Buffer | null = null;
  private joined: Buffer | null = null;
  private length = 0;

  constructor(octetsMax: number) {
    this.octetsMax = octetsMax;
  }

  /** Adds the octets from `start` to `end` of the same buffer as before. */
  add(buffer: Buffer, start: number, end: number): void {
    if (end <= start) return;
    if (this.only === null) {
      this.only = buffer.subarray(start, end);
      return;
    }
    if (this.joined === null) {
      this.joined = Buffer.allocUnsafeSlow(this.octetsMax);
      this.length = this.only.copy(this.joined);
    }
    this.length += buffer.copy(this.joined, this.length, start, end);
  }

  /** What was added, or null when nothing was. Ends the use of this object. */
  take(): Buffer | null {
    return this.joined === null ? this.only : this.joined.subarray(0, this.length);
  }
}
