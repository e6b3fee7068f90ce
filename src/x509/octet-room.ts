/**
 * Memory that is used again for every piece of something long. Fresh memory for each piece would count as garbage outside of
 * V8's heap, of which a few megabytes have it collect everything while others wait.
 */

/** @returns memory of that many octets at least, which begins with `kept`, a part of `room` */
export function withRoom(room: Buffer, octets: number, kept: Buffer): Buffer {
  const next = octets <= room.length ? room : Buffer.allocUnsafeSlow(2 * octets);
  // right also where both overlap
  kept.copy(next);
  return next;
}
