/**
 * DER out (X.690 §8 and §10): every function returns the whole encoding of one value. For the small structures round
 * a body; bodies themselves are never passed through here.
 */

/** Tag octets used by name elsewhere. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/**
 * Identifier and length octets for `contentBytes` octets of content to follow; for streaming writers.
 * @param contentBytes 0 to 2^48
 */
export function derHeader(tag: number, contentBytes: number): Buffer {
  const header = Buffer.allocUnsafe(1 + lengthOctets(contentBytes));
  putHeader(header, tag, contentBytes);
  return header;
}

/** One value with definite length; `content` parts are concatenated. */
export function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of content) length += part.length;
  const value = Buffer.allocUnsafe(1 + lengthOctets(length) + length);
  let at = putHeader(value, tag, length);
  for (const part of content) {
    value.set(part, at);
    at += part.length;
  }
  return value;
}

/** Octets that a length takes (X.690 §8.1.3). */
function lengthOctets(contentBytes: number): number {
  if (contentBytes < 0x80) return 1;
  let octets = 2;
  for (let rest = contentBytes; rest > 0xff; rest = Math.floor(rest / 256)) octets++;
  return octets;
}

/** @returns where the content goes */
function putHeader(target: Buffer, tag: number, contentBytes: number): number {
  target[0] = tag;
  const octets = lengthOctets(contentBytes);
  if (octets === 1) {
    target[1] = contentBytes;
    return 2;
  }
  target[1] = 0x80 | (octets - 1);
  for (let at = octets, rest = contentBytes; at > 1; at--, rest = Math.floor(rest / 256)) target[at] = rest % 256;
  return 1 + octets;
}

export function derSequence(...elements: readonly Uint8Array[]): Buffer {
  return der(TAG.sequence, ...elements);
}

/** SET OF: elements are sorted as DER demands (X.690 §11.6). */
export function derSetOf(elements: readonly Uint8Array[], tag: number = TAG.set): Buffer {
  return elements.length > 1 ? der(tag, ...[...elements].sort(Buffer.compare)) : der(tag, ...elements);
}

export function derOctetString(content: Uint8Array): Buffer {
  return der(TAG.octetString, content);
}

export function derNull(): Buffer {
  return Buffer.from([TAG.null, 0]);
}

/** Non-negative INTEGER. */
export function derInteger(value: number | bigint): Buffer {
  // versions and the like: one octet, sign bit clear
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 0x80)
    return Buffer.of(TAG.integer, 1, value);
  let hex = BigInt(value).toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  if (Number.parseInt(hex.slice(0, 2), 16) >= 0x80) hex = `00${hex}`;
  return der(TAG.integer, Buffer.from(hex, 'hex'));
}

/** BIT STRING of whole octets. */
export function derBitString(content: Uint8Array): Buffer {
  return der(TAG.bitString, Buffer.of(0), content);
}

/** `[number] EXPLICIT`, or an IMPLICIT constructed value: same octets. */
export function derContext(number: number, ...content: readonly Uint8Array[]): Buffer {
  return der(0xa0 | number, ...content);
}

/** @param dotted such as `1.2.840.113549.1.7.2`, of our own choosing: not validated */
export function derOid(dotted: string): Buffer {
  const arcs = dotted.split('.').map(Number);
  const octets: number[] = [];
  for (const arc of [(arcs[0] ?? 0) * 40 + (arcs[1] ?? 0), ...arcs.slice(2)]) {
    const base128 = [arc % 128];
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128))
      base128.unshift(0x80 | (rest % 128));
    octets.push(...base128);
  }
  return der(TAG.oid, Buffer.from(octets));
}

/** UTCTime through 2049, GeneralizedTime after (RFC 5652 §11.3); whole seconds, UTC. */
export function derTime(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]|\.\d+/g, '');
  return date.getUTCFullYear() >= 1950 && date.getUTCFullYear() < 2050
    ? der(TAG.utcTime, Buffer.from(digits.slice(2), 'latin1'))
    : der(TAG.generalizedTime, Buffer.from(digits, 'latin1'));
}
