/**
 * The content of many small segments of a constructed string (X.690 §8.7.3) as one piece, so that ciphers and digests
 * are called once a buffer and not once a segment. In a buffer that may be written over the segments are moved together
 * where they stand, over the headers between them. Refuses nothing.
 */

/** Joins the segments of one buffer. */
export class SegmentGatherer {
  private buffer: Buffer = Buffer.alloc(0);
  private inPlace = false;
  /** All that the buffer can hold: what is allocated for the second segment. */
  private octetsMax = 0;
  /** Where in `buffer` the piece stands, while it does. */
  private from = 0;
  private to = 0;
  private copied: Buffer | null = null;
  private length = 0;

  /**
   * Begins a piece. The one before is void, for its memory is used again where it is large enough.
   * @param at of the first octet that may be added @param writable true: the octets from there on may be written over
   */
  start(buffer: Buffer, at: number, writable: boolean): void {
    this.buffer = buffer;
    this.inPlace = writable;
    this.octetsMax = buffer.length - at;
    this.from = at;
    this.to = at;
    this.length = 0;
  }

  /** Adds the octets from `start` to `end`, behind all that were added. */
  add(start: number, end: number): void {
    if (end <= start) return;
    const octets = this.to - this.from;
    if (octets === 0) {
      this.from = start;
      this.to = end;
    } else if (!this.inPlace) this.copy(start, end);
    else if (octets < end - start) {
      // the shorter of the two is moved
      this.buffer.copyWithin(start - octets, this.from, this.to);
      this.from = start - octets;
      this.to = end;
    } else {
      this.buffer.copyWithin(this.to, start, end);
      this.to += end - start;
    }
  }

  /** What was added, or null when nothing was. */
  take(): Buffer | null {
    if (this.length > 0 && this.copied !== null) return this.copied.subarray(0, this.length);
    return this.to === this.from ? null : this.buffer.subarray(this.from, this.to);
  }

  private copy(start: number, end: number): void {
    if (this.copied === null || this.copied.length < this.octetsMax) {
      this.copied = Buffer.allocUnsafeSlow(this.octetsMax);
    }
    if (this.length === 0) this.length = this.buffer.copy(this.copied, 0, this.from, this.to);
    this.length += this.buffer.copy(this.copied, this.length, start, end);
  }
}
