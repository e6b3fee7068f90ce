/**
 * BER as LDAP uses it (RFC 4511 §5.1): single-octet tags, definite lengths of at most four octets. For `ldap-messages.ts`.
 *
 * Refused with LdapViolation: indefinite or longer lengths, and any length that exceeds what holds it.
 */

export const TAG = {
  integer: 0x02,
  octetString: 0x04,
  enumerated: 0x0a,
  sequence: 0x30,
  set: 0x31,
  controls: 0xa0,
} as const;

/** What the server sent is no answer that LDAP allows here. */
export class LdapViolation extends Error {
  override readonly name = 'LdapViolation';
}

export interface LdapElement {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
}

/** @returns null when the header is not all there; definite lengths of at most four octets (RFC 4511 §5.1) */
export function readHeader(buffer: Buffer, at: number, end: number): { start: number; length: number } | null {
  if (at + 2 > end) return null;
  const first = buffer.readUInt8(at + 1);
  if (first < 0x80) return { start: at + 2, length: first };
  const octets = first & 0x7f;
  if (octets === 0 || octets > 4) throw new LdapViolation('length is indefinite or longer than four octets');
  if (at + 2 + octets > end) return null;
  return { start: at + 2 + octets, length: buffer.readUIntBE(at + 2, octets) };
}

export function readElement(buffer: Buffer, at: number, end: number): LdapElement {
  const header = readHeader(buffer, at, end);
  if (header === null || header.start + header.length > end)
    throw new LdapViolation('inner length exceeds the message');
  return { tag: buffer.readUInt8(at), start: header.start, end: header.start + header.length };
}

export function readTagged(buffer: Buffer, at: number, end: number, tag: number): LdapElement {
  const element = readElement(buffer, at, end);
  if (element.tag !== tag)
    throw new LdapViolation(`expected tag 0x${tag.toString(16)}, found 0x${element.tag.toString(16)}`);
  return element;
}

/** Lengths below 128 in one octet, as some servers want them of a message ID. */
export function writeElement(tag: number, content: Buffer): Buffer {
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  const header = Buffer.alloc(6);
  header[0] = tag;
  header[1] = 0x84;
  header.writeUInt32BE(content.length, 2);
  return Buffer.concat([header, content]);
}

/** Up to 2^31 - 1; four octets, so that the sign bit is clear. */
export function integerOctets(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value >>> 0);
  return octets;
}
