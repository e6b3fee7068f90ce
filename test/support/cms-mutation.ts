/**
 * Damage for CMS objects: what a grammar knows (lengths, tags, values moved, doubled, dropped, swapped between objects)
 * and what it does not (bits, octets, cuts). The same number gives the same damage, so a finding can be had again.
 */

/** Numbers from a seed (mulberry32): not random, only various. */
export class Dice {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** 0 to below `limit`. */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (((t ^ (t >>> 14)) >>> 0) % Math.max(1, limit)) | 0;
  }
}

const INTERESTING = [
  0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x24, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x88, 0xa0, 0xa1, 0xff,
];

/** One to four kinds of damage. The originals stay as they are. */
export function mutate(original: Buffer, others: readonly Buffer[], dice: Dice): Buffer {
  let octets: Buffer = Buffer.from(original);
  for (let times = 1 + dice.below(4); times > 0; times--) octets = damage(octets, others, dice);
  return octets;
}

function damage(octets: Buffer, others: readonly Buffer[], dice: Dice): Buffer {
  const at = dice.below(octets.length);
  const span = 1 + dice.below(Math.min(64, octets.length));
  switch (dice.below(10)) {
    case 0:
      octets[at] = (octets[at] ?? 0) ^ (1 << dice.below(8));
      return octets;
    case 1:
      octets[at] = INTERESTING[dice.below(INTERESTING.length)] ?? 0;
      return octets;
    case 2:
      return octets.subarray(0, at);
    case 3:
      return Buffer.concat([octets.subarray(0, at), octets.subarray(at + span)]);
    case 4:
      return Buffer.concat([octets.subarray(0, at + span), octets.subarray(at)]);
    case 5: {
      const other = others[dice.below(others.length)] ?? octets;
      const from = dice.below(other.length);
      return Buffer.concat([octets.subarray(0, at), other.subarray(from, from + span * 8), octets.subarray(at + span)]);
    }
    case 6:
      return changeValue(octets, dice, (value) => Buffer.concat([value, value]));
    case 7:
      return changeValue(octets, dice, () => Buffer.alloc(0));
    case 8:
      return changeValue(octets, dice, (value) => Buffer.concat([Buffer.of(0x30, 0x80), value, Buffer.of(0, 0)]));
    default:
      return Buffer.concat([octets.subarray(0, at), nest(dice), octets.subarray(at)]);
  }
}

/** Changes one value in place; the lengths round it stay wrong, or are made right in one case of two. */
function changeValue(octets: Buffer, dice: Dice, change: (value: Buffer) => Buffer): Buffer {
  const path: { start: number; content: number; end: number }[] = [];
  let [at, end] = [0, octets.length];
  for (let depth = 1 + dice.below(8); depth > 0 && at + 2 <= end; depth--) {
    const siblings: { start: number; content: number; end: number }[] = [];
    for (let next = at; next + 2 <= end && siblings.length < 32; ) {
      const length = lengthAt(octets, next);
      if (length === null || length.content + length.octets > end) break;
      siblings.push({ start: next, content: length.content, end: length.content + length.octets });
      next = length.content + length.octets;
    }
    const chosen = siblings[dice.below(siblings.length)];
    if (chosen === undefined) break;
    path.push(chosen);
    if (((octets[chosen.start] ?? 0) & 0x20) === 0) break;
    [at, end] = [chosen.content, chosen.end];
  }
  const target = path.pop();
  if (target === undefined) return octets;
  let value = change(octets.subarray(target.start, target.end));
  const repaired = dice.below(2) === 0;
  for (const outer of path.reverse()) {
    const content = Buffer.concat([
      octets.subarray(outer.content, target.start),
      value,
      octets.subarray(target.end, outer.end),
    ]);
    if (!repaired) break;
    const header = Buffer.of(
      octets[outer.start] ?? 0,
      0x83,
      content.length >> 16,
      (content.length >> 8) & 255,
      content.length & 255,
    );
    value = Buffer.concat([header, content]);
    return Buffer.concat([octets.subarray(0, outer.start), value, octets.subarray(outer.end)]);
  }
  return Buffer.concat([octets.subarray(0, target.start), value, octets.subarray(target.end)]);
}

function lengthAt(octets: Buffer, at: number): { content: number; octets: number } | null {
  const first = octets[at + 1] ?? 0;
  if (first < 0x80) return { content: at + 2, octets: first };
  const count = first & 0x7f;
  if (count === 0 || count > 4 || at + 2 + count > octets.length) return null;
  return { content: at + 2 + count, octets: octets.readUIntBE(at + 2, count) };
}

/** Headers without end: definite or not, of sequences or strings. */
function nest(dice: Dice): Buffer {
  const tag = [0x30, 0x31, 0x24, 0xa0][dice.below(4)] ?? 0x30;
  return Buffer.alloc(2 * (1 + dice.below(200)), Buffer.of(tag, 0x80));
}
